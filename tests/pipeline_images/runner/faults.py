"""Faults at botocore's layer: AWS calls are counted; one of them kills, waits, or loses its reply."""

import os
import signal
from collections.abc import Callable
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from runner import job

Fault = Callable[[str, Any], Any]


class Calls:
    """Hooks an attempt's clients. `before` and `after` are told each call's number, from 0, and its name."""

    def __init__(
        self,
        attempt: job.Attempt,
        before: Callable[[int, str], None] = lambda *_: None,
        after: Callable[[int, str], None] = lambda *_: None,
        lose_reply_of: int | None = None,
    ) -> None:
        self.names: list[str] = []
        self._before, self._after, self._lose = before, after, lose_reply_of
        self._session = URLLib3Session()
        for client in (attempt.clients.s3, attempt.clients.dynamodb):
            client.meta.events.register("before-send.*.*", self._send)

    def _send(self, request: Any, event_name: str, **_: Any) -> AWSResponse | None:
        """In botocore's place: send, and give back the reply, or a lie about it."""
        number, name = len(self.names), event_name.rpartition(".")[2]
        self.names.append(name)
        self._before(number, name)
        response: Any = self._session.send(request)
        if name != "GetObject":
            _body = response.content  # the call is done only when its reply is here
        self._after(number, name)
        if number == self._lose:
            # What a client sees when the reply is lost on its way: the work is done, the answer is 500.
            return AWSResponse(response.url, 500, HTTPHeaders(), _Nothing())
        return response  # type: ignore[no-any-return]


class _Nothing:
    """An empty body."""

    def stream(self, *_: Any, **__: Any) -> list[bytes]:
        return []

    def read(self, *_: Any, **__: Any) -> bytes:
        return b""


def die() -> None:
    """As the kernel or a lost host would have it: no handler runs, nothing is said."""
    os.kill(os.getpid(), signal.SIGKILL)


def in_child(work: Callable[[], int]) -> int:
    """Run in a forked child; its exit code, or minus the signal that ended it."""
    pid = os.fork()
    if pid == 0:
        code = 99
        try:
            code = work()
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
