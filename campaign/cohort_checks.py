"""Small worlds for cohorts, each made so that one kind of guard is all that stands between it and a
comparison that is old, missing or made twice.
"""

from collections.abc import Callable
from dataclasses import replace

from campaign.account import Life
from campaign.comparisons import with_cohorts
from campaign.offices import RECONCILE_TIMEOUT_S, START_S
from campaign.promises import examine
from campaign.rates import Rates
from campaign.story import run_campaign
from campaign.world import World
from handlers import reconcile

QUIET_S = 5.0
MOST_REQUESTS = 24  # of one invocation that are tried
STALLED_S = 60.0


def _world(seed: str, *, reconciles: bool = True) -> World:
    """Samples are analysed within seconds, and a project is quiet after five."""
    world = World(seed=seed, reconciles=reconciles)
    with_cohorts(world.office, QUIET_S)
    for sample in (
        "S1",
        "S2",
        "metagenome",
    ):  # the cohort, too: it is the sample `metagenome` of its pipeline
        world.office.batch.sick[f"P/{sample}"] = {"quick"}
    return world


def _reconcile_at(world: World, *times: float) -> None:
    """A pass of reconcile at each of these times, the ones before ended or not."""

    def begin() -> None:
        world.office.run("reconcile", reconcile.handle, {}, RECONCILE_TIMEOUT_S, lambda *_: None)

    for time in times:
        world.simulation.at(START_S + time, begin)


def cohort_kills() -> list[str]:
    """A function dies before or after any of its requests while its run succeeds: the mark is there, or the
    run has not succeeded.
    """
    wrong = []
    for side in ("before", "after"):
        for name, last in (("progress", 6), ("reconcile", 3)):
            for invocation in range(1, last + 1):
                for request in range(1, 13):
                    world = _world(f"cohort {side} {name} {invocation} {request}")
                    world.office.account.watch = _kill(f"{name} {invocation}", request, side)
                    world.upload(1, "S1")
                    world.run()
                    where = f"killed {side} request {request} of {name} {invocation}"
                    wrong += [f"{where}: {each}" for each in world.wrong(second_jobs=False, extra=False)]
                    if len(wrong) > 3:
                        return wrong
    return wrong


def _kill(name: str, request: int, side: str) -> Callable[[Life, str], str | None]:
    def watch(life: Life, _: str) -> str | None:
        return side if life.name == name and life.requests == request else None

    return watch


def cohort_races() -> list[str]:
    """A pass of reconcile stands still at any of its requests. Meanwhile a new result comes, of another
    sample or of the same, and another pass may have compared it already.
    """
    wrong = []
    for another in (True, False):
        for sample in ("S1", "S2"):
            for request in range(1, MOST_REQUESTS):
                world = _world(f"cohort race {another} {sample} {request}", reconciles=False)
                world.office.account.watch = _stall(world, "reconcile 1", request)
                world.upload(1, "S1")
                world.upload(41, sample, b"2")
                _reconcile_at(world, 40, *([85] if another else []), 700, 1300)
                world.run(least_s=1500)
                where = f"stalled at request {request}, {sample} came{', and a pass' if another else ''}"
                # A run that ended before the newer upload came stays beside its run.
                told = [each for each in world.wrong(extra=False) if "runs of metagenome" not in each]
                wrong += [f"{where}: {each}" for each in told]
                if len(wrong) > 3:
                    return wrong
    return wrong


def _stall(world: World, name: str, request: int) -> Callable[[Life, str], str | None]:
    def watch(life: Life, _: str) -> str | None:
        if life.name == name and life.requests == request:
            world.simulation.sleep(STALLED_S)
        return None

    return watch


def cohort_waits() -> list[str]:
    """While one sample is still being analysed, the others' results are not compared yet: one job will do."""
    world = _world("cohort waits")
    world.office.batch.sick["P/S2"] = set()
    world.upload(1, "S1")
    world.upload(2, "S2")
    world.run()
    cohorts = [each for each in world.office.batch.containers if each.sample == "P/metagenome"]
    return world.wrong() + ([f"{len(cohorts)} comparisons for two samples"] if len(cohorts) != 1 else [])


def cohort_campaign() -> list[str]:
    """The campaign with all its faults, in an office that compares its projects."""
    rates = replace(Rates(), reuploaded=0.4, duplicated=0.5, killed=0.2, conflicts=0.05, paused=0.03)
    wrong = []
    for seed in (21, 22):
        campaign = run_campaign(
            samples=40, seed=seed, offices=["eu"], rates=rates, projects=4,
            prepare=lambda offices: with_cohorts(offices["eu"]),
        )  # fmt: skip
        found = examine(campaign)
        wrong += [f"{name}: {what}" for name, each in found.broken.items() for what in each]
        wrong += [] if campaign.idle else [f"seed {seed}: it never came to rest"]
    return wrong
