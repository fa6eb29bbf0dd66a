"""The rehearsal's world: a repository on a GitHub of its own, offices in the twin, and what runs jobs."""

import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import boto3
import yaml

from bootstrap.account import Account
from components.roster import Fleet
from rehearsal import accounts, act
from rehearsal.act import Event, Job, Run, Runner
from rehearsal.github import LocalGitHub
from rehearsal.repository import Repository
from rehearsal.serving import served
from rollout.repository import git
from rollout.settings import FILE, Settings
from twin import home
from twin.server import Twin

ROOT = Path(__file__).resolve().parent.parent
AUTHOR = {"login": "engineer", "type": "User"}


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    number: int
    branch: str


@dataclass(kw_only=True)
class World:
    twin: Twin
    github: LocalGitHub
    repository: Repository
    runner: Runner
    order: tuple[str, ...]  # the offices, as rollout.yaml's waves have them
    ended: Callable[[Job, float], None]  # hears of each job, and its seconds

    def __post_init__(self) -> None:
        self._runs, self._deployments = count(1), count(1)
        self.last_office = 0.0  # when the last job of an environment ended

    def run(self, workflow: str, event: Event) -> Run:
        """What GitHub does on an event: the workflow at the event's ref, and a deployment for each job that
        names an environment.
        """
        folder = self.runner.folder / "runs" / f"{next(self._runs):02}-{Path(workflow).stem}"
        folder.mkdir(parents=True)
        commit = self.repository.checkout(event.ref, folder / "repository")
        statuses: dict[str, tuple[float, list[dict[str, str]]]] = {}

        def begun(job: Job) -> None:
            said = [{"state": "in_progress"}]
            statuses[str(job)] = (monotonic(), said)
            if job.environment:
                made = {"id": next(self._deployments), "sha": commit, "statuses": said}
                self.github.deployments.setdefault(job.environment, []).insert(0, made)

        def ended(job: Job) -> None:
            began, said = statuses[str(job)]
            said.insert(0, {"state": job.result})
            if job.environment:
                self.last_office = monotonic()
            self.ended(job, monotonic() - began)

        return self.runner.run(folder / "repository", workflow, event, begun=begun, ended=ended)

    def open(self, branch: str) -> PullRequest:
        """A pull request of the branch that stands on the desk."""
        return PullRequest(number=self.github.open_pull_request(), branch=branch)

    def pushed(self, pull: PullRequest, action: str) -> Event:
        """The event of a pull request's branch as it is now on the desk."""
        told = self.repository.propose(pull.branch, pull.number)
        told["head"]["repo"] = self._named
        return Event(
            name="pull_request",
            ref=f"refs/pull/{pull.number}/merge",
            payload={
                "action": action,
                "number": pull.number,
                "pull_request": {**told, "number": pull.number, "user": AUTHOR},
                "repository": self._named,
            },
        )

    def first_push(self) -> Event:
        return self._push("0" * 40, self.repository.main)

    def merge(self, pull: PullRequest) -> Event:
        before, after = self.repository.merge(pull.branch, pull.number)
        labels = [{"name": name} for name in self.github.labels[str(pull.number)]]
        for commit in git(self.repository.desk, "rev-list", f"{before}..{after}").split():
            self.github.pulls[commit] = [{"merged_at": "now", "labels": labels}]
        return self._push(before, after)

    def clock(self) -> Event:
        return Event(name="schedule", payload={"repository": self._named})

    def by_hand(self, inputs: dict[str, str]) -> Event:
        return Event(name="workflow_dispatch", payload={"inputs": inputs, "repository": self._named})

    def labelled(self, issue: dict[str, Any], label: str) -> Event:
        issue["labels"].append(label)
        payload = {"action": "labeled", "issue": issue, "label": {"name": label}, "repository": self._named}
        return Event(name="issues", payload=payload)

    def _push(self, before: str, after: str) -> Event:
        return Event(name="push", payload={"before": before, "after": after, "repository": self._named})

    @property
    def _named(self) -> dict[str, str]:
        return {"full_name": self.github.repository}


def always_open(checkout: Path) -> None:
    """Takes hours and freezes out of rollout.yaml: a rehearsal is held at any time of day."""
    path = checkout / FILE
    document = yaml.safe_load(path.read_text())
    for key in ("hours", "freezes"):
        document.pop(key, None)
    path.write_text(yaml.safe_dump(document, sort_keys=False))


@contextmanager
def made(folder: Path, ended: Callable[[Job, float], None]) -> Iterator[World]:
    """A world of its own in `folder`, which is emptied first; the twin ends with it. Raises act.Missing."""
    binary = act.found()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    repository = Repository.make(ROOT, folder, always_open)
    fleet = Fleet.load(ROOT)
    names = [office.name for office in fleet.offices]
    settings = Settings.load(ROOT, names)
    order = tuple(office for _, members in settings.waves_of(names) for office in members)
    github = LocalGitHub(repository=settings.repository.name)
    with Twin() as twin, served(github) as address:
        for office in fleet.offices:
            session = boto3.Session(office.account, "local", region_name=office.region)
            accounts.prepare(
                Account(
                    office=office, repository=settings.repository, session=session, endpoint=twin.endpoint
                )
            )
        variables = {
            "GITHUB_API_URL": address,
            "GITHUB_REPOSITORY": github.repository,
            "TWIN_HOME": str(home.home()),
            "REHEARSAL_ORIGIN": str(repository.origin),
            # Without the packages of the environment: jobs that install nothing have none.
            "REHEARSAL_PYTHON": str(Path(sys.base_prefix) / "bin" / "python3"),
            "REHEARSAL_VENV": sys.prefix,
        }
        runner = Runner(binary=binary, folder=folder, variables=variables)
        yield World(twin=twin, github=github, repository=repository, runner=runner, order=order, ended=ended)
