"""One twin for all fast tests of a session, and a copy of the sample program for each."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

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
