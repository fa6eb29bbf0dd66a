"""One office on this machine, with something more in its file than the repository's, as a branch sees it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from demo import results
from demo.story import Offices
from demo.tree import ROOT as ROOT
from demo.tree import grown
from twin import deploy
from twin import home as home_of_twin
from twin.server import Twin
from twin.state import State


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
    root = grown(folders.mktemp("tree"), name, settings, releases)
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
