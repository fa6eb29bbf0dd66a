"""An S3 and a DynamoDB on loopback for the runner's tests: ministack in a process of its own."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def aws_endpoint(log: Path) -> Iterator[str]:
    """The URL of a fresh one, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
    }
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.argv[1:] = []; from ministack.app import main; main()"],
            env=os.environ | settings,
            stdout=out,
            stderr=out,
        )
    endpoint = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 20
    try:
        while True:
            try:
                urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=1).read()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"ministack did not start; its log is {log}") from None
                time.sleep(0.05)
        yield endpoint
    finally:
        process.terminate()
        process.wait()
