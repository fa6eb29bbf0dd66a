"""Fixtures of the runner's tests."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pipeline_images.runner.aws_stand_in import aws_endpoint
from tests.pipeline_images.runner.office import Office


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aws_endpoint(tmp_path_factory.mktemp("aws") / "log") as url:
        yield url


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore repeats at once: these tests ask whether it repeats, not how long it waits."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)


@pytest.fixture
def office(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "222222222222")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "none")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    assert os.environ.get("AWS_PROFILE") is None, "a profile would lead these tests to a real account"
    return Office(endpoint=endpoint, home=tmp_path)
