"""The dashboard as it is served: uvicorn on a port of its own, over a ministack with three offices."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from fleet.dashboard.command import server as server_of
from fleet.dashboard.guard import COOKIE, Secret
from fleet.dashboard.picture import Picture
from fleet.options import now
from handlers.run import Run
from tests.fleet.lab import Offices, at, moved, run

HOSTILE = "<img src=x onerror=alert(1)>\u202etxt"
FORMULA = "=HYPERLINK(1)"


@dataclass(frozen=True, kw_only=True)
class Served:
    offices: Offices
    picture: Picture
    secret: Secret
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **headers: str) -> httpx.Client:
        """As a browser that has entered."""
        return httpx.Client(
            base_url=self.address, cookies={COOKIE: self.secret.token}, headers=headers, timeout=20
        )

    def renew(self) -> None:
        self.picture.renew_runs()
        self.picture.renew_offices()


def failed_twice() -> Run:
    """Out of memory once, then failed for good."""
    one = run(1, project="soil", sample="S1")
    attempt = replace(
        one.attempts[0], submitted=at(5), started=at(65), ended=at(100), failure="memory",
        reason="OutOfMemoryError: Container killed", decision="Tried again with more memory.",
    )  # fmt: skip
    second = replace(attempt, number=2, memory_mib=12000, reason="exit 9", decision="Not tried again.")
    return moved(one, "failed", 200, attempts=(attempt, second), message="Out of memory twice.")


@pytest.fixture
def served(offices: Offices) -> Iterator[Served]:
    offices.everywhere("eu", failed_twice(), moved(run(2, project="gut"), "running", 90))
    offices.everywhere("us", run(3, project="river"), moved(run(4, project="soil"), "succeeded", 300))
    offices.at_headquarters(
        "hq", run(5, project=HOSTILE, sample=FORMULA, message=f"{HOSTILE}<script>alert(2)</script>")
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    picture = Picture(access=offices.access, clock=now)
    secret = Secret()
    server = server_of(picture, secret, port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    made = Served(offices=offices, picture=picture, secret=secret, port=port)
    made.renew()
    yield made
    picture.stop()
    server.should_exit = True
    thread.join(10)
