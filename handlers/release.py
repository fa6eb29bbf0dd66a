"""A release as the handlers know it, and what a job of it needs as a function of the input's bytes.

Infrastructure writes the releases into each function's environment (`releases_to_json`), the functions read
them (`releases_from_json`). Lambda allows 4 KB of environment in all, hence the one-letter keys.
"""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

GIB = 1024**3
SAMPLE: Final = "sample"
PROJECT: Final = "project"

# ECS keeps part of an instance's memory: of 32 GiB (32,768 MiB) a job can have 31,431 MiB, and a job that
# asks for more than that of the only instance that would do stays RUNNABLE for ever.
USABLE_SHARE = 31_431 / 32_768
INSTANCE_MEMORY_GIB = (4, 8, 16, 32, 64, 128, 256)

# c6id, m6id and r6id carry 59 GB (55 GiB) of NVMe for each vCPU, which jobs on one host share. A job cannot
# ask Batch for disk, so it asks for the vCPUs that its share of the disk comes with.
SCRATCH_GIB_PER_VCPU = 50
MAX_VCPUS = 32

# AWS Batch: attemptDurationSeconds is at least 60. A job without one can hang for ever.
MIN_TIME_LIMIT_S = 60


@dataclass(frozen=True, kw_only=True)
class Linear:
    """`base + per_gib × input in GiB`, in the unit of what it measures."""

    base: int
    per_gib: int

    def of(self, input_bytes: int) -> int:
        return math.ceil(self.base + self.per_gib * input_bytes / GIB)


@dataclass(frozen=True, kw_only=True)
class Request:
    """What one attempt asks of AWS Batch. Memory in MiB, scratch in GiB, time in seconds."""

    vcpus: int
    memory_mib: int
    scratch_gib: int
    time_limit_s: int


@dataclass(frozen=True, kw_only=True)
class Release:
    """A pipeline at one image digest, with its references pinned and its job definition's revision."""

    pipeline: str
    version: str
    digest: str
    job_definition: str
    references: Mapping[str, tuple[str, str]]  # role → (name, version)
    vcpus: int
    memory_mib: Linear
    max_memory_mib: int
    scratch_gib: Linear
    time_limit_minutes: Linear
    after: tuple[str, ...] = ()  # the pipelines whose results it takes
    per: str = SAMPLE  # of each sample by itself, or of all of a PROJECT's together

    @property
    def id(self) -> str:
        return release_id(self.digest, self.references)

    def request(self, input_bytes: int) -> Request:
        """What the first attempt at an upload of `input_bytes` asks for."""
        scratch = self.scratch_gib.of(input_bytes)
        return Request(
            vcpus=vcpus_for_scratch(self.vcpus, scratch),
            memory_mib=fitting(min(self.memory_mib.of(input_bytes), self.max_memory_mib)),
            scratch_gib=scratch,
            time_limit_s=max(MIN_TIME_LIMIT_S, 60 * self.time_limit_minutes.of(input_bytes)),
        )


def release_id(digest: str, references: Mapping[str, tuple[str, str]]) -> str:
    """What makes a release another one: its image, or the version of a reference. 16 hex digits.

    `references`: role → (name, version).
    """
    pinned = [[role, *pin] for role, pin in sorted(references.items())]
    return hashlib.sha256(json.dumps([digest, pinned]).encode()).hexdigest()[:16]


def usable_mib(instance_gib: int) -> int:
    """The memory a job can have on an instance of `instance_gib`, in MiB."""
    return int(instance_gib * 1024 * USABLE_SHARE)


LARGEST_MEMORY_MIB = usable_mib(INSTANCE_MEMORY_GIB[-1])


def fitting(memory_mib: int) -> int:
    """`memory_mib`, lowered to what an instance offers when it lies just above that.

    32,000 MiB would need an instance of 64 GiB, twice as dear, for 569 MiB more than one of 32 GiB can give.
    """
    for instance in INSTANCE_MEMORY_GIB:
        if usable_mib(instance) < memory_mib <= instance * 1024:
            return usable_mib(instance)
    return min(memory_mib, LARGEST_MEMORY_MIB)


def vcpus_for_scratch(vcpus: int, scratch_gib: int) -> int:
    """The vCPUs whose share of the instance's NVMe holds `scratch_gib`, and at least `vcpus`."""
    return max(vcpus, min(MAX_VCPUS, math.ceil(scratch_gib / SCRATCH_GIB_PER_VCPU)))


def releases_to_json(releases: Iterable[Release]) -> str:
    """The value of `RELEASES`."""
    return json.dumps(
        {
            each.pipeline: {
                "d": each.digest,
                "j": each.job_definition,
                "r": {role: list(pin) for role, pin in sorted(each.references.items())},
                "v": each.vcpus,
                "m": [each.memory_mib.base, each.memory_mib.per_gib, each.max_memory_mib],
                "s": [each.scratch_gib.base, each.scratch_gib.per_gib],
                "t": [each.time_limit_minutes.base, each.time_limit_minutes.per_gib],
                "a": [each.per, *each.after] if each.after else [],
                "n": each.version,
            }
            for each in sorted(releases, key=lambda release: release.pipeline)
        },
        separators=(",", ":"),
    )


def releases_from_json(text: str) -> dict[str, Release]:
    """The releases of `RELEASES`, by pipeline; `ValueError` names what is wrong with it."""
    try:
        return {
            name: Release(
                pipeline=name,
                version=str(each["n"]),
                digest=str(each["d"]),
                job_definition=str(each["j"]),
                references={role: (str(pin[0]), str(pin[1])) for role, pin in each["r"].items()},
                vcpus=int(each["v"]),
                memory_mib=Linear(base=int(each["m"][0]), per_gib=int(each["m"][1])),
                max_memory_mib=int(each["m"][2]),
                scratch_gib=Linear(base=int(each["s"][0]), per_gib=int(each["s"][1])),
                time_limit_minutes=Linear(base=int(each["t"][0]), per_gib=int(each["t"][1])),
                after=tuple(each["a"][1:]),
                per=each["a"][0] if each["a"] else SAMPLE,
            )
            for name, each in json.loads(text).items()
        }
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(
            f"RELEASES must be what releases_to_json writes; {error!r} in {text[:200]!r}"
        ) from error
