"""A follow-on run's job finds its predecessor's results, whole and unchanged, beside the reads."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from runner import job

from tests.pipeline_images.runner.office import PIPELINE, Office, Sample

# Counts the reads, and copies what the run before left.
FOLLOW_ON = """
import os, pathlib, shutil, sys
source, results = map(pathlib.Path, sys.argv[1:])
lines = sum(len(f.read_bytes().splitlines()) for f in sorted(source.rglob("*.fastq")))
(results / "reads.txt").write_text(str(lines // 4))
if "AFTER" in os.environ:
    shutil.copytree(os.environ["AFTER"], results / "before")
"""


def predecessor(office: Office) -> Sample:
    sample = office.sample(pipeline=PIPELINE + '(results / "empty.txt").touch()\n')
    assert job.run(sample.attempt()) == 0
    return sample


def follow(office: Office, before: Sample) -> tuple[Sample, int]:
    sample = office.sample(pipeline=FOLLOW_ON)
    changed = {"AFTER_PREFIX": before.prefix, "AFTER_RUN_ID": before.run_id}
    changed |= {
        "RESULTS_PREFIX": sample.prefix,
        "UPLOAD_KEY": before.key,
        "UPLOAD_VERSION_ID": before.version_id,
    }
    return sample, job.run(sample.attempt(1, None, **changed))


def test_the_reads_and_the_results_before_are_both_there(office: Office) -> None:
    """Without both a follow-on pipeline has nothing to build on."""
    before = predecessor(office)
    sample, code = follow(office, before)
    assert code == 0, sample.said()
    objects = sample.objects()
    assert objects["reads.txt"] == b"400"
    taken = {
        name.removeprefix("before/"): body for name, body in objects.items() if name.startswith("before/")
    }
    published = before.objects()
    del published["manifest.json"]
    assert taken == published
    manifest = sample.result()
    assert manifest is not None
    assert manifest["after"] == {"run_id": before.run_id, "prefix": before.prefix}


def test_without_a_run_before_there_is_no_folder(office: Office) -> None:
    """A pipeline must be able to tell reads that were uploaded to it from reads that come with results."""
    sample = office.sample(pipeline=FOLLOW_ON)
    assert job.run(sample.attempt(1, None, AFTER="/etc")) == 0
    assert not [name for name in sample.objects() if name.startswith("before/")]
    assert (sample.result() or {})["after"] is None


def put(office: Office, before: Sample, path: str, body: bytes) -> None:
    office.clients.s3.put_object(Bucket=office.results, Key=before.prefix + path, Body=body)


def changed_file(office: Office, before: Sample) -> None:
    put(office, before, "tables/reads.tsv", b"reads\t401\n")


def missing_file(office: Office, before: Sample) -> None:
    office.clients.s3.delete_object(Bucket=office.results, Key=f"{before.prefix}report.html")


def missing_manifest(office: Office, before: Sample) -> None:
    office.clients.s3.delete_object(Bucket=office.results, Key=f"{before.prefix}manifest.json")


def _manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Office, Sample], None]:
    def rewrite(office: Office, before: Sample) -> None:
        manifest = json.loads(before.objects()["manifest.json"])
        change(manifest)
        put(office, before, "manifest.json", json.dumps(manifest).encode())

    return rewrite


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (changed_file, "tables/reads.tsv changed since"),
        (missing_file, "there is no such version"),
        (missing_manifest, "the predecessor's results are gone"),
        (_manifest(lambda m: m.update(run_id="r" + "0" * 32)), "is of run"),
        (_manifest(lambda m: m["files"][0].update(path="../x")), "has an empty, . or .. part"),
        (_manifest(lambda m: m.update(files=None)), "none that a run publishes"),
    ],
)
def test_results_that_are_not_as_published_are_not_built_on(
    office: Office, spoil: Callable[[Office, Sample], None], words: str
) -> None:
    """A follow-on of other results than the manifest's would be a result that nobody can trace."""
    before = predecessor(office)
    spoil(office, before)
    sample, code = follow(office, before)
    assert code == 66
    assert words in (sample.said() or (0, ""))[1]
    assert sample.objects() == {}
