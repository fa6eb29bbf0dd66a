"""Requests a sample: what the control plane asks of AWS for one sample, by service, and what that costs.

The campaign's model of an office runs the production handlers, without any bad luck; a meter counts each
request and the units that DynamoDB bills for it. Left out of a sample are the container's own requests
(`cost.run` has them), and what is asked whether there are samples or not: reconcile's passes, the desk's
pages, and the pollers that find their queues empty.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace

from campaign.constants import constant_of
from campaign.meter import Meter
from campaign.rates import CALM
from campaign.story import Campaign, run_campaign
from cost.book import Region

FUNCTIONS = ("intake", "progress", "fleet")
MOST_CALLS, MOST_USD, MOST_DUPLICATE = 60, 0.0005, 3
OFFICE = "eu"
JOB_EVENTS = 3.0  # RUNNABLE, RUNNING, and the end
MEMORY_GB = constant_of("function", "MEMORY_MIB") / 1024


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Of one sample, on average. `calls` by operation (`s3:PutObject`), `units` as the price book names them.

    `calls` are the functions' own; `polls` is what Lambda asks of SQS to bring them their messages.
    """

    calls: Mapping[str, float]
    polls: float
    units: Mapping[str, float]
    # Write units of DynamoDB by (table, index): `ledger` or `fleet`. An index's key has a limit of its own.
    index_units: Mapping[tuple[str, str], float]

    @property
    def made(self) -> float:
        return sum(self.calls.values())

    def usd(self, prices: Region) -> dict[str, float]:
        """By service; `LookupError` names a price that the book lacks."""
        found: Counter[str] = Counter()
        for unit, count in self.units.items():
            if unit not in prices.units:
                raise LookupError(f"the price book has no {unit} there")
            found[unit.partition(":")[0]] += prices.units[unit] * count  # type: ignore[assignment]
        return dict(found)


def measure(samples: int = 100, seed: int = 1) -> Sample:
    """A sample that is uploaded once and runs once."""
    return _of(_metered(samples, seed, duplicated=0.0), samples)


def measure_duplicates(samples: int = 100, seed: int = 1) -> dict[str, float]:
    """Calls of each function for an event that it has had before, on average: every event comes twice."""
    once = _metered(samples, seed, duplicated=0.0)
    twice = _metered(samples, seed, duplicated=1.0)
    told = _made(twice)["eventbridge:PutEvents"]
    events = {"intake": samples, "fleet": told}
    events["progress"] = _counts(twice, "events duplicated") - samples - told
    return {
        name: (_made(twice, (name,)).total() - _made(once, (name,)).total()) / count
        for name, count in events.items()
    }


def mean_duplicate(duplicates: Mapping[str, float], sample: Sample) -> float:
    """Over the events of a sample: one of its upload, as many to headquarters, the rest of its jobs."""
    told = sample.calls["eventbridge:PutEvents"]
    events = {"intake": 1.0, "fleet": told, "progress": JOB_EVENTS}
    return sum(duplicates[name] * count for name, count in events.items()) / sum(events.values())


def by_service(sample: Sample) -> dict[str, float]:
    """Calls, and with SQS what Lambda asks to fetch and to delete messages."""
    found: dict[str, float] = {"sqs": sample.polls}
    for name, count in sample.calls.items():
        service = "events" if name.startswith("eventbridge:") else name.partition(":")[0]
        found[service] = found.get(service, 0.0) + count
    return found


def _metered(samples: int, seed: int, *, duplicated: float) -> Campaign:
    return run_campaign(
        samples=samples, seed=seed, offices=[OFFICE], rates=replace(CALM, duplicated=duplicated), metered=True
    )


def _of(campaign: Campaign, samples: int) -> Sample:
    meters, units = _meters(campaign), Counter[str]()
    by_index: Counter[tuple[str, str]] = Counter()
    for meter in meters:
        for (who, index), count in meter.index_units.items():
            by_index["fleet" if who == "fleet" else "ledger", index] += count if who in FUNCTIONS else 0
    for meter in meters:
        for (who, unit), count in meter.units.items():
            units[unit] += count if who in FUNCTIONS else 0
    calls = _made(campaign)
    invocations = sum(_counts(campaign, f"{name} invocations") for name in FUNCTIONS)
    messages = _counts(campaign, "events")
    units["s3:write"] = sum(n for name, n in calls.items() if name.startswith(("s3:Put", "s3:List")))
    units["s3:read"] = sum(n for name, n in calls.items() if name.startswith(("s3:Get", "s3:Head")))
    # One from the office to its bus, one from there to headquarters'.
    units["events:custom"] = 2 * calls["eventbridge:PutEvents"]
    # EventBridge sends each message; Lambda receives and deletes a batch in one request each.
    units["sqs:request"] = messages + 2 * invocations
    units["lambda:request"] = invocations
    busy = sum(meter.busy_s[name] for meter in meters for name in FUNCTIONS)
    return Sample(
        calls={name: count / samples for name, count in sorted(calls.items())},
        polls=2 * invocations / samples,
        index_units={where: count / samples for where, count in by_index.items()},
        units={
            **{unit: count / samples for unit, count in units.items()},
            "lambda:gb-second": busy * MEMORY_GB / samples,
        },
    )


def _made(campaign: Campaign, functions: tuple[str, ...] = FUNCTIONS) -> Counter[str]:
    found: Counter[str] = Counter()
    for meter in _meters(campaign):
        for (who, name), count in meter.requests.items():
            found[name] += count if who in functions else 0
    return +found


def _meters(campaign: Campaign) -> list[Meter]:
    accounts = (campaign.offices[OFFICE].account, campaign.headquarters.account)
    return [account.meter for account in accounts if account.meter is not None]


def _counts(campaign: Campaign, name: str) -> int:
    return campaign.offices[OFFICE].counts[name] + campaign.headquarters.counts[name]
