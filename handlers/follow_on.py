"""Follow-on runs: when a run succeeds, the pipelines that take its results start by themselves.

A follow-on run is a run like any other, of the sample `<follow-on pipeline>/<project>/<sample>`. Its id comes
from the predecessor's run, so that it is claimed once, however often the predecessor's end is told. The
predecessor stays among the ledger's open runs, marked `follow_due`, until that is certain: reconcile finds it
there when everybody else was killed. The deliveries that partners are owed are planned under the same mark.

Which of two follow-on runs is the newer, their predecessors decide: a run is followed only while it is the
newest of its own sample.
"""

from collections.abc import Mapping
from dataclasses import replace

from handlers import delivery_ledger, ledger
from handlers.announce import announce
from handlers.context import Context
from handlers.intake import MAX_TRIES, Continue, Ignore, Start, begin, first_run
from handlers.keys import Sample
from handlers.ledger import Newest
from handlers.log import logger
from handlers.release import PROJECT, SAMPLE, Release
from handlers.run import SUCCEEDED, Predecessor, Run, run_id_of
from handlers.submit import ensure_submitted
from handlers.upload import Upload

Decision = Start | Continue | Ignore


def follow_ons(releases: Mapping[str, Release], pipeline: str) -> list[Release]:
    """The office's releases that take the results of one run of `pipeline`, by name."""
    return _after(releases, pipeline, SAMPLE)


def cohorts(releases: Mapping[str, Release], pipeline: str) -> list[Release]:
    """Those that take the results of all of a project's runs of `pipeline` together, by name."""
    return _after(releases, pipeline, PROJECT)


def _after(releases: Mapping[str, Release], pipeline: str, per: str) -> list[Release]:
    return sorted(
        (release for release in releases.values() if pipeline in release.after and release.per == per),
        key=lambda release: release.pipeline,
    )


def decide(run: Run, known: Newest | None, last: Run | None, newest: Newest | None) -> Decision:
    """What the success of `run` calls for in one of its follow-on pipelines.

    `known` is the follow-on sample's newest upload or predecessor, `last` its run. `newest` is the same of
    the sample of `run`, and must have been read after `known`: if `run` is the newest of its sample then,
    no later one can have been followed before, and the claim's condition on `known` sees to what comes after.
    """
    if known is not None and last is not None and known.after_run == run.run_id:
        return Continue()
    if run.recall is not None:
        return Ignore(reason="its results are recalled")
    if newest is None or newest.run_id != run.run_id:
        return Ignore(reason="a newer upload of its sample is being analysed")
    if known is None or last is None:
        return Start()
    if known.after_run is None and known.uploaded >= run.uploaded:
        return Ignore(reason="newer reads were uploaded to the follow-on pipeline itself")
    return Start(supersedes=None if last.terminal else last)


def follow_on_run(run: Run, release: Release, results: str, now: str) -> Run:
    """The run that takes the results of `run`. `results` is the results bucket's name."""
    first = first_run(
        Upload(
            sample=replace(run.sample, pipeline=release.pipeline),
            bucket=run.bucket,
            version_id=run.version_id,
            sequencer=None,
            size=run.size,
            content=run.content,
            uploaded=run.uploaded,
        ),
        release,
        now,
    )
    return replace(
        first,
        run_id=run_id_of(results, f"{run.results_prefix}manifest.json", run.run_id, release.id),
        after=Predecessor(
            pipeline=run.sample.pipeline,
            run_id=run.run_id,
            prefix=run.results_prefix,
            upload_key=run.upload_key,
        ),
        message=f"The results of {run.sample.pipeline} are ready, so {release.pipeline} starts.",
    )


def start_follow_ons(context: Context, run: Run) -> None:
    """Plan its deliveries, claim and submit what follows `run`, if that is due. Raises whatever must bring it
    back.
    """
    if run.state != SUCCEEDED or not run.follow_due:
        return
    delivery_ledger.plan_all(context, run)
    for release in follow_ons(context.office.releases, run.sample.pipeline):
        _follow(context, run, release)
    ledger.mark_followed(context, run)


def _follow(context: Context, run: Run, release: Release) -> None:
    sample = Sample(pipeline=release.pipeline, project=run.sample.project, sample=run.sample.sample)
    for _ in range(MAX_TRIES):
        known = ledger.read_newest(context, sample)
        last = ledger.read_run(context, known.run_id) if known else None
        newest = ledger.read_newest(context, run.sample)
        match decide(run, known, last, newest):
            case Ignore(reason=reason):
                logger.info("not followed", run_id=run.run_id, by=release.pipeline, reason=reason)
                return
            case Continue() if last is not None:
                announce(context, ensure_submitted(context, last))
                return
            case Start(supersedes=old):
                first = follow_on_run(run, release, context.office.results, context.now)
                if begin(context, first, known, old):
                    context.counts["FollowOnsClaimed"] += 1
                    return
    raise ledger.Contended(f"{sample.key} changed {MAX_TRIES} times in the ledger while it was claimed")
