"""Runs of known needs, and a pipeline that gives them too much."""

from components.pipeline import Pipeline
from handlers.release import GIB
from rightsizing.runs import Ran

PIPELINE = Pipeline.model_validate(
    {
        "name": "metagenome",
        "version": "1.0.0",
        "summary": "An example.",
        "accepts": ["fastq.gz"],
        "produces": ["report.html"],
        "resources": {
            "vcpus": 4,
            "memoryMib": {"base": 8000, "perInputGib": 500, "max": 31000},
            "scratchGib": {"base": 10, "perInputGib": 2},
        },
        "timeLimitMinutes": {"base": 60, "perInputGib": 60},
    }
)


def ran(number: int, gib: float, peak_mib: float, **changes: object) -> Ran:
    made: dict[str, object] = {
        "run_id": f"r{number:04}",
        "region": "eu-central-1",
        "input_bytes": int(gib * GIB),
        "memory_mib": 8000,
        "vcpus": 4,
        "seconds": 60 + 300 * gib,
        "peak_mib": int(peak_mib),
        "disk_mib": int(100 + 2000 * gib),
        "fragments": int(gib * 4_500_000),
        **changes,
    }
    return Ran(**made)  # type: ignore[arg-type]


def growing(count: int = 100, *, most_gib: float = 4.0, first: int = 0) -> tuple[Ran, ...]:
    """1,000 MiB and 500 for a GiB, up to a tenth more, by turns."""
    sizes = [most_gib * (number % 37 + 1) / 37 for number in range(count)]
    return tuple(
        ran(first + number, gib, (1000 + 500 * gib) * (1 + 0.02 * (number * 7 % 6)))
        for number, gib in enumerate(sizes)
    )
