"""What the deployer made in an office, kept in `.twin/state/<office>.json`, oldest first."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

from twin import home


@dataclass(kw_only=True)
class Kept:
    """One resource as it was last made or changed."""

    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


@dataclass(kw_only=True)
class State:
    """An office's resources by `<type>::<logical name>`, and its stack outputs."""

    office: str
    life: str
    resources: dict[str, Kept] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, office: str, life: str) -> "State":
        """The kept state; an empty one when the twin it was made in is gone."""
        try:
            kept = json.loads(_path(office).read_text())
        except (FileNotFoundError, ValueError):
            return cls(office=office, life=life)
        if kept.get("life") != life:
            return cls(office=office, life=life)
        resources = {key: Kept(**entry) for key, entry in kept["resources"].items()}
        return cls(office=office, life=life, resources=resources, outputs=kept["outputs"])

    def save(self) -> None:
        home.write(_path(self.office), json.dumps(asdict(self), indent=1, default=str))


def _path(office: str) -> Any:
    return home.home() / "state" / f"{office}.json"


def outputs(office: str) -> dict[str, Any]:
    """The stack outputs of an office that was brought up in the twin that runs."""
    return State.load(office, home.running().life).outputs
