"""Two crowds: the public incident of a function that timed out in the middle of its batches, and a burst.

The incident: 4,384 uploads became 14,727 executions, because a function that runs out of time gives its
whole batch back, done or not. The burst: 5,000 uploads within a minute, against AWS
Batch's 50 submissions a second.
"""

from collections import Counter
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from campaign.account import Life
from campaign.offices import START_S, Office, open_offices
from campaign.rates import CALM
from campaign.simulation import Simulation

INCIDENT_UPLOADS = 4_384
BURST_UPLOADS, BURST_S = 5_000, 60.0
DRAINED_WITHIN_S = 180.0
SUBMISSIONS_PER_S = 50


@dataclass(frozen=True, kw_only=True)
class Crowd:
    """What came of it. `drained_s` is from the first upload to the last submission."""

    uploads: int
    jobs: int
    runs_with_one_job: int
    invocations: int
    timed_out: int
    peak: int
    refused: int
    drained_s: float
    dead: int

    @property
    def exactly_once(self) -> bool:
        return self.jobs == self.runs_with_one_job == self.uploads and not self.dead


def incident(uploads: int = INCIDENT_UPLOADS, seed: int = 1) -> Crowd:
    """Every batch's first invocation hangs somewhere in its middle until the function's time is up."""
    simulation = Simulation(START_S)
    offices, _ = open_offices(simulation, ["eu"], CALM, seed)
    office = offices["eu"]
    chance = Random(f"{seed} hangs")

    def hang(life: Life, messages: Any) -> None:
        if any(each.receives == 1 for each in messages.values()):
            life.hang_at = 1 + chance.randrange(12 * len(messages))

    office.lives_begin = hang
    return _crowd(simulation, office, uploads, [START_S + 0.05 * n for n in range(uploads)])


def burst(
    uploads: int = BURST_UPLOADS,
    seed: int = 1,
    *,
    max_concurrency: int | None = None,
    throttled: float = 0.0,
) -> Crowd:
    """All uploads within a minute; jobs only wait, so that what is measured is the way to Batch."""
    simulation = Simulation(START_S)
    offices, _ = open_offices(simulation, ["eu"], replace(CALM, throttled=throttled), seed)
    office = offices["eu"]
    if max_concurrency is not None:
        office.intake.max_concurrency = max_concurrency
    chance = Random(f"{seed} burst")
    times = sorted(START_S + chance.uniform(0, BURST_S * uploads / BURST_UPLOADS) for _ in range(uploads))
    return _crowd(simulation, office, uploads, times)


def _crowd(simulation: Simulation, office: Office, uploads: int, times: list[float]) -> Crowd:
    office.batch.containers_run = False
    for number, at in enumerate(times):
        key = f"metagenome/P/S{number:05d}/input.tar"
        simulation.at(at, lambda key=key: office.upload(key, b"reads"))  # type: ignore[misc]
    simulation.at(START_S + 300, office.schedule)
    last = times[-1]

    def over() -> bool:
        nothing_left = office.intake.empty and office.progress.empty and not _waiting(office)
        return simulation.now > last + 1 and (nothing_left or simulation.now > last + 86_400)

    simulation.run(over)
    simulation.close()
    names = Counter(job["jobName"] for job in office.batch.jobs.values())
    return Crowd(
        uploads=uploads,
        jobs=len(office.batch.jobs),
        runs_with_one_job=sum(count == 1 for count in names.values()),
        invocations=office.counts["intake invocations"],
        timed_out=office.account.fates["timed out"],
        peak=office.batch.peak,
        refused=office.batch.refused,
        drained_s=max(office.batch.submitted_at, default=START_S) - times[0],
        dead=len(office.intake.dead) + len(office.progress.dead),
    )


def _waiting(office: Office) -> bool:
    """Whether an upload has no submitted job yet."""
    uploads = len(office.account.keys.get(office.account.office.uploads, []))
    return len(office.batch.by_name) < uploads
