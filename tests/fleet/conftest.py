"""A ministack for the whole of these tests, with empty tables for each."""

import os
from collections.abc import Iterator
from pathlib import Path

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


@pytest.fixture(autouse=True)
def gh(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In the place of GitHub's command: the workflow `images` built every image but those it is told of.

    The file that is returned names them, a digest a line.
    """
    folder = tmp_path_factory.mktemp("gh")
    (folder / "gh").write_text(GH)
    (folder / "gh").chmod(0o755)
    (folder / "unattested").touch()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder / "unattested"


# With --format json or without, gh 2.49 and later: 0 if verified; else its reason on the last line of stderr.
GH = """#!/bin/sh
set -eu
[ "$1 $2" = "attestation verify" ] || exit 2
digest=${3#*@}
[ "$4 $5" = "--repo example-org/global-bi-platform" ] || exit 2
grep -qx "$digest" "$(dirname "$0")/unattested" || exit 0
echo "Error: no attestations found for subject $digest" >&2
exit 1
"""
