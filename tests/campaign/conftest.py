"""The checks play with parts of a story as well, each of which changes its process."""

from collections.abc import Iterator

import pytest

from campaign.process import put_back


@pytest.fixture(scope="module", autouse=True)
def _put_back() -> Iterator[None]:
    """Without this, tests that come later in the same process would send requests without a signature."""
    with put_back():
        yield
