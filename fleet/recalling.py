"""The command `recall`: what a bad image, reference or upload went into is marked, told, and run again."""

from collections import Counter
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from components.office import Office
from fleet import output, show, touched
from fleet import recall as recalling
from fleet.access import Access, in_each
from fleet.actions import Action
from fleet.options import JsonOption, YesOption, now
from fleet.output import Exit, Refused, in_words, say, tell
from fleet.recall import Again, Cause, Marked, Pace, Part
from fleet.table import Row
from fleet.text import plain

PER_MINUTE = 30
ASK = "Do not use these results. Headquarters says when the sample is analysed again."
AGAIN = "Do not use these results. The sample is analysed again with the office's present release."
UPLOAD_AGAIN = "Do not use these results. Upload the right file under the same key."


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A recall as it was asked for, and the rows that it touches. `part`: what no release may still have."""

    cause: Cause
    rows: list[Row]
    part: Part
    rerun: bool
    per_minute: float

    def of(self, office: Office) -> list[str]:
        return [row["run_id"] for row in self.rows if row["office"] == office.name]

    def offices(self, access: Access) -> list[Office]:
        names = {row["office"] for row in self.rows}
        return [office for office in access.fleet.offices if office.name in names]


def recall(
    context: typer.Context,
    reason: Annotated[str, typer.Option("--reason", help="What is wrong, for the branches to read.")],
    digest: Annotated[
        str | None, typer.Option("--digest", help="Every run of this image, sha256:…", show_default=False)
    ] = None,
    reference: Annotated[
        tuple[str, str] | None,
        typer.Option("--reference", metavar="NAME VERSION", help="Every run with this reference."),
    ] = None,
    upload: Annotated[
        tuple[str, str, str] | None,
        typer.Option("--upload", metavar="OFFICE KEY VERSION", help="Every run of this upload."),
    ] = None,
    rerun: Annotated[
        bool, typer.Option("--rerun", help="Run them again on the office's present release.")
    ] = False,
    per_minute: Annotated[
        float, typer.Option("--per-minute", min=0.1, max=600, help="Most runs started again in a minute.")
    ] = PER_MINUTE,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Recall what a bad image, reference or upload went into, in all offices: mark every run and what
    followed it.

    The branches read it in status.json and on the project's page, and get one notice a project. Exit code 4
    if an office could not be reached (the same command again does the rest), 1 if a ledger lacks a run.
    """
    access: Access = context.obj
    with in_words():
        asked = _asked(access, reason, digest, reference, upload, rerun, per_minute)
        if rerun:
            _refuse_if_used(access, asked)
        action = _action(access, asked)
        if not as_json:
            output.show(show.runs_table(asked.rows, now()))
        if action.words is not None and not yes:
            output.agree(action.words)
        done = action.act()
    if as_json:
        tell(done)
    else:
        _say(done)
    if done["unreachable"]:
        raise typer.Exit(Exit.UNREACHABLE)
    if done["missing"]:
        raise typer.Exit(Exit.TROUBLE)


def _asked(
    access: Access,
    reason: str,
    digest: str | None,
    reference: tuple[str, str] | None,
    upload: tuple[str, str, str] | None,
    rerun: bool,
    per_minute: float,
) -> Asked:
    why = reason.strip()
    if not why:
        raise typer.BadParameter("--reason must say what is wrong, not nothing")
    if why[-1] not in ".!?":
        why += "."  # more words follow it
    if sum(each is not None for each in (digest, reference, upload)) != 1:
        raise typer.BadParameter("say one of --digest, --reference and --upload")
    if digest is not None:
        if not touched.DIGEST.fullmatch(digest):
            raise typer.BadParameter(f"--digest must be sha256: and 64 hex digits, not {plain(digest)!r}")
        cause = Cause(what=f"the image {digest}", why=why, next=AGAIN if rerun else ASK)
        rows = touched.of_image(access, digest)
    elif reference is not None:
        name, version = reference
        cause = Cause(what=f"the reference {name} {version}", why=why, next=AGAIN if rerun else ASK)
        rows = touched.of_reference(access, name, version)
    else:
        assert upload is not None
        if rerun:
            raise typer.BadParameter("--rerun would analyse the same bytes: the branch must upload others")
        bad = touched.Upload(office=upload[0], key=upload[1], version_id=upload[2])
        what = f"the upload {bad.key}, version {bad.version_id}"
        cause = Cause(what=what, why=why, next=UPLOAD_AGAIN)
        rows = touched.of_upload(access, bad)
    part = Part(digest=digest, reference=reference)
    return Asked(cause=cause, rows=rows, part=part, rerun=rerun, per_minute=per_minute)


def _refuse_if_used(access: Access, asked: Asked) -> None:
    """An office that still has what is bad would make the same results again."""
    offices = asked.offices(access)
    answers = in_each(offices, lambda office: recalling.still_used(access, office, asked.part))
    used = []
    for office in offices:
        answer = answers[office.name]
        if isinstance(answer, Exception):
            raise answer
        used += [f"{office.name} ({pipeline})" for pipeline in answer]
    if used:
        raise Refused(
            f"{asked.cause.what} is still in the release of {', '.join(used)}: put another into the stack"
            " file (`fleet promote`, or by hand for a reference) and apply it first; without --rerun the runs"
            " are only marked"
        )


def _action(access: Access, asked: Asked) -> Action:
    new = [row for row in asked.rows if (row.get("recall") or {}).get("id") != asked.cause.id]
    followed = sum(row.get("after") is not None for row in asked.rows)
    counts = Counter(row["office"] for row in asked.rows)
    where = ", ".join(f"{count} at {name}" for name, count in sorted(counts.items()))
    words = (
        f"{len(asked.rows)} runs ({where}; {followed} of them took another's results) are marked as recalled:"
        f" {asked.cause.what}. The branches read: {asked.cause.why} {asked.cause.next}"
    )
    if asked.rerun:
        words += (
            f" Those that are their sample's newest are analysed again, {asked.per_minute:g} a minute"
            " in each office."
        )
    return Action(
        words=words if new or asked.rerun else None,
        act=lambda: _act(access, asked),
    )


def _act(access: Access, asked: Asked) -> dict[str, Any]:
    def one(office: Office) -> tuple[list[Marked], dict[str, Again]]:
        marked = recalling.mark_all(access.context(office), asked.of(office), asked.cause)
        if not asked.rerun:
            return marked, {}
        pace = Pace(per_minute=asked.per_minute)
        return marked, dict(recalling.rerun_all(access, office, recalling.worth_rerunning(marked), pace))

    offices = asked.offices(access)
    answers = in_each(offices, one)
    runs: list[dict[str, Any]] = []
    missing: list[dict[str, str]] = []
    unreachable: dict[str, str] = {}
    for office in offices:
        answer = answers[office.name]
        if isinstance(answer, Exception):
            unreachable[office.name] = str(answer)
            continue
        marked, again = answer
        known = {each.run.run_id for each in marked}
        missing += [
            {"office": office.name, "run_id": run_id} for run_id in asked.of(office) if run_id not in known
        ]
        for each in marked:
            rerun = again.get(each.run.run_id)
            runs.append(
                {
                    "office": office.name,
                    **recalling.told(each),
                    "rerun": rerun.run_id if rerun else None,
                    "not_rerun": rerun.reason if rerun else None,
                }
            )
    return {"recall": asked.cause.id, "runs": runs, "missing": missing, "unreachable": unreachable}


def _say(done: dict[str, Any]) -> None:
    runs = done["runs"]
    new, again = sum(run["marked"] for run in runs), sum(run["rerun"] is not None for run in runs)
    say(f"{len(runs)} runs are recalled, {new} of them now; {again} are analysed again ({done['recall']}).")
    for run in runs:
        if run["not_rerun"]:
            say(f"{run['office']}: not run again: {run['not_rerun']}")
    for run in done["missing"]:
        say(f"{run['office']}: its ledger has no run {run['run_id']}, see `fleet check`")
    for office, words in done["unreachable"].items():
        say(f"{office} could not be reached, and its runs may not be marked: {words}")
