"""Cohorts: a quiet project's newest results are compared by a run of their own, once, and never old ones.

What a fault at each call does to them is in test_doubt.py; under many at once, the campaign drives them.
"""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from fleet.recall import Cause, mark, mark_all, worth_rerunning
from fleet.rerun import rerun_cohort
from handlers import cohort, ledger, project
from handlers.context import Context
from handlers.intake import Ignore
from handlers.keys import Sample
from handlers.project import Project
from tests.handlers.aws_fakes import RESULTS, World
from tests.handlers.lab import (
    COHORT,
    COHORT_STATUS,
    finish,
    publish_tables,
    quiet,
    runs_of,
    shared,
    started,
    status,
    succeeded,
    take,
    tell,
    with_cohort,
)

SOIL = Project(pipeline="metagenome", name="soil")
HAND = "cohort/soil/metagenome/input.tar"


@pytest.fixture
def world(world: World) -> World:
    with_cohort(world)
    return world


def only_cohort(world: World) -> tuple[str, dict[str, Any]]:
    [(run_id, run)] = runs_of(world, "cohort").items()
    return run_id, run


def members_of(world: World, run_id: str) -> dict[str, str]:
    """Sample → the run that stands for it, as the job reads it."""
    listed = world.json_object(f"{world.run_item(run_id)['results_prefix']}members.json")
    assert listed is not None
    return {each["sample"]: each["run_id"] for each in listed["members"]}


def newest(world: World) -> str:
    found = ledger.read_newest(
        world.context(), Sample(pipeline="cohort", project="soil", sample="metagenome")
    )
    assert found is not None
    return found.run_id


def test_a_quiet_project_is_compared_with_all_that_the_job_needs(world: World) -> None:
    """Without one of these the job finds no members, wrong ones, or writes over another's results."""
    runs = {"S1": shared(world, "S1"), "S2": shared(world, "S2")}
    answer = quiet(world)
    assert answer["CohortsClaimed"] == 1
    run_id, run = only_cohort(world)
    [job] = [job for job in world.jobs.values() if job["jobName"] == f"{run_id}-1"]
    environment = {each["name"]: each["value"] for each in job["container"]["environment"]}
    listed = world.objects[(RESULTS, environment["MEMBERS_KEY"])][-1].body
    assert environment["MEMBERS_KEY"] == f"cohort/soil/metagenome/{run_id}/members.json"
    assert environment["MEMBERS_SHA256"] == hashlib.sha256(listed).hexdigest()
    assert [each["prefix"] for each in json.loads(listed)["members"]] == [
        f"metagenome/soil/{name}/{member}/" for name, member in runs.items()
    ]
    assert environment["RESULTS_PREFIX"] == f"cohort/soil/metagenome/{run_id}/"
    assert environment["RELEASE_DIGEST"] == COHORT.digest
    assert "UPLOAD_KEY" not in environment
    told = status(world, COHORT_STATUS)
    assert told["members"] == {"pipeline": "metagenome", "count": 2}
    assert told["upload"]["size"] > 0
    # and it goes its own way to the end
    finish(world, run_id)
    assert status(world, COHORT_STATUS)["state"] == "succeeded"
    assert run["version_id"] == environment["MEMBERS_SHA256"]
    assert "CohortsClaimed" not in quiet(world), "nothing new has come"


def test_a_project_that_is_not_quiet_waits(world: World) -> None:
    """A cohort after each of a hundred samples would be a hundred cohorts."""
    shared(world, "S1")
    world.now += 1800
    shared(world, "S2")
    assert "CohortsClaimed" not in quiet(world, 1900)
    assert runs_of(world, "cohort") == {}
    assert quiet(world, 1700)["CohortsClaimed"] == 1
    assert set(members_of(world, newest(world))) == {"S1", "S2"}


def test_a_sample_that_is_still_analysed_keeps_its_project_waiting(world: World) -> None:
    """A comparison that is out of date before it ends helps nobody, and costs an instance."""
    shared(world, "S1")
    world.now += 1
    slow = started(world, "metagenome/soil/S2/input.tar")
    assert "CohortsClaimed" not in quiet(world)
    publish_tables(world, slow)
    assert tell(world, world.job_event(f"{slow}-1", "SUCCEEDED")) == []
    assert quiet(world)["CohortsClaimed"] == 1
    assert members_of(world, newest(world))["S2"] == slow


def test_a_sample_that_failed_does_not_keep_its_project_waiting_for_ever(world: World) -> None:
    """One bad upload among a hundred must not take the comparison from the others."""
    shared(world, "S1")
    world.now += 1
    bad = started(world, "metagenome/soil/S2/input.tar")
    quiet(world)
    world.say(bad, 1, 65, "No reads inside.")
    tell(world, world.job_event(f"{bad}-1", "FAILED", code=65))
    assert quiet(world)["CohortsClaimed"] == 1
    assert set(members_of(world, newest(world))) == {"S1"}


def test_only_the_newest_result_of_each_sample_is_a_member(world: World) -> None:
    """Two results of one sample beside each other would be taken for two samples."""
    shared(world, "S1")
    shared(world, "S2")
    world.now += 60
    again = shared(world, "S1", b"better reads")
    quiet(world)
    assert members_of(world, newest(world))["S1"] == again
    assert len(members_of(world, newest(world))) == 2


def test_results_without_tables_start_nothing(world: World) -> None:
    """A cohort of nothing that can be compared could only fail, on a paid instance."""
    succeeded(world)
    quiet(world)
    assert runs_of(world, "cohort") == {}


def test_results_before_the_office_had_cohorts_are_members_too(world: World) -> None:
    """The first comparison must not leave out the samples of all the months before."""
    world.office = type(world.office)(
        **{**vars(world.office), "releases": {"metagenome": world.office.releases["metagenome"]}}
    )
    old, without = shared(world, "S1"), succeeded(world, "metagenome/soil/S3/input.tar")
    assert quiet(world) == {}, "releasing a cohort does not run over the past"
    with_cohort(world)
    assert "CohortsClaimed" not in quiet(world)
    new = shared(world, "S2")
    quiet(world)
    assert members_of(world, newest(world)) == {"S1": old, "S2": new}
    assert without not in members_of(world, newest(world)).values()


def test_a_newer_cohort_supersedes_one_in_flight(world: World) -> None:
    """Two cohorts of one project side by side: the branch would read whichever ended last."""
    shared(world, "S1")
    quiet(world)
    first, _ = only_cohort(world)
    shared(world, "S2")
    quiet(world)
    second = newest(world)
    assert world.run_item(first)["state"] == "superseded"
    assert status(world, COHORT_STATUS)["run_id"] == second
    assert "newer results" in world.run_item(first)["message"]
    [job] = [job for job in world.jobs.values() if job["jobName"] == f"{first}-1"]
    assert job["jobId"] in world.terminated


def test_the_same_members_are_the_same_run(world: World) -> None:
    """A second pass of reconcile, or a result that changes nothing, must not cost another cohort."""
    shared(world, "S1")
    quiet(world)
    first, _ = only_cohort(world)
    finish(world, first)
    cohort.claim(world.context(), COHORT, SOIL)
    assert only_cohort(world)[0] == first


def _between(monkeypatch: pytest.MonkeyPatch, module: Any, name: str, then: Callable[[], object]) -> None:
    """Right after the first call of a function of the ledger, something happens elsewhere."""
    real = getattr(module, name)
    done: list[bool] = []

    def call(*arguments: Any) -> Any:
        found = real(*arguments)
        if not done:
            done.append(True)
            then()
        return found

    monkeypatch.setattr(module, name, call)


@pytest.mark.parametrize("look", ["changes_of", "members"])
def test_an_old_list_never_becomes_the_latest(
    world: World, monkeypatch: pytest.MonkeyPatch, look: str
) -> None:
    """Between any two looks a new result may come, and be compared by another function already."""
    shared(world, "S1")

    def meanwhile() -> None:
        shared(world, "S2")
        cohort.claim(world.context(), COHORT, SOIL)

    _between(monkeypatch, cohort, look, meanwhile)
    cohort.claim(world.context(), COHORT, SOIL)
    assert set(members_of(world, newest(world))) == {"S1", "S2"}
    assert world.run_item(newest(world))["state"] == "submitted"


def test_a_result_that_comes_while_the_cohort_is_claimed_keeps_the_project_due(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taken off blindly, the mark of that result would be lost, and with it its comparison."""
    shared(world, "S1")
    _between(monkeypatch, cohort, "begin", lambda: shared(world, "S2"))
    quiet(world)
    monkeypatch.undo()
    assert set(members_of(world, newest(world))) == {"S1"}
    assert quiet(world)["CohortsClaimed"] == 1
    assert set(members_of(world, newest(world))) == {"S1", "S2"}


def test_what_was_uploaded_by_hand_meanwhile_stays_until_there_are_newer_results(world: World) -> None:
    """A branch that compares a choice of its own must not lose it to the automatic one at once."""
    shared(world, "S1")
    world.now += 60
    assert take(world, world.upload(HAND)) == []
    hand, _ = only_cohort(world)
    quiet(world)
    assert newest(world) == hand
    shared(world, "S2")
    quiet(world)
    assert newest(world) != hand
    # Reconcile sees the upload in the bucket, without a run that is the newest; it stays so.
    assert "UploadsWithoutRun" not in quiet(world)


@pytest.fixture
def cause() -> Cause:
    return Cause(what="an upload", why="The wrong sample was sequenced.", next="Nothing.")


def test_a_recalled_result_leaves_the_project_and_it_is_compared_anew(world: World, cause: Cause) -> None:
    """A comparison that holds a recalled result is as wrong as that."""
    shared(world, "S1")
    bad = shared(world, "S2")
    quiet(world)
    first, _ = only_cohort(world)
    finish(world, first)
    assert mark(world.context(), bad, cause)
    quiet(world)
    assert set(members_of(world, newest(world))) == {"S1"}
    good = shared(world, "S2", b"better reads")
    quiet(world)
    assert members_of(world, newest(world))["S2"] == good


def test_members_that_come_again_get_a_run_again(world: World, cause: Cause) -> None:
    """A -> A and B -> B is recalled: the first comparison was superseded, so there would be none."""
    shared(world, "S1")
    quiet(world)
    first, _ = only_cohort(world)
    bad = shared(world, "S2")
    quiet(world)
    mark(world.context(), bad, cause)
    quiet(world)
    assert set(members_of(world, newest(world))) == {"S1"}
    assert newest(world) != first
    assert world.run_item(newest(world))["state"] == "submitted"


def test_a_recall_reruns_the_samples_and_leaves_the_comparison_to_follow(world: World, cause: Cause) -> None:
    """Rerun beside its members, a cohort would be of what is just being made anew."""
    member = shared(world, "S1")
    quiet(world)
    first, _ = only_cohort(world)
    marked = mark_all(world.context(), [member, first], cause)
    assert [run.run_id for run in worth_rerunning(marked)] == [member]


def test_a_failed_cohort_is_rerun_of_what_is_newest_then(world: World) -> None:
    """Headquarters has mended what was wrong: there is no upload that the branch could repeat."""
    shared(world, "S1")
    quiet(world)
    first, _ = only_cohort(world)
    denied = "CannotPullContainerError: no basic auth credentials"
    assert tell(world, world.job_event(f"{first}-1", "FAILED", container=denied)) == []
    told = status(world, COHORT_STATUS)
    assert told["state"] == "failed"
    assert "upload" not in told["what_to_do"]
    run = ledger.read_run(world.context(), first)
    assert run is not None
    again = rerun_cohort(world.context(), run)
    assert again == newest(world) != first
    assert world.run_item(again)["state"] == "submitted"


def test_a_rejected_cohort_says_what_happens_next(world: World) -> None:
    """The words of an upload would send the branch to a key that it never used."""
    shared(world, "S1")
    quiet(world)
    run_id, _ = only_cohort(world)
    world.say(run_id, 1, 65, "abundance/species.tsv of S1 counts no read.")
    assert tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65)) == []
    told = status(world, COHORT_STATUS)
    assert told["state"] == "rejected"
    assert "members.json" not in told["what_to_do"]
    assert "new result" in told["what_to_do"]


def test_a_manifest_of_other_members_is_no_result(world: World) -> None:
    """A cohort that says of itself what it is not made of could not be traced to its samples."""
    shared(world, "S1")
    quiet(world)
    run_id, run = only_cohort(world)
    world.publish(run, upload=None, members={"sha256": "0" * 64})
    tell(world, world.job_event(f"{run_id}-1", "RUNNING"))
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    assert world.run_item(run_id)["state"] != "succeeded"


def test_one_project_that_cannot_be_started_does_not_keep_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One broken manifest of the past must not take the comparison from every other project."""
    shared(world, "S1")
    real = project.members

    def members(context: Context, which: Project) -> Any:
        if which.name == "soil":
            raise RuntimeError("broken")
        return real(context, which)

    monkeypatch.setattr(cohort, "members", members)
    world.now += 1
    other = started(world, "metagenome/water/W1/input.tar")
    publish_tables(world, other)
    tell(world, world.job_event(f"{other}-1", "SUCCEEDED"))
    answer = quiet(world)
    assert answer["CohortsClaimed"] == answer["NotMended"] == 1


def test_each_pipeline_of_a_project_is_compared_by_itself() -> None:
    """Reads of genomes and of one gene count different things."""
    listing = cohort.Listing(project=Project(pipeline="amplicon", name="soil"), members=())
    assert json.loads(listing.body)["pipeline"] == "amplicon"
    assert cohort.decide(listing, COHORT, None, None, "2026") == Ignore(
        reason="none of its samples has a result"
    )
