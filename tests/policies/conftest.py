"""The offices as the program declares them, in the policies' own terms."""

import pytest

from components.roster import Fleet
from policies.declared import Stack
from policies.program import ROOT, declared

OFFICES = tuple(office.name for office in Fleet.load(ROOT).offices)


@pytest.fixture(scope="session")
def offices() -> dict[str, Stack]:
    return {office: declared(office) for office in OFFICES}
