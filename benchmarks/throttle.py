"""A TCP proxy that lets every connection pass at most so many bytes a second, each way.

S3 serves one connection at about 80 MB/s, however fast the instance's network is; on loopback one connection
is as good as many. Behind this proxy it is not. The bytes move by `splice` and never enter the process, so
that the proxy takes little of the processor that the measured programs share with it.

python -m benchmarks.throttle TARGET_PORT BYTES_PER_S    prints the port that it listens on
"""

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from fcntl import F_SETPIPE_SZ, fcntl

HOST = "127.0.0.1"
PIECE_BYTES = 256 << 10
# A pause that the kernel makes too long is made up for, but never by more than this: no burst after idleness.
CREDIT_S = 0.02


class Pace:
    """When the next bytes may pass, so that all of them together keep to the rate."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0

    def pause(self, count: int, now: float) -> float:
        """Seconds to wait after `count` bytes that passed at `now`, before any other."""
        self._free_at = max(self._free_at, now - CREDIT_S) + count / self._bytes_per_s
        return max(0.0, self._free_at - now)


def serve(target_port: int, bytes_per_s: float) -> socket.socket:
    """Listen on a free port of loopback and forward to the target; ends when the socket is closed."""
    listener = socket.create_server((HOST, 0), backlog=128)

    def accept() -> None:
        with suppress(OSError):  # closed
            while True:
                client, _ = listener.accept()
                threading.Thread(
                    target=_connect, args=(client, target_port, bytes_per_s), daemon=True
                ).start()

    threading.Thread(target=accept, daemon=True).start()
    return listener


def _connect(client: socket.socket, target_port: int, bytes_per_s: float) -> None:
    with client, socket.create_connection((HOST, target_port)) as server:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        upwards = threading.Thread(target=_forward, args=(client, server, Pace(bytes_per_s)), daemon=True)
        upwards.start()
        _forward(server, client, Pace(bytes_per_s))
        upwards.join()


def _forward(source: socket.socket, sink: socket.socket, pace: Pace) -> None:
    """Until the source ends; then the sink is told that nothing more comes."""
    read, write = os.pipe()
    try:
        fcntl(write, F_SETPIPE_SZ, PIECE_BYTES)
        while count := os.splice(source.fileno(), write, PIECE_BYTES):
            left = count
            while left:
                left -= os.splice(read, sink.fileno(), left)
            time.sleep(pace.pause(count, time.monotonic()))
    except OSError:  # one side broke off; the other learns of it as of an end
        pass
    finally:
        os.close(read)
        os.close(write)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    print(serve(int(sys.argv[1]), float(sys.argv[2])).getsockname()[1], flush=True)
    threading.Event().wait()
