"""The lease on a run: of all attempts that may be alive, one works.

The lease lies on the run's item in the ledger. It is taken by one conditional write before any work, renewed
by a thread, and asked for once more right before the manifest is written. A newer attempt takes it over at
once; the same attempt's second container (SubmitJob has no client token, so a lost reply can start two) only
when it has expired. Whoever finds the lease lost ends its pipeline and exits 75 without a word to the ledger.
"""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from runner.host import Host
from runner.outcome import EX_TEMPFAIL, Stopped, one_line
from runner.stop import Stop

LEASE_S = 60
RENEW_EVERY_S = 20
PROGRESS_EVERY_S = 10  # the stage is written with a renewal, at most this often
POLL_S = 5  # while another container of this attempt holds the lease
DETAIL_CHARACTERS = 200

_TERMINAL = ("succeeded", "failed", "rejected", "superseded")
_OPEN = "#attempt = :attempt AND NOT #state IN (:t0, :t1, :t2, :t3)"
_FREE = (
    "attribute_not_exists(lease_token) OR lease_token = :token"
    " OR lease_attempt < :attempt OR lease_expires < :now"
)


@dataclass(kw_only=True)
class Lease:
    """One attempt's claim. `clock` gives epoch seconds; `sleep` waits seconds."""

    dynamodb: Any
    table: str
    run_id: str
    attempt: int
    token: str
    stop: Stop
    clock: Callable[[], float] = time.time
    host: Host | None = None  # noted with the lease: an attempt that is killed tells nothing later
    _expires: float = 0.0
    _written: float = 0.0
    _stage: tuple[str, str] = ("starting", "")
    _stage_written: tuple[str, str] = ("", "")
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> None:
        """Claim the run, or raise `Stopped` (75); waits while a silent holder's lease runs out."""
        seen: dict[str, Any] | None = None
        while True:
            try:
                return self._write(
                    f"{_OPEN} AND ({_FREE})", {":now": {"N": str(int(self.clock()))}}, ", lease_host = :host"
                )
            except ClientError as error:
                held = _holder(error)
            reason = self._why_not(held)
            if reason is None and seen is not None and _lease_of(held) != _lease_of(seen):
                reason = "another container of this attempt is alive"
            if reason is not None:
                raise Stopped(reason, EX_TEMPFAIL)
            seen = held
            self.stop.wait(POLL_S)
            self.stop.check()

    def ensure(self) -> None:
        """Renew now; raise `Stopped` (75) when the lease is lost. What is done next stands on this answer."""
        try:
            self._write(f"{_OPEN} AND lease_token = :token", {})
        except ClientError as error:
            reason = self._why_not(_holder(error)) or "another container of this attempt has taken over"
            self.stop.ask(reason, EX_TEMPFAIL)
            raise Stopped(reason, EX_TEMPFAIL) from error

    def note(self, stage: str, detail: str = "") -> None:
        """What the attempt is at; written with the next renewal."""
        self._stage = (stage, one_line(detail, DETAIL_CHARACTERS))

    def renew_if_due(self) -> None:
        """One beat of the renewing thread: asks to stop when the lease is lost, or ran out unanswered."""
        waited = self.clock() - self._written
        if waited < RENEW_EVERY_S and (self._stage == self._stage_written or waited < PROGRESS_EVERY_S):
            return
        try:
            self.ensure()
        except Stopped:
            pass  # `ensure` has asked to stop
        except Exception as error:  # whatever it is, the thread must live on: it is the lease
            if self.clock() >= self._expires:
                self.stop.ask(f"the lease ran out while the ledger did not answer: {error}", EX_TEMPFAIL)

    def say(self, code: int, message: str) -> None:
        """Record how the attempt ended, unless another has taken over; raises what AWS answers otherwise."""
        said = {
            "attempt": {"N": str(self.attempt)},
            "code": {"N": str(code)},
            "message": {"S": one_line(message)},
        }
        try:
            self._update(
                "SET said = :said",
                f"{_OPEN} AND lease_token = :token",
                {":said": {"M": said}},
            )
        except ClientError as error:
            _holder(error)

    def _write(self, condition: str, values: dict[str, Any], also: str = "") -> None:
        with self._lock:
            asked_at = self.clock()
            stage = self._stage
            self._update(
                "SET lease_attempt = :attempt, lease_token = :token, lease_expires = :expires,"
                f" stage = :stage, stage_detail = :detail{also}",
                condition,
                {
                    ":expires": {"N": str(int(asked_at) + LEASE_S)},
                    ":stage": {"S": stage[0]},
                    ":detail": {"S": stage[1]},
                }
                | ({":host": self._host()} if also else {})
                | values,
            )
            self._expires, self._written, self._stage_written = asked_at + LEASE_S, asked_at, stage

    def _host(self) -> dict[str, Any]:
        if self.host is None:
            return {"NULL": True}  # not that of an attempt before
        told = {"type": {"S": self.host.type}, "market": {"S": self.host.market}}
        which = {"id": {"S": self.host.id}} if self.host.id else {}
        return {"M": {"attempt": {"N": str(self.attempt)}, **told, **which}}

    def _update(self, expression: str, condition: str, values: dict[str, Any]) -> None:
        self.dynamodb.update_item(
            TableName=self.table,
            Key={"pk": {"S": f"run#{self.run_id}"}, "sk": {"S": "run"}},
            UpdateExpression=expression,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#attempt": "attempt", "#state": "state"},
            ExpressionAttributeValues={
                ":attempt": {"N": str(self.attempt)},
                ":token": {"S": self.token},
                **{f":t{i}": {"S": state} for i, state in enumerate(_TERMINAL)},
            }
            | values,
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )

    def _why_not(self, item: dict[str, Any]) -> str | None:
        """Why this attempt can never have the lease; None when it may have it later."""
        if not item:
            return f"the ledger has no run {self.run_id}"
        state, attempt = _text(item, "state"), _text(item, "attempt")
        if state in _TERMINAL:
            return f"the run is {state}"
        if attempt != str(self.attempt):
            return f"the run is at attempt {attempt}, this is attempt {self.attempt}"
        if int(_text(item, "lease_attempt") or 0) > self.attempt:
            return "a newer attempt holds the lease"
        return None


def _holder(error: ClientError) -> dict[str, Any]:
    """The item that failed the condition; raises any other error again."""
    if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
        raise error
    response: Mapping[str, Any] = error.response
    item: dict[str, Any] = response.get("Item", {})
    return item


def _lease_of(item: dict[str, Any]) -> tuple[str, str]:
    return _text(item, "lease_token"), _text(item, "lease_expires")


def _text(item: dict[str, Any], name: str) -> str:
    return "".join(str(value) for value in item.get(name, {}).values())


class Heart:
    """Renews a lease from its own thread while a `with` block runs."""

    def __init__(self, lease: Lease, beat_s: float = 1.0) -> None:
        self._lease, self._beat_s = lease, beat_s
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def __enter__(self) -> "Heart":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(self._beat_s):
            self._lease.renew_if_due()
