"""One office on this machine, with something more in its file than the repository's, as a branch sees it."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console

from demo import results
from demo.story import Offices
from twin import deploy
from twin import home as home_of_twin
from twin.server import Twin
from twin.state import State

ROOT = Path(__file__).resolve().parent.parent


def _tree(folder: Path, office: str, releases: Mapping[str, Any], settings: Mapping[str, Any]) -> Path:
    """The repository, where the office has these releases and settings too."""
    for path in (ROOT / "Pulumi.yaml", ROOT / "__main__.py", *ROOT.glob("Pulumi.*.yaml")):
        shutil.copy(path, folder / path.name)
    for name in ("components", "cost", "handlers", "pipeline_images"):
        (folder / name).symlink_to(ROOT / name)
    stack = folder / f"Pulumi.{office}.yaml"
    told = yaml.safe_load(stack.read_text())
    told["config"] |= settings
    told["config"]["globalbi:releases"] |= releases
    stack.write_text(yaml.safe_dump(told))
    return folder


@contextmanager
def one_office(
    name: str,
    folders: pytest.TempPathFactory,
    references: Path,
    *,
    releases: Mapping[str, Any],
    settings: Mapping[str, Any] = {},
) -> Iterator[Offices]:
    """The office, deployed, with these references in its bucket."""
    root = _tree(folders.mktemp("tree"), name, releases, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(folders.mktemp("home") / "twin"))
        with Twin(root=root) as twin:
            deploy.up(name, root=root)
            outputs = {name: State.load(name, home_of_twin.running().life).outputs}
            office = Offices(twin=twin, console=Console(quiet=True), outputs=outputs)
            s3 = twin.client("s3", name)
            for path in sorted(references.rglob("*")):
                if path.is_file():
                    key = str(path.relative_to(references))
                    s3.upload_file(str(path), outputs[name]["references_bucket"], key)
            yield office


def put(eu: Offices, key: str, body: bytes) -> None:
    eu.branch("eu").put_object(Bucket=eu.outputs["eu"]["uploads_bucket"], Key=key, Body=body)


def fetched(eu: Offices, status: dict[str, Any], folder: Path) -> results.Fetched:
    bucket = eu.outputs["eu"]["results_bucket"]
    return results.fetch(eu.branch("eu"), bucket, status["results"]["prefix"], folder)
