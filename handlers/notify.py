"""The event to HQ: what became of a run. Metadata only, and names only where the office lets them leave."""

import hashlib
import hmac
import json
from dataclasses import asdict
from typing import Any

from handlers import ledger
from handlers.context import Context
from handlers.run import ERASED, Run
from handlers.status import told

SOURCE = "globalbi.office"
DETAIL_TYPE = "Run State Changed"
_KEY = "identifiers"


class NotSent(Exception):
    """EventBridge did not take the event: the caller's record must be delivered again."""


def event_of(run: Run, office: str, pseudonym_key: str | None) -> dict[str, Any]:
    """The event's detail. With a key, names become keyed hashes, and no words that may quote them leave."""
    project, sample = run.sample.project, run.sample.sample
    message, attempts = run.message, [told(each) for each in run.attempts]
    recall = asdict(run.recall) if run.recall else None
    if pseudonym_key is not None and run.state != ERASED:  # whose names are gone already
        project, sample = pseudonym(pseudonym_key, project), pseudonym(pseudonym_key, f"{project}/{sample}")
        message = f"The run is {run.state}."
        attempts = [{**each, "reason": None} for each in attempts]
        recall = recall and {name: recall[name] for name in ("id", "at")}
    return {
        "schema": 1,
        "office": office,
        "run_id": run.run_id,
        "pipeline": run.sample.pipeline,
        "project": project,
        "sample": sample,
        "state": run.state,
        "attempt": run.attempt.number,
        "revision": run.revision,
        "message": message,
        "release_digest": run.release_digest,
        "pipeline_version": run.pipeline_version,
        "references": {role: list(pin) for role, pin in run.references.items()},
        "size": run.size,
        "uploaded": run.uploaded,
        "after": run.after.run_id if run.after else None,  # the run whose results it takes
        # Of a cohort: of which pipeline its members' results are, and how many.
        "members": asdict(run.members) if run.members else None,
        "attempts": attempts,
        "used": dict(run.used) if run.used else None,
        "peak_mib": run.peak_mib,
        "times": dict(run.times),
        "results_prefix": f"{run.sample.pipeline}/{project}/{sample}/{run.run_id}/",
        "recall": recall,
        "updated": run.updated,
    }


def pseudonym(key: str, name: str) -> str:
    """The same name gives the same pseudonym; without the key it tells nothing."""
    return "p" + hmac.new(key.encode(), name.encode(), hashlib.sha256).hexdigest()[:20]


def send_event(context: Context, run: Run) -> None:
    """Put the event on the office's bus, from where a rule forwards it to HQ's."""
    key = pseudonym_key(context) if context.office.pseudonymous else None
    answer = context.clients.events.put_events(
        Entries=[
            {
                "Source": SOURCE,
                "DetailType": DETAIL_TYPE,
                "Detail": json.dumps(event_of(run, context.office.name, key), ensure_ascii=False),
            }
        ]
    )
    if answer["FailedEntryCount"]:  # PutEvents answers 200 even then
        raise NotSent(
            f"EventBridge refused the event of {run.run_id}: {answer['Entries'][0].get('ErrorMessage')}"
        )


def pseudonym_key(context: Context) -> str:
    """The key of the office's pseudonyms: made once, kept in the office's own ledger."""
    key = ledger.read_note(context, _KEY)
    if key is None:
        ledger.write_note(context, _KEY, context.token(), only_first=True)
        key = ledger.read_note(context, _KEY)
    if key is None:
        raise LookupError(f"the key for pseudonyms cannot be kept in {context.office.ledger}")
    return key
