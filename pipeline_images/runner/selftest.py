"""Run while the image is built: the runner stages a tar, runs a pipeline and refuses a tar that has lost
its end. What a program took is counted for an ordinary user, too.
"""

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from programs import use
from programs.chain import Program, run_chain

PIPELINE = """
import os, pathlib, sys
reads = pathlib.Path(sys.argv[1], "reads.txt").read_text()
pathlib.Path(sys.argv[2], "result.txt").write_text(reads + os.environ["THREADS"])
"""


def runner(*words: str | Path, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["python3", "-m", "runner", *map(str, words)],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def main() -> None:
    assert os.getuid() != 0, "the image must run as an ordinary user"
    assert os.access("/scratch", os.W_OK), "/scratch must be writable without a mount"
    with tempfile.TemporaryDirectory() as room:
        place = Path(room)
        reads, pipeline, archive = place / "reads.txt", place / "pipeline.py", place / "input.tar"
        reads.write_text("ACGT")
        pipeline.write_text(PIPELINE)
        with tarfile.open(archive, "w") as tar:
            tar.add(reads, "reads.txt")
        ran = runner(archive, place / "output", PIPELINE_COMMAND=f"{sys.executable} {pipeline}", THREADS="3")
        assert ran.returncode == 0, ran
        assert (place / "output" / "result.txt").read_text() == "ACGT3"

        archive.write_bytes(archive.read_bytes()[:600])
        refused = runner("stage", archive, place / "staged")
        assert refused.returncode == 65, refused
        assert not any((place / "staged").glob("*")), "a refused archive must leave nothing behind"
        run_chain([Program(name="cat", command=("cat",))], place, lambda write: write(bytes(100_000)))
        use.leave(place)
        (cat,) = json.loads((place / use.RESOURCES).read_text())["programs"]
        assert cat["read_bytes"] >= cat["written_bytes"] == 100_000, cat
    print("runner: stages, runs a pipeline, refuses a damaged archive")


if __name__ == "__main__":
    main()
