"""The rehearsal's world: a repository on a GitHub of its own, offices in the twin, and what runs jobs."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any

import boto3
import yaml

from bootstrap.account import Account
from canary.mock import community
from components.roster import Fleet
from pipeline_images.containers import EngineMissing, engine
from rehearsal import Broken, accounts, act
from rehearsal.act import Event, Job, Run, Runner
from rehearsal.github import TOKENS, LocalGitHub
from rehearsal.registry import IMAGE, PIPELINE, Registry, built, stands_for
from rehearsal.repository import Repository
from rehearsal.samples import Samples
from rehearsal.serving import TOKEN, served
from rollout.repository import git
from rollout.settings import FILE, Settings
from twin import home
from twin.server import Twin

ROOT = Path(__file__).resolve().parent.parent
REGISTRY = "localhost/globalbi-rehearsal"
AUTHOR = {"login": "engineer", "type": "User"}
# What GitHub's machines have, and the jobs call.
COMMANDS = ("curl", "git", "jq", "make")
# A release is proved by one sample, at once; a canary is small, and what else the machine does is not the new
# release's fault.
PROMOTION = {"soakHours": 0, "samples": 1, "mostFailures": 0.1, "watchHours": 168}
PAIRS, SEED = 20_000, 1
CANARY = re.compile(r"^canary: \{pairs: \d+, seed: \d+, (.*)mostTime: [\d.]+,", re.MULTILINE)
SMALL = rf"canary: {{pairs: {PAIRS}, seed: {SEED}, repetitions: 1, \1mostTime: 20,"


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
    registry: Registry
    order: tuple[str, ...]  # the offices, as rollout.yaml's waves have them
    ended: Callable[[Job, float], None]  # hears of each job, and its seconds
    at_the_end: ExitStack

    def __post_init__(self) -> None:
        self._runs, self._deployments = count(1), count(1)
        self._samples: Samples | None = None
        self.last_office = 0.0  # when the last job of an environment ended

    def run(self, workflow: str, event: Event) -> Run:
        """What GitHub does on an event: the workflow at the event's ref, and a deployment for each job that
        names an environment.
        """
        folder = self.runner.folder / "runs" / f"{next(self._runs):02}-{Path(workflow).stem}"
        folder.mkdir(parents=True)
        commit = self.repository.checkout(event.commit or event.ref, folder / "repository")
        statuses: dict[str, tuple[float, list[dict[str, str]]]] = {}

        def begun(job: Job) -> None:
            said = [{"state": "in_progress"}]
            statuses[str(job)] = (monotonic(), said)
            self.github.environment = job.environment or ""
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

    @property
    def samples(self) -> Samples:
        """Raises Broken before `prepare_samples`."""
        if self._samples is None:
            raise Broken("there are no samples yet")
        return self._samples

    def prepare_samples(self) -> None:
        """A community, its references at headquarters, and the image that stands for what offices pin."""
        made = community(self.runner.folder / "mock", pairs=PAIRS, seed=SEED)
        first = self.registry.headquarters
        self._samples = Samples(twin=self.twin, headquarters=first, made=made)
        self._samples.publish_references()
        for office in Fleet.load(self.repository.desk).offices:
            stands_for(office.releases[PIPELINE].digest, IMAGE)

    def push_image(self, name: str, dockerfile: str) -> str:
        """Builds an image on top of today's, which goes with the rehearsal; its digest."""
        image = built(engine(), f"{REGISTRY}:{name}", dockerfile, self.runner.folder / "images" / name)
        digest = self.registry.push(self.at_the_end.enter_context(image))
        self.github.attested.add(digest)  # as the workflow `images` does after its push
        return digest

    def open(self, branch: str) -> PullRequest:
        """A pull request of the branch that stands on the desk."""
        return PullRequest(number=self.github.open_pull_request(), branch=branch)

    def proposed(self) -> PullRequest | None:
        """The pull request that a workflow opened and nobody has answered yet."""
        waiting = [each for each in self.github.proposed if each["state"] == "open"]
        if not waiting:
            return None
        (found,) = waiting
        commit = self.github.objects[self.github.branches[found["head"]]]
        files = {each["path"]: each["content"] for each in self.github.objects[commit["tree"]]["tree"]}
        self.repository.take_up(found["head"], commit["parents"][0], files, commit["message"])
        return PullRequest(number=found["number"], branch=found["head"])

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
        for each in self.github.proposed:
            if each["number"] == pull.number:
                each.update(state="closed", merged_at="now")
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
        payload = {"before": before, "after": after, "repository": self._named}
        return Event(name="push", payload=payload, commit=after)

    @property
    def _named(self) -> dict[str, str]:
        return {"full_name": self.github.repository}

    def fleet(self, *words: str) -> subprocess.CompletedProcess[str]:
        """headquarters' command on the desk, by somebody who may ask every office."""
        return self._at_the_desk("fleet", "--endpoint", self.twin.endpoint, *words)

    def pulumi(self, *words: str) -> None:
        ran = self._at_the_desk("rehearsal.pulumi", *words)
        if ran.returncode:
            raise Broken(f"pulumi {' '.join(words)}: {ran.stderr.strip()}")

    def _at_the_desk(self, module: str, *words: str) -> subprocess.CompletedProcess[str]:
        command = (sys.executable, "-m", module, *words)
        return subprocess.run(command, cwd=self.repository.desk, capture_output=True, text=True)


def shortened(checkout: Path) -> None:
    """A rehearsal is held at any time of day, and waits for nothing that configuration asks for."""
    path = checkout / FILE
    document = yaml.safe_load(path.read_text())
    for key in ("hours", "freezes"):
        document.pop(key, None)
    document["promotion"] = PROMOTION
    path.write_text(yaml.safe_dump(document, sort_keys=False))
    contract = checkout / "pipeline_images" / PIPELINE / "pipeline.yaml"
    text, changed = CANARY.subn(SMALL, contract.read_text())
    if not changed:
        raise Broken(f"{contract.name} no longer has a canary as the rehearsal knows it")
    contract.write_text(text)


@contextmanager
def made(folder: Path, ended: Callable[[Job, float], None]) -> Iterator[World]:
    """A world of its own in `folder`, which is emptied first; the twin ends with it. Raises act.Missing."""
    binary = act.found()
    if missing := [name for name in COMMANDS if shutil.which(name) is None]:
        raise act.Missing(f"the jobs call {', '.join(missing)}, which this machine lacks")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    repository = Repository.make(ROOT, folder, shortened)
    fleet = Fleet.load(ROOT)
    names = [office.name for office in fleet.offices]
    settings = Settings.load(ROOT, names)
    order = tuple(office for _, members in settings.waves_of(names) for office in members)
    github = LocalGitHub(repository=settings.repository.name, subject=settings.repository.subject)
    with Twin() as twin, served(github) as address, ExitStack() as at_the_end:
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
            "AWS_ENDPOINT_URL": twin.endpoint,
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{address}{TOKENS}?version=1",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": TOKEN,
            **_engine(),
        }
        runner = Runner(binary=binary, folder=folder, variables=variables)
        registry = Registry(twin=twin, headquarters=fleet.headquarters.name)
        yield World(
            twin=twin, github=github, repository=repository, runner=runner, registry=registry, order=order,
            ended=ended, at_the_end=at_the_end,
        )  # fmt: skip


def _engine() -> dict[str, str]:
    """What runs the jobs' containers; nothing where none is: then those jobs fail."""
    try:
        here = engine().program
    except EngineMissing:
        return {}
    return {"REHEARSAL_ENGINE": here, "REHEARSAL_ENGINE_PATH": shutil.which(here) or here}
