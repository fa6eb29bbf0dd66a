"""Stage-in from a real S3 server on loopback: the runner against what people take otherwise.

A tar of 1 GB becomes files on disk, by each way in turn, so that whatever else the machine does falls on all
of them. Once free, where the processor decides, and once with every connection held to CAP_BYTES_PER_S, as
S3 does. Server, proxy and client share the machine: their processor seconds are told apart. What each way
left on disk is compared with what went into the tar, outside the measured time.

STAGING_SERVER=seaweedfs|versitygw, STAGING_ROUNDS=n
"""

import hashlib
import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path

from boto3.s3.transfer import TransferConfig
from rich.console import Console

from benchmarks import process_tree
from benchmarks.object_server import (
    ACCESS_KEY,
    BUCKET,
    HOST,
    HOW_TO_INSTALL,
    PROGRAMS,
    REGION,
    SECRET_KEY,
    ObjectServer,
    program,
    serving,
)
from benchmarks.report import FOLDER, ROOT, Comparison, Report

SERVER = "seaweedfs"
ROUNDS = 5
CAP_BYTES_PER_S = 80e6
MIB = 1 << 20
# Reads as a sequencer leaves them, two large files that no longer compress, and some small ones beside.
LARGE_FILES, LARGE_BYTES = 2, 500 * MIB
SMALL_FILES, SMALL_BYTES = 200, 20_000
KEY = "sample.tar"
RUNNER = "the runner (hashes every file)"
AWS, AWS_HASHED = "aws s3 cp - | tar x", "aws s3 cp - | tar x, then sha256sum"
S5CMD, BOTO3 = "s5cmd cat | tar x", "boto3 get_object, tarfile"
MEMORY_MIB = 120  # what the runner may take
STREAM = """
import boto3, sys, tarfile
body = boto3.client("s3").get_object(Bucket=sys.argv[1], Key=sys.argv[2])["Body"]
tarfile.open(fileobj=body, mode="r|").extractall(sys.argv[3], filter="data")
"""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One way, once. `served_s` are the processor seconds of the server and the proxy meanwhile."""

    round: int
    wall_s: float
    cpu_s: float
    served_s: float
    rss_mib: float


def measure(console: Console) -> Report:
    kind = os.environ.get("STAGING_SERVER", SERVER)
    rounds = int(os.environ.get("STAGING_ROUNDS", ROUNDS))
    if kind not in PROGRAMS:
        raise SystemExit(f"STAGING_SERVER must be one of {', '.join(PROGRAMS)}, not {kind!r}")
    needed = {PROGRAMS[kind]: HOW_TO_INSTALL[PROGRAMS[kind]], "s5cmd": HOW_TO_INSTALL["s5cmd"]}
    if missing := [f"{name} is missing: {how}" for name, how in needed.items() if program(name) is None]:
        return Report(title="Nothing was measured.", faults=missing)
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER, prefix="staging-") as name:
        folder = Path(name)
        tar = folder / KEY
        files = make_tar(tar)
        size = tar.stat().st_size
        with serving(kind, folder) as server:
            server.client().upload_file(str(tar), BUCKET, KEY, Config=TransferConfig(max_concurrency=2))
            tar.unlink()
            bench = Bench(server=server, folder=folder, files=files, console=console)
            free = bench.all_ways(server.port, server.pid, rounds, "free")
            with throttled(server.port) as (port, pid):
                capped = bench.all_ways(port, pid, rounds, "capped")
    title = f"Staging {size / 1e9:.2f} GB from {kind}, median of {rounds} rounds"
    return Report(
        title=title,
        comparisons=[
            compared("Connections free", free),
            compared(f"Every connection held to {CAP_BYTES_PER_S / 1e6:.0f} MB/s", capped),
        ],
        detail={
            "server": kind,
            "bytes": size,
            "versions": versions(kind),
            "free": {way: [asdict(each) for each in found] for way, found in free.items()},
            "capped": {way: [asdict(each) for each in found] for way, found in capped.items()},
        },
        faults=bench.faults + memory_faults(free) + memory_faults(capped),
    )


def make_tar(path: Path) -> dict[str, str]:
    """SHA-256 by name of what went in."""
    chance, digests = random.Random(5), {}
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        wanted = [(f"reads_R{n}.fastq.gz", LARGE_BYTES) for n in range(1, LARGE_FILES + 1)]
        wanted += [(f"logs/{n:03}.txt", SMALL_BYTES) for n in range(SMALL_FILES)]
        for name, size in wanted:
            data = b"".join(chance.randbytes(min(MIB, size - at)) for at in range(0, size, MIB))
            member = tarfile.TarInfo(name)
            member.size = size
            tar.addfile(member, BytesIO(data))
            digests[name] = hashlib.sha256(data).hexdigest()
    return digests


def commands(dest: Path) -> dict[str, str]:
    """The ways, as one would type them."""
    python, address, to = shlex.quote(sys.executable), f"s3://{BUCKET}/{KEY}", shlex.quote(str(dest))
    return {
        RUNNER: f"{python} -m runner stage {address} {to}",
        AWS: f"aws s3 cp {address} - | tar x -C {to}",
        AWS_HASHED: f"aws s3 cp {address} - | tar x -C {to} && find {to} -type f -exec sha256sum {{}} +",
        S5CMD: f"s5cmd cat {address} | tar x -C {to}",
        BOTO3: f"{python} -c {shlex.quote(STREAM)} {BUCKET} {KEY} {to}",
    }


def environment(port: int) -> dict[str, str]:
    """Only what the ways need: nobody's own AWS settings take part."""
    endpoint = f"http://{HOST}:{port}"
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "pipeline_images" / "runner"),
        "AWS_ACCESS_KEY_ID": ACCESS_KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "S3_ENDPOINT_URL": endpoint,
    }


class Bench:
    """Measures way after way and keeps what was wrong with any of them."""

    def __init__(
        self, *, server: ObjectServer, folder: Path, files: dict[str, str], console: Console
    ) -> None:
        self._server, self._folder, self._files, self._console = server, folder, files, console
        self.faults: list[str] = []

    def all_ways(self, port: int, pid: int, rounds: int, words: str) -> dict[str, list[Measured]]:
        """Every way once a round, each round beginning with another one; `pid` listens on `port`."""
        found: dict[str, list[Measured]] = {way: [] for way in commands(self._folder)}
        for number in range(rounds):
            for way in rotated(list(found), number):
                found[way].append(self._once(way, port, pid, number))
            told = ", ".join(f"{each[-1].wall_s:.1f}" for each in found.values())
            self._console.print(f"{words}, round {number + 1} of {rounds}: {told} s")
        return found

    def _once(self, way: str, port: int, pid: int, number: int) -> Measured:
        dest = self._folder / "staged"
        dest.mkdir()
        os.sync()  # what the way before wrote must not go to disk during this one
        serving_pids = {self._server.pid, pid}
        before = sum(map(process_tree.cpu_s, serving_pids))
        command = ["bash", "-o", "pipefail", "-c", commands(dest)[way]]
        taken = process_tree.run(command, environment(port), self._folder)
        served_s = sum(map(process_tree.cpu_s, serving_pids)) - before
        if taken.code:
            raise RuntimeError(f"{way} ended with {taken.code}: {taken.errors[-2000:]}")
        if digests(dest) != self._files:
            self.faults.append(f"{way}: round {number + 1} left other files than the tar's")
        if way == RUNNER and said(taken.output) != self._files:
            self.faults.append(f"{way}: round {number + 1} told other hashes than the files'")
        shutil.rmtree(dest)
        return Measured(
            round=number, wall_s=taken.wall_s, cpu_s=taken.cpu_s, served_s=served_s, rss_mib=taken.rss_mib
        )


def rotated(ways: list[str], by: int) -> list[str]:
    by %= len(ways)
    return ways[by:] + ways[:by]


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 by name of every file below a folder."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                found[path.relative_to(folder).as_posix()] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def said(output: str) -> dict[str, str]:
    """SHA-256 by name, as the runner printed them."""
    lines = [json.loads(line) for line in output.splitlines()]
    return {line["name"]: line["sha256"] for line in lines}


def compared(title: str, found: dict[str, list[Measured]]) -> Comparison:
    """Medians; the last column says how many times as long as the runner a way takes."""
    wall = {way: statistics.median(each.wall_s for each in measured) for way, measured in found.items()}
    return Comparison(
        title=title,
        columns=["wall s", "CPU s", "server CPU s", "memory MiB", "time ÷ runner's"],
        rows={
            way: [
                wall[way],
                statistics.median(each.cpu_s for each in measured),
                statistics.median(each.served_s for each in measured),
                max(each.rss_mib for each in measured),
                wall[way] / wall[RUNNER],
            ]
            for way, measured in found.items()
        },
    )


def memory_faults(found: dict[str, list[Measured]]) -> list[str]:
    most = max(each.rss_mib for each in found[RUNNER])
    return [f"the runner took {most:.0f} MiB, not at most {MEMORY_MIB}"] if most > MEMORY_MIB else []


def versions(kind: str) -> dict[str, str]:
    """What the other programs say of themselves."""
    asked = {"aws": "--version", "s5cmd": "version", "tar": "--version", PROGRAMS[kind]: "--version"}
    if kind == "seaweedfs":
        asked["weed"] = "version"
    found = {}
    for name, how in asked.items():
        done = subprocess.run([program(name) or name, how], capture_output=True, text=True, check=False)
        found[name] = next(iter((done.stdout or done.stderr).splitlines()), "")
    return found


@contextmanager
def throttled(port: int) -> Iterator[tuple[int, int]]:
    """A proxy before the port, as a process of its own; the port and the process id."""
    command = [sys.executable, "-m", "benchmarks.throttle", str(port), str(CAP_BYTES_PER_S)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as proxy:
        try:
            assert proxy.stdout is not None
            yield int(proxy.stdout.readline()), proxy.pid
        finally:
            proxy.terminate()
