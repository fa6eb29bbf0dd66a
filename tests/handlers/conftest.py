"""A world for each test, and no test that really waits."""

import logging
import time

import botocore.endpoint
import pytest

from tests.handlers.aws_fakes import World


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """An empty account. botocore's waits between its retries pass in the world's time."""
    logging.getLogger("handlers").setLevel(logging.CRITICAL)
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    world = World()

    class Time:
        time = staticmethod(time.time)
        sleep = staticmethod(world.sleep)

    monkeypatch.setattr(botocore.endpoint, "time", Time)
    return world
