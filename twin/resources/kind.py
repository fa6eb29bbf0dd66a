"""How one type of resource comes, changes and goes."""
# ruff: noqa: ARG001, ARG005 - every kind takes the same arguments, whether it needs them or not

import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from twin.offices import SETTINGS, Office

Inputs = dict[str, Any]
Outputs = dict[str, Any]


@dataclass(kw_only=True)
class Target:
    """Where resources are made: one office, by its account's root."""

    office: Office
    endpoint: str
    _clients: dict[str, Any] = field(default_factory=dict)
    _session: Any = None
    _making: threading.Lock = field(default_factory=threading.Lock)  # making a client is not thread-safe

    @property
    def account(self) -> str:
        return self.office.account

    @property
    def region(self) -> str:
        return self.office.region

    def client(self, service: str) -> Any:
        with self._making:
            if service not in self._clients:
                self._session = self._session or self.office.session()
                self._clients[service] = self._session.client(
                    service, endpoint_url=self.endpoint, config=SETTINGS
                )
            return self._clients[service]

    def arn(self, service: str, resource: str, *, region: str | None = None) -> str:
        where = self.region if region is None else region
        return f"arn:aws:{service}:{where}:{self.account}:{resource}"


@dataclass(frozen=True, kw_only=True)
class Made:
    id: str
    outputs: Outputs = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Change:
    """What an update, replacement or deletion knows of the resource."""

    id: str
    name: str
    old: Inputs
    new: Inputs
    outputs: Outputs


@dataclass(frozen=True, kw_only=True)
class Kind:
    """`fixed` are the inputs that AWS cannot change in place: the resource is replaced.

    `read` gives the inputs that are not as `old` says, and None when the resource is gone.
    `named` is the input with the physical name; where the program leaves it out, the logical name with a
    suffix is taken, and a replacement is made before what it replaces is deleted.
    """

    type: str
    create: Callable[[Target, str, Inputs], Made]
    delete: Callable[[Target, Change], None]
    update: Callable[[Target, Change], Outputs] | None = None
    read: Callable[[Target, Change], Inputs | None] | None = None
    fixed: frozenset[str] = frozenset()
    named: str | None = None

    def must_replace(self, old: Inputs, new: Inputs) -> bool:
        changed = {k for k in old.keys() | new.keys() if old.get(k) != new.get(k)}
        return self.update is None or bool(changed & self.fixed)


def setting(
    type: str,
    put: Callable[[Target, Inputs], None],
    remove: Callable[[Target, Inputs], None],
    *,
    id: str,
    read: Callable[[Target, Change], Inputs | None] | None = None,
) -> Kind:
    """A resource that is a setting of another, named by the input `id`: making and changing it are one
    call.
    """

    def create(target: Target, name: str, inputs: Inputs) -> Made:
        put(target, inputs)
        return Made(id=str(inputs.get(id, name)))

    def update(target: Target, change: Change) -> Outputs:
        put(target, change.new)
        return {}

    return Kind(
        type=type,
        create=create,
        update=update,
        read=read,
        delete=lambda target, change: remove(target, change.old),
        fixed=frozenset({id}),
    )


def declared_only(type: str, reason: str) -> Kind:
    """A resource that ministack has no API for: kept as declared. `reason` says what is missing."""
    assert reason

    def create(target: Target, name: str, inputs: Inputs) -> Made:
        return Made(id=str(inputs.get("name", name)))

    return Kind(type=type, create=create, update=lambda t, c: {}, delete=lambda t, c: None)


def taken(inputs: Mapping[str, Any], **names: str) -> dict[str, Any]:
    """The inputs that are there, under AWS's names: `taken(inputs, Name="name")`."""
    return {aws: inputs[ours] for aws, ours in names.items() if inputs.get(ours) is not None}


def upper(value: Any) -> Any:
    """Keys as most of AWS's APIs write them: camelCase to PascalCase, all the way down."""
    if isinstance(value, Mapping):
        return {key[:1].upper() + key[1:]: upper(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [upper(inner) for inner in value]
    return value


def tag_list(inputs: Inputs, key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    return [{key: k, value: v} for k, v in sorted((inputs.get("tags") or {}).items())]


def suffixed(name: str) -> str:
    return f"{name}-{secrets.token_hex(4)[:7]}"


def changed(change: Change, *names: str) -> bool:
    return any(change.old.get(n) != change.new.get(n) for n in names)
