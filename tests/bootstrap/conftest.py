"""A twin of AWS for the bootstrap, and an account in it."""

from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from bootstrap.account import Account
from components.roster import Fleet
from rollout.settings import Repository
from twin.server import Twin

ROOT = Path(__file__).parents[2]
REPOSITORY = Repository(name="acme/platform", subject="repo:acme@11/platform@22")


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("twin")))
        with Twin() as twin:
            yield twin


def account_of(name: str, twin: Twin) -> Account:
    office = Fleet.load(ROOT).office(name)
    session = boto3.Session(office.account, "local", region_name=office.region)
    return Account(office=office, repository=REPOSITORY, session=session, endpoint=twin.endpoint)
