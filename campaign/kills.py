"""A kill before and after every request that any function or container makes, in a story with every turn.

The requests are enumerated from the code that ran: the story is told once without a kill, then once for each
request and side of it. After each, everything must have come to the same end.
"""

import multiprocessing
from collections import Counter
from dataclasses import dataclass
from typing import Any

from campaign.account import Life
from campaign.offices import START_S, Office, open_offices
from campaign.promises import examine
from campaign.rates import CALM
from campaign.simulation import Simulation
from campaign.story import Campaign, plan_upload

SIDES = ("before", "after")
WRONG_KEY = "metagenome/P/wrong/Input.tar"
PATIENCE_S = 86_400.0


@dataclass(frozen=True, kw_only=True)
class Told:
    """What a telling of the story came to. `ends` holds each sample's state and newest version."""

    requests: tuple[str, ...]
    ends: dict[str, tuple[str, int]]
    faults: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Kills:
    """`requests` by function or container and operation; `failed` names the kills not recovered from."""

    requests: Counter[str]
    kills: int
    failed: tuple[str, ...]


def tell(kill_at: int = 0, side: str = "before") -> Told:
    """The story, with the kill at request number `kill_at` (from 1; 0: none)."""
    simulation = Simulation(START_S)
    offices, headquarters = open_offices(simulation, ["eu"], CALM, "kills")
    office = offices["eu"]
    requests: list[str] = []

    def watch(life: Life, request: str) -> str | None:
        requests.append(f"{life.name.split()[0]} {request}")
        return side if len(requests) == kill_at else None

    for each in (office, headquarters):
        each.account.watch = watch
    campaign = Campaign(
        seed=0, samples=0, rates=CALM, offices=offices, headquarters=headquarters, uploads={"eu": {}}
    )
    last = _uploads(simulation, office, campaign)
    simulation.at(START_S + 150, office.schedule)

    def over() -> bool:
        rest = office.idle and headquarters.queue.empty
        return simulation.now > last and (rest or simulation.now > last + PATIENCE_S)

    simulation.run(over)
    simulation.close()
    return Told(
        requests=tuple(requests),
        ends=_ends(office, campaign),
        faults=tuple(_faults(office, headquarters, campaign)),
    )


def _uploads(simulation: Simulation, office: Office, campaign: Campaign) -> float:
    """A sample for each turn a run can take."""
    uploads, last = campaign.uploads["eu"], START_S + 240
    sick = {
        "memory": {"memory"},
        "reclaim": {"reclaim"},
        "input": {"input"},
        "blocked": {"blocked"},
        "host": {"host"},
    }
    for number, name in enumerate(("plain", "changed", "same", "dropped", *sick)):
        office.batch.sick[f"P/{name}"] = sick.get(name, set())
        key, at = f"metagenome/P/{name}/input.tar", START_S + 3.0 * number
        simulation.at(at, plan_upload(simulation, office, key, b"1", uploads, tell=name != "dropped"))
        if name in ("changed", "same"):
            body = b"2" if name == "changed" else b"1"
            simulation.at(START_S + 200, plan_upload(simulation, office, key, body, uploads))
    simulation.at(START_S + 40, lambda: office.upload(WRONG_KEY, b"1"))
    return last


def _ends(office: Office, campaign: Campaign) -> dict[str, tuple[str, int]]:
    items, uploads = office.account.table.items, campaign.uploads["eu"]
    ends = {}
    for key, versions in uploads.items():
        pk = f"sample#{key.removesuffix('/input.tar')}"
        item = items[pk]
        number = [each.version_id for each in versions].index(item["version_id"]["S"])
        ends[pk] = (items[f"run#{item['run_id']['S']}"]["state"]["S"], number)
    return ends


def _faults(office: Office, headquarters: Any, campaign: Campaign) -> list[str]:
    found = examine(campaign)
    faults = [f"{name}: {what}" for name, each in found.broken.items() for what in each]
    twice = Counter(job["jobName"] for job in office.batch.jobs.values())
    faults += [f"{count} jobs named {name}" for name, count in twice.items() if count > 1]
    if found.counts["runs whose end headquarters does not know"]:
        faults.append("headquarters does not know a run's end")
    if found.counts["in dead-letter queues"]:
        faults.append("a message is in a dead-letter queue")
    if not office.idle:
        faults.append("it never came to rest")
    folder = WRONG_KEY.rpartition("/")[0]
    if (office.account.office.results, f"{folder}/status.json") not in office.account.objects:
        faults.append("the wrong key was not answered")
    if office.intake.dead or headquarters.queue.dead:
        faults.append("a message is in a dead-letter queue")
    return faults


def every_kill(step: int = 1, processes: int = 1) -> Kills:
    """Each `step`-th request, killed before and after."""
    calm = tell()
    if calm.faults:
        raise AssertionError(f"the story fails without a kill: {calm.faults}")
    work = [(number, side, calm) for number in range(1, len(calm.requests) + 1, step) for side in SIDES]
    if processes > 1:
        with multiprocessing.get_context("spawn").Pool(processes) as pool:
            failed = pool.map(_one, work, chunksize=20)
    else:
        failed = [_one(each) for each in work]
    return Kills(
        requests=Counter(calm.requests), kills=len(work), failed=tuple(each for each in failed if each)
    )


def _one(given: tuple[int, str, Told]) -> str | None:
    number, side, calm = given
    told = tell(number, side)
    wrong = list(told.faults)
    wrong += [
        f"{pk} is {told.ends.get(pk)}, not {end}" for pk, end in calm.ends.items() if told.ends.get(pk) != end
    ]
    return f"{side} request {number}, {calm.requests[number - 1]}: {'; '.join(wrong)}" if wrong else None
