"""Run while the image is built: the same seed gives the same bytes, and the checksums of the references
hold.
"""

import csv
import hashlib
import subprocess
import tarfile
import tempfile
from pathlib import Path


def make(out: Path, *options: str) -> str:
    command = ["python3", "-m", "mock_community", str(out), "--pairs", "2000", *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return hashlib.sha256((out / "input.tar").read_bytes()).hexdigest()


def main() -> None:
    with tempfile.TemporaryDirectory() as room:
        one, two, three = (Path(room, name) for name in ("one", "two", "three"))
        assert make(one) == make(two, "--only-sample"), "the same arguments must give the same sample"
        assert make(three, "--only-sample", "--seed", "2", "--lanes", "2") != make(two, "--only-sample")
        with tarfile.open(three / "input.tar") as tar:
            assert len(tar.getnames()) == 4, tar.getnames()
        with (one / "truth.tsv").open() as lines:
            rows = list(csv.DictReader(lines, delimiter="\t"))
        assert sum(int(row["pairs"]) for row in rows) == 2000
        for sums in one.glob("references/*/*/SHA256SUMS"):
            subprocess.run(["sha256sum", "--check", "--quiet", sums.name], cwd=sums.parent, check=True)
    print("mock_community: the same seed gives the same bytes, checksums hold")


if __name__ == "__main__":
    main()
