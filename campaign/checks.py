"""Small worlds, each made so that one kind of guard is all that stands between it and a broken promise.

Every check returns what is wrong in it: nothing, with the handlers as they are.
"""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from campaign.account import LATENCY_S, Life
from campaign.budget_checks import budget_campaign, budget_races
from campaign.cohort_checks import cohort_campaign, cohort_kills, cohort_races, cohort_waits
from campaign.delivery_checks import DELIVERY_CHECKS
from campaign.offices import START_S, Office
from campaign.promises import examine
from campaign.rates import CALM, Rates
from campaign.story import run_campaign
from campaign.world import World, at_once, stall

RACES = 30
REFUSED_S = 3_000.0  # longer than any run takes
SLEPT_S = 4_000.0  # longer than any attempt takes


def story() -> list[str]:
    """Every turn a run can take, without any fault of AWS."""
    world = World()
    turns: dict[str, set[str]] = {
        name: {name}
        for name in (
            "memory",
            "reclaim",
            "input",
            "blocked",
            "host",
            "empty",
            "inspect",
            "hopeless",
            "cut off",
        )
    }
    for number, (name, sick) in enumerate({"plain": set(), **turns}.items()):
        world.office.batch.sick[f"P/{name}"] = sick
        world.upload(3.0 * number, name)
    for name, body in (("changed", b"2"), ("same", b"1")):
        world.upload(1, name)
        world.upload(200, name, body)
    world.run()
    wrong = world.wrong(extra=False)
    ends = {"input": "rejected", "hopeless": "failed"}
    for pk, item in world.office.account.table.items.items():
        name = pk.rpartition("/")[2]
        if pk.startswith("sample#"):
            run = world.office.account.table.items[f"run#{item['run_id']['S']}"]
            if run["state"]["S"] != ends.get(name, "succeeded"):
                wrong.append(f"{name} is {run['state']['S']}")
            if len(run["attempts"]["L"]) > 6:
                wrong.append(f"{name} was tried {len(run['attempts']['L'])} times")
    if sum("same" in each.sample for each in world.office.batch.of_job.values()) != 1:
        wrong.append("the same bytes were analysed twice")
    return wrong


def races() -> list[str]:
    """Versions and duplicates of one sample handled at the same moment, by functions side by side."""
    wrong = []
    for seed in range(RACES):
        world = World(seed=f"race {seed}")
        world.office.batch.sick["P/S"] = {"reclaim"} if seed % 2 else set()
        world.office.event = at_once(world, copies=3)  # type: ignore[method-assign, assignment]
        world.upload(1, "S", b"1")
        world.upload(1 if seed % 3 else 40, "S", b"2")
        if seed % 5 == 0:
            world.upload(40, "S", b"3")
        world.run()
        wrong += [f"race {seed}: {each}" for each in world.wrong(extra=False)]
        if len(wrong) > 3:
            break
    return wrong


def doubt() -> list[str]:
    """No event of any job comes; every first submission's function dies after it, or its reply is lost."""
    wrong = []
    for kind in ("killed", "lost", "killed before", "untold"):
        world = World(replace(CALM, identical_events=0.0), f"doubt {kind}")
        office = world.office
        usual = office.event
        seen: set[str] = set()

        def event(queue: Any, event: Any, office: Office = office, usual: Any = usual) -> None:
            if queue is not office.progress:
                usual(queue, event)

        def watch(life: Life, request: str, seen: Any = seen, kind: str = kind) -> str | None:
            if (
                kind == "untold"
                and life.name.startswith("reconcile")
                and "PutEvents" in request
                and len(seen) < 8
            ):
                seen.add(life.name)
                return "before"
            if request == "batch.SubmitJob" and life.name not in seen and len(seen) < 6 and "killed" in kind:
                seen.add(life.name)
                return "before" if kind == "killed before" else "after"
            return None

        office.event = event  # type: ignore[method-assign]
        office.account.watch = watch
        if kind == "lost":
            office.account.lose = {"SubmitJob"}
        for number in range(6):
            world.upload(1 + 0.5 * number, f"S{number}")
        world.run(least_s=3000)
        wrong += [f"{kind}: {each}" for each in world.wrong()]
    return wrong


def late_words() -> list[str]:
    """A function stands still for most of its time, at any of its requests, while the run goes on."""
    wrong = []
    for again in (False, True):
        for invocation in range(1, 7):
            for request in range(1, 11):
                world = World(seed=f"late {invocation} {request}")
                world.office.account.watch = stall(world, f"progress {invocation}", request)
                world.office.batch.sick["P/S"] = {"quick"}
                world.upload(1, "S")
                if again:
                    world.upload(8, "S", b"2")
                world.run()
                where = f"progress {invocation}, request {request}"
                # A runner that ends by itself, before the function that stands still has stopped it, may.
                # And a run that ended before the newer upload came stays beside its run.
                fine = ("left to itself", "runs of metagenome")
                told = [each for each in world.wrong(extra=False) if not any(word in each for word in fine)]
                wrong += [f"{where}: {each}" for each in told]
    return wrong


def twins() -> list[str]:
    """Every submission makes two jobs: one of their containers works, and one result is published."""
    world = World(seed="twins")
    world.office.batch.twice = True
    for number in range(8):
        world.office.batch.sick[f"P/S{number}"] = {"reclaim"} if number % 2 else set()
        world.upload(1 + number, f"S{number}")
    world.run()
    wrong = world.wrong(second_jobs=False, extra=False)
    worked = Counter((each.run_id, each.attempt) for each in world.office.batch.containers if each.worked)
    return wrong + [
        f"{count} containers worked on attempt {key}" for key, count in worked.items() if count > 1
    ]


def sleepers() -> list[str]:
    """A host cut off right before one of its writes, which wakes when its successor has published."""
    wrong = []
    for number in range(1, 12):
        world = World(seed=f"sleeper {number}")
        _put_to_sleep(world, number, SLEPT_S)
        world.upload(1, "S")
        world.run(least_s=5_000)
        wrong += [f"request {number}: {each}" for each in world.wrong(extra=False)]
    return wrong


def _put_to_sleep(world: World, number: int, slept_s: float) -> None:
    asleep: list[str] = []

    def watch(life: Life, request: str) -> str | None:
        first = life.name.startswith("container ") and "-1 " in life.name
        if first and not asleep and life.requests == number:
            asleep.append(request)
            container = next(c for c in world.office.batch.containers if c.job["jobName"] in life.name)
            container.fate = "cut off"
            world.office.batch.end(container.job, reason="Host EC2 (instance i-0) terminated.")
            world.simulation.sleep(slept_s)
        return None

    world.office.account.watch = watch


def superseded_while_running() -> list[str]:
    """A newer upload in the middle of a run whose job cannot be stopped: it must not publish, nor go on."""
    world = World(seed="superseded")
    world.office.batch.terminate = lambda *_: {}  # type: ignore[method-assign]
    world.office.batch.sick["P/S"] = set()
    world.upload(1, "S", b"1")
    world.upload(150, "S", b"2")
    world.run()
    wrong = [each for each in world.wrong(extra=False) if "left to itself" not in each]
    first = world.office.batch.containers[0]
    if first.ended != "lost its lease":
        wrong.append(f"the superseded container {first.ended}")
    return wrong


def strays() -> list[str]:
    """Events of another office's bucket, of a second job of the attempt, and of another account."""
    world = World(seed="strays")
    office = world.office

    def stray() -> None:
        foreign = {
            "source": "aws.s3",
            "detail-type": "Object Created",
            "detail": {
                "bucket": {"name": "globalbi-us-uploads-333333333333"},
                "object": {"key": "metagenome/P/S/input.tar", "version-id": "v1", "sequencer": "00FF"},
            },
        }
        office.intake.send(json.dumps(foreign))

    def second_job() -> None:
        job = next(iter(office.batch.jobs.values()))
        twin = {**job, "jobId": "f" * 32, "status": "FAILED", "container": {"exitCode": 75}}
        office.progress.send(
            json.dumps({"source": "aws.batch", "detail-type": "Batch Job State Change", "detail": twin})
        )

    def forged() -> None:
        row = next(
            item for pk, item in world.headquarters.account.table.items.items() if pk.startswith("office#eu")
        )
        detail = {
            "office": "eu",
            "run_id": row["sk"]["S"][4:],
            "pipeline": "metagenome",
            "project": "P",
            "sample": "S",
            "state": "failed",
            "revision": 99,
            "message": "",
            "updated": "2027",
            "attempts": [],
            "release_digest": "",
        }
        event = {
            "source": "globalbi.office",
            "detail-type": "Run State Changed",
            "account": "333333333333",
            "region": "us-east-1",
            "detail": detail,
        }
        world.headquarters.queue.send(json.dumps(event))

    world.upload(1, "S")
    world.simulation.at(START_S + 60, stray)
    world.simulation.at(START_S + 120, second_job)
    world.simulation.at(START_S + 130, forged)
    world.run()
    wrong = world.wrong()
    if len(office.batch.jobs) != 1:
        wrong.append(f"{len(office.batch.jobs)} jobs, by the word of a job that was not the attempt's")
    return wrong


def without_reconcile() -> list[str]:
    """Throttles, lost replies and kills alone: the queues bring everything back by themselves.

    All but a passport that could not be signed, which nothing waits for.
    """
    rates = replace(CALM, throttled=0.2, lost=0.05, failed=0.02, killed=0.1)
    world = World(rates, "alone", reconciles=False)
    for number in range(40):
        world.upload(1 + number, f"S{number}")
    world.run(least_s=4_000)
    told = world.wrong(extra=False)
    return [each for each in told if "headquarters" not in each and "passport" not in each]


def dropped() -> list[str]:
    """A third of all events never comes: reconcile finds every one of their consequences."""
    rates = replace(CALM, dropped=0.33, reclaimed=0.2, out_of_memory=0.1, reuploaded=0.3, killed=0.05)
    campaign = run_campaign(samples=60, seed=7, offices=["eu"], rates=rates, uploads_per_s=1.0)
    found = examine(campaign)
    wrong = [f"{name}: {what}" for name, each in found.broken.items() for what in each]
    return wrong + ([] if campaign.idle else ["it never came to rest"])


def unsigned() -> list[str]:
    """KMS refuses to sign for a while: every run ends all the same, and gets its passport afterwards."""
    world = World(seed="unsigned")
    account = world.office.account
    sign = account._kms_Sign

    def refuse_at_first(data: dict[str, Any]) -> Any:
        return (400, "DisabledException") if world.simulation.now < START_S + REFUSED_S else sign(data)

    account._kms_Sign = refuse_at_first  # type: ignore[method-assign]
    for number in range(6):
        world.upload(1 + number, f"S{number}")
    world.run(least_s=REFUSED_S)
    left = world.office.counts["progress raised"]
    return world.wrong() + ([f"{left} functions failed for want of a signature"] if left else [])


def slow() -> list[str]:
    """AWS answers slowly: functions give back what they cannot begin, and none runs out of time."""
    usual = dict(LATENCY_S)
    try:
        LATENCY_S.update({name: (8 * low, 24 * high) for name, (low, high) in usual.items()})
        world = World(seed="slow")
        for number in range(60):
            world.upload(1 + 0.01 * number, f"S{number}")
        world.run()
    finally:
        LATENCY_S.update(usual)
    late = world.office.account.fates["timed out"]
    return world.wrong() + ([f"{late} functions ran out of time"] if late else [])


def small_campaign() -> list[str]:
    """The campaign itself, with more re-uploads and reclaims than usual."""
    rates = replace(
        Rates(), reuploaded=0.4, reclaimed=0.3, duplicated=0.5, zombies=0.3, paused=0.05, dropped=0.01
    )
    wrong = []
    for seed in (11, 12):
        campaign = run_campaign(samples=60, seed=seed, offices=["eu"], rates=rates)
        found = examine(campaign)
        wrong += [f"{name}: {what}" for name, each in found.broken.items() for what in each]
        needless = found.compute_s["extra: containers that no result needed"] / max(
            1.0, found.compute_s["useful"]
        )
        if needless > 0.01:
            wrong.append(f"{100 * needless:.1f}% of containers' time for nothing")
    return wrong


def headquarters() -> list[str]:
    """Events to headquarters in any order: its table ends with the last revision of each run."""
    rates = replace(CALM, reordered=0.6, duplicated=0.6, reclaimed=0.2)
    world = World(rates, "headquarters")
    for number in range(20):
        world.upload(1 + number, f"S{number}")
    world.run(least_s=2_500)
    return world.wrong(extra=False)


def orders() -> list[str]:
    """Some of the orders of one sample's events."""
    from campaign.orders import every_order

    played = every_order(step=50)
    return [] if len(played.outcomes) == 1 and not played.dead else [f"{len(played.outcomes)} outcomes"]


def burst() -> list[str]:
    """A burst with more functions at once than production allows."""
    from campaign.scenarios import burst as crowd

    came = crowd(600, max_concurrency=80)
    wrong = [f"{came.peak} submissions in a second"] if came.peak > 50 else []
    return wrong + ([] if came.exactly_once else [f"{came.jobs} jobs of {came.uploads} uploads"])


def incident() -> list[str]:
    """Functions that time out in the middle of their batches."""
    from campaign.scenarios import incident as crowd

    came = crowd(120)
    return [] if came.exactly_once else [f"{came.jobs} jobs of {came.uploads} uploads"]


CHECKS: dict[str, Callable[[], list[str]]] = {
    each.__name__: each
    for each in (
        *DELIVERY_CHECKS,
        story,
        orders,
        races,
        doubt,
        late_words,
        twins,
        sleepers,
        superseded_while_running,
        strays,
        without_reconcile,
        dropped,
        unsigned,
        slow,
        headquarters,
        burst,
        incident,
        small_campaign,
        cohort_kills,
        cohort_races,
        cohort_waits,
        cohort_campaign,
        budget_races,
        budget_campaign,
    )
}
