"""Starts and stops the twin: ministack in a child process, with our parts in place of some of its own.

`Twin` is a context manager. What the child prints goes to `.twin/twin.log`; its address, process and life
stand in `.twin/twin.json`, so that other commands find it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session

from twin import home
from twin.offices import ROOT, office, offices

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 20
POLL_S = 0.03


class StartFailed(Exception):
    """The child ended or did not answer in time; the words name its log."""


class Twin:
    """A running twin. `keep` goes on with what the last one that was stopped orderly left."""

    def __init__(self, port: int = 0, *, keep: bool = False, root: Path = ROOT) -> None:
        self._port, self._keep, self.root = port, keep, root
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def log(self) -> Path:
        return home.home() / "twin.log"

    def client(self, service: str, office_name: str) -> Any:
        """A client of the office's root."""
        return office(office_name, self.root).client(service, self.endpoint)

    def start(self) -> Self:
        known = home.recorded()
        if known and home.alive(known):
            raise StartFailed(
                f"a twin already runs at {known.endpoint} (process {known.pid}): "
                "stop it with `python -m twin down`"
            )
        life = self._life(known)
        self._port = self._port or _free_port()
        home.home().mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "twin.serve", str(self._port)],
                env=self._environment(),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the command; it then stops the child orderly
            )
        self._wait()
        home.remember(home.Running(endpoint=self.endpoint, pid=self._process.pid, life=life))
        return self

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """Ends the child orderly: it saves what it holds and ends its containers."""
        if self._process:
            end(self._process.pid)
            self._process.wait()
            self._process = None
        home.forget_process()

    def kill(self) -> None:
        """Ends the child as a crash would: nothing is saved."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def fault(self, office_name: str, job_id: str, kind: str = "spot") -> None:
        """A fault for tests: `spot` reclaims the job's instance (SIGTERM first), `host` loses it at once."""
        fault(self.endpoint, office(office_name, self.root), job_id, kind)

    def _life(self, known: home.Running | None) -> str:
        if self._keep and known and known.pid == 0:  # one that crashed has saved nothing
            # What was made knows the address: queues by their URL, functions by their environment.
            self._port = self._port or int(known.endpoint.rsplit(":", 1)[1])
            return known.life
        for folder in ("aws", "s3", "state", "batch", "scratch"):
            shutil.rmtree(home.home() / folder, ignore_errors=True)
        return uuid.uuid4().hex

    def _environment(self) -> dict[str, str]:
        # Nothing of the user's own AWS may reach the child, nor the functions that it starts.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        kept = home.home()
        first = offices(self.root)[0]
        return clean | {
            "TWIN_HOME": str(kept),
            "GATEWAY_PORT": str(self._port),
            "BIND_HOST": "127.0.0.1",
            "AUTH": "true",
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "MINISTACK_ACCOUNT_ID": first.account,
            "MINISTACK_REGION": first.region,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(kept / "aws"),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(kept / "s3"),
            "TWIN_OFFICES": json.dumps({o.account: o.name for o in offices(self.root)}),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def _wait(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_TIMEOUT_S
        while not home.answers(self.endpoint):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise StartFailed(f"the twin did not start on {self.endpoint}; its log is {self.log}")
            time.sleep(POLL_S)


def end(pid: int) -> None:
    """Ends a twin's process by its id: orderly, and by force when it does not listen."""
    try:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while _exists(pid):
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                return
            time.sleep(POLL_S)
    except ProcessLookupError:
        return


def fault(endpoint: str, where: Any, job_id: str, kind: str) -> None:
    """Asks the twin's Batch for a fault of one job: a call of the twin's own, signed like any other."""
    body = json.dumps({"jobId": job_id, "kind": kind})
    request = AWSRequest(
        "POST", f"{endpoint}/v1/twinfault", data=body, headers={"Content-Type": "application/json"}
    )
    SigV4Auth(where.session().get_credentials(), "batch", where.region).add_auth(request)
    reply = URLLib3Session().send(request.prepare())
    if reply.status_code != 200:
        raise ValueError(f"the fault {kind!r} for job {job_id}: {reply.text}")


def _exists(pid: int) -> bool:
    try:
        if os.waitpid(pid, os.WNOHANG) != (0, 0):  # our own child
            return False
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
