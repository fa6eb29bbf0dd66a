"""Cohorts: when a project has been quiet for a while, a run of all its samples' results starts by itself.

A cohort is a run like any other, of the sample `<cohort pipeline>/<project>/<pipeline of its members>`. It is
known by its members, the newest result of each of the project's samples: their list is an object below the
run's prefix, so that neither an item of the ledger nor a job's environment bounds how many there may be.

Each success marks its project (`handlers.project`), and reconcile starts what has been due long enough. The
claim holds only while nothing has been added to what its list was read from: an old list never becomes the
latest, and a new one supersedes a cohort in flight.
"""

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from handlers import ledger, outbox
from handlers.announce import announce
from handlers.context import Context
from handlers.follow_on import cohorts
from handlers.intake import MAX_TRIES, Continue, Ignore, Start, begin, first_run
from handlers.keys import Sample
from handlers.ledger import Newest
from handlers.log import logger
from handlers.objects import put_if_absent
from handlers.project import Member, Project, changes_of, members, project_of, unchanged
from handlers.release import PROJECT, Release
from handlers.run import FAILED, Members, Run, run_id_of
from handlers.submit import ensure_submitted
from handlers.upload import Upload

AGAIN_S = 300.0
Decision = Start | Continue | Ignore


@dataclass(frozen=True, kw_only=True)
class Listing:
    """The members of a cohort, and the object that lists them: the same members, the same bytes."""

    project: Project
    members: Sequence[Member]

    @property
    def body(self) -> bytes:
        rows = [
            {
                "sample": each.sample,
                "run_id": each.run_id,
                "prefix": f"{self.project.pipeline}/{self.project.name}/{each.sample}/{each.run_id}/",
            }
            for each in self.members
        ]
        told = {"schema": 1, "pipeline": self.project.pipeline, "project": self.project.name, "members": rows}
        return json.dumps(told, ensure_ascii=False, indent=1).encode()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()

    @property
    def size(self) -> int:
        """Bytes of what the cohort takes of its members."""
        return sum(each.size for each in self.members)


def decide(
    listing: Listing, release: Release, known: Newest | None, last: Run | None, changed: str
) -> Decision:
    """What a project that has been quiet calls for. `known` is the cohort or upload known of it, `last` its
    run; `changed` is when the newest result came, ISO 8601.
    """
    if not listing.members:
        return Ignore(reason="none of its samples has a result")
    if known is None or last is None:
        return Start()
    if known.after_run is None and known.uploaded >= changed:
        return Ignore(reason="newer results were uploaded to the cohort itself")
    if known.version_id == listing.sha256 and known.release == release.id and last.state != FAILED:
        return Continue()
    return Start(supersedes=None if last.terminal else last)


def cohort_run(context: Context, release: Release, listing: Listing, last: str, changed: str) -> Run:
    """The run of the listed members. `last` is the run that it comes after (""): the members of an earlier
    one may come again, when what came between is recalled.
    """
    sample = _sample(release, listing.project)
    first = first_run(
        Upload(
            sample=sample,
            bucket=context.office.results,
            version_id=listing.sha256,
            sequencer=None,
            size=listing.size,
            content=json.dumps({"etag": listing.sha256, "size": listing.size}, sort_keys=True),
            uploaded=changed,
        ),
        release,
        context.now,
    )
    count = len(listing.members)
    return replace(
        first,
        run_id=run_id_of(
            context.office.results, sample.folder, json.dumps([listing.sha256, last]), release.id
        ),
        members=Members(pipeline=listing.project.pipeline, count=count),
        message=f"{count} sample{'' if count == 1 else 's'} of the project have results of"
        f" {listing.project.pipeline}, and no new one has come for a while: {release.pipeline} starts.",
    )


def start_due(context: Context, busy: Collection[Project], time_is_up: Callable[[], bool]) -> None:
    """Start the cohort of every project that has been quiet, the longest due first, until the time is up.

    `busy` are those with a sample that is still being analysed: they are not quiet.
    """
    if all(release.per != PROJECT for release in context.office.releases.values()):
        return
    for due in outbox.all_due(context, outbox.COHORT):
        if time_is_up():
            return
        project = project_of(due.pk)
        try:
            if project in busy:
                outbox.postpone(context, due.key, outbox.COHORT, context.office.quiet_s)
            else:
                _start(context, project)
        except Exception as error:  # one that cannot be started must not keep the others from it
            context.counts["NotMended"] += 1
            logger.exception("a cohort could not be started", project=due.pk, reason=str(error))
            outbox.postpone(context, due.key, outbox.COHORT, AGAIN_S)


def _start(context: Context, project: Project) -> None:
    seen = outbox.changes(context, project.key, outbox.COHORT)
    if seen is None:
        return  # the index lags behind
    for release in cohorts(context.office.releases, project.pipeline):
        claim(context, release, project)
    outbox.made(context, project.key, seen)


def claim(context: Context, release: Release, project: Project) -> str | None:
    """Claim and submit the run of the project's members as they are now; the id of the run that has them, or
    None where there is nothing to compare.
    """
    sample = _sample(release, project)
    for _ in range(MAX_TRIES):
        seen = changes_of(context, project)
        if seen is None:
            return None
        listing = Listing(project=project, members=members(context, project))
        known = ledger.read_newest(context, sample)
        last = ledger.read_run(context, known.run_id) if known else None
        match decide(listing, release, known, last, seen.last):
            case Ignore(reason=reason):
                logger.info("no cohort", project=project.key["pk"], by=release.pipeline, reason=reason)
                return None
            case Continue() if last is not None:
                announce(context, ensure_submitted(context, last))
                return last.run_id
            case Start(supersedes=old):
                run = cohort_run(context, release, listing, last.run_id if last else "", seen.last)
                _list(context, run, listing)
                if begin(context, run, known, old, unchanged(context, project, seen)):
                    context.counts["CohortsClaimed"] += 1
                    return run.run_id
    raise ledger.Contended(f"{sample.key} changed {MAX_TRIES} times in the ledger while it was claimed")


def _list(context: Context, run: Run, listing: Listing) -> None:
    """Write the list of members before its run is claimed. One that is there already has the same bytes."""
    put_if_absent(context, run.upload_key, listing.body, "application/json")


def _sample(release: Release, project: Project) -> Sample:
    """Reads of genomes and of one gene are not compared: one cohort for each pipeline of members."""
    return Sample(pipeline=release.pipeline, project=project.name, sample=project.pipeline)
