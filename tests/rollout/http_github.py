"""GitHub over HTTP, so that the commands can be run as the workflows run them."""

import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rehearsal.github import LocalGitHub
from rehearsal.serving import TOKEN, served
from rollout.__main__ import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, kw_only=True)
class Ran:
    """What a command left: its exit code, what it printed, a job's outputs and the run's page."""

    code: int
    said: str
    outputs: dict[str, str]
    page: str


@dataclass(frozen=True, kw_only=True)
class Job:
    """A job of a workflow, as far as a command sees it."""

    address: str
    folder: Path

    def run(self, *arguments: str, bare: bool = False) -> Ran:
        """`python -m rollout` with `arguments`. `bare` gives it nothing but the standard library."""
        outputs, page = self.folder / "outputs", self.folder / "page"
        outputs.write_text("")
        page.write_text("")
        environment = {
            "PATH": os.environ["PATH"],
            "GITHUB_API_URL": self.address,
            "GITHUB_REPOSITORY": "acme/platform",
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_STEP_SUMMARY": str(page),
        }
        code, said = (_apart if bare else _inside)(arguments, environment)
        pairs = (line.split("=", 1) for line in outputs.read_text().splitlines())
        return Ran(code=code, said=said, outputs=dict(pairs), page=page.read_text())


def _apart(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    command = [sys.executable, "-S", "-m", "rollout", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def _inside(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """In this process, which saves importing everything again; a fault ends a command as it ends Python."""
    said = io.StringIO()
    with patch.dict(os.environ, environment), redirect_stdout(said), redirect_stderr(said):
        try:
            code = main(arguments)
        except Exception as fault:
            return 1, f"{said.getvalue()}{fault!r}"
    return code, said.getvalue()


@contextmanager
def serving(github: LocalGitHub, folder: Path) -> Iterator[Job]:
    with served(github) as address:
        yield Job(address=address, folder=folder)
