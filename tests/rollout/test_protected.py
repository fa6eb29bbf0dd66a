"""What the engine itself refuses to delete or replace, whatever a pull request's labels say."""

from functools import cache

import pytest

from components.roster import Fleet
from policies.program import ROOT, Recorder, deploy

OFFICES = [office.name for office in Fleet.load(ROOT).offices]
HOLD_DATA = (
    "aws:s3/bucket:Bucket",
    "aws:dynamodb/table:Table",
    "aws:kms/key:Key",
    "aws:ecr/repository:Repository",
)


@cache
def declared(office: str) -> Recorder:
    return deploy(office).recorder


@pytest.mark.parametrize("office", OFFICES)
def test_what_holds_an_offices_data_is_protected(office: str) -> None:
    """A label given for something else, or `destroy` in the wrong terminal, would take the data along."""
    recorder = declared(office)
    holding = {(each.kind, each.name) for each in recorder.declared if each.kind in HOLD_DATA}
    assert {kind for kind, _ in holding} == set(HOLD_DATA)
    assert holding - recorder.protected == set()


def test_what_belongs_to_a_bucket_is_protected_with_it() -> None:
    """Without its policy and its versions a bucket that stayed would be worth little."""
    recorder = declared("eu")
    settings = {
        (each.kind, each.name)
        for each in recorder.declared
        if each.kind.startswith("aws:s3/bucket") and each.name.startswith("globalbi-eu-uploads")
    }
    assert len(settings) > 5
    assert settings - recorder.protected == set()
