"""Running: both releases on the same community, in turn: a busy hour of the machine is busy for both."""

import hashlib
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from canary.analysis import CannotCompare, Repetition, Subject, analyse
from canary.mock import Community
from canary.record import Record
from canary.truth import true_names, true_shares
from components.pipeline import Canary
from pipeline_images.containers import Engine


def run(
    engine: Engine,
    pipeline: str,
    tolerances: Canary,
    community: Community,
    old: Subject,
    new: Subject,
    *,
    by: str,
    now: Callable[[], datetime],
    say: Callable[[str], None],
) -> Record:
    """What both made of the community. Raises CannotCompare when the old release fails: nothing is proved."""
    before: list[Repetition] = []
    after: list[Repetition] = []
    with tempfile.TemporaryDirectory(prefix="canary-", dir=community.input_tar.parent) as made:
        for number in range(1, tolerances.repetitions + 1):
            for name, subject, repetitions in (("old", old, before), ("new", new, after)):
                repetitions.append(analyse(engine, subject, community, Path(made)))
                said = repetitions[-1].failure or f"{repetitions[-1].seconds:.1f} s"
                say(f"{name} release, {number} of {tolerances.repetitions}: {said}")
            if before[-1].failure:
                raise CannotCompare(
                    f"the old release fails here ({before[-1].failure}): mend the machine first"
                )
            if after[-1].failure:
                break
    sample = hashlib.sha256(community.input_tar.read_bytes()).hexdigest()
    return Record(
        pipeline=pipeline,
        pairs=tolerances.pairs,
        seed=tolerances.seed,
        sample=sample,
        truth=true_shares(community.truth),
        names=true_names(community.truth) | before[0].names | after[0].names,
        old=old.analysis(before),
        new=new.analysis(after),
        made=now(),
        by=by,
    )
