"""`status.json`: what a branch reads. It lies beside the results, at the sample's level.

It is a pure function of the run, so it can be made again at any time; only the sample's newest run writes
it, and an older revision never overwrites a newer one. `docs/status.schema.json` is its schema.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from handlers import ledger
from handlers.context import Context
from handlers.keys import STATUS, Mistake
from handlers.run import FAILED, RECEIVED, REJECTED, RUNNING, SUBMITTED, SUCCEEDED, Attempt, Run

SCHEMA = 1
MAX_TRIES = 8
_DEFAULT_SUMMARY = {
    RECEIVED: "The upload has been received.",
    SUBMITTED: "Waiting for an instance.",
    RUNNING: "The analysis is running.",
    SUCCEEDED: "The results are ready.",
    FAILED: "The analysis failed.",
    REJECTED: "The upload cannot be analysed.",
}


def status_of(run: Run, office: str) -> dict[str, Any]:
    """The content of `status.json` for this run."""
    return {
        "schema": SCHEMA,
        "office": office,
        "pipeline": run.sample.pipeline,
        "project": run.sample.project,
        "sample": run.sample.sample,
        "state": run.state,
        "summary": _summary(run),
        "what_to_do": run.recall.next if run.recall else run.what_to_do,
        "run_id": run.run_id,
        "attempt": run.attempt.number,
        "upload": {
            "key": run.upload_key,
            "version_id": run.version_id if run.members is None else None,
            "size": run.size,
            "uploaded": run.uploaded,
        },
        "after": {"pipeline": run.after.pipeline, "run_id": run.after.run_id, "prefix": run.after.prefix}
        if run.after
        else None,
        "members": asdict(run.members) if run.members else None,
        "updated": run.updated,
        "revision": run.revision,
        "results": {
            "prefix": run.results_prefix,
            "report": f"{run.results_prefix}{run.report}" if run.report else None,
            "manifest": f"{run.results_prefix}manifest.json",
        }
        if run.state == SUCCEEDED
        else None,
        "recall": asdict(run.recall) if run.recall else None,
        "estimate": asdict(run.estimate) if run.estimate else None,
        "attempts": [told(each) for each in run.attempts],
    }


def _summary(run: Run) -> str:
    if run.recall:  # whatever the run says of itself
        return f"Recalled: {run.recall.what}. {run.recall.why}"
    return run.message or _DEFAULT_SUMMARY.get(run.state, run.state)


def told(attempt: Attempt) -> dict[str, Any]:
    """An attempt as `status.json` and events to HQ tell it."""
    return {
        "number": attempt.number,
        "job_id": attempt.job_id,
        "queue": attempt.queue,
        "vcpus": attempt.vcpus,
        "memory_mib": attempt.memory_mib,
        "time_limit_s": attempt.time_limit_s,
        "submitted": attempt.submitted,
        "started": attempt.started,
        "ended": attempt.ended,
        "class": attempt.failure,
        "reason": attempt.reason,
        "decision": attempt.decision,
        "instance": attempt.instance,
        "market": attempt.market,
        # Left out where it is not known: rows of runs from before it was told stay as they are.
        **({"instance_id": attempt.instance_id} if attempt.instance_id else {}),
    }


def status_of_mistake(mistake: Mistake, office: str, now: str, uploaded: str) -> dict[str, Any]:
    """The answer to an upload that cannot become a run."""
    return {
        "schema": SCHEMA,
        "office": office,
        "pipeline": None,
        "project": None,
        "sample": None,
        "state": REJECTED,
        "summary": mistake.summary,
        "what_to_do": mistake.what_to_do,
        "run_id": None,
        "attempt": 0,
        "upload": {"key": mistake.key, "version_id": None, "size": None, "uploaded": uploaded},
        "after": None,
        "members": None,
        "updated": now,
        "revision": 0,
        "results": None,
        "recall": None,
        "estimate": None,
        "attempts": [],
    }


def write_status(context: Context, run: Run) -> None:
    """Write `status.json`, unless it is newer already or belongs to a newer run."""
    key = f"{run.sample.folder}{STATUS}"
    for _ in range(MAX_TRIES):
        held, etag = _read(context, key)
        if held and held.get("run_id") == run.run_id and held["revision"] >= run.revision:
            return
        # Asked after reading the file: a newer run that writes meanwhile changes its ETag.
        newest = ledger.read_newest(context, run.sample)
        if newest is None or newest.run_id != run.run_id:
            return
        if _write(context, key, status_of(run, context.office.name), etag):
            return
    raise ledger.Contended(
        f"s3://{context.office.results}/{key} changed {MAX_TRIES} times while it was written"
    )


def write_mistake(context: Context, mistake: Mistake, uploaded: str | None) -> None:
    """Answer beside the upload. The answer to a wrong key never overwrites a run's status in that folder.

    `uploaded` is ISO 8601; None: now. Of several wrong keys in one folder the newest is answered.
    """
    key = mistake.status_key
    if key is None:
        return
    for _ in range(MAX_TRIES):
        held, etag = _read(context, key)
        answer = status_of_mistake(mistake, context.office.name, context.now, uploaded or context.now)
        if held and (held.get("run_id") or not _is_news(answer, held)):
            return
        if _write(context, key, answer, etag):
            return
    raise ledger.Contended(
        f"s3://{context.office.results}/{key} changed {MAX_TRIES} times while it was written"
    )


def _is_news(answer: Mapping[str, Any], held: Mapping[str, Any]) -> bool:
    """Whether this answer to a wrong key says more than the one that is there.

    Reconcile gives both answers of a folder every five minutes: neither may give way to the other for ever.
    """
    before, now = held.get("upload") or {}, answer["upload"]
    if before.get("key") == now["key"]:
        # A later upload under the same wrong key is answered already.
        return bool(
            held.get("summary") != answer["summary"] or held.get("what_to_do") != answer["what_to_do"]
        )
    return _moment(now) > _moment(before)


def _moment(upload: Mapping[str, Any]) -> tuple[float, str]:
    """Orders uploads by time, to the second as S3's events and listings have it; of one second, by key."""
    try:
        at = datetime.fromisoformat(str(upload.get("uploaded"))).timestamp()
    except ValueError:
        at = 0.0
    return at // 1, str(upload.get("key"))


def _read(context: Context, key: str) -> tuple[Mapping[str, Any] | None, str | None]:
    try:
        answer = context.clients.s3.get_object(Bucket=context.office.results, Key=key)
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
            return None, None
        raise
    try:
        held = json.loads(answer["Body"].read())
    except ValueError:
        held = None  # a hand has been at it: write it anew
    return held if isinstance(held, dict) else None, answer["ETag"]


def _write(context: Context, key: str, status: Mapping[str, Any], etag: str | None) -> bool:
    condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
    try:
        context.clients.s3.put_object(
            Bucket=context.office.results,
            Key=key,
            Body=json.dumps(status, ensure_ascii=False, indent=1).encode(),
            ContentType="application/json",
            **condition,
        )
    except ClientError as error:
        # 412: it has changed; 409: it is being written; 404: If-Match of a key that has gone.
        if error.response["ResponseMetadata"]["HTTPStatusCode"] in (404, 409, 412):
            return False
        raise
    return True
