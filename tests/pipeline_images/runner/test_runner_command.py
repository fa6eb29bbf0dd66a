"""The command line, as a person or a container engine calls it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline_images.runner.corpus import GOOD, WHOLE
from tests.pipeline_images.runner.office import Office

RUNNER = Path(__file__).parents[3] / "pipeline_images" / "runner"
PIPELINE = """
import os, pathlib, sys
source, results = map(pathlib.Path, sys.argv[1:])
names = sorted(path.name for path in source.iterdir())
if not names: sys.exit("nothing there")
(results / "names.txt").write_text(" ".join(names) + " " + os.environ["THREADS"])
"""


def runner(*arguments: object, **environ: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "runner", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(RUNNER), **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_stage_prints_a_json_line_per_member(tmp_path: Path) -> None:
    """Scripts that check an upload by hand read these lines."""
    (tmp_path / "input.tar").write_bytes(WHOLE)
    done = runner("stage", tmp_path / "input.tar", tmp_path / "dest")
    assert done.returncode == 0
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["name"], line["size"]) for line in lines] == [(n, len(d)) for n, d in GOOD.items()]
    assert all(len(line["sha256"]) == 64 for line in lines)
    assert {path.name: path.read_bytes() for path in (tmp_path / "dest").iterdir()} == GOOD


def test_stage_reads_one_version_from_s3(office: Office, tmp_path: Path) -> None:
    """The version that is asked for counts, not the newest."""
    put = {"Bucket": office.uploads, "Key": "p/j/s 1+é%/input.tar"}
    first = office.clients.s3.put_object(**put, Body=WHOLE)["VersionId"]
    office.clients.s3.put_object(**put, Body=b"newer")
    address = f"s3://{office.uploads}/{put['Key']}?versionId={first}"
    done = runner("stage", address, tmp_path / "dest", AWS_ENDPOINT_URL=office.endpoint)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(
    ("archive", "code", "line"),
    [
        (b"", 65, "refused: the file is empty"),
        (WHOLE[:700], 65, "refused: the tar"),
        (None, 66, "failed: cannot open"),
    ],
)
def test_stage_refuses_with_one_line_and_leaves_nothing(
    archive: bytes | None, code: int, line: str, tmp_path: Path
) -> None:
    """Half of an archive left in place would be taken for the whole by the next command."""
    if archive is not None:
        (tmp_path / "input.tar").write_bytes(archive)
    done = runner("stage", tmp_path / "input.tar", tmp_path / "dest")
    assert done.returncode == code
    assert done.stderr.startswith(line)
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""
    assert not (tmp_path / "dest").exists() or not list((tmp_path / "dest").iterdir())


def test_stage_keeps_its_hands_off_a_folder_with_files(tmp_path: Path) -> None:
    """An empty DEST is promised on failure: somebody's files must not be what is emptied."""
    (tmp_path / "input.tar").write_bytes(WHOLE)
    (tmp_path / "dest").mkdir()
    (tmp_path / "dest" / "mine").write_text("x")
    done = runner("stage", tmp_path / "input.tar", tmp_path / "dest")
    assert done.returncode == 73
    assert (tmp_path / "dest" / "mine").read_text() == "x"


@pytest.mark.parametrize("given", ["folder of reads", "folder of a tar", "tar"])
def test_a_pipeline_runs_on_two_paths(given: str, tmp_path: Path) -> None:
    """A developer, or a branch without a network, runs the same image on a folder."""
    source = tmp_path / "input"
    source.mkdir()
    if given == "folder of reads":
        for name, data in GOOD.items():
            (source / name).write_bytes(data)
    else:
        (source / "input.tar").write_bytes(WHOLE)
    (tmp_path / "pipeline.py").write_text(PIPELINE)
    done = runner(
        source / "input.tar" if given == "tar" else source,
        tmp_path / "output",
        PIPELINE_COMMAND=f"{sys.executable} {tmp_path / 'pipeline.py'}",
        THREADS="3",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "output" / "names.txt").read_text() == "s1_R1.fastq s1_R2.fastq 3"


def test_the_pipeline_s_exit_code_is_the_container_s(tmp_path: Path) -> None:
    """`docker run` tells bad input from failure by the code alone."""
    command = f"{sys.executable} -c 'import sys; print(\"R2 is missing\", file=sys.stderr); sys.exit(65)'"
    done = runner(tmp_path, tmp_path / "output", PIPELINE_COMMAND=command)
    assert (done.returncode, done.stderr) == (65, "R2 is missing\n")


@pytest.mark.parametrize("arguments", [[], ["job", "x"], ["stage", "x"], ["a", "b", "c"]])
def test_a_wrong_command_shows_the_right_ones(arguments: list[str]) -> None:
    """Whoever types it wrong learns how to type it."""
    done = runner(*arguments)
    assert done.returncode == 64
    assert "python3 -m runner stage SOURCE DEST" in done.stderr


def test_input_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A forgotten -v of `docker run` must not look like an empty sample."""
    done = runner(tmp_path / "absent", tmp_path / "output", PIPELINE_COMMAND="true")
    assert done.returncode == 66
    assert "absent is not there" in done.stderr
