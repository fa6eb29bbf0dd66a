"""The story of a campaign: who uploads what and when, and the simulation that carries it to its end."""

import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from campaign.meter import Meter
from campaign.offices import START_S, Fleet, Office, open_offices
from campaign.process import put_back
from campaign.rates import Rates
from campaign.simulation import Simulation

UPLOADS_PER_S = 1.2  # of an office, on average
PROJECTS = 37
PATIENCE_S = 2 * 86_400.0  # after the last upload: what is not at its end by then never will be
MID_RUN_S = (5.0, 900.0)
INPUT = "input.tar"


@dataclass(kw_only=True)
class Upload:
    """One version of a sample's upload, as the branch made it."""

    version_id: str
    at: float
    body: bytes


@dataclass(kw_only=True)
class Campaign:
    """A campaign that has run: what was uploaded, and the offices as they are at the end."""

    seed: int
    samples: int
    rates: Rates
    offices: dict[str, Office]
    headquarters: Fleet
    uploads: dict[str, dict[str, list[Upload]]]  # by office and key, in the bucket's order
    virtual_s: float = 0.0
    wall_s: float = 0.0
    trace: str = ""
    idle: bool = False
    notes: list[str] = field(default_factory=list)


@put_back()
def run_campaign(
    *,
    samples: int,
    seed: int,
    offices: list[str],
    rates: Rates | None = None,
    wire: bool = False,
    told: Callable[[str], Any] = lambda _: None,
    uploads_per_s: float = UPLOADS_PER_S,
    metered: bool = False,
    prepare: Callable[[dict[str, Office]], Any] = lambda _: None,
    projects: int = PROJECTS,
) -> Campaign:
    """Run `samples` in each office to their ends. `prepare` gets the offices before anything happens."""
    rates = rates or Rates()
    began = time.perf_counter()
    random.seed(f"{seed} retries")  # botocore's jitter
    simulation = Simulation(START_S)
    made, headquarters = open_offices(simulation, offices, rates, seed, wire=wire)
    for office in (*made.values(), headquarters) if metered else ():
        office.account.meter = Meter()
    prepare(made)
    campaign = Campaign(
        seed=seed,
        samples=samples,
        rates=rates,
        offices=made,
        headquarters=headquarters,
        uploads={name: {} for name in made},
    )
    last = max(
        _plan(simulation, office, samples, seed, rates, campaign.uploads[name], uploads_per_s, projects)
        for name, office in made.items()
    )
    for number, office in enumerate(made.values()):
        simulation.at(START_S + 17.0 * number, office.schedule)

    next_word = START_S + 600

    def over() -> bool:
        nonlocal next_word
        if simulation.now >= next_word:
            next_word += 600
            alive = sum(office.batch.alive for office in made.values())
            told(f"{(simulation.now - START_S) / 3600:.1f} h simulated, {alive} jobs")
        if simulation.now <= last:
            return False
        return simulation.now > last + PATIENCE_S or (
            headquarters.queue.empty and all(office.idle for office in made.values())
        )

    simulation.run(over)
    campaign.idle = simulation.now <= last + PATIENCE_S
    campaign.virtual_s = simulation.now - START_S
    campaign.wall_s = time.perf_counter() - began
    traces = [office.account.trace.hexdigest() for office in (*made.values(), headquarters)]
    campaign.trace = hashlib.sha256(" ".join(traces).encode()).hexdigest()
    simulation.close()
    return campaign


def _plan(
    simulation: Simulation,
    office: Office,
    samples: int,
    seed: int,
    rates: Rates,
    uploads: dict[str, list[Upload]],
    uploads_per_s: float,
    projects: int,
) -> float:
    """Put every upload into the clock; returns when the last one is made."""
    chance = Random(f"{seed} {office.name} uploads")
    at = last = START_S
    for number in range(samples):
        at += chance.expovariate(uploads_per_s)
        project, sample = f"P{number % projects}", f"S{number:05d}"
        key = f"metagenome/{project}/{sample}/{INPUT}"
        sick = office.batch.sick.setdefault(f"{project}/{sample}", set())
        if chance.random() < rates.out_of_memory:
            sick.add("memory")
        if chance.random() < rates.bad_input:
            sick.add("input")
        times = [(at, b"reads 1")]
        if chance.random() < rates.reuploaded:
            again = chance.random() < rates.identical
            times.append((at + chance.uniform(*MID_RUN_S), b"reads 1" if again else b"reads 2"))
            if chance.random() < 0.1:
                times.append((times[-1][0] + chance.uniform(*MID_RUN_S), b"reads 3"))
        for when, body in times:
            simulation.at(when, plan_upload(simulation, office, key, body, uploads))
            last = max(last, when)
    return last


def plan_upload(
    simulation: Simulation,
    office: Office,
    key: str,
    body: bytes,
    uploads: dict[str, list[Upload]],
    *,
    tell: bool = True,
) -> Callable[[], None]:
    """An upload to be made, and written down in `uploads`; without `tell`, S3's event of it is lost."""

    def upload() -> None:
        version = office.upload(key, body, tell=tell)
        uploads.setdefault(key, []).append(
            Upload(version_id=version.version_id, at=simulation.now, body=body)
        )

    return upload
