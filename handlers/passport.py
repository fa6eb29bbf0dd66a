"""The passport: `passport.json` beside each result says how it was made, signed with the office's key.

It is made after the manifest, once, by whoever brings the run to its success: that write marks it as due
(`handlers.outbox`), and reconcile makes up for it when nobody did. It attests only what stands there: S3's
own SHA-256 of each file must be the manifest's. Whether it can be signed never changes what becomes of a run.

Two signatures of the same text differ, so of two writers the first one's passport stays.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from handlers import ledger, outbox
from handlers.context import LEAST_S_FOR_A_RECORD, Context
from handlers.crate import Step, crate_of
from handlers.log import logger
from handlers.manifest import read_manifest, s3_checksum
from handlers.objects import put_if_absent
from handlers.run import Run

PASSPORT = "passport.json"
SCHEMA = 1
ALGORITHM = "ECDSA_SHA_256"  # over the crate's bytes, in DER


class Unfit(Exception):
    """The passport cannot be signed as things are; says why in words."""


def passport_of(crate: str, key: str, signature: bytes) -> bytes:
    """The file."""
    return signed_text(key, signature, crate=crate)


def signed_text(key: str, signature: bytes, **text: str) -> bytes:
    """A file with its signature. What is signed is the very text: nobody needs to canonicalise JSON."""
    told = {
        "schema": SCHEMA,
        "key": key,
        "algorithm": ALGORITHM,
        "signature": base64.b64encode(signature).decode(),
        **text,
    }
    return (json.dumps(told, indent=1) + "\n").encode()


def try_to_sign(context: Context, run: Run) -> None:
    """Sign the run's passport if that is due; whatever keeps it from that is left to reconcile."""
    if not run.passport_due:
        return
    try:
        sign(context, run)
    except Exception as error:  # nothing about a passport may hold up a run, its follow-ons, its deliveries
        context.counts["PassportsLeft"] += 1
        logger.warning("the passport is left to reconcile", run_id=run.run_id, reason=repr(error))


def sign(context: Context, run: Run) -> None:
    """Write the run's passport, if there is none, and take the mark off. Raises what keeps it from that."""
    steps = _steps(context, run)
    _look_at_files(context, run, steps[-1].told)
    crate = crate_of(steps, context.office.name, context.office.results)
    answer = context.clients.kms.sign(
        KeyId=context.office.passport_key,
        Message=hashlib.sha256(crate.encode()).digest(),
        MessageType="DIGEST",  # KMS takes no message of more than 4,096 bytes
        SigningAlgorithm=ALGORITHM,
    )
    body = passport_of(crate, answer["KeyId"], answer["Signature"])
    if put_if_absent(context, f"{run.results_prefix}{PASSPORT}", body, "application/json"):
        context.counts["PassportsSigned"] += 1
    outbox.done(context, ledger.run_key(run.run_id), outbox.PASSPORT)


def _steps(context: Context, run: Run) -> list[Step]:
    """The run and those whose results it took, the first one first."""
    steps: list[Step] = []
    step: Run | None = run
    while step is not None:
        body = read_manifest(context, step.results_prefix)
        if body is None:
            raise Unfit(f"the results of {step.run_id} have no manifest")
        steps.insert(0, Step(run=step, manifest=body))
        before = step.after
        step = ledger.read_run(context, before.run_id) if before else None
        if before and step is None:
            raise Unfit(f"the ledger has no run {before.run_id}, whose results were taken")
    return steps


def _look_at_files(context: Context, run: Run, told: Mapping[str, Any]) -> None:
    """`Unfit` unless every file stands there with the manifest's SHA-256.

    A host that was given up for lost may put its manifest over another attempt's files; until that one puts
    its own there is nothing to attest.
    """
    for each in told["files"]:
        if context.time_left() < LEAST_S_FOR_A_RECORD:
            raise Unfit(f"the time does not do for {len(told['files'])} files")
        head = context.clients.s3.head_object(
            Bucket=context.office.results, Key=f"{run.results_prefix}{each['path']}", ChecksumMode="ENABLED"
        )
        if head.get("ChecksumSHA256") != s3_checksum(each):
            raise Unfit(f"{each['path']} does not have the SHA-256 that the manifest gives")
