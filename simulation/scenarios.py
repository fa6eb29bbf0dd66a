"""Scenarios: an office on the days that the scale plan is about, and what came of each."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from components.pipeline import Pipeline
from cost.book import Region
from cost.run import MONTH_S
from cost.shapes import Place, Shape, places
from handlers.cost import HOUR_S, ROOT_VOLUME_GIB
from handlers.release import GIB
from simulation import quotas
from simulation.day import DAY_S, Day
from simulation.office import Limits, Office, Seen
from simulation.stages import MIB, Asked, Stages

DAYS = 2  # what is still open after the second is told as that
PART_MIB = 16  # pipeline_images/runner: a range of an upload
RESULT_FILES = 15
LAYERS = 10  # of an image, with the manifest's calls
READ_S = 0.004  # a GetItem; AWS: single-digit milliseconds
KEPT_DAYS = 30  # of uploads that reconcile looks at
PASS_S = 300
STARTING_S = 60  # instances of one decision do not start in the same second


@dataclass(frozen=True, kw_only=True)
class Scenario:
    name: str
    samples: int
    jobs: int
    submissions_a_s: float = quotas.SUBMISSIONS.limit
    seed: int = 1


@dataclass(frozen=True, kw_only=True)
class Use:
    """The most of a limit that was asked for at one time, and for what share of the day all of it was."""

    quota: quotas.Quota
    limit: float
    peak: float
    at_limit: float = 0.0
    samples_a_day: float = float("inf")  # even over the day, until it bites

    @property
    def share(self) -> float:
        return self.peak / self.limit


@dataclass(frozen=True, kw_only=True)
class Result:
    scenario: Scenario
    finished: int
    waits: tuple[float, float, float]  # seconds until it ran: median, 95 and 99 of a hundred
    took: tuple[float, float, float]  # from the upload to the result
    backlog: int  # open at the end of the first day
    reclaimed: int
    uses: tuple[Use, ...]
    usd: float  # a sample
    usd_parts: dict[str, float]
    open_runs: tuple[float, ...]  # every ten minutes
    running: tuple[float, ...]
    uploads_seen_after_h: (
        float | None
    )  # until reconcile has looked at every upload; None: it never comes to it
    calculated_s: float


def simulated(scenario: Scenario, pipeline: Pipeline, asked: Asked, region: Region) -> Result:
    began = time.monotonic()
    stages, day = Stages(), Day(samples=scenario.samples)
    chance = np.random.default_rng(scenario.seed)
    arrivals = day.arrivals(chance)
    kinds = chance.integers(0, day.classes, size=len(arrivals))
    office = Office(
        arrivals=arrivals.tolist(),
        kinds=kinds.tolist(),
        run_s=[stages.run_s(size) for size in day.sizes()],
        stages=stages,
        limits=Limits(
            jobs=scenario.jobs,
            submissions_a_s=scenario.submissions_a_s,
            index_units_a_s=quotas.LEDGER_INDEX.limit,
        ),
        index_units=asked.index_units,
        chance=chance,
        until_s=DAYS * DAY_S,
    )
    seen = office.run()
    request = pipeline.release().request(int(day.median_bytes))
    (place, *_) = places(Shape.of(request), region)
    parts = _money(seen, stages, asked, place, region, float(np.mean(day.sizes())))
    uses = _uses(scenario, seen, stages, asked, request.vcpus, float(np.mean(day.sizes())))
    reconcile = next(each for each in uses if each.quota is quotas.RECONCILE)
    left_s = reconcile.limit - float(np.median(seen.open_runs[:DAY_S])) * READ_S
    uploads = scenario.samples * KEPT_DAYS
    return Result(
        scenario=scenario,
        finished=seen.finished,
        waits=_quantiles(seen.waited_start),
        took=_quantiles(seen.took),
        backlog=int(seen.open_runs[DAY_S]),
        reclaimed=seen.reclaimed,
        uses=uses,
        usd=sum(parts.values()),
        usd_parts=parts,
        open_runs=tuple(float(each) for each in seen.open_runs[: DAY_S + 1 : 600]),
        running=tuple(float(each) for each in seen.running[: DAY_S + 1 : 600]),
        uploads_seen_after_h=uploads * READ_S / left_s * PASS_S / HOUR_S if left_s > 0 else None,
        calculated_s=time.monotonic() - began,
    )


def _quantiles(found: list[tuple[float, int]]) -> tuple[float, float, float]:
    if not found:
        return (0.0, 0.0, 0.0)
    seconds = np.array([each for each, _ in found])
    weights = np.cumsum([count for _, count in found], dtype=np.float64)
    order = np.argsort(seconds)
    weights = np.cumsum(np.array([count for _, count in found])[order], dtype=np.float64)
    at = np.searchsorted(weights, np.array([0.5, 0.95, 0.99]) * weights[-1])
    low, middle, high = (float(each) for each in seconds[order][np.minimum(at, len(order) - 1)])
    return low, middle, high


def _money(
    seen: Seen, stages: Stages, asked: Asked, place: Place, region: Region, mean_bytes: float
) -> dict[str, float]:
    """US dollars of a sample. Instances are paid for from their start to their end, idle or not."""
    slot_hours = float(seen.slots.sum()) / HOUR_S
    on_demand_hours = seen.on_demand_s / HOUR_S
    spot = place.on_demand if place.spot is None else place.spot
    instances = slot_hours * spot + on_demand_hours * (place.on_demand - spot)
    volumes = slot_hours / place.jobs * ROOT_VOLUME_GIB * (region.volume_gb_month or 0.0) * HOUR_S / MONTH_S
    parts = mean_bytes / (PART_MIB * MIB)
    mean_run_s = stages.run_s(mean_bytes)
    runner = (
        parts * region.units["s3:read"]
        + RESULT_FILES * region.units["s3:write"]
        + mean_run_s / 20 * 2 * region.units["dynamodb:write"]
    )
    done = max(1, seen.finished)
    return {
        "instances": instances / done,
        "volumes": volumes / done,
        "runner's requests": runner,
        "control plane": asked.usd,
    }


def _uses(
    scenario: Scenario, seen: Seen, stages: Stages, asked: Asked, vcpus: int, mean_bytes: float
) -> tuple[Use, ...]:
    moves = (seen.submitted + seen.started + seen.ended) / 3  # samples' worth of transitions, by second
    parts = mean_bytes / (PART_MIB * MIB)
    staging_s = max(1.0, stages.stage_s_per_gib * mean_bytes / GIB)
    instances = _rolling(seen.booted, STARTING_S) / 4 / STARTING_S

    def use(quota: quotas.Quota, peak: float, needed: float = 0.0, **more: Any) -> Use:
        """`needed`: of the limit, for one sample a second."""
        limit = float(more.pop("limit", quota.limit))
        return Use(
            quota=quota,
            limit=limit,
            peak=peak,
            samples_a_day=DAY_S * limit / needed if needed else float("inf"),
            **more,
        )

    def rate(quota: quotas.Quota, by_sample: float, series: Any = moves) -> Use:
        return use(quota, float(_rolling(series, 10).max()) / 10 * by_sample, by_sample)

    mean_run_s = stages.run_s(mean_bytes)
    paced = scenario.submissions_a_s
    full = float((seen.submitted[:DAY_S] >= paced).sum()) / DAY_S
    jobs_full = float((seen.running[:DAY_S] >= scenario.jobs).sum()) / DAY_S
    busy = moves * asked.busy_s
    return (
        use(quotas.SUBMISSIONS, float(seen.submitted.max()), 1.0, limit=paced, at_limit=full),
        use(
            quotas.VCPUS,
            float(seen.slots.max()) * vcpus,
            vcpus * mean_run_s,
            limit=scenario.jobs * vcpus,
            at_limit=jobs_full,
        ),
        rate(quotas.EVENTS, asked.deliveries),
        rate(quotas.PUT_EVENTS, asked.put_events),
        use(quotas.LAMBDA, float(_rolling(busy, 10).max()) / 10, asked.busy_s),
        rate(quotas.LEDGER_INDEX, asked.index_units),
        rate(quotas.FLEET_INDEX, asked.fleet_units),
        rate(quotas.S3_READS, parts, _rolling(seen.started, int(staging_s)) / int(staging_s)),
        rate(quotas.S3_WRITES, RESULT_FILES, seen.ended),
        use(quotas.ECR, float(instances.max()) * LAYERS),
        use(quotas.IN_FLIGHT, float(_rolling(busy, 10).max()), 10 * asked.busy_s),
        use(quotas.RECONCILE, float(seen.open_runs.max()) * READ_S, mean_run_s * READ_S),
    )


def _rolling(series: Any, seconds: int) -> Any:
    """The sum of so many seconds, for each second."""
    total = np.concatenate(([0.0], np.cumsum(series)))
    return total[seconds:] - total[:-seconds]
