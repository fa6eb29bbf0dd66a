"""Events in the shape that AWS documents them, read as the handlers read them."""

import json
from pathlib import Path
from typing import Any

from handlers.failures import End, classify
from handlers.job import job_of
from handlers.keys import Sample, parse
from handlers.upload import notice_of

EVENTS = Path(__file__).resolve().parents[1] / "events"


def event(name: str) -> Any:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_an_object_created_event_gives_the_version_and_the_sample() -> None:
    """EventBridge writes keys as they are: spaces, plus and percent signs must not be decoded."""
    notice = notice_of(event("s3_object_created"))
    assert notice is not None
    assert notice.version_id == "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e"
    assert parse(notice.key, ["metagenome"]) == Sample(
        pipeline="metagenome", project="soil 2026", sample="S+1 100%"
    )


def test_a_reclaimed_spot_instance_is_seen_without_an_exit_code() -> None:
    """With the host the exit code is gone: only the reason is left."""
    job = job_of(event("batch_job_state_change_spot")["detail"])
    assert job is not None
    assert (job.attempt, job.end.exit_code, classify(job.end)) == (2, None, "spot")
    assert job.stopped == "2026-11-12T23:36:40.000Z"


def test_a_blocked_queue_says_why() -> None:
    """What HQ is told when a sample waits."""
    job = job_of(event("batch_job_queue_blocked")["detail"])
    assert job is not None
    assert job.status == "RUNNABLE"
    assert classify(End(status_reason=job.end.status_reason)) == "capacity"
