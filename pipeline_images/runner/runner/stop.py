"""The wish to stop, which every step looks at: SIGTERM from Batch, or a lease that was lost."""

import threading

from runner.outcome import Stopped


class Stop:
    """Set once, by a signal or a thread; the first reason wins."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._first = threading.Lock()
        self._ending: tuple[str, int] | None = None

    def ask(self, reason: str, code: int) -> None:
        if self._first.acquire(
            blocking=False
        ):  # and never released: a signal handler must not wait for a lock
            self._ending = (reason, code)
            self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep, but wake when somebody asks to stop; True when they have."""
        return self._event.wait(seconds)

    def check(self) -> None:
        """Raise `Stopped` when somebody has asked."""
        if self._event.is_set():
            assert self._ending is not None
            raise Stopped(*self._ending)
