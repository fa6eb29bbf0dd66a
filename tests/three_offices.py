"""Three offices to test with, hq, eu and us, that stay as they are whatever the repository's own files say.

A test that changes an office's file, or knows what stands in it, takes them from here. What must hold for
every office of the repository takes those of `Fleet.load(ROOT)`.
"""

import shutil
from pathlib import Path

import yaml

from components.office import Office
from components.pipeline import load_pipelines
from components.roster import Fleet
from tests.conftest import ROOT

STACK_FILES = Path(__file__).with_name("stack_files")


def known_fleet() -> Fleet:
    """Those offices, with the repository's pipelines."""
    files = sorted(STACK_FILES.iterdir())
    return Fleet(offices=tuple(map(Office.from_file, files)), pipelines=load_pipelines(ROOT))


def add_office(folder: Path, name: str, *, account: str, region: str, cidr: str) -> None:
    """One more branch, with all else as in us."""
    path = folder / f"Pulumi.{name}.yaml"
    document = yaml.safe_load((folder / "Pulumi.us.yaml").read_text())
    document["config"] |= {"aws:allowedAccountIds": [account], "aws:region": region, "globalbi:cidr": cidr}
    path.write_text(yaml.safe_dump(document))


def copy_stack_files(folder: Path) -> None:
    """Instead of those that `folder` may have."""
    for path in folder.glob("Pulumi.*.yaml"):
        path.unlink()
    for path in STACK_FILES.iterdir():
        shutil.copy(path, folder)


def checkout_of(folder: Path) -> Path:
    """Makes `folder` a tree that the program can be run in with these offices."""
    contracts = ROOT.glob("pipeline_images/*/pipeline.yaml")
    for path in (ROOT / "__main__.py", ROOT / "Pulumi.yaml", *contracts):
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    copy_stack_files(folder)
    return folder
