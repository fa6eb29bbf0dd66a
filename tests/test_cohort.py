"""A project's samples are compared by themselves, when it has been quiet: twin, handlers, real images.

The office is eu with one minute of quiet in its file, in a copy of the repository's tree. Its functions are
told of a tenth of that, so that nobody waits.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from canary import mock
from demo import story
from demo.results import Fetched
from demo.story import Offices
from tests.one_office import ROOT, fetched, one_office, put

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("cohort")]

RELEASE = {"cohort": {"digest": "sha256:" + "c0" * 32}}
QUIET = {"globalbi:cohorts": {"quietMinutes": 1}}


@pytest.fixture(scope="module")
def communities() -> list[mock.Community]:
    """Three samples of a project; the first is the other end-to-end tests', so that it is made once."""
    folder = ROOT / ".build" / "mock"
    return [
        mock.community(folder, pairs=6_000, seed=20, options=("--lanes", "2")),
        *(mock.community(folder, pairs=3_000, seed=seed) for seed in (21, 22)),
    ]


@pytest.fixture(scope="module")
def eu(tmp_path_factory: pytest.TempPathFactory, communities: list[mock.Community]) -> Iterator[Offices]:
    references = communities[0].references
    with one_office("eu", tmp_path_factory, references, releases=RELEASE, settings=QUIET) as office:
        hurry(office)
        yield office


def hurry(eu: Offices) -> None:
    functions = eu.twin.client("lambda", "eu")
    for name in eu.outputs["eu"]["functions"].values():
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        if variables.get("QUIET_MINUTES") == "1":
            functions.update_function_configuration(
                FunctionName=name, Environment={"Variables": {**variables, "QUIET_MINUTES": "0.1"}}
            )


def analysed(eu: Offices, sample: str, community: mock.Community) -> dict[str, Any]:
    put(eu, f"metagenome/soil/{sample}/input.tar", community.input_tar.read_bytes())
    status = eu.follow("eu", f"metagenome/soil/{sample}")
    assert status["state"] == "succeeded", status
    return status


def compared(eu: Offices, count: int) -> dict[str, Any]:
    """The project's comparison of so many samples at its end. Reconcile runs as its schedule lets it."""

    def begun() -> dict[str, Any] | None:
        functions = eu.twin.client("lambda", "eu")
        answer = functions.invoke(FunctionName=eu.outputs["eu"]["functions"]["reconcile"], Payload=b"{}")
        assert "FunctionError" not in answer, answer["Payload"].read()
        status = eu.status("eu", "cohort/soil/metagenome")
        return status if status and status["members"]["count"] == count else None

    story.wait_for(f"the comparison of {count} samples", begun, seconds=240)
    status = eu.follow("eu", "cohort/soil/metagenome")
    assert status["state"] == "succeeded", status
    return status


def columns(found: Fetched) -> set[str]:
    with (found.folder / "abundance.tsv").open() as lines:
        return set(next(csv.reader(lines, delimiter="\t"))[1:])


def test_two_uploads_become_a_comparison_and_a_third_one_a_new_one(
    eu: Offices, communities: list[mock.Community], tmp_path: Path
) -> None:
    """The branch uploads samples; that they are to be compared, and when, nobody should have to think of."""
    runs = {name: analysed(eu, name, each) for name, each in zip(("s1", "s2"), communities, strict=False)}
    first = fetched(eu, compared(eu, 2), tmp_path / "first")
    assert columns(first) == {"s1", "s2"}
    assert "s1" in (first.folder / "report.html").read_text()
    listed = json.loads((first.folder / "members.json").read_text())["members"]
    assert {each["sample"]: each["run_id"] for each in listed} == {
        name: status["run_id"] for name, status in runs.items()
    }
    assert first.manifest["members"]["sha256"] in {
        each["sha256"] for each in first.manifest["files"] if each["path"] == "members.json"
    }
    analysed(eu, "s3", communities[2])
    status = compared(eu, 3)
    second = fetched(eu, status, tmp_path / "second")
    assert columns(second) == {"s1", "s2", "s3"}
    assert (second.folder / "pcoa.tsv").is_file()
    assert status["members"] == {"pipeline": "metagenome", "count": 3}
