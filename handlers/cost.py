"""What a run will cost: the estimate of `status.json`, made when the run is claimed.

A job pays for its share of an instance, as AWS's split cost allocation data has it: a vCPU weighs nine times
what a GiB of memory does (the ratio of Fargate's prices), and a job bears its part of the whole instance's
weight. Within a family prices grow with the size, so that part costs the same on whatever size AWS Batch
chooses. What an instance has left over is nobody's: it is not in here.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from handlers.forecast import Finished, Limit, expected_s
from handlers.release import Request
from handlers.run import ON_DEMAND, Estimate, Run

VCPU_WEIGHT = 9  # of a GiB
MIB_PER_GIB = 1024
HOUR_S = 3600
ROOT_VOLUME_GIB = 50  # of each instance: images; what jobs read and write is on the NVMe


@dataclass(frozen=True, kw_only=True)
class Family:
    """An instance family's prices in US dollars per vCPU and hour; `spot` None: not known."""

    name: str
    gib_per_vcpu: float
    on_demand: float
    spot: float | None


@dataclass(frozen=True, kw_only=True)
class Prices:
    """An office's families and the day (ISO 8601) that their prices are of."""

    day: str
    families: tuple[Family, ...]


def weight(vcpus: float, memory_gib: float) -> float:
    return VCPU_WEIGHT * vcpus + memory_gib


def share(vcpus: float, memory_mib: float, of_vcpus: float, of_gib: float) -> float:
    """The part of an instance's price that a job bears."""
    return weight(vcpus, memory_mib / MIB_PER_GIB) / weight(of_vcpus, of_gib)


def estimate(
    request: Request, size: int, prices: Prices | None, history: Sequence[Finished], limit: Limit
) -> Estimate | None:
    """None: the office knows no prices. `size` is the input's, in bytes."""
    if prices is None or not prices.families:
        return None
    dearest = max(_hourly(request, each, each.on_demand) for each in prices.families)
    spot = [_hourly(request, each, each.spot) for each in prices.families if each.spot is not None]
    takes = expected_s(size, history, limit)
    return Estimate(
        low=None if takes is None or not spot else _money(min(spot), takes),
        high=None if takes is None else _money(dearest, takes),
        most=_money(dearest, request.time_limit_s),
        seconds=None if takes is None else round(takes),
        runs=len(history),
        prices_of=prices.day,
    )


def spent_usd(run: Run, prices: Prices | None) -> float:
    """What a run's attempts have cost until now, or until its end, in US dollars: their shares of instances.

    Where an instance did not say what it is, the dearest family is taken: a budget must not be passed unseen.
    """
    if prices is None or not prices.families:
        return 0.0
    dearest = max(prices.families, key=lambda each: each.on_demand)
    by_name = {each.name: each for each in prices.families}
    found = 0.0
    for attempt in run.attempts:
        if attempt.started is None:
            continue
        known = by_name.get((attempt.instance or "").partition(".")[0])
        family = known or dearest
        spot = known.spot if known and (attempt.market or attempt.queue) != ON_DEMAND else None
        seconds = _moment(attempt.ended or run.updated) - _moment(attempt.started)
        hourly = _hourly(attempt.request, family, family.on_demand if spot is None else spot)
        found += hourly * max(0.0, seconds) / HOUR_S
    return found


def _moment(iso: str) -> float:
    return datetime.fromisoformat(iso).timestamp()


def _hourly(request: Request, family: Family, price: float) -> float:
    return price * share(request.vcpus, request.memory_mib, 1, family.gib_per_vcpu)


def _money(hourly: float, seconds: float) -> float:
    return round(hourly * seconds / HOUR_S, 6)


def prices_to_json(day: str, families: Iterable[Family]) -> str:
    """The value of `PRICES`; short, because Lambda allows 4 KB of environment in all."""
    told = {each.name: [each.gib_per_vcpu, each.on_demand, each.spot] for each in families}
    return json.dumps({"day": day, "families": told}, separators=(",", ":"))


def prices_from_json(text: str) -> Prices | None:
    """The prices of `PRICES`; None of an empty one."""
    if not text:
        return None
    told = json.loads(text)
    families = (
        Family(name=name, gib_per_vcpu=gib, on_demand=on_demand, spot=spot)
        for name, (gib, on_demand, spot) in told["families"].items()
    )
    return Prices(day=told["day"], families=tuple(families))


def estimate_to_item(made: Estimate | None) -> str | None:
    """For the ledger: as text, because DynamoDB knows no fractions of Python's."""
    return None if made is None else json.dumps(asdict(made))


def estimate_of_item(text: str | None) -> Estimate | None:
    return None if text is None else Estimate(**json.loads(text))
