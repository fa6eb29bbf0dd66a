"""`fleet links`: what a partner without a bucket gets, opened by HTTP as a partner does."""

import contextlib
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import botocore.session
import httpx
import pytest
from botocore.credentials import RefreshableCredentials

from components.partners import Delivery as Agreed
from components.partners import Partner
from fleet import linking
from fleet.access import Access, Session
from fleet.output import Refused
from handlers import delivery, delivery_ledger, ledger
from handlers.delivery_plan import Delivery, delivery_id_of
from handlers.run import Run
from tests.fleet.lab import Offices, moved, run

HOSTILE = 'a"b\u202e<script>.tsv'
FILES = {"report.html": b"<html>soil</html>", f"tables/{HOSTILE}": b"name\treads\n"}
CLINIC = Partner.model_validate({"contact": "lab@clinic.example", "links": True})
AGREED = Agreed.model_validate(
    {"partner": "clinic", "pipeline": "metagenome", "project": "soil", "names": ["*"]}
)


@pytest.fixture
def linked(offices: Offices) -> Offices:
    """eu sends links to clinic."""
    settings = offices.office("eu").settings.model_copy(
        update={"partners": {"clinic": CLINIC}, "deliveries": (AGREED,)}
    )
    known = tuple(
        replace(each, settings=settings) if each.name == "eu" else each
        for each in offices.access.fleet.offices
    )
    made = Offices(
        access=Access(fleet=replace(offices.access.fleet, offices=known), endpoint=offices.access.endpoint)
    )
    s3, context = made.access.client("s3", made.office("eu")), made.access.context(made.office("eu"))
    there = {each["Name"] for each in s3.list_buckets()["Buckets"]}
    if context.office.results not in there:
        s3.create_bucket(
            Bucket=context.office.results, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
        )
    return made


def signed_in(offices: Offices, monkeypatch: pytest.MonkeyPatch, seconds: int = 3600) -> None:
    """A session of a role of eu's, as a person has one: the stand-in judges signatures by its secret."""
    office, endpoint = offices.office("eu"), offices.access.endpoint
    role = f"arn:aws:iam::{office.account}:role/somebody"
    iam = offices.access.client("iam", office)
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="somebody", AssumeRolePolicyDocument=json.dumps({"Statement": [trust]}))
    taken = offices.access.client("sts", office).assume_role(
        RoleArn=role, RoleSessionName="jo", DurationSeconds=seconds
    )["Credentials"]
    words = {
        "access_key": taken["AccessKeyId"],
        "secret_key": taken["SecretAccessKey"],
        "token": taken["SessionToken"],
        "expiry_time": taken["Expiration"].isoformat(),
    }
    inner = botocore.session.get_session()
    inner._credentials = RefreshableCredentials.create_from_metadata(  # type: ignore[attr-defined]
        metadata=words, refresh_using=lambda: words, method="sts"
    )
    session = Session(
        boto=boto3.Session(botocore_session=inner, region_name=office.region), endpoint=endpoint
    )
    offices.access._clients.clear()
    monkeypatch.setitem(offices.access._sessions, "eu", session)


def delivered(offices: Offices, number: int = 1) -> Delivery:
    """A run with results, delivered by the office's own code."""
    one: Run = moved(run(number), "succeeded")
    offices.at_home("eu", one)
    context = offices.access.context(offices.office("eu"))
    s3, bucket = context.clients.s3, context.office.results

    def put(key: str, body: bytes) -> None:
        s3.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")

    for path, body in FILES.items():
        put(f"{one.results_prefix}{path}", body)
    files = [
        {"path": path, "size": len(body), "sha256": hashlib.sha256(body).hexdigest()}
        for path, body in FILES.items()
    ]
    put(f"{one.results_prefix}manifest.json", json.dumps({"files": files}).encode())
    [agreement] = offices.office("eu").agreements
    delivery.deliver_run(context, [agreement], one.run_id)
    known = delivery_ledger.read(context, delivery_id_of(agreement, one.run_id))
    assert known is not None
    assert known.state == "delivered", known.reason
    return known


def made(offices: Offices, known: Delivery, folder: Path, *more: str) -> dict[str, Any]:
    answer = offices.fleet("links", known.delivery_id[:14], "--out", str(folder), "--json", *more)
    assert answer.code == 0, answer.err
    told: dict[str, Any] = answer.json
    return told


def test_a_partner_fetches_compares_and_answers_without_any_credentials(
    linked: Offices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a partner without AWS has is a browser."""
    known = delivered(linked)
    signed_in(linked, monkeypatch)
    told = made(linked, known, tmp_path)
    manifest = httpx.get(told["manifest"]["url"])
    assert hashlib.sha256(manifest.content).hexdigest() == told["manifest"]["sha256"]
    assert datetime.fromisoformat(told["until"]) <= datetime.now(UTC) + timedelta(hours=1), (
        "the session's end"
    )
    for each in told["files"]:
        answer = httpx.get(each["url"])
        assert answer.content == FILES[each["path"]]
        assert hashlib.sha256(answer.content).hexdigest() == each["sha256"]
    assert httpx.put(told["receipt"]["put"], json=told["receipt"]["body"]).status_code == 200
    context = linked.access.context(linked.office("eu"))
    delivery.sweep(context, linked.office("eu").agreements)
    found = delivery_ledger.read(context, known.delivery_id)
    assert found is not None
    assert found.state == "acknowledged"


def test_the_page_has_every_link_and_runs_nothing(linked: Offices, tmp_path: Path) -> None:
    """A file's name comes from a pipeline's input: the page is opened in a partner's browser."""
    known = delivered(linked, 2)
    told = made(linked, known, tmp_path)
    page = (tmp_path / known.delivery_id / "links.html").read_text()
    assert page.count("<a href=") == 1 + len(FILES)
    assert "<script" not in page
    assert "\u202e" not in page
    assert told["until"][:16].replace("T", " ") in page


def test_links_are_noted_with_who_made_them_and_end(linked: Offices, tmp_path: Path) -> None:
    """Nobody could say later who gave out results, or that the links are dead."""
    known = delivered(linked, 3)
    told = made(linked, known, tmp_path, "--hours", "2")
    context = linked.access.context(linked.office("eu"))
    assert delivery_ledger.links_until(context, known.delivery_id) == told["until"]
    left = datetime.fromisoformat(told["until"]) - datetime.now(UTC)
    assert timedelta(hours=1.9) < left <= timedelta(hours=2)
    assert "X-Amz-Expires=7" in told["manifest"]["url"]


class Ends:
    """Credentials of a session."""

    def __init__(self, ends: datetime | None) -> None:
        self._expiry_time, self.token = ends, "t"

    def get_frozen_credentials(self) -> "Ends":
        return self


def ending(left: timedelta | None) -> Any:
    ends = datetime.now(UTC) + left if left else None
    return SimpleNamespace(boto=SimpleNamespace(get_credentials=lambda: Ends(ends)))


@pytest.mark.parametrize(
    ("left", "fault"), [(timedelta(minutes=5), "sign in again"), (None, "nobody can tell how long")]
)
def test_a_session_that_is_nearly_over_signs_nothing(left: timedelta | None, fault: str) -> None:
    """A link dies with the session that signed it, whatever it says: the partner would find it dead."""
    with pytest.raises(Refused, match=fault):
        linking._lasting(ending(left), timedelta(hours=12))


def test_links_live_no_longer_than_their_session() -> None:
    """The page would promise twelve hours of which eleven are dead."""
    assert linking._lasting(ending(timedelta(hours=1)), timedelta(hours=12)) <= timedelta(hours=1)


def test_what_is_superseded_or_changed_gets_no_links(linked: Offices, tmp_path: Path) -> None:
    """A partner would be sent what was replaced, or what somebody has exchanged."""
    known = delivered(linked, 4)
    context = linked.access.context(linked.office("eu"))
    [agreement] = linked.office("eu").agreements
    key = f"{agreement.prefix}{known.delivery_id}/delivery.json"
    context.clients.s3.put_object(Bucket=agreement.bucket, Key=key, Body=b'{"files": []}')
    words = ("links", known.delivery_id, "--out", str(tmp_path))
    answer = linked.fleet(*words)
    assert (answer.code, "not the manifest" in answer.err) == (5, True)
    assert delivery_ledger.advance(context, known.moved("superseded", context.now))
    answer = linked.fleet(*words)
    assert (answer.code, "has the newer results" in answer.err) == (5, True)
    assert list(tmp_path.iterdir()) == []
    assert ledger.read_run(context, known.run_id) is not None
    assert linked.fleet("links", "d00", "--out", str(tmp_path)).code == 3


def test_who_waits_for_links_is_seen_among_the_deliveries(linked: Offices, tmp_path: Path) -> None:
    """Whoever is called by the alarm must find which delivery it is."""
    known = delivered(linked, 5)
    [told] = linked.fleet("deliveries", "eu", "--json").json
    assert told["reason"] == "waits for `fleet links`"
    made(linked, known, tmp_path)
    [told] = linked.fleet("deliveries", "eu", "--json").json
    assert told["reason"].startswith("links until ")
