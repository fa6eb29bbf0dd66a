"""Virtual time: tasks that run one at a time, in the order of a clock that nobody waits for.

A task is ordinary blocking code on a thread of its own. Whenever it would wait (for AWS's answer, between
retries, for a lease) it hands over to the clock, which wakes the task that is due next. Only one thread runs
at any time, so the same seed always gives the same order.
"""

import heapq
import threading
from collections.abc import Callable


class Killed(BaseException):
    """The process is gone: no `except Exception` below may catch this."""


class Task:
    """One function's invocation, or one container. `kill` ends it where it waits."""

    def __init__(self, simulation: "Simulation", work: Callable[[], None]) -> None:
        self._simulation, self.work = simulation, work
        self._thread: _Thread | None = None
        self.doom: str | None = None
        self.over = False

    def kill(self, reason: str) -> None:
        """It dies at its next breath: nothing it has not done by now is done."""
        self.doom = self.doom or reason

    def resume(self) -> None:
        if self._thread is None:
            self._thread = self._simulation.thread()
            self._thread.task = self
        self._simulation.hand_to(self._thread, self)

    def park(self) -> None:
        assert self._thread is not None
        self._simulation.back.release()
        self._thread.go.acquire()


class _Thread:
    """Runs one task after another, so that a campaign needs as many threads as tasks live at once."""

    def __init__(self, simulation: "Simulation") -> None:
        self._simulation = simulation
        self.go = threading.Lock()
        self.go.acquire()
        self.task: Task | None = None
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            self.go.acquire()
            task = self.task
            if task is None:
                return
            try:
                if task.doom is None:
                    task.work()
            except Killed:
                pass
            except BaseException as error:  # the campaign's own fault, told by the thread that runs it
                self._simulation.error = error
            task.over, self.task = True, None
            self._simulation.idle.append(self)
            self._simulation.back.release()


class Simulation:
    """The clock and what is due. `now` is epoch seconds."""

    def __init__(self, start_s: float) -> None:
        self.now = start_s
        self.task: Task | None = None  # the one that runs now
        self.back = threading.Lock()
        self.back.acquire()
        self.idle: list[_Thread] = []
        self.error: BaseException | None = None
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._serial = 0
        self._tasks: list[Task] = []

    def at(self, when: float, call: Callable[[], None]) -> None:
        """Call at `when`, in the clock's own thread: the call may not wait."""
        self._serial += 1
        heapq.heappush(self._due, (max(when, self.now), self._serial, call))

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        self.at(self.now + seconds, call)

    def start(self, work: Callable[[], None]) -> Task:
        """A task that begins now; `work` may wait."""
        task = Task(self, work)
        self.after(0, task.resume)
        return task

    def sleep(self, seconds: float) -> None:
        """Wait, in a task; outside of one, time just passes."""
        task = self.task
        if task is None:
            self.now += seconds
            return
        due = self.now + seconds
        if self._due and self._due[0][0] <= due:
            self.at(due, task.resume)
            task.park()
        else:
            self.now = due  # nobody else is due before: no need to change threads
        if task.doom is not None:
            raise Killed(task.doom)

    def run(self, over: Callable[[], bool] = lambda: False) -> None:
        """Until nothing is due, or `over` says so."""
        while self._due and not over():
            self.now, _, call = heapq.heappop(self._due)
            call()

    def hand_to(self, thread: "_Thread", task: Task) -> None:
        self.task = task
        thread.go.release()
        self.back.acquire()
        self.task = None
        if self.error is not None:
            raise self.error

    def thread(self) -> "_Thread":
        return self.idle.pop() if self.idle else _Thread(self)

    def close(self) -> None:
        """Let the idle threads end. Tasks that still wait stay parked; they are daemons."""
        for thread in self.idle:
            thread.go.release()
        self.idle.clear()
