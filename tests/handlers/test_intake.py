"""Intake: an upload becomes a run, once."""

from dataclasses import replace
from typing import Any

import pytest

from handlers.run import run_id_of
from tests.handlers.aws_fakes import RELEASE, RESULTS, SPOT_QUEUE, UPLOADS, World, created, job_name_counts
from tests.handlers.lab import KEY, STATUS, only_run, started, status, take, tell


def test_an_upload_becomes_one_submitted_run(world: World) -> None:
    """A branch uploads and nothing else: without this there is no analysis."""
    assert take(world, world.upload(KEY)) == []
    run_id, run = only_run(world)
    [job] = world.jobs.values()
    assert (run["state"], job["jobName"], job["jobQueue"]) == ("submitted", f"{run_id}-1", SPOT_QUEUE)
    assert (status(world)["state"], status(world)["run_id"]) == ("submitted", run_id)
    assert [event["Detail"]["state"] for event in world.events] == ["submitted"]


def test_a_job_gets_all_that_the_runner_reads(world: World) -> None:
    """The runner has nothing but its environment: a missing name fails every sample."""
    take(world, world.upload(KEY))
    run_id, _ = only_run(world)
    [job] = world.jobs.values()
    environment = {each["name"]: each["value"] for each in job["asked"]["containerOverrides"]["environment"]}
    assert environment == {
        "OFFICE": "eu",
        "RUN_ID": run_id,
        "ATTEMPT": "1",
        "PIPELINE": "metagenome",
        "PIPELINE_VERSION": "0.1.0",
        "RELEASE_DIGEST": RELEASE.digest,
        "PROJECT": "soil",
        "SAMPLE": "S1",
        "UPLOADS_BUCKET": UPLOADS,
        "UPLOAD_KEY": KEY,
        "UPLOAD_VERSION_ID": "v1",
        "RESULTS_BUCKET": RESULTS,
        "RESULTS_PREFIX": f"metagenome/soil/S1/{run_id}/",
        "REFERENCES_BUCKET": world.office.references,
        "REFERENCES": '{"host": ["demo-host", "2026.1"], "kraken2": ["demo-kraken2", "2026.1"]}',
        "LEDGER": world.office.ledger,
        "VCPUS": "4",
        "MEMORY_MIB": "6001",
    }


@pytest.mark.parametrize(
    "name", ["S 1", "S+1", "S%201", "Bodenprobe Süd", "土壌", "a&b=c;d'e\"f", "-rf", "#1", "..S", "😀"]
)
def test_hostile_names_become_runs_like_any_other(world: World, name: str) -> None:
    """Branches name samples as they like; EventBridge gives keys as they are; decoding loses samples."""
    key = f"metagenome/{name}/{name}/input.tar"
    assert take(world, world.upload(key)) == []
    _, run = only_run(world)
    assert (run["key"], run["project"], run["sample"]) == (key, name, name)
    assert status(world, f"metagenome/{name}/{name}/status.json")["sample"] == name


def test_the_same_event_again_changes_nothing(world: World) -> None:
    """S3 delivers at least once: a second job would be paid for twice."""
    event = world.upload(KEY)
    for _ in range(3):
        assert take(world, event, event) == []
    assert job_name_counts(world).total() == 1
    assert len(world.events) == 1


def test_the_same_bytes_again_are_not_analysed_again(world: World) -> None:
    """A branch's repeated upload costs nothing, however its client cut the parts."""
    run_id = started(world)
    assert take(world, world.upload(KEY, b"reads", etag="0123-2")) == []
    assert list(world.runs()) == [run_id]


def test_the_same_bytes_are_analysed_again_after_a_failure(world: World) -> None:
    """Uploading again is what a branch is told to do after a failure."""
    run_id = started(world)
    assert (
        tell(
            world,
            world.job_event(f"{run_id}-1", "FAILED", container="CannotPullContainerError: unauthorized"),
        )
        == []
    )
    assert world.run_item(run_id)["state"] == "failed"
    assert take(world, world.upload(KEY, b"reads")) == []
    assert len(world.runs()) == 2
    assert status(world)["state"] == "submitted"


def test_without_a_whole_object_checksum_other_parts_are_analysed_again(world: World) -> None:
    """An ETag depends on the parts: taking unequal ones for a change is the safe side."""
    composite: dict[str, Any] = {"checksum_type": "COMPOSITE", "checksums": {"SHA256": "abc=-2"}}
    take(world, world.upload(KEY, b"reads", etag="x-2", **composite))
    take(world, world.upload(KEY, b"reads", etag="y-3", **composite))
    assert len(world.runs()) == 2


def test_changed_content_supersedes_the_run_in_progress(world: World) -> None:
    """The old run's job is stopped, and its results can never be the sample's latest."""
    old = started(world)
    old_job = world.run_item(old)["attempts"][0]["job_id"]
    assert take(world, world.upload(KEY, b"other reads")) == []
    [new] = set(world.runs()) - {old}
    assert world.run_item(old)["state"] == "superseded"
    assert "superseded" in world.terminated[old_job] or "supersedes" in world.terminated[old_job]
    assert status(world)["run_id"] == new
    world.publish(world.run_item(old))
    assert tell(world, world.job_event(f"{old}-1", "SUCCEEDED")) == []
    assert world.run_item(old)["state"] == "superseded"
    assert status(world)["run_id"] == new


def test_changed_content_after_success_runs_again_and_keeps_the_old_results(world: World) -> None:
    """A finished run stays finished; the sample's latest is the new one."""
    old = started(world)
    world.publish(world.run_item(old))
    tell(world, world.job_event(f"{old}-1", "SUCCEEDED"))
    take(world, world.upload(KEY, b"other reads"))
    assert world.run_item(old)["state"] == "succeeded"
    assert status(world)["run_id"] != old


def test_an_older_upload_that_arrives_later_never_becomes_the_latest(world: World) -> None:
    """Events arrive in any order: the old version must not replace the new one's results."""
    older, newer = world.upload(KEY, b"old"), world.upload(KEY, b"new")
    assert take(world, newer) == []
    assert take(world, older) == []
    [run] = world.runs().values()
    assert run["version_id"] == newer["detail"]["object"]["version-id"]


def test_sequencers_of_unlike_lengths_are_ordered_as_s3_orders_them(world: World) -> None:
    """A shorter sequencer is not an older one."""
    older = world.upload(KEY, b"old", sequencer="0061A2")
    newer = world.upload(KEY, b"new", sequencer="0061B")
    for event in (newer, older):
        take(world, event)
    [run] = world.runs().values()
    assert run["version_id"] == newer["detail"]["object"]["version-id"]


def test_an_upload_that_is_gone_is_let_go(world: World) -> None:
    """A deleted version cannot be analysed; its event must not circle for days."""
    event = world.upload(KEY)
    world.objects.clear()
    assert take(world, event) == []
    assert world.runs() == {}


def test_a_delete_marker_does_not_stop_the_version_that_was_uploaded(world: World) -> None:
    """A branch that tidies up after its upload still gets its results."""
    event = world.upload(KEY)
    world.put(UPLOADS, KEY, b"", delete_marker=True)
    assert take(world, event) == []
    assert len(world.runs()) == 1


@pytest.mark.parametrize(
    ("key", "status_key", "words"),
    [
        ("metagenome/soil/S1/Input.tar", "metagenome/soil/S1/status.json", "lower case"),
        ("metagenome/soil/S1/input.tar.gz", "metagenome/soil/S1/status.json", "compressed"),
        ("metagenom/soil/S1/input.tar", "metagenom/soil/S1/status.json", "no pipeline named 'metagenom'"),
        ("metagenome/S1/input.tar", "metagenome/S1/status.json", "too few folders"),
        ("input.tar", "status.json", "too few folders"),
        ("metagenome/a/soil/S1/input.tar", "metagenome/a/soil/S1/status.json", "too many folders"),
    ],
)
def test_a_wrong_key_is_answered_beside_it(world: World, key: str, status_key: str, words: str) -> None:
    """A branch that mistypes is told so, instead of waiting for ever."""
    assert take(world, world.upload(key)) == []
    answer = status(world, status_key)
    assert (answer["state"], answer["run_id"]) == ("rejected", None)
    assert words in answer["summary"]
    assert answer["what_to_do"]
    assert (world.runs(), world.jobs) == ({}, {})


def test_a_wrong_key_never_hides_the_status_of_a_run(world: World) -> None:
    """A stray Input.tar beside a good input.tar must not turn a branch's results into a refusal."""
    take(world, world.upload(KEY))
    take(world, world.upload("metagenome/soil/S1/Input.tar"))
    assert status(world)["state"] == "submitted"


def test_the_right_key_replaces_the_answer_to_the_wrong_one(world: World) -> None:
    """After the correction the branch sees its run, not the old refusal."""
    take(world, world.upload("metagenome/soil/S1/Input.tar"))
    take(world, world.upload(KEY))
    assert status(world)["state"] == "submitted"


def test_uploads_of_another_bucket_are_not_taken(world: World) -> None:
    """An office works on its own uploads alone."""
    version = world.put("someone-elses-bucket", KEY, b"reads")
    assert take(world, created("someone-elses-bucket", KEY, version)) == []
    assert world.runs() == {}


def test_the_same_upload_under_the_same_release_is_the_same_run() -> None:
    """The run's id is what makes every repetition harmless."""
    assert run_id_of("b", "k", "v", "d") == run_id_of("b", "k", "v", "d")
    assert run_id_of("b", "k", "v", "d") != run_id_of("b", "kv", "", "d")


def test_an_event_repeated_after_a_new_release_does_not_run_again(world: World) -> None:
    """A release is rolled out while events are under way: that alone must not analyse uploads anew."""
    event = world.upload(KEY)
    take(world, event)
    newer = replace(RELEASE, digest="sha256:" + "b" * 64)
    world.office = replace(world.office, releases={"metagenome": newer})
    assert take(world, event) == []
    assert len(world.runs()) == 1


def test_new_reference_versions_make_another_release(world: World) -> None:
    """A branch that uploads again after a database's update gets results by the new database."""
    take(world, world.upload(KEY))
    [old] = world.runs()
    pinned = {**RELEASE.references, "kraken2": ("demo-kraken2", "2026.2")}
    newer = replace(RELEASE, references=pinned)
    assert newer.digest == RELEASE.digest
    world.office = replace(world.office, releases={"metagenome": newer})
    take(world, world.upload(KEY))
    runs = world.runs()
    [new] = set(runs) - {old}
    assert runs[new]["references"]["kraken2"] == ["demo-kraken2", "2026.2"]
    assert runs[new]["release_digest"] == RELEASE.digest
    assert run_id_of("b", "k", "v", newer.id) != run_id_of("b", "k", "v", RELEASE.id)
    take(world, world.upload(KEY))
    assert set(world.runs()) == {old, new}  # and under the same release the same bytes still do not run


def test_status_is_where_the_branch_looks(world: World) -> None:
    """The branch's guide names this place."""
    take(world, world.upload(KEY))
    assert (RESULTS, STATUS) in world.objects
