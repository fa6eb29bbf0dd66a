"""act: runs a workflow file as it is, on this machine, and tells what its jobs did.

Actions that need the internet are replaced by those in `rehearsal/actions`, by act's own option for it.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from rehearsal import Broken
from rehearsal.serving import TOKEN

VERSION = "0.2.89"
FOLDER = Path(__file__).resolve().parent
PLATFORM = "ubuntu-24.04"
MOST_S = 900  # of one run
# GitHub's names of the actions → the folders of what stands in for them.
STAND_INS: Mapping[str, str] = {
    "actions/checkout": "checkout",
    "actions/setup-python": "setup-python",
    "actions/upload-artifact": "upload",
    "actions/download-artifact": "download",
    "aws-actions/configure-aws-credentials": "credentials",
    "pulumi/actions": "pulumi",
}
USES = re.compile(r"uses: (([\w-]+/[\w-]+)@[0-9a-f]{40})")


class Missing(Exception):
    """act is not here, or it is another version than the rehearsal was written for."""


def found() -> str:
    """The act of this environment, or the one on the PATH. Raises Missing."""
    beside = Path(sys.executable).parent / "act"
    binary = str(beside) if beside.exists() else shutil.which("act")
    if binary is None:
        raise Missing(f"act {VERSION} is not here: `make setup`, or https://nektosact.com")
    said = subprocess.run([binary, "--version"], capture_output=True, text=True).stdout.split()
    if not said or said[-1] != VERSION:
        raise Missing(f"{binary} is {' '.join(said) or 'no act'}; the rehearsal needs act {VERSION}")
    return binary


@dataclass(frozen=True, kw_only=True)
class Event:
    """What GitHub tells a workflow: the payload, and the ref that it runs at, or one of its commits."""

    name: str
    payload: Mapping[str, Any]
    ref: str = "refs/heads/main"
    commit: str = ""


@dataclass(kw_only=True)
class Job:
    """A job that ran, or runs. `path` is as act tells it: workflow/job, or workflow/job/workflow/job."""

    path: str
    matrix: Mapping[str, Any]
    environment: str | None
    result: str = ""
    lines: list[str] = field(default_factory=list)  # what its steps printed
    errors: list[str] = field(default_factory=list)  # annotations' words
    places: list[str] = field(default_factory=list)  # where they stand: FILE:LINE
    failed_steps: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        # act numbers the jobs of a matrix.
        path = re.sub(r"-\d+$", "", self.path) if self.matrix else self.path
        return f"{path}{''.join(f' {value}' for value in self.matrix.values())}"


Told = Callable[[Job], None]


@dataclass(frozen=True, kw_only=True)
class Run:
    succeeded: bool
    jobs: tuple[Job, ...]

    def job(self, name: str) -> Job:
        """The one of this id."""
        (found,) = [job for job in self.jobs if job.path.endswith(f"/{name}")]
        return found


def replaced(workflows: Path) -> Iterator[str]:
    """act's option for each action that the workflows use and something here stands in for."""
    used = {
        (use[1], use[2])
        for path in sorted(workflows.glob("*.yml"))
        for use in USES.finditer(path.read_text())
    }
    for pinned, name in sorted(used):
        if name in STAND_INS:
            yield f"--local-repository={pinned}={FOLDER / 'actions' / STAND_INS[name]}"


def environments(workflows: Path) -> dict[tuple[str, str], str]:
    """By name of the workflow and of the job: the environment that it names."""
    found = {}
    for path in sorted(workflows.glob("*.yml")):
        document = yaml.safe_load(path.read_text())
        for name, job in document["jobs"].items():
            if "environment" in job:
                found[document["name"], name] = job["environment"]
    return found


@dataclass(frozen=True, kw_only=True)
class Runner:
    """A machine that runs jobs: what it gives them all."""

    binary: str
    folder: Path  # of this machine's runs
    variables: Mapping[str, str]

    def run(self, checkout: Path, workflow: str, event: Event, *, begun: Told, ended: Told) -> Run:
        """Runs the workflow file at the commit that is checked out. `begun` and `ended` hear of each job."""
        home = self.folder / "home"
        home.mkdir(parents=True, exist_ok=True)
        (checkout.parent / "event.json").write_text(json.dumps(event.payload))
        variables = {
            **self.variables,
            "GITHUB_REF": event.ref,
            "REHEARSAL_ARTIFACTS": str(checkout.parent / "artifacts"),
            "REHEARSAL_COMMANDS": str(FOLDER / "commands" / "pulumi"),
            "REHEARSAL_MAKE": shutil.which("make") or "make",
        }
        workflows = checkout / ".github" / "workflows"
        command = [
            *(self.binary, event.name, "--json", "--rm"),
            *("--workflows", str(workflows / workflow), "--no-recurse", "--directory", str(checkout)),
            *("--eventpath", str(checkout.parent / "event.json"), "--defaultbranch", "main"),
            *("--platform", f"{PLATFORM}=-self-hosted", "--no-skip-checkout", "--no-cache-server"),
            *("--action-cache-path", str(self.folder / "act"), "--container-daemon-socket", "-"),
            *("--secret", f"GITHUB_TOKEN={TOKEN}"),
            *(f"--env={name}={value}" for name, value in variables.items()),
            *replaced(workflows),
        ]
        # What GitHub's machines have comes before what this one has.
        path = f"{FOLDER / 'commands' / 'runner'}:{os.environ['PATH']}"
        clean = {"PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}
        jobs: dict[str, Job] = {}
        known = environments(workflows)
        with (checkout.parent / "act.log").open("w") as log, _started(command, clean) as process:
            assert process.stdout is not None
            for line in process.stdout:
                log.write(line)
                hear(line, jobs, known, begun, ended)
        if not jobs:
            raise Broken(f"{workflow} ran no job on {event.name}: see {checkout.parent / 'act.log'}")
        return Run(succeeded=process.returncode == 0, jobs=tuple(jobs.values()))


@contextmanager
def _started(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """act with all that it starts: none of it stays when this ends, or when it takes too long."""
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:

        def end() -> None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

        timer = threading.Timer(MOST_S, end)
        timer.start()
        try:
            yield process
            process.wait()
        finally:
            timer.cancel()
            end()


def hear(
    line: str, jobs: dict[str, Job], environments: Mapping[tuple[str, str], str], begun: Told, ended: Told
) -> None:
    """One line of act's log."""
    try:
        said = json.loads(line)
    except ValueError:
        return
    if "jobID" not in said:
        return
    matrix = said.get("matrix") or {}
    key = f"{said['job'].strip()} {matrix}"
    if key not in jobs:
        workflow = said["job"].strip().split("/")[-2]
        environment = environments.get((workflow, said["jobID"]))
        for name, value in matrix.items():
            environment = environment and environment.replace(f"${{{{ matrix.{name} }}}}", str(value))
        jobs[key] = Job(path=said["job"].strip(), matrix=matrix, environment=environment)
        begun(jobs[key])
    job = jobs[key]
    if said.get("raw_output"):
        job.lines.append(said["msg"].rstrip("\n"))
    if said.get("stepResult") == "failure":
        job.failed_steps.append(said["step"])
    if said.get("command") == "error":
        job.errors.append(said["arg"])
        at = said.get("kvPairs") or {}
        if "file" in at:
            job.places.append(f"{at['file']}:{at['line']}")
    if "jobResult" in said:
        job.result = said["jobResult"]
        ended(job)
