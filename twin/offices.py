"""The offices of the repository as the twin sees them: each stack file's account and region."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from botocore.config import Config

from components.yaml_file import yes_or_no

ROOT = Path(__file__).resolve().parent.parent
SETTINGS = Config(retries={"mode": "standard", "max_attempts": 3}, max_pool_connections=50)


class UnknownOffice(Exception):
    """No stack file has this name."""


@dataclass(frozen=True, kw_only=True)
class Office:
    name: str
    account: str
    region: str
    headquarters: bool

    def session(self) -> boto3.Session:
        """The account's root: the twin takes an access key of 12 digits as that."""
        return boto3.Session(
            aws_access_key_id=self.account, aws_secret_access_key="local", region_name=self.region
        )

    def client(self, service: str, endpoint: str) -> Any:
        made: Any = self.session().client  # any service: not one of the stubs' overloads
        return made(service, endpoint_url=endpoint, config=SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Held(Office):
    """An office in somebody else's hands than root's."""

    hands: boto3.Session

    def session(self) -> boto3.Session:
        return self.hands


def offices(root: Path = ROOT) -> list[Office]:
    """Every office of the repository, headquarters first: the others name what it owns."""
    found = [_read(path) for path in sorted(root.glob("Pulumi.*.yaml"))]
    return sorted(found, key=lambda office: (not office.headquarters, office.name))


def office(name: str, root: Path = ROOT) -> Office:
    known = {o.name: o for o in offices(root)}
    if name not in known:
        raise UnknownOffice(
            f"no office {name!r}: Pulumi.{name}.yaml is not in {root}; there are {', '.join(known)}"
        )
    return known[name]


def stack_config(name: str, root: Path = ROOT) -> dict[str, Any]:
    return dict(yaml.safe_load((root / f"Pulumi.{name}.yaml").read_text()).get("config") or {})


def _read(path: Path) -> Office:
    name = path.name.removeprefix("Pulumi.").removesuffix(".yaml")
    config = yaml.safe_load(path.read_text()).get("config") or {}
    try:
        (account,) = config["aws:allowedAccountIds"]
        region = config["aws:region"]
    except (KeyError, ValueError, TypeError) as fault:
        raise UnknownOffice(
            f"{path.name}: aws:region and one aws:allowedAccountIds must be there ({fault})"
        ) from fault
    headquarters = next((v for k, v in config.items() if k.endswith(":headquarters")), False)
    return Office(name=name, account=str(account), region=region, headquarters=bool(yes_or_no(headquarters)))
