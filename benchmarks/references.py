"""Ten samples at once on one instance: references are fetched once, lie on the disk once, and share pages.

Ten real containers of the metagenome image start together on an empty host, as AWS Batch packs them on one
large instance. What was fetched is counted by the S3 server; which pages the classifiers share, by Linux.

REFERENCES_SAMPLES=n REFERENCES_PAIRS=n
"""

import os
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.mapped import Held, Watch
from benchmarks.offices import compute, deployed
from benchmarks.overhead import publish_references
from benchmarks.report import FOLDER, ROOT, Figure, Report
from canary import mock
from demo.story import TERMINAL, Offices, wait_for
from pipeline_images import containers
from twin import batch_containers, object_reads

SAMPLES, PAIRS, SEED = 10, 100_000, 1
OFFICE = "eu"
CLASSIFIER, DATABASE = "classify", "hash.k2d"
SHARED = 1.1  # at most so many times the database's bytes in memory, however many map it
PATIENCE_S = 1200
IMAGE = containers.local_image("metagenome")


def measure(console: Console) -> Report:
    if not containers.engine().has(IMAGE):
        return Report(title="Nothing was measured.", faults=[f"{IMAGE} is missing: make images"])
    samples = int(os.environ.get("REFERENCES_SAMPLES", SAMPLES))
    pairs = int(os.environ.get("REFERENCES_PAIRS", PAIRS))
    community = mock.community(ROOT / ".build" / "mock", pairs=pairs, seed=SEED)
    FOLDER.mkdir(exist_ok=True)
    told = FOLDER / "object_reads.jsonl"
    told.unlink(missing_ok=True)
    environment = {"TWIN_CONTAINERS": str(samples), object_reads.VARIABLE: str(told)}
    with deployed(console, **environment) as offices:
        publish_references(offices, community.references)
        host = batch_containers.host_folder(OFFICE, "/scratch") / "references"
        (wanted,) = community.references.rglob(DATABASE)
        with Watch(host / wanted.relative_to(community.references), CLASSIFIER) as watch:
            ended, wall_s = run_together(offices, community.input_tar, samples, console)
        sent = object_reads.sent(told, offices.outputs[OFFICE]["references_bucket"])
        copies = len(list(host.parent.rglob(DATABASE)))
        on_disk = bytes_of(host)
    return report(
        samples=samples,
        pairs=pairs,
        references=bytes_of(community.references),
        database=wanted.stat().st_size,
        sent=sent,
        on_disk=on_disk,
        copies=copies,
        fullest=watch.fullest,
        wall_s=wall_s,
        ended=ended,
    )


def run_together(
    offices: Offices, tar: Path, samples: int, console: Console
) -> tuple[dict[str, dict[str, Any]], float]:
    """Each sample's last status, and the seconds from the moment that an instance is there."""
    names = [f"metagenome/references/sample {number}" for number in range(1, samples + 1)]
    compute(offices, OFFICE, "DISABLED")
    for name in names:
        offices.upload(OFFICE, f"{name}/input.tar", tar)
    for name in names:
        wait_for(f"the job of {name}", lambda name=name: state_of(offices, name) == "submitted")
    console.print(f"{samples} samples wait for an instance")
    compute(offices, OFFICE, "ENABLED")
    began = time.monotonic()
    ended: dict[str, dict[str, Any]] = {}
    while len(ended) < samples and time.monotonic() - began < PATIENCE_S:
        time.sleep(1)
        for name in names:
            status = offices.status(OFFICE, name)
            if status is not None and status["state"] in TERMINAL:
                ended[name] = status
    return ended, time.monotonic() - began


def state_of(offices: Offices, name: str) -> str | None:
    status = offices.status(OFFICE, name)
    return status["state"] if status else None


def bytes_of(folder: Path) -> int:
    """Of each file once, however many names it has."""
    found: dict[tuple[int, int], int] = {}
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):
            stat = path.lstat()
            if path.is_file() and not path.is_symlink():
                found[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(found.values())


def report(
    *,
    samples: int,
    pairs: int,
    references: int,
    database: int,
    sent: list[int],
    on_disk: int,
    copies: int,
    fullest: Held,
    wall_s: float,
    ended: dict[str, dict[str, Any]],
) -> Report:
    """`references`, `database`, `sent` (one entry for each answer) and `on_disk` in bytes."""
    succeeded = sum(status["state"] == "succeeded" for status in ended.values())
    figures = [
        Figure(name="samples that succeeded", value=succeeded),
        Figure(name="from the instance to the last status.json", value=wall_s, unit="s"),
        Figure(name="the references' bytes in the bucket", value=references / 1e6, unit="MB"),
        Figure(name="of them sent by S3", value=sum(sent) / 1e6, unit=f"MB in {len(sent)} requests"),
        Figure(name="if each sample fetched its own", value=samples * references / 1e6, unit="MB"),
        Figure(name="on the instance's disk", value=on_disk / 1e6, unit="MB"),
        Figure(name="copies of Kraken 2's database", value=copies),
        Figure(name="classifiers that map it at once", value=fullest.processes),
        Figure(
            name="its pages as each of them counts, added up (Rss)", value=_mb(fullest.rss_bytes), unit="MB"
        ),
        Figure(name="its pages in memory (Pss, added up)", value=_mb(fullest.pss_bytes), unit="MB"),
        Figure(name="the database", value=database / 1e6, unit="MB"),
    ]
    return Report(
        title=f"{samples} samples of {pairs:,} pairs started together on an empty instance",
        figures=figures,
        detail={"sent": sent, "fullest": asdict(fullest)},
        faults=faults(samples, succeeded, references, database, sum(sent), copies, fullest),
    )


def faults(
    samples: int, succeeded: int, references: int, database: int, sent: int, copies: int, fullest: Held
) -> list[str]:
    found = []
    if succeeded < samples:
        found.append(f"{samples - succeeded} of {samples} samples did not succeed")
    if sent != references:
        found.append(f"S3 sent {sent:,} bytes of references, not their {references:,}")
    if copies != 1:
        found.append(f"{DATABASE} lies {copies} times on the disk, not once")
    if fullest.processes < 2:
        found.append("no two classifiers ran at one moment: that pages are shared was not seen")
    elif fullest.pss_bytes > SHARED * database:
        found.append(f"the database's pages take {fullest.pss_bytes:,} bytes of memory, not its {database:,}")
    return found


def _mb(count: int) -> float:
    return count / 1e6
