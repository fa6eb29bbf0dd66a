"""Erase: every trace of a sample in its office goes, and a signed tombstone without names stays.

First it is noted in the ledger, under the sample's keyed hash, what is erased and up to which moment: whoever
goes on after an interruption erases the same and not what was uploaded since. Then go the objects, so that
nothing finds an upload without a run; then what the ledger says; then the pages and dead letters that named
it. Each step looks for what is still there, so it can be done again.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import islice
from typing import Any

import boto3

from components.names import erasure_role
from components.office import Office
from fleet import letters, recall
from fleet.access import Access, Session
from fleet.cancel import cancel
from fleet.output import Refused
from fleet.recall import Cause
from fleet.traces import Named, Part, Traces, Version, look, pages_of
from handlers import erasure, ledger
from handlers.announce import announce
from handlers.context import Context, clients_of, iso
from handlers.erasure import BEGUN, DONE, Erasure
from handlers.items import get, update
from handlers.keys import Sample
from handlers.notify import pseudonym_key
from handlers.outbox import COHORT, change_of, page_changed, page_key
from handlers.project import Project
from handlers.run import MEMBERS, Run
from handlers.submit import stop_job

AT_ONCE = 4  # as many connections as the office's clients keep
ENDED = ("SUCCEEDED", "FAILED")
JOBS_AT_ONCE = 100
WAIT_S, POLL_S = 300.0, 5.0  # for jobs to end: a container has two minutes to stop
# What AWS takes for a session's name, and for a tag's value.
_NO_SESSION, _NO_TAG = re.compile(r"[^\w+=,.@-]"), re.compile(r"[^\w\s.:/=+\-@]")


class Unfinished(Exception):
    """Something is left, or still at work; the words say what to do."""


@dataclass(frozen=True, kw_only=True)
class Eraser:
    """One office's erasures. `context` looks, with the person's own rights; `as_role` gives what erases."""

    access: Access
    home: Office
    context: Context
    by: str
    as_role: Callable[[str], Context]
    # Clients of SQS: the office's, and headquarters', where events of it may have failed.
    queues: Sequence[Any]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def of(cls, access: Access, home: Office) -> "Eraser":
        caller = str(access.client("sts", home).get_caller_identity()["Arn"])
        by = caller.rsplit(":", 1)[-1].rsplit("/", 1)[-1]
        offices = {each.name: each for each in (home, access.fleet.headquarters)}
        return cls(
            queues=[access.client("sqs", office) for office in offices.values()],
            access=access,
            home=home,
            context=access.context(home),
            by=by,
            as_role=lambda why: _role_of(access, home, by, why),
        )

    @property
    def key(self) -> str:
        return pseudonym_key(self.context)

    def hash_of(self, named: Named) -> str:
        return erasure.hash_of(self.key, named.project, named.sample)

    def known(self, named: Named) -> list[Erasure]:
        return list(erasure.of_sample(self.context, self.hash_of(named)))

    def look(self, named: Named) -> tuple[Traces, Erasure | None]:
        """What is to be erased, and the erasure that was begun and not ended."""
        open_one = next((each for each in self.known(named) if each.state == BEGUN), None)
        until = datetime.fromisoformat(open_one.began) if open_one else self._s3_time()
        runs = open_one.runs if open_one else ()
        return look(self.context, named, self.queues, until, runs), open_one

    def in_flight(self, traces: Traces) -> list[Run]:
        return [run for run in (*traces.runs, *traces.comparisons) if not run.terminal]

    def erase(
        self, named: Named, why: str, seen: Traces, begun: Erasure | None, *, cancel_runs: bool = False
    ) -> Erasure:
        """Erase what `look` has seen. Raises Refused while a run is in flight, Unfinished when the same
        command must be given again.
        """
        self._stop(seen, cancel_runs)
        begun = begun or self._begin(named, why, seen)
        at_work = self.as_role(begun.why)
        _remove(at_work, self._look(named, begun))
        self._take_back_comparisons(at_work, self._look(named, begun), begun)
        self._scrub(at_work, named, begun)
        self._tidy(at_work, named, begun)
        left = {kind: count for kind, count in self._look(named, begun).found.items() if count}
        if left:
            raise Unfinished(f"still there: {left}. Give the same command again.")
        return self._end(at_work, begun)

    def _s3_time(self) -> datetime:
        """S3's own clock, since S3's times are compared with it."""
        answer = self.context.clients.s3.head_bucket(Bucket=self.context.office.results)
        return parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]).astimezone(UTC)

    def _look(self, named: Named, begun: Erasure) -> Traces:
        """What is left, but for dead letters: to look at those takes a second."""
        return look(self.context, named, (), datetime.fromisoformat(begun.began))

    def _stop(self, traces: Traces, cancel_runs: bool) -> None:
        """Nothing may be at work on the sample: a container would publish after the erasure."""
        for run in self.in_flight(traces):
            if not cancel_runs:
                raise Refused(
                    f"{run.run_id} ({run.sample.pipeline}) is {run.state}: wait for its end, or add --cancel"
                )
            cancel(self.context, run.run_id, self.by, "The sample is erased.")
        waited, runs = 0.0, [*traces.runs, *traces.comparisons]
        for job_id in self._jobs(runs):  # also of a cancelling that was interrupted
            stop_job(self.context, job_id, "the sample is erased")
        while at_work := self._jobs(runs):
            if waited >= WAIT_S:
                raise Unfinished(
                    f"job {at_work[0]} has not ended yet: give the same command again in a while"
                )
            self.sleep(POLL_S)
            waited += POLL_S

    def _jobs(self, runs: Iterable[Run]) -> list[str]:
        """Jobs of these runs that have not ended, as far as AWS Batch still knows them."""
        ids = iter([each.job_id for run in runs for each in run.attempts if each.job_id])
        found = []
        while some := list(islice(ids, JOBS_AT_ONCE)):
            for job in self.context.clients.batch.describe_jobs(jobs=some)["jobs"]:
                if job["status"] not in ENDED:
                    found.append(str(job["jobId"]))
        return found

    def _begin(self, named: Named, why: str, seen: Traces) -> Erasure:
        began = self._s3_time()
        traces = look(self.context, named, (), began)  # what stopping has written, too
        traces.letters = seen.letters
        begun = Erasure(
            sample=self.hash_of(named),
            began=began.isoformat(),
            by=self.by,
            why=why,
            state=BEGUN,
            runs=tuple(sorted(run.run_id for run in traces.runs)),
            pipelines=tuple(sorted(traces.pipelines)),
            found=traces.found,
            partners=traces.partners,
        )
        erasure.keep(self.as_role(why), begun)
        return begun

    def _take_back_comparisons(self, at_work: Context, traces: Traces, begun: Erasure) -> None:
        """What was compared with the sample tells of it: its results go, and it says so."""
        cause = Cause(
            what="a sample of this comparison is erased",
            why=f"What was compared with it is gone, too ({begun.began}).",
            next="If the project has other results, they are compared anew by themselves.",
        )
        recall.mark_all(self.context, [run.run_id for run in traces.comparisons], cause)
        # The lists of members last: whoever goes on after an interruption finds by them what it was.
        _delete(at_work, [each for each in traces.compared if not each.key.endswith(f"/{MEMBERS}")])
        _delete(at_work, [each for each in traces.compared if each.key.endswith(f"/{MEMBERS}")])

    def _scrub(self, at_work: Context, named: Named, begun: Erasure) -> None:
        """What the ledger says of it."""
        traces, key = self._look(named, begun), self.key
        for delivery in traces.deliveries:
            erasure.write_delivery(at_work, erasure.erased_delivery(delivery, key, at_work.now))
        for item in traces.items:
            erasure.remove(at_work, item.key, item.unchanged)
        for run in traces.runs:
            erasure.write_run(at_work, erasure.erased(run, key, at_work.now))
        # Also of those that an interruption has left untold.
        for run_id in begun.runs:
            after = ledger.read_run(self.context, run_id)
            if after is not None:
                announce(self.context, after)

    def _tidy(self, at_work: Context, named: Named, begun: Erasure) -> None:
        """What is made of many samples is made anew, without this one; what waits in vain goes."""
        context, traces = self.context, self._look(named, begun)
        for pipeline in begun.pipelines:
            _delete(at_work, pages_of(context, pipeline, named.project))
            project = Project(pipeline=pipeline, name=named.project)
            if pipeline in traces.neighbours:
                page_changed(context, Sample(pipeline=pipeline, project=named.project, sample=named.sample))
                if get(context, project.key) is not None:
                    update(context, **change_of(context, project.key, COHORT, context.office.quiet_s))
            else:
                erasure.remove(at_work, page_key(pipeline, named.project), {})
                erasure.remove(at_work, project.key, {})
        ids = set(begun.runs)
        for sqs in self.queues:
            for letter in letters.letters_about(sqs, named.project, named.sample, ids):
                letters.remove(sqs, letter)

    def _end(self, at_work: Context, begun: Erasure) -> Erasure:
        done = replace(begun, state=DONE, done=iso(self.clock()))
        erasure.keep(at_work, done)
        return done


def _remove(context: Context, traces: Traces) -> None:
    for part in traces.parts:
        _abort(context, part)
    _delete(context, [*traces.uploads, *traces.results])


def _abort(context: Context, part: Part) -> None:
    s3 = context.clients.s3
    with suppress(s3.exceptions.NoSuchUpload):  # completed meanwhile, or aborted
        s3.abort_multipart_upload(Bucket=part.bucket, Key=part.key, UploadId=part.upload_id)


def _delete(context: Context, versions: Iterable[Version]) -> None:
    """For good: each version by its id."""
    # One by one: DeleteObjects without a version's id would ask for a right of its own.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in pool.map(lambda each: _delete_one(context.clients.s3, each), versions):
            pass  # raises what a deletion raised


def _delete_one(s3: Any, version: Version) -> None:
    s3.delete_object(Bucket=version.bucket, Key=version.key, VersionId=version.version_id)


def _role_of(access: Access, home: Office, by: str, why: str) -> Context:
    """The office as its erasure role reaches it. AWS's audit keeps who took it, and the reason."""
    answer = access.client("sts", home).assume_role(
        RoleArn=f"arn:aws:iam::{home.account}:role/{erasure_role(home.name)}",
        RoleSessionName=_NO_SESSION.sub("-", f"erase-{by}")[:64],
        Tags=[{"Key": "reason", "Value": _NO_TAG.sub(" ", why)[:256]}],
    )["Credentials"]
    session = boto3.Session(
        answer["AccessKeyId"],
        answer["SecretAccessKey"],
        answer["SessionToken"],
        region_name=home.region,
    )
    return replace(access.context(home), clients=clients_of(Session(boto=session, endpoint=access.endpoint)))
