"""An account under bootstrap: its clients, and what a look into it says is still to be done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.exceptions import ClientError

from components.office import Office
from components.tags import tags
from rollout.settings import Repository


@dataclass(frozen=True, kw_only=True)
class Action:
    """One thing to do, in words, and the doing of it."""

    words: str
    do: Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Account:
    office: Office
    repository: Repository
    session: boto3.Session
    endpoint: str | None = None

    def client(self, service: str) -> Any:
        made: Any = self.session.client  # any service: not one of the stubs' overloads
        return made(service, region_name=self.office.region, endpoint_url=self.endpoint)

    def tags(self, component: str) -> dict[str, str]:
        """As on everything of an office, but made by this command."""
        return {**tags(self.office.name, component), "globalbi:managed-by": "bootstrap"}

    def tag_list(self, component: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in sorted(self.tags(component).items())]

    def refuse_other(self) -> None:
        """Raises InvalidOffices unless the credentials are of this office's account."""
        found = self.client("sts").get_caller_identity()["Account"]
        self.office.refuse_other(found, self.office.region)


def found(
    call: Callable[..., Mapping[str, Any]], *missing: str, **arguments: Any
) -> Mapping[str, Any] | None:
    """What a call answers; None when it ends with one of the error codes `missing`."""
    try:
        return call(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] in missing:
            return None
        raise


def holds(there: Any, wanted: Any) -> bool:
    """Whether `there` has all that is wanted. AWS answers with more than it was given."""
    if isinstance(wanted, Mapping):
        return isinstance(there, Mapping) and all(
            holds(there.get(key), value) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(there, list) and len(there) == len(wanted) and all(map(holds, there, wanted))
    return bool(there == wanted)
