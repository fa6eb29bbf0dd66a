"""A cohort's job finds of each member the manifest and its tables, as they were published, no more."""

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from runner import job

from tests.pipeline_images.runner.office import PIPELINE, Office, Sample

TABLES = (
    PIPELINE
    + """
(results / "abundance").mkdir()
(results / "abundance/species.tsv").write_text("name\\treads\\nE. coli\\t9\\n")
"""
)
# Says what it found, and nothing of what it should not.
COHORT = """
import pathlib, sys
source, results = map(pathlib.Path, sys.argv[1:])
found = sorted(str(f.relative_to(source)) for f in source.rglob("*") if f.is_file())
(results / "found.txt").write_text("\\n".join(found))
"""


def member(office: Office) -> Sample:
    sample = office.sample(pipeline=TABLES)
    assert job.run(sample.attempt()) == 0, sample.said()
    return sample


def compare(
    office: Office, members: dict[str, Sample], change: Callable[[bytes], bytes] = lambda body: body
) -> tuple[Sample, int]:
    """A cohort's job; `change` is what becomes of the list after the run was claimed."""
    sample = office.sample(pipeline=COHORT)
    rows = [{"sample": name, "run_id": each.run_id, "prefix": each.prefix} for name, each in members.items()]
    body = json.dumps({"schema": 1, "members": rows}).encode()
    key = f"{sample.prefix}members.json"
    office.clients.s3.put_object(
        Bucket=office.results, Key=key, Body=change(body), ChecksumAlgorithm="SHA256"
    )
    environ = {"MEMBERS_KEY": key, "MEMBERS_SHA256": hashlib.sha256(body).hexdigest()}
    gone = dict.fromkeys(("UPLOADS_BUCKET", "UPLOAD_KEY", "UPLOAD_VERSION_ID"), "")
    return sample, job.run(sample.attempt(1, None, **environ, **gone))


def test_each_member_is_a_folder_of_its_manifest_and_tables(office: Office) -> None:
    """Fetched whole, a hundred members would be gigabytes; without its manifest a table is nobody's."""
    members = {"s1": member(office), "s2 (again)": member(office), "-dash": member(office)}
    sample, code = compare(office, members)
    assert code == 0, sample.said()
    folders = ["s1", "s2 (again)", members["-dash"].run_id]
    expected = [f"{name}/{file}" for name in folders for file in ("abundance/species.tsv", "manifest.json")]
    objects = sample.objects()
    assert objects["found.txt"].decode().split("\n") == sorted([*expected, "members.json"])


def test_the_results_say_what_they_are_made_of(office: Office) -> None:
    """A comparison that cannot be traced to its samples is worth nothing when one of them is recalled."""
    before = member(office)
    sample, code = compare(office, {"s1": before})
    assert code == 0, sample.said()
    manifest = sample.result()
    assert manifest is not None
    assert manifest["upload"] is None
    [listed] = [each for each in manifest["files"] if each["path"] == "members.json"]
    assert listed["sha256"] == manifest["members"]["sha256"]
    assert json.loads(sample.objects()["members.json"])["members"][0]["run_id"] == before.run_id
    tables = before.objects()["abundance/species.tsv"], before.objects()["manifest.json"]
    assert manifest["resources"]["input_bytes"] == sum(map(len, tables))


def changed_table(office: Office, before: Sample) -> None:
    key = f"{before.prefix}abundance/species.tsv"
    office.clients.s3.put_object(Bucket=office.results, Key=key, Body=b"name\treads\nE. coli\t8\n")


def missing_manifest(office: Office, before: Sample) -> None:
    office.clients.s3.delete_object(Bucket=office.results, Key=f"{before.prefix}manifest.json")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(changed_table, "changed since"), (missing_manifest, "results are gone")],
)
def test_results_that_are_not_as_published_are_not_compared(
    office: Office, spoil: Callable[[Office, Sample], None], words: str
) -> None:
    """A comparison of other tables than the manifests' would be of no sample."""
    before = member(office)
    spoil(office, before)
    sample, code = compare(office, {"s1": before})
    assert code == 66
    assert words in (sample.said() or (0, ""))[1]
    assert sample.result() is None


def test_another_list_than_the_one_claimed_is_refused(office: Office) -> None:
    """Whoever can write one object could otherwise put what he likes into a project's comparison."""
    sample, code = compare(office, {"s1": member(office)}, lambda body: body.replace(b"s1", b"s9"))
    assert code == 66
    assert "not the list of members" in (sample.said() or (0, ""))[1]


@pytest.mark.parametrize("body", [b"{}", b"[", b'{"members": [{"sample": "s1"}]}'])
def test_what_is_no_list_is_told(office: Office, body: bytes) -> None:
    """An attempt that fails without words is tried again and again, each on a paid instance."""
    sample = office.sample(pipeline=COHORT)
    key = f"{sample.prefix}members.json"
    office.clients.s3.put_object(Bucket=office.results, Key=key, Body=body)
    digest: Any = hashlib.sha256(body).hexdigest()
    code = job.run(sample.attempt(1, None, MEMBERS_KEY=key, MEMBERS_SHA256=digest))
    assert code == 66
    assert "is no list of members" in (sample.said() or (0, ""))[1]
