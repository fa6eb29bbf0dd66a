"""The three offices as the program declares them, in the policies' own terms."""

import pytest

from policies.declared import Resource, Stack
from tests.components.recording_engine import deploy

OFFICES = ("hq", "eu", "us")


def as_declared(office: str) -> Stack:
    return Stack(
        resources=tuple(
            Resource(kind=each.kind, name=each.name, inputs=each.inputs)
            for each in deploy(office).recorder.declared
        )
    )


@pytest.fixture(scope="session")
def offices() -> dict[str, Stack]:
    return {office: as_declared(office) for office in OFFICES}
