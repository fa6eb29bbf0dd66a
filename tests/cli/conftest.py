"""An office in the hands of the real Pulumi command: a copy of the program, a state and plugins of its
own.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from tests.three_offices import checkout_of
from twin.offices import office

ROOT = Path(__file__).parents[2]
NEEDED = ("pulumi", "pulumi-language-python")
PLUGIN = """#!/bin/sh
export PYTHONPATH={root}
exec {python} -m tests.cli.aws_provider "$@"
"""


@dataclass(frozen=True, kw_only=True)
class Checkout:
    """A copy of the program, with one office's stack in it."""

    folder: Path
    office: str
    environment: Mapping[str, str]

    def pulumi(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs the command as the workflows do; `more` is added to its environment."""
        return subprocess.run(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=300,
        )

    def done(self, *arguments: str) -> str:
        ran = self.pulumi(*arguments)
        assert ran.returncode == 0, (
            f"pulumi {' '.join(arguments)}\n{ran.stdout[-4000:]}\n{ran.stderr[-4000:]}"
        )
        return ran.stdout

    def preview(self, *arguments: str) -> dict[str, Any]:
        """What the workflow `preview` hands on; a preview that failed is one as well."""
        ran = self.pulumi("preview", "--stack", self.office, "--json", "--show-sames", *arguments)
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.folder / file
        text = path.read_text()
        assert old in text, f"{file} no longer holds {old!r}"
        path.write_text(text.replace(old, new))

    def restore(self, file: str) -> None:
        shutil.copy(ROOT / file, self.folder / file)


def checkout(folder: Path, name: str) -> Checkout:
    """The program in `folder`, its plugins, and the stack `name` as `pulumi stack init` makes it."""
    repository, home, plugin = folder / "repository", folder / "home", folder / "plugin"
    for each in (repository, home, plugin, folder / "state"):
        each.mkdir()
    checkout_of(repository)
    for package in ("components", "cost", "handlers", "policies", "residency"):
        shutil.copytree(ROOT / package, repository / package, ignore=shutil.ignore_patterns("__pycache__"))
    (repository / ".venv").symlink_to(sys.prefix)
    binary = plugin / "pulumi-resource-aws"
    binary.write_text(PLUGIN.format(root=ROOT, python=sys.executable))
    binary.chmod(0o755)
    made = Checkout(
        folder=repository,
        office=name,
        environment={
            **{key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PULUMI_"))},
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "for this test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "AWS_ACCESS_KEY_ID": office(name).account,
        },
    )
    made.done("plugin", "install", "resource", "aws", metadata.version("pulumi_aws"), "--file", str(plugin))
    made.done("stack", "init", name)
    return made


@pytest.fixture(scope="session", autouse=True)
def command() -> None:
    missing = [name for name in NEEDED if shutil.which(name) is None]
    if missing:
        pytest.skip(
            f"{' and '.join(missing)} must be on the PATH to run the program by the real Pulumi command "
            "(https://www.pulumi.com/docs/install/)"
        )


@pytest.fixture(scope="module", params=["eu", "hq", "us"])
def new(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """An office of which nothing is there yet."""
    return checkout(tmp_path_factory.mktemp(f"new-{request.param}"), request.param)


@pytest.fixture(scope="module")
def applied_once(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    found = checkout(tmp_path_factory.mktemp("applied"), "eu")
    found.done("up", "--stack", "eu", "--yes", "--skip-preview", "--refresh=false", "--message", "a commit")
    return found


@pytest.fixture
def applied(applied_once: Checkout) -> Iterator[Checkout]:
    """The office in Europe, applied; what a test changes of its files is put back, and nothing is applied."""
    stack_file = applied_once.folder / "Pulumi.eu.yaml"
    before = stack_file.read_text()
    yield applied_once
    stack_file.write_text(before)
    applied_once.restore("components/bucket.py")
