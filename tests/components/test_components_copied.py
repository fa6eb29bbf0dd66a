"""A new office's file is often a copy: what is another office's only must not come along."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.names import secrets_provider
from components.roster import Fleet
from tests.components.conftest import Edit
from tests.components.test_components_offices import faults, only_fault
from tests.three_offices import known_fleet

KEY = "AQICAHhBexampleexampleexampleexampleexample=="
CLEAR = (
    "take out secretsprovider and encryptedkey; `pulumi stack init`, as"
    " `.venv/bin/python -m bootstrap {office}` prints it, writes the office's own"
)
ACME = {"contact": "data@acme.example", "account": "444444444444", "bucket": "acme-inbox"}


def own_keys(root: Path, office: str, **keys: Any) -> None:
    """Puts keys beside `config` into an office's file, as `pulumi stack init` does."""
    path = root / f"Pulumi.{office}.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | keys))


def provider(office: str) -> str:
    return secrets_provider(known_fleet().office(office))


def test_offices_with_keys_of_their_own_are_right(checkout: Path) -> None:
    """Every bootstrapped office has both keys in its file: none of them may be refused for it."""
    for office in ("hq", "eu", "us"):
        own_keys(checkout, office, secretsprovider=provider(office), encryptedkey=f"{office}-{KEY}")
    assert len(Fleet.load(checkout).offices) == 3


@pytest.mark.parametrize("end", ["?region=eu-central-1&awssdk=v2", ""])
def test_another_offices_secrets_provider_is_refused(checkout: Path, end: str) -> None:
    """The office's secrets would be encrypted by a key of another account, in another region."""
    eus = f"awskms://alias/globalbi-eu-pulumi{end}"
    assert provider("eu").startswith(eus)
    own_keys(checkout, "us", secretsprovider=eus)
    assert only_fault(checkout) == (
        "Pulumi.us.yaml: secretsprovider must name the office's own key, alias/globalbi-us-pulumi, not eu's "
        f"{eus!r}: {CLEAR.format(office='us')}"
    )


def test_one_encrypted_key_is_not_in_two_files(checkout: Path) -> None:
    """Whoever may decrypt one office's secrets could read the other's."""
    for office in ("eu", "us"):
        own_keys(checkout, office, encryptedkey=KEY)
    assert only_fault(checkout) == (
        "Pulumi.eu.yaml and Pulumi.us.yaml: encryptedkey must be of one office, not 'AQICAHhBexam…' in 2 "
        f"files: in the copy, {CLEAR.format(office='OFFICE')}"
    )


def test_a_faulty_copy_is_told_of_its_keys_in_the_same_round(checkout: Path, edit: Edit) -> None:
    """A copy has its source's account and network as well: one look at the message mends all of it."""
    own_keys(checkout, "us", secretsprovider=provider("eu"))
    edit("us", {"globalbi:contacts": ["nobody"], "aws:allowedAccountIds": ["222222222222"]})
    assert [fault.split(" must ")[0] for fault in faults(checkout)] == [
        "Pulumi.us.yaml: globalbi:contacts.0",
        "Pulumi.eu.yaml and Pulumi.us.yaml: aws:allowedAccountIds",
        "Pulumi.us.yaml: secretsprovider",
    ]


def test_offices_of_two_regions_do_not_share_a_partners_bucket(checkout: Path, edit: Edit) -> None:
    """A bucket is in one region: the other office's results would leave theirs."""
    for office in ("eu", "us"):
        edit(office, {"globalbi:partners": {"acme": ACME}})
    assert faults(checkout) == tuple(
        f"Pulumi.{office}.yaml: globalbi:partners.acme.bucket must be in the office's region {region}, not "
        f"'acme-inbox', which an office in {other} names too: ask the partner for a bucket in {region}, or "
        "take the partner out"
        for office, region, other in (
            ("eu", "eu-central-1", "us-east-1"),
            ("us", "us-east-1", "eu-central-1"),
        )
    )


def test_a_partner_of_two_offices_has_a_bucket_in_each_region(checkout: Path, edit: Edit) -> None:
    """The same laboratory orders in Europe and in America, and in two offices of one region."""
    edit("eu", {"globalbi:partners": {"acme": ACME, "clinic": {"contact": "a@b.example", "links": True}}})
    edit("us", {"globalbi:partners": {"acme": {**ACME, "bucket": "acme-inbox-us"}}})
    assert len(Fleet.load(checkout).offices) == 3
    edit("us", {"aws:region": "eu-central-1", "globalbi:partners": {"acme": ACME}})
    assert len(Fleet.load(checkout).offices) == 3
