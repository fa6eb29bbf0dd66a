"""Places: whose an ARN is, and what is kept there."""

import re
from dataclasses import dataclass
from typing import Any

from components.names import bucket_name
from components.roster import Fleet
from policies.declared import Resource
from residency.edges import ANYONE, UNKNOWN, Carries, Edge

# What each bucket of an office holds.
BUCKETS = {"uploads": Carries.samples, "results": Carries.results, "references": Carries.references}
# What a resource of another service holds, as far as anybody may read it. Messages and items hold names.
SERVICES = {"ecr": Carries.images, "lambda": Carries.images, "sns": Carries.metadata}
ARN = re.compile(r"arn:[^:]*:(?P<service>[^:]*):(?P<region>[^:]*):(?P<account>[^:]*):(?P<rest>.*)")


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where something is: an office, or what stands in for one; and what it holds."""

    name: str
    holds: Carries


@dataclass(frozen=True, kw_only=True)
class Atlas:
    """The offices' accounts, regions and buckets, seen from one of them."""

    fleet: Fleet
    here: str

    @property
    def region(self) -> str:
        return self.fleet.office(self.here).region

    @property
    def account(self) -> str:
        return self.fleet.office(self.here).account

    @property
    def contacts(self) -> tuple[str, ...]:
        return self.fleet.office(self.here).settings.contacts

    def events_of(self, office: str) -> Carries:
        """What an office's events tell HQ."""
        known = {each.name: each.settings.identifiers for each in self.fleet.offices}
        return Carries.metadata if known.get(office) == "pseudonymous" else Carries.identifiers

    def of_account(self, account: str, region: str = "") -> str:
        """The office of an account; with another region than the office's own it is a place of its own."""
        for office in self.fleet.offices:
            if office.account == account:
                return office.name if region in ("", office.region) else f"{office.name} in {region}"
        return f"account {account}"

    def of_bucket(self, bucket: str) -> Place:
        for office in self.fleet.offices:
            for content, holds in BUCKETS.items():
                if bucket == bucket_name(office.name, content, office.account):
                    return Place(name=office.name, holds=holds)
        return Place(name=f"bucket {bucket}", holds=Carries.samples)

    def of_arn(self, arn: Any) -> Place | None:
        """None for what is no ARN, or one that names neither account nor region."""
        found = ARN.fullmatch(str(arn))
        if str(arn) == "*":
            return Place(name=ANYONE, holds=Carries.samples)
        if found is None:
            return None
        service, region, account = found["service"], found["region"], found["account"]
        if service == "s3" and not account:
            bucket = found["rest"].split("/", 1)[0]
            return Place(name=ANYONE, holds=Carries.samples) if "*" in bucket else self.of_bucket(bucket)
        if not account or account == "aws":
            return None
        holds = SERVICES.get(service, Carries.identifiers)
        if "*" in account or not re.fullmatch(r"\d{12}", account):
            return Place(name=ANYONE if "*" in account else UNKNOWN, holds=holds)
        return Place(name=self.of_account(account, "" if service == "iam" else region), holds=holds)

    def way_out(self, resource: Resource, target: str, carries: Carries, how: str) -> Edge:
        """An edge out of this office, which `resource` opens."""
        return Edge(source=self.here, target=target, carries=carries, via=resource.name, how=how)
