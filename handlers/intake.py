"""Intake: an upload becomes a run.

The uploads bucket tells EventBridge of every new version of an object. A queue keeps that until this
function has claimed the run in the ledger and submitted its first attempt. Events come at least once and in
any order: the ledger's sample item, changed on condition only, decides which upload is the newest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from handlers import budget, history, ledger
from handlers.announce import announce
from handlers.context import Context, office_context
from handlers.cost import estimate
from handlers.keys import Mistake, Unrelated, parse
from handlers.ladder import first_attempt
from handlers.ledger import Newest
from handlers.log import about, logger
from handlers.metrics import publish_counts
from handlers.records import each_record
from handlers.release import Release
from handlers.run import FAILED, SUPERSEDED, Estimate, Run, run_id_of
from handlers.status import write_mistake
from handlers.submit import ensure_submitted, turned
from handlers.upload import Notice, Upload, current_version, is_there, look_up, notice_of, same_content

MAX_TRIES = 8


@dataclass(frozen=True, kw_only=True)
class Start:
    """Analyse the upload; `supersedes` is the run in progress that it replaces."""

    supersedes: Run | None = None


@dataclass(frozen=True, kw_only=True)
class Continue:
    """The upload has its run already: see that nothing is missing."""


@dataclass(frozen=True, kw_only=True)
class SameContent:
    """A newer version with the bytes of the one before: no run, but it is the newest upload now."""


@dataclass(frozen=True, kw_only=True)
class Ignore:
    reason: str


@dataclass(frozen=True, kw_only=True)
class AskS3:
    """Which of the two is newer cannot be told from what is known: ask the bucket."""


Decision = Start | Continue | SameContent | Ignore | AskS3


def decide(
    upload: Upload,
    release: Release,
    known: Newest | None,
    last: Run | None,
    *,
    is_current: bool | None = None,
) -> Decision:
    """What an upload calls for, given the sample's newest known upload and its run.

    `is_current` is S3's answer to `AskS3`.
    """
    if known is None or last is None:
        return Start()
    if upload.version_id == known.version_id:
        return Continue()
    newer = _is_newer(upload, known, is_current)
    if newer is None:
        return AskS3()
    if not newer:
        return Ignore(reason="an older upload of this sample")  # S3's events come in any order
    if known.release == release.id and same_content(upload.content, known.content):
        return Start() if last.state == FAILED else SameContent()
    return Start(supersedes=None if last.terminal else last)


def _is_newer(upload: Upload, known: Newest, is_current: bool | None) -> bool | None:
    if upload.sequencer and known.sequencer:
        return upload.sequencer > known.sequencer
    # One of them was found by reconcile in the bucket's listing, which has no sequencers and whole seconds.
    if upload.uploaded != known.uploaded:
        return upload.uploaded > known.uploaded
    return is_current


def first_run(upload: Upload, release: Release, now: str) -> Run:
    """The run of an upload, with its first attempt."""
    return Run(
        run_id=run_id_of(upload.bucket, upload.sample.key, upload.version_id, release.id),
        sample=upload.sample,
        bucket=upload.bucket,
        version_id=upload.version_id,
        sequencer=upload.sequencer,
        size=upload.size,
        content=upload.content,
        uploaded=upload.uploaded,
        release_digest=release.digest,
        pipeline_version=release.version,
        job_definition=release.job_definition,
        references=release.references,
        attempts=(first_attempt(release.request(upload.size)),),
        message="The upload has been received.",
        times={"received": now},
        updated=now,
    )


def take_in(context: Context, notice: Notice) -> None:
    """Bring one notice to its end; raises whatever must bring it back."""
    place = parse(notice.key, context.office.releases)
    match place:
        case Unrelated():
            return
        case Mistake():
            if not is_there(context, notice):  # erased meanwhile: an answer would keep its name
                return
            logger.info("a wrong key", key=notice.key, reason=place.summary)
            context.counts["WrongKeys"] += 1
            write_mistake(context, place, notice.uploaded)
            return
    upload = look_up(context, notice, place)
    if upload is None:
        logger.info("the upload is gone", key=notice.key, version_id=notice.version_id)
        return
    _claim(context, upload, context.office.releases[place.pipeline])


def _claim(context: Context, upload: Upload, release: Release) -> None:
    about(run_id_of(upload.bucket, upload.sample.key, upload.version_id, release.id))
    for _ in range(MAX_TRIES):
        known = ledger.read_newest(context, upload.sample)
        last = ledger.read_run(context, known.run_id) if known else None
        decision = decide(upload, release, known, last)
        if isinstance(decision, AskS3):
            current = current_version(context, upload.bucket, upload.sample.key)
            decision = decide(upload, release, known, last, is_current=current == upload.version_id)
        if _carry_out(context, decision, upload, release, known, last):
            return
    raise ledger.Contended(
        f"{upload.sample.key} changed {MAX_TRIES} times in the ledger while it was claimed"
    )


def _carry_out(
    context: Context,
    decision: Decision,
    upload: Upload,
    release: Release,
    known: Newest | None,
    last: Run | None,
) -> bool:
    """Do what was decided; False if the ledger has changed meanwhile, so that it must be decided again."""
    match decision:
        case Ignore():
            logger.info(
                "ignored", key=upload.sample.key, version_id=upload.version_id, reason=decision.reason
            )
        case SameContent():
            if known is None or not ledger.note_same_content(context, upload, known):
                return False
            logger.info("the same bytes again", key=upload.sample.key, version_id=upload.version_id)
            context.counts["IdenticalUploads"] += 1
        case Continue() if last is not None:
            if known is not None and known.sequencer is None:
                ledger.note_sequencer(context, upload)
            announce(context, ensure_submitted(context, last))
        case Start():
            return _start(context, decision, upload, release, known)
    return True


def _start(context: Context, decision: Start, upload: Upload, release: Release, known: Newest | None) -> bool:
    return begin(context, first_run(upload, release, context.now), known, decision.supersedes)


def begin(
    context: Context, run: Run, known: Newest | None, old: Run | None, *beside: Mapping[str, Any]
) -> bool:
    """Claim `run`, end the run in progress that it supersedes, submit, tell; False as `ledger.claim`."""
    run = replace(turned(run, context), estimate=_estimated(context, run))
    run = budget.admitted(context, run)
    superseded = None
    if old is not None:
        number = old.attempt.number
        superseded = old.moved(
            SUPERSEDED,
            context.now,
            message="The project has newer results: a new run of all its samples supersedes this one."
            if run.members
            else "A newer upload of this sample supersedes this run.",
            what_to_do=None,
            attempts=old.with_attempt(
                number,
                decision=f"Stopped: run {run.run_id} has newer {'members' if run.members else 'reads'}.",
            ),
        )
    money = budget.parts(context, begins=run, ends=superseded)
    if not ledger.claim(context, run, known, superseded, *beside, *money):
        return False
    context.counts["RunsClaimed"] += 1
    logger.info("claimed", run_id=run.run_id, key=run.sample.key, supersedes=old.run_id if old else None)
    if superseded is not None:
        context.counts["RunsSuperseded"] += 1
    after = ensure_submitted(context, run, fresh=True)
    if superseded is not None:
        announce(context, superseded)
    announce(context, after)
    return True


def _estimated(context: Context, run: Run) -> Estimate | None:
    release = context.office.releases.get(run.sample.pipeline)
    if release is None or context.office.prices is None:
        return None
    finished = list(history.read(context, run.sample.pipeline).values())
    return estimate(
        run.attempt.request, run.size, context.office.prices, finished, release.time_limit_minutes.of
    )


def handle(event: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """A batch of SQS records, each with an EventBridge event of the uploads bucket."""
    return each_record(event, context, _one)


def _one(event: Mapping[str, Any], context: Context) -> None:
    notice = notice_of(event)
    if notice is None or notice.bucket != context.office.uploads:
        logger.warning("not an upload of this office", detail_type=event.get("detail-type"))
        return
    take_in(context, notice)


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    context = office_context().until(lambda_context)
    try:
        return handle(event, context)
    finally:
        publish_counts(context)
