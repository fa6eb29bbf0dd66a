"""An orderly end of the twin's process: what it saves is a moment that a next process can go on from.

ministack saves each service after the other, while functions and jobs may still be at work. Here the jobs
end first, then the functions that run, and only then is anything saved. What a function had in hand when
the process ended is in the queue again at once: nobody else can have it. Sessions of roles stay valid.
"""

import asyncio
import signal
import time
from collections.abc import Callable
from typing import Any

import hypercorn.asyncio
from ministack.services import lambda_svc, sqs, sts  # type: ignore[import-untyped]

PATIENCE_S = 10  # for functions that run; the server's own patience comes on top
POLL_S = 0.02

_restore = sqs._restore_state


def drain(end_jobs: Callable[[], None]) -> None:
    """Ends the jobs, lets no function begin, and waits for those that run."""
    end_jobs()
    lambda_svc._poll_sqs = lambda: False
    deadline = time.monotonic() + PATIENCE_S
    while lambda_svc._esm_inflight and time.monotonic() < deadline:
        time.sleep(POLL_S)


def restore(data: Any) -> None:
    _restore(data)
    now = time.time()
    for queue in sqs._queues._data.values():
        for message in queue["messages"]:
            if message.get("receipt_handle"):  # without one it was sent with a delay, which goes on
                message["visible_at"] = min(message["visible_at"], now)


def install(end_jobs: Callable[[], None]) -> None:
    sqs._restore_state = restore
    sts.get_state = lambda: {"sessions": dict(sts._sessions)}
    sts.load_persisted_state = lambda data: sts._sessions.update(data.get("sessions", {}))
    serve = hypercorn.asyncio.serve

    async def until_told(app: Any, config: Any) -> None:
        told = asyncio.Event()
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, told.set)

        async def over() -> None:
            await told.wait()
            await asyncio.to_thread(drain, end_jobs)

        await serve(app, config, shutdown_trigger=over)

    hypercorn.asyncio.serve = until_told  # type: ignore[assignment]
