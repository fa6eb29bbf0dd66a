"""That references are read once is told only when they were."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.mapped import Held, held
from benchmarks.references import bytes_of, faults
from twin import object_reads

MIB = 1 << 20
# Maps a file, looks at all of it or, for itself alone, writes to all of it, and waits to be ended.
MAPS = """
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
for at in range(0, len(mapped), 4096):
    if sys.argv[2] == "write":
        mapped[at] = 1
    else:
        mapped[at]
print("ready", flush=True)
sys.stdin.read()
"""
GOOD: dict[str, Any] = {
    "samples": 10, "succeeded": 10, "references": 100, "database": 50 * MIB, "sent": 100, "copies": 1,
    "fullest": Held(processes=10, rss_bytes=500 * MIB, pss_bytes=50 * MIB),
}  # fmt: skip


@pytest.mark.parametrize(("does", "in_memory"), [("read", 1), ("write", 2)])
def test_shared_pages_count_once_and_those_of_a_process_alone_for_each(
    tmp_path: Path, does: str, in_memory: int
) -> None:
    """Ten copies in memory would be told as one, or one as ten."""
    file = tmp_path / "database"
    file.write_bytes(bytes(8 * MIB))
    command = [sys.executable, "-c", MAPS, str(file), does]
    mapping = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    try:
        for each in mapping:
            assert each.stdout is not None
            assert each.stdout.readline() == b"ready\n"
        name = Path(f"/proc/{mapping[0].pid}/comm").read_text().strip()
        found = held(file, name)
    finally:
        for each in mapping:
            each.communicate()
    assert (found.processes, found.rss_bytes) == (2, 16 * MIB)
    assert found.pss_bytes == pytest.approx(in_memory * 8 * MIB, rel=0.01)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"succeeded": 9}, "1 of 10 samples did not succeed"),
        ({"sent": 1000}, "S3 sent 1,000 bytes of references, not their 100"),
        ({"copies": 2}, "hash.k2d lies 2 times on the disk, not once"),
        ({"fullest": Held(processes=1)}, "no two classifiers ran at one moment"),
        ({"fullest": replace(GOOD["fullest"], pss_bytes=500 * MIB)}, "the database's pages take 524,288,000"),
    ],
)
def test_what_was_not_once_is_a_fault(change: dict[str, Any], says: str) -> None:
    """The benchmark would end well whatever the cache does."""
    assert faults(**GOOD) == []
    (fault,) = faults(**(GOOD | change))
    assert fault.startswith(says)


def test_the_server_counts_what_it_sends_and_not_what_it_refuses(tmp_path: Path) -> None:
    """A part that was asked for again would not be seen."""
    answers = iter([(206, {"Content-Length": "7"}, b"1234567"), (404, {}, b"<Error/>"), (200, {}, b"123")])
    told = tmp_path / "reads"
    get = object_reads._counted(lambda *_: next(answers), told)
    for bucket in ("references", "references", "uploads"):
        get(bucket, "key", {})
    assert object_reads.sent(told, "references") == [7]
    assert object_reads.sent(told, "uploads") == [3]


def test_a_file_of_two_names_lies_on_the_disk_once(tmp_path: Path) -> None:
    """Links, by which each job sees its references, would look like copies."""
    (tmp_path / "one").write_bytes(bytes(1000))
    (tmp_path / "two").hardlink_to(tmp_path / "one")
    (tmp_path / "three").symlink_to(tmp_path / "one")
    assert bytes_of(tmp_path) == 1000
