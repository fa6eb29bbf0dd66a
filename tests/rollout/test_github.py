"""What the workflows leave on GitHub: one comment, one issue, and the knowledge of what is where."""

from typing import Any

from rehearsal.github import LocalGitHub
from rollout import drift
from rollout.comment import MARKER
from rollout.summary import Change, Summary

CHANGED = Summary(office="eu", changes=(Change(action="update", type="aws:sqs/queue:Queue", name="q"),))
CLEAN = Summary(office="eu")


def test_a_pull_request_has_one_comment_however_often_it_is_pushed_to() -> None:
    """Ten pushes with a comment each bury the discussion."""
    github = LocalGitHub()
    assert github.client.put_comment(7, MARKER, f"{MARKER}\none") == "created"
    assert github.client.put_comment(7, MARKER, f"{MARKER}\ntwo") == "updated"
    assert github.client.put_comment(7, MARKER, f"{MARKER}\r\ntwo\n") == "unchanged"
    assert [each["body"] for each in github.comments] == [f"{MARKER}\ntwo"]


def test_the_comment_is_found_behind_a_long_discussion() -> None:
    github = LocalGitHub(
        comments=[{"id": n, "number": 7, "user": {"type": "User"}, "body": "hm"} for n in range(250)]
    )
    github.client.put_comment(7, MARKER, f"{MARKER}\none")
    github.client.put_comment(7, MARKER, f"{MARKER}\ntwo")
    assert len(github.comments) == 251


def test_a_person_who_quotes_the_comment_is_not_overwritten() -> None:
    github = LocalGitHub(
        comments=[{"id": 0, "number": 7, "user": {"type": "User"}, "body": f"{MARKER}\nI disagree"}]
    )
    assert github.client.put_comment(7, MARKER, f"{MARKER}\none") == "created"
    assert github.comments[0]["body"] == f"{MARKER}\nI disagree"


def deployment(number: int, sha: str, *states: str) -> dict[str, Any]:
    return {"id": number, "sha": sha, "statuses": [{"state": state} for state in states]}


def test_what_is_applied_is_the_last_success_not_the_last_try() -> None:
    """After a failed or interrupted apply the office is still touched, so the next run takes it up again."""
    tries = [
        deployment(4, "d", "in_progress"),
        deployment(3, "c", "failure", "in_progress"),
        deployment(2, "b", "inactive", "success", "in_progress"),
        deployment(1, "a", "inactive", "success"),
    ]
    github = LocalGitHub(deployments={"eu": tries})
    assert github.client.applied("eu") == "b"
    assert github.client.applied("us") is None


def test_only_a_merged_pull_requests_label_approves() -> None:
    """Anybody could open another pull request with the same commit and get a label on it."""
    label = {"labels": [{"name": "data-loss-approved"}]}
    github = LocalGitHub(pulls={"c1": [{"merged_at": None, **label}, {"merged_at": "2026", "labels": []}]})
    assert github.client.labels_of_commit("c1") == []
    github.pulls["c1"].append({"merged_at": "2026", **label})
    assert github.client.labels_of_commit("c1") == ["data-loss-approved"]


def test_drift_opens_follows_and_closes_its_issue() -> None:
    """Somebody changed a queue by hand; nobody has to remember to close anything."""
    github = LocalGitHub()
    more = Summary(office="eu", changes=(*CHANGED.changes, Change(action="create", type="t", name="gone")))
    said = [drift.record(github.client, each) for each in (CLEAN, CHANGED, CHANGED, more, CLEAN, CLEAN)]
    assert said == [
        "eu: no drift",
        "eu: opened #1",
        "eu: unchanged",
        "eu: updated #1",
        "eu: closed #1",
        "eu: no drift",
    ]
    assert github.issues[0]["title"] == "eu: 2 resources differ from the repository"
    assert github.issues[0]["state"] == "closed"


def test_drift_that_comes_back_opens_anew() -> None:
    github = LocalGitHub()
    for each in (CHANGED, CLEAN, CHANGED):
        drift.record(github.client, each)
    assert [each["state"] for each in github.issues] == ["closed", "open"]


def test_each_office_has_an_issue_of_its_own() -> None:
    github = LocalGitHub()
    drift.record(github.client, CHANGED)
    drift.record(github.client, Summary(office="us", changes=CHANGED.changes))
    drift.record(github.client, CLEAN)
    assert [each["state"] for each in github.issues] == ["closed", "open"]


def test_a_look_that_failed_closes_nothing() -> None:
    """No answer is not a clean answer."""
    github = LocalGitHub()
    drift.record(github.client, CHANGED)
    drift.record(github.client, Summary(office="eu", fault="no credentials"))
    assert github.issues[0]["state"] == "open"
    assert github.issues[0]["title"] == "eu: the nightly look failed"


def test_a_persons_issue_with_the_label_is_left_alone() -> None:
    theirs = {
        "number": 1,
        "state": "open",
        "user": {"type": "User"},
        "labels": ["drift"],
        "title": "t",
        "body": drift.marker("eu"),
    }
    github = LocalGitHub(issues=[theirs])
    drift.record(github.client, CLEAN)
    assert github.issues[0]["state"] == "open"
