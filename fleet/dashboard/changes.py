"""Changes: rerun, cancel, redrive. The first request says what will be done, the second, with the form's
token and a yes, does it.
"""

from collections.abc import Mapping

from starlette.responses import Response

from fleet import actions
from fleet.dashboard.guard import Secret, same
from fleet.dashboard.picture import Picture
from fleet.dashboard.render import Renderer
from fleet.output import Refused

NAMES = ("rerun", "cancel", "redrive")


def change(
    picture: Picture, renderer: Renderer, secret: Secret, name: str, form: Mapping[str, str]
) -> Response:
    if not same(form.get("token"), secret.of_forms):
        return renderer.page("said.html", 403, title="Refused", words="the form is not of this session")
    action = _action(picture, name, form)
    if form.get("agreed") != "yes" and action.words is not None:
        return renderer.page("confirm.html", name=name, words=action.words, form=form)
    done = action.act()
    if name == "redrive":
        sent = sum(bool(letter["sent"]) for letter in done["letters"])
        words = f"{len(done['letters'])} dead letters, {sent} sent back."
    elif name == "rerun":
        words = f"Analysed again as {done['run_id']}."
    else:
        words = f"Cancelled {done['run_id']}: {done['message']}"
    return renderer.page("said.html", title="Done", words=words)


def _action(picture: Picture, name: str, form: Mapping[str, str]) -> actions.Action:
    office = form.get("office", "")
    if name == "redrive":
        return actions.redrive_of(picture.access, [picture.access.fleet.office(office)])
    if name == "rerun":
        return actions.rerun_of(picture.access, form.get("run", ""), office)
    if not form.get("why", "").strip():
        raise Refused("say why: the branch reads it")
    return actions.cancel_of(picture.access, form.get("run", ""), office, form["why"].strip())
