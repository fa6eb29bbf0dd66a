"""SQS between EventBridge and a function, with the function's poller.

A message that a batch received stays invisible until the visibility time-out, then comes again; what was
received too often goes to the dead-letter queue with the reason it last failed for.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any

from campaign.constants import constant_of
from campaign.simulation import Simulation

BATCH_SIZE = constant_of("function", "BATCH_SIZE")
FUNCTION_TIMEOUT_S = float(constant_of("intake", "FUNCTION_TIMEOUT_S"))
VISIBILITY_FACTOR = constant_of("function", "VISIBILITY_FACTOR")
VISIBILITY_TIMEOUT_S = VISIBILITY_FACTOR * FUNCTION_TIMEOUT_S
MAX_RECEIVES = constant_of("intake", "MAX_RECEIVES")
MAX_CONCURRENCY = constant_of("intake", "MAX_CONCURRENCY")


@dataclass(kw_only=True)
class Message:
    message_id: str
    body: str
    receives: int = 0
    reason: str = ""


@dataclass(kw_only=True)
class Queue:
    """`invoke` begins an invocation with a batch; it must call `done` once, whatever becomes of it."""

    simulation: Simulation
    name: str
    invoke: Callable[["Queue", list[Message]], None]
    chance: Random
    delivered_again: float = 0.0
    max_concurrency: int = MAX_CONCURRENCY
    max_receives: int = MAX_RECEIVES
    timeout_s: float = FUNCTION_TIMEOUT_S  # of the function
    visible: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    waiting: int = 0  # invisible, and not in an invocation
    running: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    _serial: int = 0
    _polls: bool = False

    @property
    def empty(self) -> bool:
        return not (self.visible or self.waiting or self.running)

    def send(self, body: str) -> None:
        self._serial += 1
        self.visible.append(Message(message_id=f"{self.name}-{self._serial}", body=body))
        self._poll_soon()

    def _poll_soon(self) -> None:
        if not self._polls:
            self._polls = True
            self.simulation.after(0.1, self._poll)

    def _poll(self) -> None:
        self._polls = False
        while self.visible and self.running < self.max_concurrency:
            batch: list[Any] = []
            while self.visible and len(batch) < BATCH_SIZE:
                message = self.visible.pop(0 if len(self.visible) < 3 else self.chance.randrange(3))
                if message.receives >= self.max_receives:
                    self.dead.append(message)
                    continue
                message.receives += 1
                batch.append(message)
            if batch:
                self.running += 1
                self.counts["invocations"] += 1
                self.counts["receives"] += len(batch)
                self.invoke(self, batch)

    def done(self, batch: list[Message], answer: dict[str, Any] | None, reason: str, began: float) -> None:
        """The invocation is over; without an answer the whole batch comes back."""
        self.running -= 1
        failed = None if answer is None else {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        for message in batch:
            if failed is None or message.message_id in failed:
                message.reason = message.reason if failed is not None and message.reason else reason
                self.waiting += 1
                again = max(began + VISIBILITY_FACTOR * self.timeout_s, self.simulation.now)
                self.simulation.at(again, partial(self._again, message))
            elif self.chance.random() < self.delivered_again:
                self.counts["delivered after deletion"] += 1
                self.send(message.body)
        if self.visible:
            self._poll_soon()

    def _again(self, message: Message) -> None:
        self.waiting -= 1
        self.counts["redelivered"] += 1
        self.visible.append(message)
        self._poll_soon()
