"""An office: one stack, one `Pulumi.<office>.yaml`, one AWS account and region.

This module is the only reader of configuration. `Office.from_config` takes it from Pulumi at run time,
`Office.from_file` from the stack file, for the fleet and for checks. Both refuse unknown keys and report
every fault at once.
"""

import difflib
import ipaddress
import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import botocore.session
import pulumi
from pydantic import AfterValidator, Field, ValidationError, model_validator

from components.faults import InvalidOffices, explain, unknown_key
from components.fields import Account, Email, Model, Whole, YesOrNo
from components.names import bucket_name
from components.partners import Delivery, Partner, agreements
from components.yaml_file import read_mapping, yes_or_no
from handlers.agreement import Agreement

# Keys the CLI itself keeps in a stack file, and those of the AWS provider an office may set.
STACK_FILE_KEYS = ("config", "encryptionsalt", "encryptedkey", "secretsprovider", "environment")
FILE_NAME = re.compile(r"Pulumi\.([a-z][a-z0-9]{1,11})\.yaml")

# Families whose instances carry NVMe disks, that jobs use as scratch; x86-64, as the images are.
# https://docs.aws.amazon.com/ec2/latest/instancetypes/ (column "Instance store volumes").
NVME_FAMILIES = (
    *("c5ad", "c5d", "c6id", "c8id", "m5ad", "m5d", "m5dn", "m6id", "m6idn", "m8id"),
    *("r5ad", "r5d", "r5dn", "r6id", "r6idn", "r8id", "i3", "i3en", "i4i", "i7i", "i7ie"),
)
# AWS: the VPC may be /16 to /28. Three subnets of a /24 still hold 62 addresses each.
LARGEST_NETWORK, SMALLEST_NETWORK = 16, 24
# The entries go into a function's environment, which has 4 KB for all.
MOST_NOTIFICATIONS, MOST_BUDGETS, MAX_PROJECT_BYTES = 20, 20, 64


def _digest(value: str) -> str:
    if not re.fullmatch(r"sha256:[0-9a-f]{64}", value):
        raise ValueError("must be an image digest, sha256: and 64 hex digits (a tag can move)")
    return value


def _version(value: str) -> str:
    if value.lower() in ("", "latest", "*") or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError('must pin one version such as "2026.1" (letters, digits, . _ -; never latest)')
    return value


def _region(value: str) -> str:
    known = _regions()
    if value not in known:
        near = difflib.get_close_matches(value, known, n=1)
        hint = f" (did you mean {near[0]}?)" if near else " such as eu-central-1"
        raise ValueError(f"must be an AWS region{hint}")
    return value


@cache
def _regions() -> tuple[str, ...]:
    """The regions of AWS's commercial partition that boto3 knows."""
    return tuple(botocore.session.get_session().get_available_regions("ec2"))


def _cidr(value: str) -> str:
    rule = f"must be a /{LARGEST_NETWORK} to /{SMALLEST_NETWORK} network"
    try:
        network = ipaddress.IPv4Network(value)
    except ValueError as error:
        raise ValueError(f"{rule} such as 10.20.0.0/16, with no host bits set") from error
    if not LARGEST_NETWORK <= network.prefixlen <= SMALLEST_NETWORK:
        raise ValueError(rule)
    if not network.is_private:
        raise ValueError("must be a private network (within 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16)")
    return value


def _family(value: str) -> str:
    if value not in NVME_FAMILIES:
        raise ValueError(f"must be a family with local NVMe disks (valid: {', '.join(NVME_FAMILIES)})")
    return value


class PinnedRelease(Model):
    """A pipeline at one image digest, with every reference pinned by version."""

    digest: Annotated[str, AfterValidator(_digest)]
    references: dict[str, Annotated[str, AfterValidator(_version)]] = Field(default_factory=dict)


class ComputeLimits(Model):
    """How much an office computes at once (vCPUs over Spot and on demand each), and on what."""

    max_vcpus: Whole = Field(256, alias="maxVcpus", ge=4, le=10_000)
    instance_families: tuple[Annotated[str, AfterValidator(_family)], ...] = Field(
        ("c6id", "m6id", "r6id"), alias="instanceFamilies", min_length=1, max_length=20
    )


class Retries(Model):
    """How many more attempts a run may have, by class of failure. Bad input never gets another."""

    spot: Whole = Field(3, ge=0, le=10)
    memory: Whole = Field(3, ge=0, le=10)
    disk: Whole = Field(2, ge=0, le=10)
    pull: Whole = Field(3, ge=0, le=10)
    throttling: Whole = Field(5, ge=0, le=10)
    host: Whole = Field(3, ge=0, le=10)
    timeout: Whole = Field(1, ge=0, le=10)
    unknown: Whole = Field(1, ge=0, le=10)


def _paying(value: str) -> str:
    if value == "*" or not value.strip() or "/" in value or len(value.encode()) > MAX_PROJECT_BYTES:
        raise ValueError(
            'must be a project\'s name as it is in uploads, without "/" and of at most'
            f" {MAX_PROJECT_BYTES} bytes"
        )
    return value


class Budget(Model):
    """Spending a month, in US dollars, at which the contacts are told.

    `projects`: what the runs of a project may cost a month; at `warn_percent` of it people are told, and when
    it is used up new runs wait.
    """

    monthly_usd: Whole = Field(alias="monthlyUsd", ge=1, le=1_000_000)
    warn_percent: Whole = Field(80, alias="warnPercent", ge=1, le=99)
    projects: dict[Annotated[str, AfterValidator(_paying)], Annotated[Whole, Field(ge=1, le=1_000_000)]] = (
        Field(default_factory=dict, max_length=MOST_BUDGETS)
    )


class Cohorts(Model):
    """When the samples of a project are compared: so many minutes after the last one's result."""

    quiet_minutes: Whole = Field(60, alias="quietMinutes", ge=1, le=10_080)


class Retention(Model):
    """After how many days without a change an object of a sample expires; None: never."""

    uploads_days: Whole | None = Field(None, alias="uploadsDays", ge=30, le=36_500)
    results_days: Whole | None = Field(None, alias="resultsDays", ge=30, le=36_500)

    def of(self, content: str) -> int | None:
        return {"uploads": self.uploads_days, "results": self.results_days}.get(content)


class WayOut(Model):
    """A way by which something may leave the office, with its reason: what `residency/` finds is named."""

    to: str = Field(min_length=2)
    carries: Literal["images", "references", "metadata", "identifiers", "results", "samples"]
    reason: str = Field(min_length=20)


def _chat(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", value):
        raise ValueError(
            "must be a short name (lower-case letters, digits, -), under which the webhook's address is kept"
            " in the account's parameters; never the address itself, which is a secret"
        )
    return value


class Notification(Model):
    """Who hears of a project's runs that need a person, and of its recalls.

    `chat` names a parameter of the office's account that holds the address of a chat's webhook.
    """

    emails: tuple[Email, ...] = Field((), max_length=10)
    chat: Annotated[str, AfterValidator(_chat)] | None = None

    @model_validator(mode="after")
    def _someone(self) -> "Notification":
        if not self.emails and self.chat is None:
            raise ValueError("must name someone: emails: [name@example.org], chat: a webhook's name, or both")
        return self


def _project(value: str) -> str:
    if not value.strip() or "/" in value or len(value.encode()) > MAX_PROJECT_BYTES:
        raise ValueError(
            f'must be a project\'s name as it is in uploads, without "/" and of at most {MAX_PROJECT_BYTES}'
            ' bytes, or "*" for every project without an entry of its own'
        )
    return value


class OfficeFile(Model):
    """The `config` of a stack file, key by key."""

    region: Annotated[str, AfterValidator(_region)] = Field(alias="aws:region")
    accounts: tuple[Account, ...] = Field(alias="aws:allowedAccountIds", min_length=1, max_length=1)
    profile: str | None = Field(None, alias="aws:profile")
    headquarters: YesOrNo = Field(False, alias="globalbi:headquarters")
    cidr: Annotated[str, AfterValidator(_cidr)] = Field(alias="globalbi:cidr")
    releases: dict[str, PinnedRelease] = Field(alias="globalbi:releases", min_length=1)
    compute: ComputeLimits = Field(
        default_factory=lambda: ComputeLimits.model_validate({}), alias="globalbi:compute"
    )
    retries: Retries = Field(default_factory=lambda: Retries.model_validate({}), alias="globalbi:retries")
    cohorts: Cohorts = Field(default_factory=lambda: Cohorts.model_validate({}), alias="globalbi:cohorts")
    retention: Retention = Field(
        default_factory=lambda: Retention.model_validate({}), alias="globalbi:retention"
    )
    identifiers: Literal["plain", "pseudonymous"] = Field("plain", alias="globalbi:identifiers")
    contacts: tuple[Email, ...] = Field(alias="globalbi:contacts", min_length=1, max_length=10)
    budget: Budget = Field(alias="globalbi:budget")
    notifications: dict[Annotated[str, AfterValidator(_project)], Notification] = Field(
        default_factory=dict, alias="globalbi:notifications", max_length=MOST_NOTIFICATIONS
    )
    partners: dict[str, Partner] = Field(default_factory=dict, alias="globalbi:partners")
    deliveries: tuple[Delivery, ...] = Field((), alias="globalbi:deliveries")
    may_leave: tuple[WayOut, ...] = Field((), alias="globalbi:mayLeave")


@dataclass(frozen=True, kw_only=True)
class Sketch:
    """What must not clash with other offices, as far as it can be read from a file, be it faulty or not."""

    file: str
    account: str | None
    cidr: ipaddress.IPv4Network | None
    headquarters: bool

    @classmethod
    def of(cls, name: str, config: Mapping[str, Any]) -> "Sketch":
        accounts = config.get("aws:allowedAccountIds")
        account = str(accounts[0]) if isinstance(accounts, list) and len(accounts) == 1 else str(accounts)
        try:
            cidr = ipaddress.IPv4Network(str(config.get("globalbi:cidr")), strict=False)
        except ValueError:
            cidr = None
        return cls(
            file=f"Pulumi.{name}.yaml",
            account=account if re.fullmatch(r"\d{12}", account) else None,
            cidr=cidr,
            headquarters=yes_or_no(config.get("globalbi:headquarters")) is True,
        )


class InvalidOffice(InvalidOffices):
    """A file whose faults leave it readable: it can still be compared with the others."""

    def __init__(self, faults: list[str], sketch: Sketch) -> None:
        super().__init__(faults)
        self.sketch = sketch


TEXT_KEYS = ("aws:region", "aws:profile", "globalbi:cidr", "globalbi:identifiers")


@dataclass(frozen=True, kw_only=True)
class Office:
    """An office as the components see it."""

    name: str
    settings: OfficeFile

    @classmethod
    def from_file(cls, path: Path) -> "Office":
        """The office of a stack file; raises InvalidOffices with every fault of it."""
        matched = FILE_NAME.fullmatch(path.name)
        if not matched:
            raise InvalidOffices(
                [f"{path.name}: its middle must be 2 to 12 lower-case letters or digits, a letter first"]
            )
        document, faults = read_mapping(path, path.name)
        if not isinstance(document.get("config"), dict):
            raise InvalidOffices([f"{path.name}: config is missing, the mapping of all settings"])
        strays = [key for key in document if key not in STACK_FILE_KEYS]
        faults += [f"{path.name}: {key} {unknown_key(str(key), STACK_FILE_KEYS)}" for key in strays]
        return cls.parse(matched[1], document["config"], faults)

    @classmethod
    def from_config(cls, name: str) -> "Office":
        """The office of the running stack, from Pulumi's configuration."""
        config: dict[str, Any] = {}
        for field in OfficeFile.model_fields.values():
            key = field.alias or ""
            namespace, _, short = key.partition(":")
            value = pulumi.Config(namespace).get(short)
            if value is not None:
                config[key] = value if key in TEXT_KEYS else _decoded(value)
        return cls.parse(name, config)

    @classmethod
    def parse(cls, name: str, config: Mapping[str, Any], faults: list[str] | None = None) -> "Office":
        """The office of a flat mapping of keys; `faults` are those already found in its file."""
        found = list(faults or ())
        try:
            settings = OfficeFile.model_validate(config)
        except ValidationError as error:
            found += explain(f"Pulumi.{name}.yaml", OfficeFile, error)
            raise InvalidOffice(found, Sketch.of(name, config)) from error
        if found:
            raise InvalidOffice(found, Sketch.of(name, config))
        return cls(name=name, settings=settings)

    @property
    def file(self) -> str:
        return f"Pulumi.{self.name}.yaml"

    @property
    def account(self) -> str:
        return self.settings.accounts[0]

    @property
    def region(self) -> str:
        return self.settings.region

    @property
    def headquarters(self) -> bool:
        return self.settings.headquarters

    @property
    def sketch(self) -> Sketch:
        return Sketch(file=self.file, account=self.account, cidr=self.cidr, headquarters=self.headquarters)

    @cached_property
    def cidr(self) -> ipaddress.IPv4Network:
        return ipaddress.IPv4Network(self.settings.cidr)

    @property
    def releases(self) -> Mapping[str, PinnedRelease]:
        return self.settings.releases

    @property
    def agreements(self) -> tuple[Agreement, ...]:
        """On deliveries to partners."""
        return agreements(
            self.settings.partners,
            self.settings.deliveries,
            account=self.account,
            results=bucket_name(self.name, "results", self.account),
        )

    def refuse_other(self, account: str, region: str) -> None:
        """Raises unless the credentials in use are of this office's account and region."""
        wrong = [
            f"{self.file}: {key} is {due}, but the credentials in use are of {found}: {way_out}"
            for key, due, found, way_out in (
                (
                    "aws:allowedAccountIds",
                    self.account,
                    f"account {account}",
                    "sign in to the office's account",
                ),
                ("aws:region", self.region, f"region {region}", "unset AWS_REGION and AWS_DEFAULT_REGION"),
            )
            if due != found.rsplit(" ", 1)[1]
        ]
        if wrong:
            raise InvalidOffices(wrong)


def _decoded(value: str) -> Any:
    """Pulumi gives mappings, lists and booleans as JSON text; what is none stays text and is judged by the
    model.
    """
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return {"true": True, "false": False}.get(value.lower(), value)


def main() -> int:
    """`python -m components.office`: every office file, by itself and against the others."""
    # The roster reads offices, so this module cannot import it above.
    from components.roster import Fleet

    try:
        fleet = Fleet.load(Path.cwd())
    except InvalidOffices as error:
        print(error)
        return 1
    for office in fleet.offices:
        role = ", headquarters" if office.headquarters else ""
        print(
            f"{office.file}: account {office.account}, {office.region}, {office.cidr}{role}; runs "
            f"{', '.join(sorted(office.releases))}"
        )
    print(
        "Ways out (globalbi:mayLeave) are not judged here: `make residency` runs the program and judges them."
    )
    return 0


if __name__ == "__main__":
    # This file is then a module of its own, whose classes are not those that the roster knows.
    from components import office as module

    sys.exit(module.main())
