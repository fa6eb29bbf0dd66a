"""Who tries: every identity of the table, taken as close to the real way as the twin allows."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore import UNSIGNED
from botocore.config import Config

from tests.three_offices import known_fleet
from twin.offices import SETTINGS

INBOX = "acme-inbox"
ADMINISTRATOR = "administrator"
VERSION = "2012-10-17"
SESSION = "security"


@dataclass(frozen=True, kw_only=True)
class Place:
    """An account: an office's or a partner's."""

    name: str
    account: str
    region: str
    endpoint: str

    def root(self, service: str) -> Any:
        """A client of the account's root, which no policy binds: for what a test prepares."""
        return client(boto3.Session(self.account, "local", region_name=self.region), service, self)


# A client of a service in a place, in somebody's hands.
Reach = Callable[[str, Place], Any]

_places: dict[str, Place] = {}


def open_places(endpoint: str) -> Mapping[str, Place]:
    """Every office and the partner, from now on known by name."""
    for office in known_fleet().offices:
        _places[office.name] = Place(
            name=office.name, account=office.account, region=office.region, endpoint=endpoint
        )
    _places["acme"] = Place(name="acme", account="444444444444", region="eu-central-1", endpoint=endpoint)
    return _places


def place_of(name: str) -> Place:
    return _places[name]


def client(session: boto3.Session, service: str, place: Place, **settings: Any) -> Any:
    made: Any = session.client  # any service: not one of the stubs' overloads
    config = SETTINGS.merge(Config(**settings))
    return made(service, region_name=place.region, endpoint_url=place.endpoint, config=config)


def _role(place: str, name: str) -> Callable[[], Reach]:
    return lambda: taken(place_of(place), name)


def _unsigned() -> Reach:
    session = boto3.Session()
    return lambda service, place: client(session, service, place, signature_version=UNSIGNED)


def _unknown_key() -> Reach:
    session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "somebody", region_name="eu-central-1")
    return lambda service, place: client(session, service, place)


IDENTITIES: Mapping[str, Callable[[], Reach]] = {
    "branch": _role("eu", "globalbi-eu-branch"),
    "intake": _role("eu", "globalbi-eu-intake"),
    "progress": _role("eu", "globalbi-eu-progress"),
    "reconcile": _role("eu", "globalbi-eu-reconcile"),
    "desk": _role("eu", "globalbi-eu-desk"),
    "census": _role("eu", "globalbi-eu-census"),
    "delivery": _role("eu", "globalbi-eu-delivery"),
    "fleet": _role("hq", "globalbi-hq-fleet"),
    "job": _role("eu", "globalbi-eu-metagenome-job"),
    "execution": _role("eu", "globalbi-eu-execution"),
    "erasure": _role("eu", "globalbi-eu-erasure"),
    "replication": _role("hq", "globalbi-references-replication"),
    "forwarding": _role("eu", "globalbi-eu-to-headquarters"),
    "us branch": _role("us", "globalbi-us-branch"),
    "us intake": _role("us", "globalbi-us-intake"),
    "us administrator": _role("us", ADMINISTRATOR),
    "hq administrator": _role("hq", ADMINISTRATOR),
    "partner": _role("acme", ADMINISTRATOR),
    "preview": _role("eu", "globalbi-eu-github-preview"),
    "deploy": _role("eu", "globalbi-eu-github-deploy"),
    "images": _role("hq", "globalbi-hq-github-images"),
    "promote": _role("eu", "globalbi-eu-github-promote"),
    "hq promote": _role("hq", "globalbi-hq-github-promote"),
    "eu reader": _role("eu", "reader"),
    "nobody": _unsigned,
    "unknown key": _unknown_key,
}


def make_people(places: Mapping[str, Place]) -> None:
    """Roles that the program does not make: an account's administrators, and a reader of results who was
    not given the office's key.
    """
    for name in ("us", "hq", "acme"):
        make_administrator(places[name], ADMINISTRATOR)
    _make(places["eu"], "reader")
    statement = {
        "Effect": "Allow",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::globalbi-eu-results-*",
    }
    places["eu"].root("iam").put_role_policy(
        RoleName="reader",
        PolicyName="read",
        PolicyDocument=json.dumps({"Version": VERSION, "Statement": [statement]}),
    )


def make_administrator(place: Place, role: str) -> None:
    _make(place, role)
    place.root("iam").attach_role_policy(
        RoleName=role, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )


def _make(place: Place, role: str) -> None:
    place.root("iam").create_role(RoleName=role, AssumeRolePolicyDocument=_trust_of_root(place))


def _trust_of_root(place: Place) -> str:
    root = {"AWS": f"arn:aws:iam::{place.account}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def taken(place: Place, role: str) -> Reach:
    """A session of a role. Only a service or GitHub may take most of them, which the twin's root is not: for
    the taking, and no longer, the role trusts the root.
    """
    iam = place.root("iam")
    trust = iam.get_role(RoleName=role)["Role"]["AssumeRolePolicyDocument"]
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=_trust_of_root(place))
    try:
        keys = place.root("sts").assume_role(
            RoleArn=f"arn:aws:iam::{place.account}:role/{role}", RoleSessionName=SESSION
        )["Credentials"]
    finally:
        iam.update_assume_role_policy(
            RoleName=role, PolicyDocument=trust if isinstance(trust, str) else json.dumps(trust)
        )
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], region_name=place.region
    )
    return lambda service, there: client(session, service, there)
