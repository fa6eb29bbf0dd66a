"""`retire`: nobody gives up an office that still has something."""

from contextlib import suppress
from typing import Any

import pytest

from fleet import retiring
from fleet.access import bucket
from tests.fleet.lab import Offices, moved, run


def with_bucket(offices: Offices, name: str, content: str, *keys: str) -> Any:
    """The office's bucket, with these objects and no others."""
    office = offices.office(name)
    s3, named = offices.access.client("s3", office), bucket(office, content)
    with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
        place = {} if office.region == "us-east-1" else {"LocationConstraint": office.region}
        s3.create_bucket(Bucket=named, **({"CreateBucketConfiguration": place} if place else {}))
    # The stand-in is every test's: another may have left something.
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=named):
        for each in (*page.get("Versions", ()), *page.get("DeleteMarkers", ())):
            s3.delete_object(Bucket=named, Key=each["Key"], VersionId=each["VersionId"])
    for key in keys:
        s3.put_object(Bucket=named, Key=key, Body=b"x")
    return s3


def test_runs_and_data_are_told_with_the_way_out(offices: Offices) -> None:
    """A run's results go nowhere when its office goes."""
    offices.at_home("eu", run(1), run(2), moved(run(3), "succeeded"))
    s3 = with_bucket(offices, "eu", "results", "metagenome/soil/S1/r/report.html")
    answer = offices.fleet("retire", "eu")
    assert answer.code == 5
    assert "eu: 2 open runs: let them end, or `fleet cancel` them" in answer.err
    assert "eu: 1 versions in globalbi-eu-results-222222222222: keep what must be kept" in answer.err
    s3.delete_object(Bucket="globalbi-eu-results-222222222222", Key="metagenome/soil/S1/r/report.html")


def test_many_are_not_counted_to_their_end(offices: Offices, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket of a million results answers as quickly."""
    monkeypatch.setattr(retiring, "MOST_COUNTED", 2)
    offices.at_home("us", *(run(number) for number in range(1, 5)))
    assert "us: 2 or more open runs" in offices.fleet("retire", "us").err


def test_an_office_with_nothing_is_told_the_steps(offices: Offices) -> None:
    for content in ("uploads", "results"):
        with_bucket(offices, "us", content)
    answer = offices.fleet("retire", "us")
    assert answer.code == 0, answer.err
    assert "pulumi destroy -s us" in answer.err
    assert "Pulumi.us.yaml" in answer.err
