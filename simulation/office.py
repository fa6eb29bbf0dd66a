"""The office as a discrete-event model: uploads wait for submission, jobs for instances, those for work.

Samples of one size that take a step in the same second go together, as one event with a count. Every wait is
at least a second of the model anyway, and each sample keeps its own second of arrival, so no figure that is
told in seconds changes; a hundred samples a day are a hundred groups of one.
"""

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import simpy

from simulation.stages import Stages

TICK_S = 1.0
SCALE_EVERY_S = 10.0
SPOT_TRIES = 2  # handlers/ladder.py: after the second reclaim, on demand
Events = Generator[simpy.events.Event, Any, None]


@dataclass(frozen=True, kw_only=True)
class Group:
    """`count` samples of one class that arrived in one second. `tries`: how often they were reclaimed."""

    arrived: float
    kind: int
    count: int
    tries: int = 0


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the office may do: jobs at once, submissions and index writes a second; `slots_an_instance` are
    jobs on one instance.
    """

    jobs: int
    submissions_a_s: float
    index_units_a_s: float = float("inf")
    slots_an_instance: int = 4
    always_on: bool = False  # instances are there from the start and stay


@dataclass(kw_only=True)
class Seen:
    """By second of the model; `waited` and `took` are (seconds, samples)."""

    submitted: np.ndarray[Any, Any]
    started: np.ndarray[Any, Any]
    ended: np.ndarray[Any, Any]
    booted: np.ndarray[Any, Any]
    slots: np.ndarray[Any, Any]  # that are paid for
    running: np.ndarray[Any, Any]
    open_runs: np.ndarray[Any, Any]
    waited_submission: list[tuple[float, int]] = field(default_factory=list)
    waited_start: list[tuple[float, int]] = field(default_factory=list)
    took: list[tuple[float, int]] = field(default_factory=list)
    reclaimed: int = 0
    on_demand_s: float = 0.0
    finished: int = 0


class Office:
    """Runs until every sample is done, or until `until_s`."""

    def __init__(
        self,
        *,
        arrivals: Sequence[float],
        kinds: Sequence[int],
        run_s: Sequence[float],
        stages: Stages,
        limits: Limits,
        index_units: float,
        chance: np.random.Generator,
        until_s: int,
    ) -> None:
        self.environment = simpy.Environment()
        self._arrivals, self._kinds, self._run_s = np.asarray(arrivals), np.asarray(kinds), run_s
        self._stages, self._limits, self._units, self._chance = stages, limits, index_units, chance
        self._until = until_s
        self._uploaded: deque[Group] = deque()
        self._waiting: deque[Group] = deque()
        self._waiting_count = self._uploaded_count = 0
        self._have = limits.jobs if limits.always_on else 0  # slots of instances that are up
        self._booting, self._busy = 0, 0
        self._idle: deque[int] = deque(maxlen=max(1, round(stages.idle_s / SCALE_EVERY_S)))
        self._room = self._index_room = 0.0
        size = until_s + 2

        def zeros() -> np.ndarray[Any, Any]:
            return np.zeros(size)

        self.seen = Seen(
            submitted=zeros(), started=zeros(), ended=zeros(), booted=zeros(), slots=zeros(),
            running=zeros(), open_runs=zeros(),
        )  # fmt: skip

    def run(self) -> Seen:
        for process in (self._arrive(), self._submit(), self._place(), self._scale()):
            self.environment.process(process)
        self.environment.run(until=self._until)
        return self.seen

    @property
    def _all(self) -> int:
        return len(self._arrivals)

    @property
    def _over(self) -> bool:
        return self.seen.finished >= self._all

    def _now(self) -> int:
        return min(int(self.environment.now), self._until)

    def _arrive(self) -> Events:
        seconds = np.floor(self._arrivals / TICK_S).astype(int)
        moments, starts = np.unique(seconds, return_index=True)
        ends = [*starts[1:], len(seconds)]
        for moment, first, last in zip(moments, starts, ends, strict=True):
            yield self.environment.timeout(max(0.0, moment * TICK_S - self.environment.now))
            kinds, counts = np.unique(self._kinds[first:last], return_counts=True)
            for kind, count in zip(kinds, counts, strict=True):
                self._uploaded.append(
                    Group(arrived=float(self._arrivals[first]), kind=int(kind), count=int(count))
                )
            self._uploaded_count += last - first

    def _submit(self) -> Events:
        """The platform's own pace, and the write units of the open runs' key."""
        stages = self._stages
        yield self.environment.timeout(stages.claim_s + stages.submit_s)
        while not self._over:
            # What was not used of the second is not carried over: quarters of a second are counted.
            self._room = min(self._room % 1 + self._limits.submissions_a_s * TICK_S, 2e9)
            if self._limits.index_units_a_s != float("inf"):
                # DynamoDB keeps five minutes of what was not used.
                self._index_room = min(
                    self._index_room + self._limits.index_units_a_s, 300 * self._limits.index_units_a_s
                )
            while self._uploaded and self._room >= 1:
                group = self._uploaded[0]
                count = min(group.count, int(self._room))
                if self._limits.index_units_a_s != float("inf"):
                    count = min(count, int(self._index_room // self._units))
                if count < 1:
                    break
                self._room -= count
                self._index_room -= count * self._units
                self._taken(self._uploaded, group, count)
                self._uploaded_count -= count
                self._waiting.append(Group(arrived=group.arrived, kind=group.kind, count=count))
                self._waiting_count += count
                self.seen.submitted[self._now()] += count
                self.seen.waited_submission.append((self.environment.now - group.arrived, count))
            yield self.environment.timeout(TICK_S)

    def _place(self) -> Events:
        while not self._over:
            while self._waiting and self._busy < self._have:
                group = self._waiting[0]
                count = min(group.count, self._have - self._busy)
                self._taken(self._waiting, group, count)
                self._waiting_count -= count
                self._busy += count
                self.seen.started[self._now()] += count
                if not group.tries:
                    self.seen.waited_start.append((self.environment.now - group.arrived, count))
                self._work(Group(arrived=group.arrived, kind=group.kind, count=count, tries=group.tries))
            second = self._now()
            self.seen.running[second] = self._busy
            self.seen.slots[second] = self._have + self._booting
            self.seen.open_runs[second] = self._busy + self._waiting_count + self._uploaded_count
            yield self.environment.timeout(TICK_S)

    def _work(self, group: Group) -> None:
        run_s = self._run_s[group.kind] + self._stages.place_s
        lost = 0
        if group.tries < SPOT_TRIES and self._stages.reclaims_per_hour:
            share = 1 - np.exp(-self._stages.reclaims_per_hour * run_s / 3600)
            lost = int(self._chance.binomial(group.count, share))
        if lost:
            self.environment.process(self._reclaim(group, lost, run_s * float(self._chance.random())))
        if group.count > lost:
            self.environment.process(self._finish(group, group.count - lost, run_s))

    def _reclaim(self, group: Group, count: int, after_s: float) -> Events:
        yield self.environment.timeout(after_s)
        self._busy -= count
        self._have = max(self._busy, self._have - count)
        self.seen.reclaimed += count
        self._waiting.appendleft(
            Group(arrived=group.arrived, kind=group.kind, count=count, tries=group.tries + 1)
        )
        self._waiting_count += count

    def _finish(self, group: Group, count: int, run_s: float) -> Events:
        yield self.environment.timeout(run_s)
        self._busy -= count
        self.seen.ended[self._now()] += count
        self.seen.finished += count
        if group.tries >= SPOT_TRIES:
            self.seen.on_demand_s += count * run_s
        self.seen.took.append((self.environment.now + self._stages.tell_s - group.arrived, count))

    def _scale(self) -> Events:
        """Instances for what waits, as far as the office may; what stays idle goes."""
        if self._limits.always_on:
            return
        while not self._over:
            wanted = min(self._limits.jobs, self._busy + self._waiting_count)
            more = wanted - self._have - self._booting
            if more > 0:
                slots = -(-more // self._limits.slots_an_instance) * self._limits.slots_an_instance
                slots = min(slots, self._limits.jobs - self._have - self._booting)
                self.environment.process(self._boot(slots))
            self._idle.append(self._have - self._busy)
            if len(self._idle) == self._idle.maxlen and (spare := min(self._idle)) > 0:
                self._have -= spare
                self._idle.clear()
            yield self.environment.timeout(SCALE_EVERY_S)

    def _boot(self, slots: int) -> Events:
        self._booting += slots
        self.seen.booted[self._now()] += slots
        stages = self._stages
        yield self.environment.timeout(stages.boot_s + stages.pull_s + stages.references_s)
        self._booting -= slots
        self._have += slots

    @staticmethod
    def _taken(queue: deque[Group], group: Group, count: int) -> None:
        if count == group.count:
            queue.popleft()
        else:
            queue[0] = Group(
                arrived=group.arrived, kind=group.kind, count=group.count - count, tries=group.tries
            )
