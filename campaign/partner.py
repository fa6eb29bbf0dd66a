"""A partner: a bucket in an account of its own, which refuses for a time, and somebody who answers.

The partner takes a delivery when its manifest comes, looks at it with its own eyes some time later, and
writes its receipt: accepted, refused, or, of a few, nothing at all.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from campaign.simulation import Simulation
from handlers.agreement import Agreement
from tests.handlers import aws_fakes

if TYPE_CHECKING:
    from campaign.account import Account

MANIFEST, RECEIPT, NOTICE = "delivery.json", "received.json", "superseded.json"
OBJECT = "object"  # the receipt is the partner's own object
DENIED, GONE, KEY_OFF, TAKEN = "AccessDenied", "NoSuchBucket", "KMS.DisabledException", "taken"
_STATUS = {DENIED: 403, GONE: 404, KEY_OFF: 400}
_WRITES = ("PutObject", "CopyObject")
ANSWERED_WITHIN_S = (60.0, 3_000.0)
ACCEPTED, REFUSED, SILENT = "accepted", "refused", "silent"


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """From when until when (epoch seconds) the bucket answers so. `TAKEN`: a stranger owns it."""

    begins: float
    ends: float
    code: str


@dataclass(kw_only=True)
class Partner:
    """`answers` are the shares of deliveries that it refuses, and that it leaves without an answer."""

    agreements: Sequence[Agreement]  # on its several projects, otherwise alike
    account: "Account"  # the office's, in whose model of S3 the bucket is
    chance: Random
    troubles: Sequence[Trouble] = ()
    refuses: float = 0.0
    silent: float = 0.0
    within_s: tuple[float, float] = ANSWERED_WITHIN_S
    receipt: Mapping[str, Any] = field(default_factory=dict)  # what its receipts say wrong
    answers: dict[str, str] = field(default_factory=dict)  # by delivery
    requests: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    leaked: list[str] = field(default_factory=list)  # what a stranger was given or asked for

    @property
    def agreement(self) -> Agreement:
        """One of them: the bucket, its account, what is named."""
        return self.agreements[0]

    @property
    def projects(self) -> set[str]:
        return {each.project for each in self.agreements}

    @property
    def bucket(self) -> str:
        return self.agreement.bucket

    @property
    def _simulation(self) -> Simulation:
        return self.account.simulation

    def refusal(self, operation: str, key: str, request: Any) -> tuple[int, str] | None:
        """Status and code of the bucket's refusal; None if it takes the request."""
        self.requests[operation] += 1
        now = self._simulation.now
        trouble = next((each for each in self.troubles if each.begins <= now < each.ends), None)
        if trouble is None:
            return None
        if trouble.code == TAKEN:
            expected = aws_fakes._header(request, "x-amz-expected-bucket-owner")
            if expected != self.agreement.account:
                self.leaked.append(f"{operation} {key}")
                return None
            return self._refuse(TAKEN, 403, DENIED)
        if trouble.code == KEY_OFF and operation not in _WRITES and not self._holds(key):
            return None  # what is absent needs no key
        return self._refuse(trouble.code, _STATUS[trouble.code], trouble.code)

    def _refuse(self, trouble: str, status: int, code: str) -> tuple[int, str]:
        self.refused[trouble] += 1
        return status, code

    def _holds(self, key: str) -> bool:
        return (self.bucket, key) in self.account.objects

    def saw(self, operation: str, key: str) -> None:
        """Something has come: a manifest is answered, once."""
        folder, _, name = key.rpartition("/")
        if operation != "PutObject" or name != MANIFEST or self.agreement.receipt != OBJECT:
            return
        delivery = folder.rpartition("/")[2]
        if delivery in self.answers:
            return
        roll = self.chance.random()
        answer = REFUSED if roll < self.refuses else SILENT if roll < self.refuses + self.silent else ACCEPTED
        self.answers[delivery] = answer
        if answer != SILENT:
            self._simulation.after(
                self.chance.uniform(*self.within_s), lambda: self._answer(folder, delivery, answer)
            )

    def _answer(self, folder: str, delivery: str, answer: str) -> None:
        body = self.account.objects[(self.bucket, f"{folder}/{MANIFEST}")][-1].body
        told = {
            "delivery": delivery,
            "manifest_sha256": hashlib.sha256(body).hexdigest(),
            "accepted": answer == ACCEPTED,
            "reason": "the sample is not ours",
            **self.receipt,
        }
        self.account.put(self.bucket, f"{folder}/{RECEIPT}", json.dumps(told).encode())
