"""An edge: a way from one place to another, and the most telling thing that may travel on it."""

from dataclasses import dataclass
from enum import IntEnum


class Carries(IntEnum):
    """What an edge may carry; the higher, the more it tells of a sample. The names are the office file's."""

    images = 1  # pipelines' images, and functions' code
    references = 2  # databases and indexes, the same for every sample
    metadata = 3  # alarms, sums of money, keyed hashes: no name of a sample
    identifiers = 4  # names of projects and samples, states, times, sizes
    results = 5  # what was found in a sample
    samples = 6  # the reads


# Places that are no office.
INTERNET, ANYONE, CONTACTS, UNKNOWN = "internet", "anyone", "contacts", "unknown"


@dataclass(frozen=True, kw_only=True, order=True)
class Edge:
    """`source` and `target` are offices, accounts (`account 444444444444`) or one of the places above."""

    source: str
    target: str
    carries: Carries
    via: str  # the resource that opens it
    how: str
