"""A job's log stream, written while the job runs, in the group that its definition names."""

import threading
import time
from types import TracebackType
from typing import Any, Self

FLUSH_S = 1.0
BATCH = 1000  # lines of one PutLogEvents


class JobLog:
    def __init__(self, client: Any, group: str, stream: str) -> None:
        self._client, self._group, self._stream = client, group, stream
        self._lines: list[tuple[int, str]] = []
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._writer = threading.Thread(target=self._write_on, daemon=True)

    def __enter__(self) -> Self:
        for create, words in (
            (self._client.create_log_group, {}),
            (self._client.create_log_stream, {"logStreamName": self._stream}),
        ):
            try:
                create(logGroupName=self._group, **words)
            except self._client.exceptions.ResourceAlreadyExistsException:
                continue
        self._writer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._writer.join()
        self._flush()

    def say(self, line: str) -> None:
        with self._lock:
            self._lines.append((int(time.time() * 1000), line or " "))  # AWS takes no empty message

    def _write_on(self) -> None:
        while not self._ended.wait(FLUSH_S):
            self._flush()

    def _flush(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
        for start in range(0, len(lines), BATCH):
            events = [{"timestamp": at, "message": line} for at, line in lines[start : start + BATCH]]
            self._client.put_log_events(
                logGroupName=self._group, logStreamName=self._stream, logEvents=events
            )
