"""One office in a small simulation, for the checks: what goes in, and what is wrong at the end."""

import json
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from campaign.account import Life
from campaign.offices import START_S, Office, open_offices
from campaign.promises import examine
from campaign.rates import CALM, Rates
from campaign.simulation import Simulation
from campaign.story import Campaign, plan_upload

PATIENCE_S = 30_000.0


class World:
    """One office with headquarters, in which a check puts what it needs."""

    def __init__(self, rates: Rates = CALM, seed: int | str = 0, *, reconciles: bool = True) -> None:
        self.simulation = Simulation(START_S)
        random.seed(f"{seed} retries")
        offices, self.headquarters = open_offices(self.simulation, ["eu"], rates, seed)
        self.office: Office = offices["eu"]
        self.campaign = Campaign(
            seed=0,
            samples=0,
            rates=rates,
            offices=offices,
            headquarters=self.headquarters,
            uploads={"eu": {}},
        )
        self.reconciles = reconciles
        if reconciles:
            self.simulation.at(START_S + 150, self.office.schedule)

    def upload(self, at: float, name: str, body: bytes = b"1", *, tell: bool = True) -> None:
        key = f"metagenome/P/{name}/input.tar"
        uploads = self.campaign.uploads["eu"]
        self.simulation.at(
            START_S + at, plan_upload(self.simulation, self.office, key, body, uploads, tell=tell)
        )

    def run(self, least_s: float = 300.0) -> None:
        def over() -> bool:
            late = self.simulation.now - START_S
            office = self.office
            quiet = (
                not office.on_the_way
                and office.intake.empty
                and office.progress.empty
                and not office.batch.alive
            )
            rest = office.idle if self.reconciles else quiet
            return late > least_s and ((rest and self.headquarters.queue.empty) or late > PATIENCE_S)

        self.simulation.run(over)
        self.simulation.close()

    def wrong(self, *, second_jobs: bool = True, extra: bool = True) -> list[str]:
        found = examine(self.campaign)
        wrong = [f"{name}: {what}" for name, each in found.broken.items() for what in each]
        names = Counter(job["jobName"] for job in self.office.batch.jobs.values())
        if second_jobs:
            wrong += [f"{count} jobs of {name}" for name, count in names.items() if count > 1]
        if extra:
            wrong += [
                f"{n} {name}" for name, n in found.counts.items() if name.startswith("containers that no")
            ]
        if found.counts["in dead-letter queues"]:
            dead = (*self.office.intake.dead, *self.office.progress.dead)
            wrong.append(f"dead letters: {[message.reason for message in dead][:3]}")
        if found.counts["runs whose end headquarters does not know"]:
            wrong.append("headquarters does not know a run's end")
        if self.reconciles and not self.office.idle:
            wrong.append("it never came to rest")
        wrong += _of_runs(self.office)
        return wrong


def _of_runs(office: Office) -> list[str]:
    """Of a sample's runs one is not superseded; a superseded run's jobs were stopped by us, or over."""
    items, wrong = office.account.table.items, []
    alive: Counter[str] = Counter()
    for pk, item in items.items():
        if not pk.startswith("run#"):
            continue
        if item["state"]["S"] != "superseded":
            alive[item["key"]["S"]] += 1
            continue
        superseded = item["times"]["M"]["superseded"]["S"]
        for number in range(1, len(item["attempts"]["L"]) + 1):
            for job_id in office.batch.by_name.get(f"{pk[4:]}-{number}", []):
                container, job = office.batch.of_job[job_id], office.batch.jobs[job_id]
                stopped = job.get("statusReason", "").startswith("globalbi")
                if container.ended == "lost its lease" and not stopped and superseded:
                    wrong.append(f"the job of superseded {pk} was left to itself")
    return wrong + [f"{count} runs of {key} count" for key, count in alive.items() if count > 1]


def at_once(world: World, copies: int) -> Callable[[Any, Any], None]:
    """Every event several times, each to an invocation of its own, almost at the same moment."""

    def event(queue: Any, event: Any) -> None:
        body = json.dumps(event)
        for _ in range(copies if queue is not world.headquarters.queue else 1):
            message = [queue_message(queue, body)]
            queue.running += 1
            world.simulation.after(
                world.office.chance.uniform(0.2, 0.23), partial(queue.invoke, queue, message)
            )

    return event


def queue_message(queue: Any, body: str) -> Any:
    queue.send(body)
    message = queue.visible.pop()
    message.receives = 1
    return message


def stall(world: World, name: str, request: int) -> Callable[[Life, str], str | None]:
    def watch(life: Life, _: str) -> str | None:
        if life.name == name and life.requests == request:
            world.simulation.sleep(40)
        return None

    return watch
