"""The retry ladder: what the next attempt is, if there is one.

Each class of failure has a budget of its own and a remedy of its own. AWS Batch cannot raise memory or
change the queue between its own attempts, so each of ours is a job of its own, and each decision is told in
words.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from handlers import failures
from handlers.release import LARGEST_MEMORY_MIB, MAX_VCPUS, Request, fitting, vcpus_for_scratch
from handlers.run import FAILED, ON_DEMAND, REJECTED, SPOT, Attempt, Run

# Together with the budgets this bounds what one upload can cost, whatever happens.
MAX_ATTEMPTS = 12
# AWS Batch has no limit of its own to an attempt's time; two weeks is longer than any sample is worth
# waiting.
MAX_TIME_LIMIT_S = 14 * 86_400
MEMORY_MARGIN = 1.2  # over what was measured of others
PULL_WAITS_S = (60, 300, 900)
THROTTLING_WAITS_S = (60, 120, 300, 600, 900)
HOST_WAITS_S = (0, 120, 600)

# A class that has no budget of its own draws on that of its next of kin.
_BUDGET_OF = {failures.CAPACITY: failures.SPOT}


@dataclass(frozen=True, kw_only=True)
class Again:
    """Another attempt, and why it is as it is."""

    attempt: Attempt
    decision: str


@dataclass(frozen=True, kw_only=True)
class Over:
    """No other attempt. `state` is failed or rejected."""

    state: str
    decision: str
    what_to_do: str


def budget_kind(failure: str) -> str:
    """Whose budget a further attempt after this failure draws on."""
    return _BUDGET_OF.get(failure, failure)


def first_attempt(request: Request) -> Attempt:
    """The lowest rung: on Spot, with what the release asks for."""
    return Attempt(
        number=1,
        queue=SPOT,
        vcpus=request.vcpus,
        memory_mib=request.memory_mib,
        scratch_gib=request.scratch_gib,
        time_limit_s=request.time_limit_s,
    )


def next_step(
    run: Run,
    failure: str,
    end: failures.End,
    budgets: Mapping[str, int],
    now_s: float,
    needed_mib: int | None = None,
) -> Again | Over:
    """What follows the failure of `run`'s current attempt.

    `now_s` is epoch seconds; `needed_mib` the memory that runs of this size were measured to need, if known.
    """
    if failure == failures.INPUT:
        return Over(
            state=REJECTED,
            decision="Not tried again: the same upload would be refused again.",
            # The pipeline's sentence says what is wrong and what to upload instead: this must fit them all.
            what_to_do=_what_to_upload(run),
        )
    if failure == failures.CONFIGURATION:
        return Over(
            state=FAILED,
            decision="Not tried again: only headquarters can mend this.",
            what_to_do="Nothing is wrong with the samples' results. Headquarters has been told, and starts"
            " the run again when it is mended."
            if run.members
            else "Nothing is wrong with the upload. Headquarters has been told; when it is mended,"
            f" upload the same file again{_where(run)}.",
        )
    if failure == failures.GONE:
        return Over(
            state=FAILED,
            decision="Not tried again: what the run was to analyse is no longer there.",
            what_to_do=_what_has_gone(run),
        )
    if failure == failures.STOPPED:
        return Over(
            state=FAILED,
            decision="Not tried again: someone stopped the job on purpose.",
            what_to_do=f"Ask headquarters why. {_again(run)}",
        )
    kind = budget_kind(failure)
    budget = budgets.get(kind, 1)
    used = sum(1 for each in run.attempts[:-1] if each.failure and budget_kind(each.failure) == kind)
    if used >= budget or run.attempt.number >= MAX_ATTEMPTS:
        return Over(
            state=FAILED,
            decision=f"Not tried again: {_spent(budget, kind)}."
            if used >= budget
            else f"Not tried again: {MAX_ATTEMPTS} attempts have been made.",
            what_to_do=f"Headquarters has been told. {_again(run)}",
        )
    changed, words = _remedy(run.attempt, failure, used, end, needed_mib)
    wait = changed.not_before
    return Again(
        attempt=replace(changed, number=run.attempt.number + 1, not_before=int(now_s) + wait if wait else 0),
        decision=f"{words} ({used + 1} of {budget} for {kind})",
    )


def _what_to_upload(run: Run) -> str:
    if run.members:
        return f"The samples' results of {run.members.pipeline} stand. {_again(run)}"
    if run.after:
        return (
            f"The results of {run.after.pipeline} stand. To have {run.sample.pipeline} too, upload a"
            f" better input.tar as {run.after.upload_key}."
        )
    return f"Upload a corrected file as {run.upload_key}; nothing else needs to be done."


def _what_has_gone(run: Run) -> str:
    if run.members:
        return (
            f"Results of {run.members.pipeline} were deleted or changed. Headquarters has been told."
            f" {_again(run)}"
        )
    if run.after:
        return (
            f"The reads, or the results of {run.after.pipeline}, were deleted or changed. Headquarters"
            f" has been told; uploading the same file again{_where(run)} starts a new run."
        )
    return f"The uploaded version was deleted before its analysis: upload the file again as {run.upload_key}."


def _again(run: Run) -> str:
    if run.members:
        return "A new run starts by itself when a sample of the project has a new result."
    return f"Uploading the same file again{_where(run)} starts a new run."


def _where(run: Run) -> str:
    """A follow-on run has no upload of its own: the same reads under its own key start it anew."""
    return f" as {run.sample.key}" if run.after else ""


def _remedy(
    last: Attempt, failure: str, used: int, end: failures.End, needed_mib: int | None
) -> tuple[Attempt, str]:
    """The next attempt with the seconds to wait in `not_before`, and the reason for it."""
    new = Attempt(
        number=last.number,
        queue=last.queue,
        vcpus=last.vcpus,
        memory_mib=last.memory_mib,
        scratch_gib=last.scratch_gib,
        time_limit_s=last.time_limit_s,
    )
    match failure:
        case failures.SPOT if used == 0:
            return new, "The Spot instance was taken away: again at once on another"
        case failures.SPOT:
            return replace(new, queue=ON_DEMAND), "Spot instances were taken away again: now on demand"
        case failures.CAPACITY:
            return replace(new, queue=ON_DEMAND), "No Spot instance was to be had: now on demand"
        case failures.MEMORY:
            more, why = _more_memory(last.memory_mib, needed_mib)
            if more <= last.memory_mib:
                return replace(
                    new, queue=ON_DEMAND
                ), f"{more} MiB is the largest there is: once more, on demand"
            return replace(
                new, memory_mib=more
            ), f"{last.memory_mib} MiB of memory were too few: again with {more}{why}"
        case failures.DISK:
            scratch = 2 * last.scratch_gib
            vcpus = min(MAX_VCPUS, max(2 * last.vcpus, vcpus_for_scratch(last.vcpus, scratch)))
            return (
                replace(new, scratch_gib=scratch, vcpus=vcpus),
                f"The disk was full: again with {vcpus} vCPUs, whose share of the disk is larger",
            )
        case failures.TIMEOUT:
            longer = min(2 * last.time_limit_s, MAX_TIME_LIMIT_S)
            return (
                replace(new, time_limit_s=longer),
                f"{last.time_limit_s // 60} minutes were too short: once more with {longer // 60}",
            )
        case failures.PULL:
            wait = _nth(PULL_WAITS_S, used)
            return replace(new, not_before=wait), f"The image could not be pulled: again in {_span(wait)}"
        case failures.THROTTLING:
            wait = _nth(THROTTLING_WAITS_S, used)
            return replace(new, not_before=wait), f"AWS was asked too much at once: again in {_span(wait)}"
        case failures.HOST:
            wait = _nth(HOST_WAITS_S, used)
            queue = ON_DEMAND if last.queue == SPOT else SPOT
            when = f"in {_span(wait)}" if wait else "at once"
            return replace(
                new, queue=queue, not_before=wait
            ), f"The host failed: again {when}, on another ({queue})"
    return new, f"An unknown failure: once more ({end.words[:200]})"


def _more_memory(had_mib: int, needed_mib: int | None) -> tuple[int, str]:
    """What was measured, with a margin; twice as much where that says nothing, or says it had enough."""
    asked = 0 if needed_mib is None else math.ceil(MEMORY_MARGIN * needed_mib)
    if asked > had_mib:
        return fitting(asked), f", as others of its size needed up to {needed_mib}"
    return fitting(min(2 * had_mib, LARGEST_MEMORY_MIB)), ""


def _nth(waits: tuple[int, ...], used: int) -> int:
    return waits[min(used, len(waits) - 1)]


def _span(seconds: int) -> str:
    return f"{seconds // 60} minute{'s' if seconds >= 120 else ''}"


def _spent(budget: int, kind: str) -> str:
    match budget:
        case 0:
            return f"this office allows no further attempt after a failure of this kind ({kind})"
        case 1:
            return f"the one further attempt allowed after a failure of this kind ({kind}) has been made"
    return f"all {budget} further attempts allowed after failures of this kind ({kind}) have been made"
