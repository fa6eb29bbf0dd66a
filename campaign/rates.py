"""How bad luck is dosed: each rate is a share of what it befalls."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rates:
    """The campaign's doses. The first block is the promise's, the second what AWS adds on its own."""

    reuploaded: float = 0.20  # of samples, in the middle of their run
    duplicated: float = 0.30  # of events
    reordered: float = 0.30
    dropped: float = 0.02
    throttled: float = 0.20  # of requests
    lost: float = 0.05  # done, but the reply is lost
    killed: float = 0.125  # of invocations: 10% die, some end before the request they would die at
    reclaimed: float = 0.17  # of containers on Spot: 15% of all
    out_of_memory: float = 0.065  # of samples: 5% of containers

    failed: float = 0.01  # requests answered with 500 and not done
    failed_after: float = 0.005  # requests answered with 500 and done
    conflicts: float = 0.01  # transactions cancelled because another one was under way
    identical: float = 0.25  # of re-uploads: the same bytes again
    bad_input: float = 0.01  # of samples
    cannot_inspect: float = 0.01  # containers that end well and are reported as failed
    unknown_failure: float = 0.01  # containers that fail without a reason, once
    no_capacity: float = 0.01  # jobs on Spot that get no instance for hours
    zombies: float = 0.05  # of reclaims: the host is cut off but alive, and works on
    paused: float = 0.01  # containers that stand still for minutes and go on
    identical_events: float = 0.005  # messages that SQS delivers again though they were deleted


CALM = Rates(**dict.fromkeys(Rates.__dataclass_fields__, 0.0))
