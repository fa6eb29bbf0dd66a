"""A ministack for the whole of these tests, with empty tables for each."""

from collections.abc import Iterator

import pytest

from fleet.access import Access
from tests.fleet.lab import Offices, access_of, three_offices
from tests.handlers.conftest import world  # noqa: F401
from tests.pipeline_images.runner.aws_stand_in import aws_endpoint


@pytest.fixture(scope="session")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with aws_endpoint(tmp_path_factory.mktemp("fleet") / "ministack.log") as url:
        yield url


@pytest.fixture(scope="session")
def access(endpoint: str) -> Access:
    """Made once: most of a test's time is the making of clients."""
    return access_of(endpoint)


@pytest.fixture
def offices(access: Access) -> Offices:
    return three_offices(access)
