"""Which metrics the platform really writes: every function, driven by its entry point, and a job's runner;
what CloudWatch would read in their logs.
"""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from dataclasses import replace
from types import ModuleType
from typing import Any
from unittest import mock

from runner import metrics as runner_metrics
from runner.usage import Usage

from handlers import delivery, desk, fleet, intake, progress, reconcile
from handlers.allowance import Allowance
from handlers.census import DAY_S
from handlers.cost import Family, Prices
from handlers.delivery_plan import GRACE_S
from handlers.desk import Desk
from handlers.notices import AGAIN_S, MOST_TRIES, NotTaken
from tests.handlers.aws_fakes import RESULTS, Call, Killed, World, batch_event, sqs
from tests.handlers.lab import KEY
from tests.handlers.test_census import arrived, headquarters_of, night, several
from tests.handlers.test_delivery import PARTNER, event_of, receive
from tests.handlers.test_delivery_links import LINKED
from tests.handlers.test_notices import channels

PRICES = Prices(day="2026-11-01", families=(Family(name="m6id", gib_per_vcpu=4, on_demand=0.06, spot=0.02),))
# One way to each class of failure.
ENDS: Mapping[str, Mapping[str, Any]] = {
    "spot": {"reason": "Host EC2 (instance i-0123456789abcdef0) terminated."},
    "memory": {"container": "OutOfMemoryError: Container killed due to memory usage", "code": 137},
    "disk": {"container": "write /scratch/run/x.fq: no space left on device"},
    "pull": {
        "container": "CannotPullECRContainerError: RequestError: send request failed caused by: i/o timeout"
    },
    "throttling": {"container": "ThrottlingException: Rate exceeded"},
    "host": {
        "container": "DockerTimeoutError: Could not transition to created; timed out after waiting 4m0s"
    },
    "timeout": {"reason": "Job attempt duration exceeded timeout"},
    "unknown": {"code": 3},
    "input": {"code": 65},
    "configuration": {"container": "CannotPullContainerError: no basic auth credentials"},
}


class Lambda:
    """What Lambda hands over besides the event."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def emitted() -> set[str]:
    """By the functions of an office in which everything happens once."""
    world, told = World(), io.StringIO()
    with redirect_stdout(told):
        _runs(world)
        _what_falls_between(world)
        _budgets(world)
        _notices(world)
        _deliveries(world)
    return names_in(told.getvalue())


def of_censuses() -> set[str]:
    """By headquarters, of the night of an office whose run it does not have."""
    world, told = World(), io.StringIO()
    home = headquarters_of(world)
    several(world, 1)
    world.now += 3 * DAY_S
    with redirect_stdout(told), mock.patch.object(fleet, "_context", return_value=home):
        fleet.handler(sqs(*arrived(night(world))), Lambda())
    return names_in(told.getvalue())


def of_runner() -> set[str]:
    """By the runner, of a job that has published."""
    job = mock.Mock(office="eu", run_id="r1", attempt=1, pipeline="metagenome", memory_mib=6000)
    used = Usage(wall_s=60.0, cpu_s=30.0, max_rss_mib=3000, max_anonymous_mib=2000, max_disk_mib=10)
    return names_in(runner_metrics.line(job, used, 1.0))


def names_in(log: str) -> set[str]:
    """The metrics that CloudWatch takes out of these lines: named by a directive, with a number beside it."""
    found = set()
    for line in log.splitlines():
        told = json.loads(line) if line.startswith('{"_aws"') else {}
        for directive in told.get("_aws", {}).get("CloudWatchMetrics", []):
            assert directive["Namespace"] == "GlobalBI"
            assert directive["Dimensions"] == [["office"]]
            assert told["office"] == "eu"
            for metric in directive["Metrics"]:
                assert isinstance(told[metric["Name"]], int | float), line
                found.add(metric["Name"])
    return found


def call(world: World, module: ModuleType, event: Mapping[str, Any] | None = None, **context: Any) -> Any:
    """A function's entry point, as Lambda calls it, in this world."""
    own = replace(world.context(), **context)
    name = "_own_context" if module is delivery else "office_context"
    with mock.patch.object(module, name, return_value=own):
        return module.handler(event or {}, Lambda())


def _end(world: World, run_id: str, attempt: int = 1, **how: Any) -> None:
    call(world, progress, sqs(world.job_event(f"{run_id}-{attempt}", "FAILED", **how)))


def _started(world: World, key: str, body: bytes = b"reads") -> str:
    before = set(world.runs())
    call(world, intake, sqs(world.upload(key, body)))
    [run_id] = set(world.runs()) - before
    call(world, progress, sqs(world.job_event(f"{run_id}-1", "RUNNING")))
    return run_id


def _succeeded(world: World, key: str) -> str:
    run_id = _started(world, key)
    world.publish(world.run_item(run_id))
    call(world, progress, sqs(world.job_event(f"{run_id}-1", "SUCCEEDED")))
    return run_id


def _runs(world: World) -> None:
    _succeeded(world, KEY)
    for name, how in ENDS.items():
        run_id = _started(world, f"metagenome/soil/{name}/input.tar")
        _end(world, run_id, **how)
    _started(world, "metagenome/soil/changed/input.tar")
    call(world, intake, sqs(world.upload("metagenome/soil/changed/input.tar", b"other reads")))
    call(world, intake, sqs(world.upload("metagenome/soil/blocked/input.tar")))
    blocked = list(world.jobs.values())[-1]
    blocked["statusReason"] = "CAPACITY"
    call(world, progress, sqs(batch_event("Batch Job Queue Blocked", blocked)))


def _what_falls_between(world: World) -> None:
    world.upload("metagenome/soil/unheard/input.tar")

    def killed(made: Call) -> str | None:
        return "killed before" if made.operation == "SubmitJob" else None

    world.faults = killed
    with suppress(Killed):
        call(world, intake, sqs(world.upload("metagenome/soil/killed/input.tar")))
    world.faults = lambda made: None
    unseen = _started(world, "metagenome/soil/unseen/input.tar")
    world.publish(world.run_item(unseen))
    world.job_event(f"{unseen}-1", "SUCCEEDED")
    unsigned: set[str] = set()
    world.faults = lambda made: "denied" if made.operation == "Sign" else None
    unsigned.add(_succeeded(world, "metagenome/soil/unsigned/input.tar"))
    world.sleep(600)
    call(world, reconcile)
    world.faults = lambda made: None


def _budgets(world: World) -> None:
    world.office = replace(world.office, prices=PRICES, allowance=Allowance(usd={"dear": 1}))
    run_id = _started(world, "metagenome/dear/S1/input.tar")
    world.now += 24 * 3600
    _end(world, run_id, code=65)
    call(world, intake, sqs(world.upload("metagenome/dear/S2/input.tar")))
    call(world, reconcile)


def _notices(world: World) -> None:
    def refused(address: str, body: bytes) -> None:
        raise NotTaken("no")

    for _ in range(MOST_TRIES):
        through = channels([], {"soil": "chat"}, post=refused)
        own = Desk(context=world.context(), channels=through)
        with mock.patch.object(desk, "_desk", return_value=own):
            desk.handler({}, Lambda())
        world.sleep(AGAIN_S)


def _deliveries(world: World) -> None:
    world.office = replace(world.office, agreements=(PARTNER, LINKED))
    late, refused, denied, lost = (
        _succeeded(world, f"metagenome/soil/{name}/input.tar") for name in ("D1", "D2", "D3", "D4")
    )
    call(world, delivery, sqs(event_of(late), event_of(refused)))
    receive(world, refused, accepted=False)
    world.refusing = {PARTNER.bucket: "AccessDenied"}
    call(world, delivery, sqs(event_of(denied)))
    world.refusing = {}
    world.objects.pop((RESULTS, f"{world.run_item(lost)['results_prefix']}manifest.json"))
    world.sleep(PARTNER.receipt_within_s + GRACE_S)
    call(world, delivery)
