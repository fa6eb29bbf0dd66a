"""From the engine's preview to the pull request's comment."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rollout.comment import LABEL, MARKER, MOST_CHARACTERS, code, comment, refusals
from rollout.summary import HOLDS, Change, Finding, Summary, read, summarise

BUCKET, FUNCTION = "aws:s3/bucket:Bucket", "aws:lambda/function:Function"
SECRET = "hunter2-not-for-eyes"


def step(op: str, kind: str, name: str, *, custom: bool = True, **more: Any) -> dict[str, Any]:
    urn = f"urn:pulumi:eu::globalbi::globalbi:office:BranchSite$globalbi:office:Bucket${kind}::{name}"
    state = {"custom": custom, "inputs": {"environment": {"TOKEN": SECRET}}, "outputs": {"token": SECRET}}
    return {"op": op, "urn": urn, "oldState": state, "newState": state, **more}


PREVIEW = {
    "config": {"globalbi:token": SECRET},
    "steps": [
        step("same", FUNCTION, "globalbi-eu-fleet"),
        step("create", "globalbi:office:Bucket", "a-component", custom=False),
        step("create", "aws:sqs/queue:Queue", "globalbi-eu-new"),
        step("update", FUNCTION, "globalbi-eu-intake", diffReasons=["environment", "code"]),
        step("create-replacement", BUCKET, "globalbi-eu-uploads", replaceReasons=["bucket"]),
        step("replace", BUCKET, "globalbi-eu-uploads", replaceReasons=["bucket"]),
        step("delete-replaced", BUCKET, "globalbi-eu-uploads"),
        step("delete", "aws:sns/topic:Topic", "globalbi-eu-old"),
    ],
    "diagnostics": [{"severity": "warning", "message": SECRET}],
}


def test_a_preview_becomes_what_is_done_by_name() -> None:
    """A replacement comes in three steps and is one thing; components are nothing in AWS."""
    summary = summarise("eu", PREVIEW)
    assert [(change.action, change.name, change.keys) for change in summary.changes] == [
        ("delete", "globalbi-eu-old", ()),
        ("replace", "globalbi-eu-uploads", ("bucket",)),
        ("update", "globalbi-eu-intake", ("code", "environment")),
        ("create", "globalbi-eu-new", ()),
    ]
    assert not summary.fault


def test_no_value_of_a_property_is_ever_told() -> None:
    """A preview's JSON holds secrets in places nobody thinks of; the comment is read by everybody."""
    failed = {**PREVIEW, "diagnostics": [{"severity": "error", "message": f"bad token {SECRET}"}]}
    for preview in (PREVIEW, failed):
        summary = summarise("eu", preview)
        assert SECRET not in summary.to_json()
        assert SECRET not in comment([summary], [], "c" * 40)


def test_a_failed_preview_is_not_no_change() -> None:
    """Else a broken program would be merged as one that changes nothing."""
    summary = summarise("eu", {"diagnostics": [{"severity": "error", "message": "x"}]})
    assert "no preview" in comment([summary], [], "c" * 40)
    assert refusals([summary], [LABEL])


def test_what_holds_data_is_told_in_red_and_blocked_without_the_label() -> None:
    """A replaced bucket is an empty bucket."""
    summary = summarise("eu", PREVIEW)
    text = comment([summary], [], "c" * 40)
    assert "> [!CAUTION]" in text
    assert "Blocked without" in text
    (refusal,) = refusals([summary], ["other"])
    assert "globalbi-eu-uploads would be replaced, which loses a bucket's objects" in refusal
    assert refusals([summary], [LABEL]) == []
    assert "Approved by the label" in comment([summary], [LABEL], "c" * 40)


@pytest.mark.parametrize("kind", HOLDS)
@pytest.mark.parametrize("op", ["delete", "replace"])
def test_each_kind_that_holds_data_blocks(kind: str, op: str) -> None:
    assert refusals([summarise("eu", {"steps": [step(op, kind, "x")]})], [])


def test_an_ordinary_replacement_or_an_update_of_a_bucket_blocks_nothing() -> None:
    """Who must approve every change soon approves all."""
    steps = [step("replace", FUNCTION, "f"), step("update", BUCKET, "b"), step("create", BUCKET, "c")]
    assert refusals([summarise("eu", {"steps": steps})], []) == []


RECORDED = Path(__file__).parent / "previews"  # by `pulumi preview --json --show-sames`; states are cut


def recorded(name: str) -> Summary:
    return summarise("eu", json.loads((RECORDED / f"{name}.json").read_text()))


def test_the_commands_own_previews_are_read_as_they_are() -> None:
    """A form of the command's JSON that is only supposed may be another one."""
    assert recorded("no-change") == Summary(office="eu")
    changes = {(each.action, each.name, each.keys) for each in recorded("new-digest").changes}
    assert changes == {
        ("update", "globalbi-eu-metagenome", ("containerProperties",)),
        *(
            ("update", f"globalbi-eu-{name}", ("environment",))
            for name in ("intake", "progress", "reconcile")
        ),
    }
    (lost,) = recorded("unprotected-replaced").losses
    assert (lost.action, lost.name, lost.keys) == ("replace", "globalbi-eu-uploads", ("bucket",))
    assert recorded("faulty-file").fault == "the preview ended with 2 errors: see the job's log"


@pytest.mark.parametrize("labels", [[], [LABEL]])
def test_what_pulumi_protects_is_told_by_name_and_no_label_promises_it(labels: list[str]) -> None:
    """The engine ends such a preview without a step: the bucket in danger would not be named at all."""
    summary = recorded("protected-replaced")
    (lost,) = summary.losses
    assert (lost.action, lost.type, lost.name) == ("replace", BUCKET, "globalbi-eu-uploads")
    text = comment([summary], labels, "c" * 40)
    assert "Pulumi refuses it whatever the labels say" in text
    assert "Blocked without" not in text
    assert "Approved" not in text
    assert any("protected resources would go (2)" in line for line in refusals([summary], labels))


def test_a_protected_setting_that_would_go_is_told_by_name() -> None:
    """What belongs to a bucket is protected with it; a step and an error tell of it, and it is one thing."""
    summary = recorded("protected-deleted")
    assert [(each.action, each.name, each.protected) for each in summary.changes] == [
        ("delete", f"globalbi-eu-{name}-lifecycle", True) for name in ("references", "results", "uploads")
    ]
    assert "protected resources would go (3)" in summary.fault


def test_another_error_beside_a_protected_resource_stays_an_error() -> None:
    """Who unprotects the bucket must not meet the second error only then."""
    preview = json.loads((RECORDED / "protected-replaced.json").read_text())
    preview["diagnostics"].append({"severity": "error", "message": f"error: bad token {SECRET}"})
    assert summarise("eu", preview).fault == "the preview ended with 4 errors: see the job's log"


def test_a_summary_of_an_older_branch_is_read(tmp_path: Path) -> None:
    """A pull request's own code writes the summary, the base's code reads it."""
    document = json.loads(recorded("protected-replaced").to_json())
    path = tmp_path / "eu.json"
    path.write_text(json.dumps(document))
    assert read(path) == recorded("protected-replaced")
    for change in document["changes"]:
        del change["protected"]
    path.write_text(json.dumps(document))
    assert [each.protected for each in read(path).changes] == [False, False]


def test_a_policys_finding_blocks_whatever_the_labels_say() -> None:
    """The label is for data loss, not for an open bucket."""
    summary = Summary(office="eu", findings=(Finding(policy="GBI-1", name="b", message="is public"),))
    assert refusals([summary], [LABEL]) == ["eu: GBI-1 b: is public"]
    assert "is&#32;public" in comment([summary], [], "c") or "is public" in comment([summary], [], "c")


HOSTILE = [
    "a|b\n| **x** |",
    "@acme/admins #1 acme/repo#2",
    "</code><img src=x onerror=alert(1)>",
    "`$(id)` [click](https://evil.example)",
    "<!-- globalbi: preview of the offices -->",
    "\u202egnp.exe\x1b[31m\x00",
    "www.evil.example https://evil.example",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_stays_a_name(name: str) -> None:
    """A name in a pull request must not forge a row, ping people, or link anywhere."""
    change = Change(action="replace", type=BUCKET, name=name, keys=(name,))
    text = comment([Summary(office="eu", changes=(change,))], [], "c" * 40)
    plain = comment(
        [Summary(office="eu", changes=(Change(action="replace", type=BUCKET, name="n", keys=("k",)),))],
        [],
        "c" * 40,
    )
    assert text.count("\n") == plain.count("\n")
    # All that a name can bring is letters, digits, spaces, dashes and entities.
    for inner in re.findall(r"<code>(.*?)</code>", text):
        assert re.fullmatch(r"(?:[A-Za-z0-9 -]|&#\d+;)*", inner)
    assert re.sub(r"<code>.*?</code>", "", text) == re.sub(r"<code>.*?</code>", "", plain)


def test_code_shows_what_was_there() -> None:
    """The reader sees the name itself, not the way it was written."""
    import html

    assert html.unescape(code("aws:s3/bucket:Bucket_1")) == "<code>aws:s3/bucket:Bucket_1</code>"


def test_a_comment_is_never_longer_than_github_takes() -> None:
    """A refused comment is none, in just the case where there is much to look at."""
    many = tuple(
        Change(action="update", type=FUNCTION, name=f"{n}-{'ä' * 90}", keys=("a",)) for n in range(400)
    )
    text = comment([Summary(office=office, changes=many) for office in ("eu", "hq", "us")], [], "c" * 40)
    assert len(text) < 65_536
    assert MOST_CHARACTERS < 65_536
    assert "too long to list here" in text
    assert text.startswith(MARKER)


def test_alerts_alone_cannot_burst_the_comment() -> None:
    """Two thousand deletions are a row and a number."""
    many = tuple(Change(action="delete", type=BUCKET, name=f"{n}-{'ä' * 90}") for n in range(1500))
    found = tuple(Finding(policy="GBI-1", name="|" * 200, message="🔴" * 1000) for _ in many)
    text = comment(
        [Summary(office=office, changes=many, findings=found) for office in "abcdef"], [], "c" * 40
    )
    assert len(text) < 65_536
    assert "| 1500 |" in text
    assert "and 1500 more" in text


def test_a_summary_survives_its_file(tmp_path: Path) -> None:
    made = summarise("eu", PREVIEW, [Finding(policy="GBI-1", name="b", message="m")])
    (tmp_path / "eu.json").write_text(made.to_json())
    assert read(tmp_path / "eu.json") == made


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        '{"office": "eu"}',
        '{"office": 1, "changes": [], "findings": [], "fault": ""}',
        '{"office": "eu", "changes": [{"action": "explode"}], "findings": [], "fault": ""}',
        '{"office": "eu", "changes": 5, "findings": [], "fault": ""}',
        "no json",
    ],
)
def test_a_forged_summary_is_refused(document: str, tmp_path: Path) -> None:
    """The file comes from a job that ran a pull request's code."""
    (tmp_path / "eu.json").write_text(document)
    with pytest.raises(ValueError, match=r"eu\.json|action|Expecting"):
        read(tmp_path / "eu.json")


def test_a_summary_of_endless_names_is_cut(tmp_path: Path) -> None:
    change = {"action": "create", "type": "t" * 10_000, "name": "n" * 10_000, "keys": ["k"] * 5000}
    document = {"office": "eu", "changes": [change], "findings": [], "fault": ""}
    (tmp_path / "eu.json").write_text(json.dumps(document))
    (made,) = read(tmp_path / "eu.json").changes
    assert len(made.name) == 200
    assert len(made.keys) == 100
