"""Shapes: what a job of so many vCPUs and so much memory costs on each kind of instance.

An instance holds as many jobs of a shape as the scarcer of its vCPUs and its memory allows; whatever is left
over of the other is paid for as well. So a job that asks for little memory is cheapest where there is little
of it to a vCPU, and one that asks for much where there is much. `handlers.cost.share` leaves that out.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from cost.book import Instance, Region
from handlers.release import Request, usable_mib

# Only an office with very many samples fills an instance of more.
MOST_JOBS = 8


@dataclass(frozen=True, kw_only=True)
class Shape:
    vcpus: int
    memory_mib: int

    @classmethod
    def of(cls, request: Request) -> "Shape":
        return cls(vcpus=request.vcpus, memory_mib=request.memory_mib)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Jobs of one shape, side by side on one instance. Prices are US dollars for a job and hour; `spot` None:
    not known. `vcpus_used` and `memory_used` are the shares of the instance that the jobs are given.
    """

    instance: str
    jobs: int
    spot: float | None
    on_demand: float
    vcpus_used: float
    memory_used: float

    @property
    def family(self) -> str:
        return self.instance.partition(".")[0]


def places(shape: Shape, prices: Region, families: Iterable[str] | None = None) -> list[Place]:
    """The cheapest size of each family that holds the shape, the cheapest family first: by Spot, where that
    is known. `families` None: all that the book has there.
    """
    wanted = None if families is None else set(families)
    best: dict[str, Place] = {}
    for type_, instance in prices.instances.items():
        found = _place(shape, type_, instance)
        if found is None or (wanted is not None and found.family not in wanted):
            continue
        if found.family not in best or _price(found) < _price(best[found.family]):
            best[found.family] = found
    return sorted(best.values(), key=_price)


def _place(shape: Shape, type_: str, instance: Instance) -> Place | None:
    """None: it does not fit, or the instance is far too large."""
    memory = usable_mib(int(instance.memory_gib))
    jobs = min(instance.vcpus // shape.vcpus, memory // shape.memory_mib)
    if not 1 <= jobs <= MOST_JOBS:
        return None
    return Place(
        instance=type_,
        jobs=jobs,
        spot=None if instance.spot is None else instance.spot / jobs,
        on_demand=instance.on_demand / jobs,
        vcpus_used=jobs * shape.vcpus / instance.vcpus,
        memory_used=jobs * shape.memory_mib / memory,
    )


def _price(place: Place) -> float:
    return place.on_demand if place.spot is None else place.spot
