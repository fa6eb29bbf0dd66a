"""What the components' tests share: offices as the program declares them, and copies to change."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.roster import Fleet
from cost.book import book_of
from policies.program import ROOT, Stack, deploy
from tests.three_offices import checkout_of, known_fleet

# Changes keys of one office's file.
Edit = Callable[[str, dict[str, Any]], None]

FLEET = Fleet.load(ROOT)
OFFICES = tuple(office.name for office in FLEET.offices)


@pytest.fixture(scope="session")
def stacks() -> dict[str, Stack]:
    """The repository's own offices: for what must hold for every office, whatever its file says."""
    return {office: deploy(office) for office in OFFICES}


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Stack]:
    """Three offices whose files are known: for what depends on them."""
    folder = checkout_of(tmp_path_factory.mktemp("examples"))
    return {office.name: deploy(office.name, folder) for office in known_fleet().offices}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The program and three offices in a folder of their own; the code is the repository's."""
    return checkout_of(tmp_path)


@pytest.fixture
def priced(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Makes the price book one that has three regions and these, whatever editions there are."""

    def add(*more: str) -> None:
        book = book_of("2026-11-25")
        regions = {**book.regions, **dict.fromkeys(more, book.regions["ap-northeast-2"])}
        monkeypatch.setattr("cost.book.editions", lambda: (book.model_copy(update={"regions": regions}),))

    return add


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
