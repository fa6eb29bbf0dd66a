"""Stages: how long each step of a sample takes, and what it asks of AWS.

Measured where it could be; what AWS alone knows is assumed, and says so.
"""

from dataclasses import dataclass

from handlers.release import GIB

MIB = 1024**2


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Seconds. The first block is measured (docs/performance.md), the second is assumed."""

    claim_s: float = 0.01  # S3's event, queue, claim
    submit_s: float = 0.02
    place_s: float = 0.01
    start_s: float = 1.42  # until the runner has its lease
    stage_s_per_gib: float = 1.94  # 1.05 GB in 1.90 s
    # Kraken 2, fastp and the rest: 57.2 processor seconds for 1,000,000 pairs, 220 MB; two threads.
    pipeline_s: float = 4.0
    pipeline_s_per_gib: float = 140.0
    end_s: float = 0.28
    tell_s: float = 0.10  # Batch's event, the ledger, HQ's row

    boot_s: float = 180.0  # an instance, until it takes jobs
    pull_s: float = 20.0  # an image of 473 MB
    references_s: float = 20.0  # 8 GB, once for each instance
    idle_s: float = 300.0  # until AWS Batch lets an instance go
    reclaims_per_hour: float = 0.05  # of each Spot instance

    def run_s(self, input_bytes: float) -> float:
        """Of a container on an instance that has image and references."""
        gib = input_bytes / GIB
        return (
            self.start_s
            + self.stage_s_per_gib * gib
            + self.pipeline_s
            + self.pipeline_s_per_gib * gib
            + self.end_s
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Of AWS, for one sample; counted on the campaign's model of an office (`cost.requests`)."""

    index_units: float  # of writing, on the key of the open runs
    fleet_units: float  # the same, on the key of a release at headquarters
    put_events: float
    deliveries: float  # events to targets
    busy_s: float  # of functions
    usd: float


def asked(samples: int = 40, region: str = "us-east-1") -> Asked:
    """Counted now, by the production handlers."""
    from cost import requests
    from cost.book import book_of

    counted = requests.measure(samples)
    return Asked(
        index_units=counted.index_units["ledger", "by_state"],
        fleet_units=counted.index_units["fleet", "by_release"],
        put_events=counted.calls["eventbridge:PutEvents"],
        deliveries=2 * counted.calls["eventbridge:PutEvents"] + 1 + requests.JOB_EVENTS,
        busy_s=counted.units["lambda:gb-second"] / requests.MEMORY_GB,
        usd=sum(counted.usd(book_of(None).regions[region]).values()),
    )
