"""What the components' tests share: the offices as the program declares them, and copies to change."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies.program import ROOT, Stack, deploy

# Changes keys of one office's file.
Edit = Callable[[str, dict[str, Any]], None]

OFFICES = ("hq", "eu", "us")


@pytest.fixture(scope="session")
def stacks() -> dict[str, Stack]:
    return {office: deploy(office) for office in OFFICES}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The program and its offices in a folder of their own; the code is the repository's."""
    for path in (ROOT / "__main__.py", ROOT / "Pulumi.yaml", *ROOT.glob("Pulumi.*.yaml")):
        shutil.copy(path, tmp_path)
    for path in ROOT.glob("pipeline_images/*/pipeline.yaml"):
        folder = tmp_path / path.parent.relative_to(ROOT)
        folder.mkdir(parents=True)
        shutil.copy(path, folder)
    return tmp_path


@pytest.fixture
def edit(checkout: Path) -> Edit:
    """Changes keys of one office's file; None removes a key."""

    def change(office: str, keys: dict[str, Any]) -> None:
        path = checkout / f"Pulumi.{office}.yaml"
        document = yaml.safe_load(path.read_text())
        config = {**document["config"], **keys}
        document["config"] = {key: value for key, value in config.items() if value is not None}
        path.write_text(yaml.safe_dump(document))

    return change
