"""The three offices as the program declares them, in the policies' own terms."""

import pytest

from policies.declared import Stack
from policies.program import declared

OFFICES = ("hq", "eu", "us")


@pytest.fixture(scope="session")
def offices() -> dict[str, Stack]:
    return {office: declared(office) for office in OFFICES}
