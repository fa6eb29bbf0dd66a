"""The proxy behind the capped half of the staging benchmark."""

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from benchmarks.throttle import CREDIT_S, HOST, Pace, serve

RATE = 4e6
BODY = bytes(range(256)) * 8_192  # 2 MiB


@pytest.fixture
def served() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """Starts a server of the given behaviour behind a proxy; the proxy's port."""
    open_sockets: list[socket.socket] = []

    def start(answer: Callable[[socket.socket], None]) -> int:
        target = socket.create_server((HOST, 0))

        def accept() -> None:
            while True:
                try:
                    connection, _ = target.accept()
                except OSError:
                    return
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        proxy = serve(target.getsockname()[1], RATE)
        open_sockets.extend((target, proxy))
        return int(proxy.getsockname()[1])

    yield start
    for each in open_sockets:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


def echo(connection: socket.socket) -> None:
    """Everything back, after the client has said that it is done."""
    with connection:
        got = read_all(connection)
        connection.sendall(got)


def send(connection: socket.socket) -> None:
    with connection:
        connection.sendall(BODY)


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def fetch(port: int) -> float:
    """Seconds that one connection needs for BODY."""
    began = time.monotonic()
    with socket.create_connection((HOST, port), timeout=20) as client:
        assert read_all(client) == BODY
    return time.monotonic() - began


def test_bytes_come_through_both_ways_whole(served: Callable[..., int]) -> None:
    """A proxy that loses a byte, or never says that a side has ended, would break what is measured."""
    with socket.create_connection((HOST, served(echo)), timeout=20) as client:
        client.sendall(BODY)
        client.shutdown(socket.SHUT_WR)
        assert read_all(client) == BODY


def test_one_connection_keeps_to_the_rate(served: Callable[..., int]) -> None:
    """Uncapped, the capped half of the table would repeat the free half."""
    assert fetch(served(send)) > len(BODY) / RATE - CREDIT_S - 0.03  # the last piece's pause comes after it


def test_connections_do_not_share_the_rate(served: Callable[..., int]) -> None:
    """As S3's: whoever opens four connections gets four times as much."""
    port, took = served(send), []
    threads = [threading.Thread(target=lambda: took.append(fetch(port))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(took) == 4
    assert max(took) < 3 * len(BODY) / RATE


def test_a_connection_that_breaks_off_ends_the_other_side(served: Callable[..., int]) -> None:
    """A server that goes on sending to nobody would take the processor from the next way that is measured."""
    ended = threading.Event()

    def send_on(connection: socket.socket) -> None:
        with connection:
            try:
                while True:
                    connection.sendall(BODY)
            except OSError:
                ended.set()

    client = socket.create_connection((HOST, served(send_on)), timeout=20)
    client.recv(1)
    client.close()
    assert ended.wait(10)


def test_the_pace_makes_up_for_a_late_wake_up_only_a_little() -> None:
    """Without the bound, a connection that idled would burst far above the rate."""
    pace = Pace(100)
    assert pace.pause(100, now=50.0) == pytest.approx(1 - CREDIT_S)
    assert pace.pause(100, now=51.0 - CREDIT_S / 2) == pytest.approx(
        1 - CREDIT_S / 2
    )  # woke up late: shorter
    assert pace.pause(100, now=1000.0) == pytest.approx(1 - CREDIT_S)  # idled
