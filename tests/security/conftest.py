"""Three offices and a partner in one twin with authorisation on, and something in each to reach for."""

import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bootstrap.__main__ import apply
from demo.tree import planted
from tests.bootstrap.conftest import account_of
from tests.security.calls import BODY, LEDGER_KEY, Thing
from tests.security.identities import IDENTITIES, INBOX, Place, Reach, make_people, open_places
from tests.three_offices import copy_stack_files
from twin import deploy
from twin.server import Twin

OBJECTS = (
    "eu uploads metagenome/soil/S1/input.tar",
    "eu uploads assembly/soil/S1/input.tar",
    "us uploads metagenome/soil/S1/input.tar",
    "eu uploads metagenome/soil/E1/input.tar",
    "eu results metagenome/soil/E1/input.tar",
    "eu results metagenome/soil/S1/status.json",
    "eu results metagenome/soil/S1/r1/report.html",
    "eu results assembly/soil/S1/r2/report.html",
    "eu results metagenome/soil/status.html",
    "us results metagenome/soil/S1/status.json",
    "eu references demo-host/2026.1/host.fa",
    "eu references demo-host/2026.1/SHA256SUMS",
    "hq references demo-host/2026.1/host.fa",
    "eu state .pulumi/stacks/globalbi/eu.json",
    "acme inbox globalbi/d1/received.json",
    "acme inbox others/private.txt",
)
# What would act on what the table's rows put somewhere.
RULES = ("uploads", "reconcile", "desk", "census", "delivery", "succeeded")


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Place]]:
    root = planted(tmp_path_factory.mktemp("tree"))
    copy_stack_files(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TWIN_HOME", str(tmp_path_factory.mktemp("home") / "twin"))
        with Twin(root=root) as twin:
            known = dict(open_places(twin.endpoint))
            _open_inbox(known["acme"])
            _agree(root / "Pulumi.eu.yaml")
            for name in ("eu", "us", "hq"):
                deploy.up(name, root=root)
            for name in ("eu", "hq"):
                list(apply(account_of(name, twin)))
            make_people(known)
            _rest(known["eu"])
            _fill(known)
            yield known


def _open_inbox(acme: Place) -> None:
    """As docs/partner-guide.md says. The twin judges another account's policy by the caller's account."""
    s3 = acme.root("s3")
    s3.create_bucket(Bucket=INBOX, CreateBucketConfiguration={"LocationConstraint": acme.region})
    office = {"AWS": "arn:aws:iam::222222222222:root"}
    statements: list[dict[str, Any]] = [
        {"Action": ["s3:PutObject", "s3:GetObject"], "Resource": f"arn:aws:s3:::{INBOX}/*"},
        {"Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{INBOX}"},
    ]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": office, **each} for each in statements],
    }
    s3.put_bucket_policy(Bucket=INBOX, Policy=json.dumps(policy))


def _agree(stack: Path) -> None:
    office = yaml.safe_load(stack.read_text())
    partner = {"contact": "data@acme.example", "account": "444444444444", "bucket": INBOX}
    office["config"]["globalbi:partners"] = {"acme": {**partner, "prefix": "globalbi/"}}
    office["config"]["globalbi:deliveries"] = [
        {"partner": "acme", "pipeline": "metagenome", "project": "soil"}
    ]
    stack.write_text(yaml.safe_dump(office))


def _rest(eu: Place) -> None:
    """Nothing happens but what a row does: no function is told, no job gets a machine."""
    for rule in RULES:
        eu.root("events").disable_rule(Name=f"globalbi-eu-{rule}")
    batch = eu.root("batch")
    for each in batch.describe_compute_environments()["computeEnvironments"]:
        batch.update_compute_environment(computeEnvironment=each["computeEnvironmentName"], state="DISABLED")


def _fill(places: dict[str, Place]) -> None:
    for words in OBJECTS:
        thing = Thing.of(words)
        thing.office.root("s3").put_object(**thing.object, Body=BODY)
    for words in ("eu ledger run#1", "us ledger run#1", "hq fleet office#eu"):
        thing = Thing.of(words)
        thing.office.root("dynamodb").put_item(**thing.table, Item=thing.item | LEDGER_KEY)


@pytest.fixture(scope="session")
def reach(places: dict[str, Place]) -> Callable[[str], Reach]:
    """An identity by its name in the table."""
    assert places
    return functools.cache(lambda who: IDENTITIES[who]())
