"""The twin's command, as a person uses it, with the repository's own offices."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
Command = Callable[..., tuple[int, str]]
# One twin for all, which the last test takes down.
pytestmark = pytest.mark.xdist_group("twin_command")


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("command") / "twin"
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return clean | {"TWIN_HOME": str(folder), "COLUMNS": "200"}


@pytest.fixture(scope="module")
def twin(environment: dict[str, str]) -> Command:
    """Runs `python -m twin …`: its exit code, and what it said."""

    def run(*words: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "twin", *words]
        done = subprocess.run(
            command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    return run


@pytest.fixture(scope="module")
def started(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """`python -m twin start`, once it has said where the twin runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "twin", "start"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline().startswith("The twin runs at http://127.0.0.1:")
    yield process
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def test_a_sample_is_uploaded_and_seen_by_commands_alone(
    twin: Command, started: subprocess.Popen[str], tmp_path: Path
) -> None:
    """Who tries the platform out has nothing but this command: each must do its part and say what it did."""
    sample = tmp_path / "input.tar"
    sample.write_bytes(b"not really a tar")
    assert "not up" in twin("status")[1]
    code, said = twin("upload", "eu", "metagenome/p/s/input.tar", str(sample))
    assert (code, "python -m twin up eu" in said) == (1, True)
    code, said = twin("up", "eu")
    assert code == 0
    assert "created" in said
    assert "nothing changed" in twin("up", "eu")[1]
    code, said = twin("upload", "eu", "metagenome/p/s/input.tar", str(sample))
    assert code == 0
    assert "uploaded s3://globalbi-eu-uploads-222222222222/metagenome/p/s/input.tar" in said
    deadline = time.monotonic() + 30
    row = re.compile(r"eu .*\b1 (received|submitted|running|rejected|failed)\b")
    while not row.search(said := twin("status")[1]):
        assert time.monotonic() < deadline, said


def test_what_cannot_be_done_is_said_in_words(
    twin: Command, started: subprocess.Popen[str], tmp_path: Path
) -> None:
    """A trace tells a newcomer nothing."""
    sample = tmp_path / "input.tar"
    sample.write_bytes(b"")
    assert twin("up", "eu")[0] == 0
    for words, told in (
        (("up", "mars"), "no office 'mars'"),
        (("upload", "mars", "a/b/c/input.tar", str(sample)), "no office 'mars'"),
        (("upload", "eu", "a/b/c/input.tar", str(tmp_path / "nothing.tar")), "is not a file"),
        (("upload", "eu", "metagenome/p/s/other.tar", str(sample)), "AccessDenied"),
        (("start",), "already runs"),
    ):
        code, said = twin(*words)
        assert (code, told in said) == (1, True), said


def test_down_ends_the_twin_and_the_command_that_started_it(
    twin: Command, started: subprocess.Popen[str]
) -> None:
    """A twin that stays behind keeps a port, its containers and a processor."""
    assert twin("down") == (0, "the twin is down\n")
    assert started.wait(20) == 0
    for command in ("status", "down", "up"):
        code, said = twin(command)
        assert (code, "python -m twin start" in said) == (1, True), said
