"""One twin for all fast tests of a session, and a copy of the sample program for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from twin import deploy, home, state
from twin.offices import office
from twin.resources import kind as kinds
from twin.server import Twin

SAMPLE = Path(__file__).parent / "sample"


@pytest.fixture(scope="session")
def twin_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("twin")


@pytest.fixture(scope="session")
def running(twin_home: Path) -> Iterator[Twin]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(twin_home))
        with Twin() as twin:
            yield twin


@pytest.fixture
def program(tmp_path: Path) -> Path:
    return shutil.copytree(SAMPLE, tmp_path / "program")


@pytest.fixture
def kept(running: Twin, program: Path) -> Iterator[None]:
    """Each test starts with an office of nothing, and leaves nothing."""
    yield
    for folder in (home.home() / "state").glob("eu.json"):
        known = state.State.load("eu", home.running().life)
        target = kinds.Target(office=office("eu", program), endpoint=running.endpoint)
        deploy.Deployment(target, known).delete_what_is_gone()
        folder.unlink()
