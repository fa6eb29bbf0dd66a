"""Instances: how full each one was with all of its jobs, from the first start of one to the last end.

Attempts that name the same instance were on it together. How long it stood before its first job and after its
last only the bill knows. Attempts that do not say which instance it was, or have no end, are counted and in
no figure.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from sys import intern
from typing import Any

from cost import book
from cost.book import Book
from handlers.cost import HOUR_S, MIB_PER_GIB, share
from handlers.release import usable_mib

WITHOUT_ID, WITHOUT_END, WITHOUT_TYPE = "without_id", "without_end", "without_type"
# Of jobs that are in no figure of an instance.
WHY = {
    WITHOUT_ID: "did not say on which instance they were: their instance or their runner is from before that",
    WITHOUT_END: "are not over, or nobody was told of their end",
    WITHOUT_TYPE: "were on a type that the price book lacks",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Held:
    """What an attempt that had a container was given. `begin` and `end` are epoch seconds, `end` None: nobody
    was told, or it is not over. `failure` is its class, None: it did not fail.
    """

    office: str
    region: str
    pipeline: str
    instance: str | None
    market: str | None
    instance_id: str | None
    vcpus: int
    memory_mib: int
    begin: float
    end: float | None
    failure: str | None = None

    @property
    def seconds(self) -> float:
        return 0.0 if self.end is None else max(0.0, self.end - self.begin)


def held_of(row: Mapping[str, Any]) -> tuple[Held, ...]:
    """Of a row of headquarters' table: each attempt that had a container."""
    return tuple(
        Held(
            office=intern(str(row.get("office", ""))),
            region=intern(str(row.get("region", ""))),
            pipeline=intern(str(row.get("pipeline", ""))),
            instance=_word(each.get("instance")),
            market=_word(each.get("market")),
            instance_id=_word(each.get("instance_id")),
            vcpus=int(each["vcpus"]),
            memory_mib=int(each["memory_mib"]),
            begin=_moment(each["started"]),
            end=_moment(each["ended"]) if each.get("ended") else None,
            failure=_word(each.get("class")),
        )
        for each in row.get("attempts") or []
        if each.get("started")
    )


@dataclass(frozen=True, kw_only=True)
class Filled:
    """One instance, or several together, from first start to last end, gaps between jobs included. `given` is
    of all jobs, those at once added up; `usd_unused` None: the book lacks a price.
    """

    jobs: int
    most_at_once: int
    hours: float
    job_hours: float
    vcpu_hours: float
    vcpu_hours_given: float
    gib_hours: float  # as ECS gives them to jobs
    gib_hours_given: float
    usd_unused: float | None  # the part of the price that no job bears

    @property
    def mean_at_once(self) -> float:
        return self.job_hours / self.hours if self.hours else 0.0

    @property
    def vcpus_given(self) -> float:
        """The share."""
        return self.vcpu_hours_given / self.vcpu_hours if self.vcpu_hours else 0.0

    @property
    def memory_given(self) -> float:
        """The share."""
        return self.gib_hours_given / self.gib_hours if self.gib_hours else 0.0

    def told(self) -> dict[str, Any]:
        """As `--json` tells it."""
        return {
            "jobs": self.jobs,
            "hours": self.hours,
            "mean_at_once": self.mean_at_once,
            "most_at_once": self.most_at_once,
            "vcpus_given": self.vcpus_given,
            "memory_given": self.memory_given,
            "vcpu_hours_unused": self.vcpu_hours - self.vcpu_hours_given,
            "gib_hours_unused": self.gib_hours - self.gib_hours_given,
            "usd_unused": self.usd_unused,
        }


@dataclass(frozen=True, kw_only=True)
class Known:
    """An instance that jobs named. `pipelines` are those of its jobs."""

    office: str
    id: str
    instance: str
    market: str
    pipelines: tuple[str, ...]
    filled: Filled


@dataclass(frozen=True, kw_only=True)
class Instances:
    """`left_out` counts the jobs that are in no figure, by why."""

    known: tuple[Known, ...]
    left_out: Mapping[str, int]


def instances(jobs: Iterable[Held], prices: Book) -> Instances:
    """Of the attempts of any runs: those with the most unused vCPUs first."""
    left_out = Counter({WITHOUT_ID: 0, WITHOUT_END: 0, WITHOUT_TYPE: 0})
    groups: defaultdict[tuple[str, str], list[Held]] = defaultdict(list)
    types = {
        (region, name): of_type
        for region, found in prices.regions.items()
        for name, of_type in found.instances.items()
    }
    for each in jobs:
        if not each.instance_id:
            left_out[WITHOUT_ID] += 1
        elif each.end is None:
            left_out[WITHOUT_END] += 1
        elif (each.region, each.instance) not in types:
            left_out[WITHOUT_TYPE] += 1
        else:
            groups[each.office, each.instance_id].append(each)
    known = [
        _known(id, of_it, types[of_it[0].region, str(of_it[0].instance)]) for (_, id), of_it in groups.items()
    ]
    known.sort(key=lambda each: each.filled.vcpu_hours_given - each.filled.vcpu_hours)
    return Instances(known=tuple(known), left_out=left_out)


def together(found: Iterable[Filled]) -> Filled:
    """Several instances as one sum."""
    every = list(found)
    unused = [each.usd_unused for each in every]
    return Filled(
        jobs=sum(each.jobs for each in every),
        most_at_once=max((each.most_at_once for each in every), default=0),
        hours=sum(each.hours for each in every),
        job_hours=sum(each.job_hours for each in every),
        vcpu_hours=sum(each.vcpu_hours for each in every),
        vcpu_hours_given=sum(each.vcpu_hours_given for each in every),
        gib_hours=sum(each.gib_hours for each in every),
        gib_hours_given=sum(each.gib_hours_given for each in every),
        usd_unused=None if None in unused else sum(each or 0.0 for each in unused),
    )


def _known(id: str, jobs: Sequence[Held], of_type: book.Instance) -> Known:
    return Known(
        office=jobs[0].office,
        id=id,
        instance=str(jobs[0].instance),
        market=jobs[0].market or "",
        pipelines=tuple(sorted({each.pipeline for each in jobs})),
        filled=_filled(jobs, of_type, of_type.price(jobs[0].market)),
    )


def _filled(jobs: Sequence[Held], of_type: book.Instance, hourly: float | None) -> Filled:
    job_hours = vcpu_hours = gib_hours = 0.0
    for each in jobs:
        hours = each.seconds / HOUR_S
        job_hours += hours
        vcpu_hours += hours * each.vcpus
        gib_hours += hours * each.memory_mib / MIB_PER_GIB
    stood = (max(each.end or 0.0 for each in jobs) - min(each.begin for each in jobs)) / HOUR_S
    # A share is a sum of its parts, so that of all jobs is the sum of theirs.
    borne = share(vcpu_hours, gib_hours * MIB_PER_GIB, of_type.vcpus, of_type.memory_gib)
    return Filled(
        jobs=len(jobs),
        most_at_once=_most_at_once(jobs),
        hours=stood,
        job_hours=job_hours,
        vcpu_hours=stood * of_type.vcpus,
        vcpu_hours_given=vcpu_hours,
        gib_hours=stood * usable_mib(int(of_type.memory_gib)) / MIB_PER_GIB,
        gib_hours_given=gib_hours,
        usd_unused=None if hourly is None else hourly * (stood - borne),
    )


def _most_at_once(jobs: Iterable[Held]) -> int:
    now = most = 0
    for _, change in sorted(_changes(jobs)):
        now += change
        most = max(most, now)
    return most


def _changes(jobs: Iterable[Held]) -> Iterator[tuple[float, int]]:
    """Ends sort before starts of the same moment: who follows upon another was not beside it."""
    for each in jobs:
        if each.end is not None and each.end > each.begin:
            yield each.begin, 1
            yield each.end, -1


def _word(told: object) -> str | None:
    """One of each for all jobs: there are few, and 50,000 runs in the dashboard's memory."""
    return None if told is None else intern(str(told))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
