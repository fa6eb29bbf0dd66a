"""Replay: what a sizing would have done to runs whose needs are known, by the production ladder.

A run that gets less than its peak is killed, and pays for its whole time: it may have been killed earlier, so
that is the worst. The next attempt is what `handlers.ladder` says, until the run fits or the ladder ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from handlers.failures import MEMORY, End
from handlers.keys import Sample
from handlers.ladder import MAX_ATTEMPTS, Again, first_attempt, next_step
from handlers.release import Release
from handlers.run import Run
from rightsizing.runs import Ran

HOUR_S = 3600
MIB_PER_GIB = 1024


@dataclass(frozen=True, kw_only=True)
class Given:
    """One attempt in the replay."""

    vcpus: int
    memory_mib: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Of all runs. Memory in GiB hours: `asked` for, `wasted` what no run used, killed attempts whole."""

    runs: int
    asked_gib_h: float
    wasted_gib_h: float
    out_of_memory: int  # runs with at least one attempt that was killed
    failed: int  # runs that no rung of the ladder was enough for
    most_attempts: int
    attempts: tuple[tuple[Given, ...], ...]  # by run

    @property
    def waste(self) -> float:
        """The share of what was asked for."""
        return self.wasted_gib_h / self.asked_gib_h if self.asked_gib_h else 0.0

    @property
    def out_of_memory_rate(self) -> float:
        return self.out_of_memory / self.runs if self.runs else 0.0


def replay(runs: Sequence[Ran], release: Release, budget: int) -> Outcome:
    """`budget`: how many more attempts an office allows after too little memory."""
    asked = wasted = 0.0
    killed = failed = 0
    played: list[tuple[Given, ...]] = []
    for ran in runs:
        attempts, fits = _attempts(ran, release, budget)
        played.append(attempts)
        hours = ran.seconds / HOUR_S / MIB_PER_GIB
        asked += sum(each.memory_mib for each in attempts) * hours
        wasted += sum(each.memory_mib for each in attempts) * hours - (ran.peak_mib * hours if fits else 0)
        killed += len(attempts) > 1 or not fits
        failed += not fits
    return Outcome(
        runs=len(runs),
        asked_gib_h=asked,
        wasted_gib_h=wasted,
        out_of_memory=killed,
        failed=failed,
        most_attempts=max((len(each) for each in played), default=0),
        attempts=tuple(played),
    )


def _attempts(ran: Ran, release: Release, budget: int) -> tuple[tuple[Given, ...], bool]:
    """Until the run fits (True) or the ladder ends (False)."""
    run = _run_of(ran, release)
    given: list[Given] = []
    while True:
        last = run.attempt
        given.append(Given(vcpus=last.vcpus, memory_mib=last.memory_mib, seconds=ran.seconds))
        if ran.peak_mib <= last.memory_mib:
            return tuple(given), True
        step = next_step(run, MEMORY, End(exit_code=137), {MEMORY: budget}, 0.0)
        if not isinstance(step, Again):
            return tuple(given), False
        assert len(given) < MAX_ATTEMPTS, "the ladder ends before this"
        before = run.with_attempt(last.number, failure=MEMORY)
        run = run.moved(run.state, "", attempts=(*before, step.attempt))


def _run_of(ran: Ran, release: Release) -> Run:
    return Run(
        run_id=ran.run_id,
        sample=Sample(pipeline=release.pipeline, project="replayed", sample=ran.run_id),
        bucket="",
        version_id="",
        sequencer=None,
        size=ran.input_bytes,
        content="",
        uploaded="",
        release_digest=release.digest,
        pipeline_version=release.version,
        job_definition=release.job_definition,
        references=release.references,
        attempts=(first_attempt(release.request(ran.input_bytes)),),
    )
