"""The repository with something more in an office's file: the twin deploys from such a folder."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("components", "cost", "handlers", "pipeline_images")


def planted(folder: Path) -> Path:
    """Makes `folder` a tree whose stack files may be changed; all else is the repository's."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "Pulumi.yaml", ROOT / "__main__.py", *ROOT.glob("Pulumi.*.yaml")):
        shutil.copy(path, folder / path.name)
    for name in PARTS:
        (folder / name).symlink_to(ROOT / name)
    return folder


def grown(
    folder: Path, office: str, settings: Mapping[str, Any], releases: Mapping[str, Any] | None = None
) -> Path:
    """Makes `folder` such a tree: the office has these settings (`globalbi:…`) and these releases too."""
    planted(folder)
    stack = folder / f"Pulumi.{office}.yaml"
    told = yaml.safe_load(stack.read_text())
    told["config"] |= settings
    told["config"]["globalbi:releases"] |= releases or {}
    stack.write_text(yaml.safe_dump(told))
    return folder
