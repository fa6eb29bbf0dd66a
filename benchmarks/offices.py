"""Headquarters and the office in Europe in a twin of their own, from their real stack files."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from benchmarks.report import FOLDER
from demo.story import Offices
from twin.server import Twin

OFFICES = ("hq", "eu")


@contextmanager
def deployed(console: Console, **environment: str) -> Iterator[Offices]:
    """A fresh twin with both offices; `environment` goes to its process."""
    home = FOLDER / "twin"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    before = dict(os.environ)
    os.environ.update(environment, TWIN_HOME=str(home))
    try:
        with Twin() as twin:
            offices = Offices(twin=twin, console=console, outputs={})
            for office in OFFICES:
                offices.deploy(office)
            yield offices
    finally:
        os.environ.clear()
        os.environ.update(before)


def compute(offices: Offices, office: str, state: str) -> None:
    """Every compute environment of the office ENABLED or DISABLED."""
    batch = offices.twin.client("batch", office)
    for each in batch.describe_compute_environments()["computeEnvironments"]:
        batch.update_compute_environment(computeEnvironment=each["computeEnvironmentName"], state=state)
