"""Hostile names in what GitHub and chats show: bodies, charts, annotations, messages."""

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from canary.comparison import checks
from components.office import PinnedRelease
from handlers import desk
from handlers.desk import Desk
from rollout import drift
from rollout.annotations import annotation
from rollout.canary_report import chart
from rollout.comment import code, comment
from rollout.cost_change import CostChange, Month, Replayed
from rollout.gates import Verdict
from rollout.promote import Promotion
from rollout.pull_request import moving, taking_back
from rollout.revert import Revert
from rollout.summary import Change, Finding, Summary
from tests.canary.example import NEW, OLD, TOLERANCES, record
from tests.handlers.aws_fakes import World
from tests.handlers.conftest import world  # noqa: F401
from tests.handlers.test_notices import channels, rejected
from tests.security.test_hostile_names import NAMES, REFUSED, TURNING

HARMLESS = "harmless"


def _summary(name: str) -> Summary:
    """A preview in which a stranger has a say in every word."""
    return Summary(
        office="eu",
        changes=(
            Change(action="replace", type=name, name=name, keys=(name,)),
            Change(action="replace", type="aws:s3/bucket:Bucket", name=name, keys=(name,)),
        ),
        findings=(Finding(policy=name, name=name, message=name),),
        cost=CostChange(
            prices_of=name,
            month=Month(before=1, after=2, parts=((name, 1, 2),), unknown=(name,)),
            replays=(Replayed(pipeline=name, runs=2, before=1.0, after=0.5, unpriced=1, less=1),),
            missing=name,
        ),
    )


def _promotion(name: str) -> str:
    """The canary's record holds names of species out of a result, and who ran it."""
    made = record(shares={562: 0.6, 1280: 0.39, 99: 0.01}).model_copy(
        update={"names": {99: name}, "by": name}
    )
    moved = moving(
        Promotion(pipeline="metagenome", release=NEW, before=("hq",), to=("eu",)),
        {},
        [Verdict(gate="canary", office="eu", passed=True, measured=name, rule="what holds")],
        (made, TOLERANCES),
    )
    # The seal is of the record, so of the name, too.
    return moved.body.replace(code(made.seal[:16]), "seal")


def _revert(name: str) -> str:
    back = {"eu": PinnedRelease(digest=OLD.digest)}
    found = Revert(pipeline="metagenome", digest=NEW.digest, reason=name, releases=back)
    return taking_back(found, {}).body


BODIES: Mapping[str, Callable[[str], str]] = {
    "a preview's comment": lambda name: comment([_summary(name)], [], "c" * 40),
    "a comment without a preview": lambda name: comment([Summary(office="eu", fault=name)], [], "c" * 40),
    "a drift issue": lambda name: drift.decide(_summary(name), None).body,
    "an issue of a look that failed": lambda name: drift.decide(Summary(office="eu", fault=name), None).body,
    "a promotion": _promotion,
    "a release taken back": _revert,
}


@pytest.mark.parametrize("kind", [*NAMES, *REFUSED])
@pytest.mark.parametrize("body", BODIES)
def test_a_name_is_code_in_every_body_on_github(body: str, kind: str) -> None:
    """A body can call people in, link, load images, close issues and forge a gate's row."""
    name = (NAMES | REFUSED)[kind]
    text = BODIES[body](name)
    assert code(name) in text
    assert text.replace(code(name), code(HARMLESS)) == BODIES[body](HARMLESS)


@pytest.mark.parametrize("kind", [*NAMES, *REFUSED])
def test_a_name_is_text_in_a_canarys_chart(kind: str) -> None:
    """GitHub shows the chart as a picture; who opens it by itself has a page of its own."""

    def drawn(name: str) -> list[tuple[str, list[str]]]:
        made = record(shares={562: 0.6, 1280: 0.39, 99: 0.01}).model_copy(update={"names": {99: name}})
        assert checks(made, TOLERANCES)
        elements = list(ET.fromstring(chart(made)).iter())
        # A name too long for its place is cut, and stands whole in a title.
        return [(each.tag, sorted(each.attrib)) for each in elements if not each.tag.endswith("}title")]

    assert drawn((NAMES | REFUSED)[kind]) == drawn(HARMLESS)


@pytest.mark.parametrize("kind", [*NAMES, *REFUSED])
def test_a_name_in_an_annotation_is_no_command(tmp_path: Path, kind: str) -> None:
    """What a job prints is read for commands, line by line."""
    name = (NAMES | REFUSED)[kind]
    (tmp_path / "Pulumi.eu.yaml").write_text("config: {}\n")
    for fault in (name, f"Pulumi.eu.yaml: {name}", f"{name}: ::set-env name=PATH::/tmp"):
        for line in annotation(fault, tmp_path):
            assert line.startswith("::error")
            assert "\n" not in line
            assert "\r" not in line


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_in_a_chat_is_a_word_in_a_block_of_code(world: World, kind: str) -> None:  # noqa: F811
    """A chat calls people in by @all, makes links of Markdown and fetches the images that it names."""
    name = f"@all @channel {NAMES[kind]}"
    sent: list[tuple[str, dict[str, str]]] = []
    rejected(world, f"metagenome/soil/{name}/input.tar", why=f"no reads in {name} ```\n@here")
    desk.handle({}, Desk(context=world.context(), channels=channels(sent, {"soil": "lab"})))
    [message] = [json.dumps(each[1]) for each in sent if isinstance(each, tuple)]
    text = json.loads(message)["text"]
    assert set(json.loads(message)) == {"text"}
    before, block, after = text.split("```")
    assert (before, after) == ("GlobalBI eu: a sample was rejected\n", "")
    assert "@channel" in block
    assert not TURNING.search(block)
    assert "<" not in block
