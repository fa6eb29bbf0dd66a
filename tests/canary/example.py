"""A record of two releases that found the same, for tests to change."""

from datetime import UTC, datetime
from typing import Any

from canary.record import Analysis, Record
from components.office import PinnedRelease
from components.pipeline import Canary

OLD, NEW = (PinnedRelease(digest="sha256:" + letter * 64) for letter in "ab")
TRUTH = {562: 0.6, 1280: 0.395, 210: 0.005}
TOLERANCES = Canary.model_validate(
    {"mostFromTruth": 0.03, "mostBetween": 0.02, "mostTime": 1.5, "mostMemory": 1.3}
)


def analysis(release: PinnedRelease, **changes: Any) -> Analysis:
    good = Analysis(
        release=release, image="image", shares=dict(TRUTH), seconds=(10.0, 12.0), memory_mib=(100, 110)
    )
    return good.model_copy(update=changes)


def record(
    *, old: PinnedRelease = OLD, new: PinnedRelease = NEW, pipeline: str = "metagenome", **changes: Any
) -> Record:
    """`changes` are those of the new release's analysis."""
    return Record(
        pipeline=pipeline,
        pairs=100_000,
        seed=1,
        sample="0" * 64,
        truth=TRUTH,
        names={562: "Escherichia coli", 1280: "Staphylococcus aureus", 210: "Helicobacter pylori"},
        old=analysis(old),
        new=analysis(new, **changes),
        made=datetime.now(UTC),
        by="arn:aws:iam::111111111111:root",
    )
