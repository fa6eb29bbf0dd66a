"""What sits where Pulumi's engine would be: each declared resource is compared with what was kept of the last
run, and made, changed, replaced or left as it is.

The same inputs make no call, changed ones update or replace, and what is no longer declared is deleted,
newest first.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pulumi
from pulumi.runtime import mocks

from twin import archive, schema
from twin.resources import KINDS
from twin.resources import kind as kinds
from twin.state import Kept, State

Action = Literal["create", "update", "replace", "delete"]
ZONES = "abc"
RESOURCES = "twin/resources/"


class Refused(Exception):
    """The program asks for what the twin does not know; the words say what to add where."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """One thing that a run did."""

    action: Action
    type: str
    name: str

    def __str__(self) -> str:
        return f"{self.action} {self.type} {self.name}"


Told = Callable[[Change], None]


def nobody(change: Change) -> None:
    """Tells no one of a change."""


class Deployment(mocks.Mocks):
    """Answers the program as Pulumi's engine and the AWS provider would, and makes what it declares."""

    def __init__(
        self,
        target: kinds.Target,
        state: State,
        told: Told = nobody,
        known: Mapping[str, kinds.Kind] = KINDS,
    ) -> None:
        self._target, self._state, self._told, self._known = target, state, told, known
        self._lock = threading.Lock()
        self._seen: set[str] = set()
        self.changes: list[Change] = []
        self.fault: Exception | None = None  # the first one, of which all others follow

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        try:
            return self._resource(args)
        except Exception as fault:
            self._failed(fault)
            raise

    def call(self, args: pulumi.runtime.MockCallArgs) -> Any:
        try:
            return self._answer(args)
        except Exception as fault:
            self._failed(fault)
            raise

    def _failed(self, fault: Exception) -> None:
        with self._lock:
            self.fault = self.fault or fault

    def _resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        if not args.custom:  # a component: nothing to make
            return "", {}
        if args.typ.startswith("pulumi:providers:"):
            return args.name, args.inputs
        kind = self._known.get(args.typ)
        if kind is None:
            service = args.typ.split(":")[1].split("/")[0]
            raise Refused(
                f"{args.typ} ({args.name}): the twin cannot make this type of resource. "
                f"Add a Kind for it to KINDS in {RESOURCES}{service}.py"
            )
        inputs = archive.plain(args.inputs)
        schema.check(args.typ, args.name, inputs)
        key = f"{args.typ}::{args.name}"
        with self._lock:
            if key in self._seen:
                raise Refused(f"{args.typ} ({args.name}) is declared twice: give one of them another name")
            self._seen.add(key)
            kept = self._state.resources.get(key)
        made = self._bring(kind, args.name, key, kept, inputs, archive.whole(args.inputs))
        assets = {k: v for k, v in args.inputs.items() if isinstance(v, (pulumi.Archive, pulumi.Asset))}
        return made.id, made.outputs | assets

    def _answer(self, args: pulumi.runtime.MockCallArgs) -> Any:
        account, region = self._target.account, self._target.region
        if args.token == "aws:index/getCallerIdentity:getCallerIdentity":
            identity = {"accountId": account, "arn": f"arn:aws:iam::{account}:root", "userId": account}
            return {**identity, "id": account}
        if args.token == "aws:index/getRegion:getRegion":
            return {"region": region, "name": region, "id": region, "description": region, "endpoint": ""}
        if args.token == "aws:index/getAvailabilityZones:getAvailabilityZones":
            names = [f"{region}{letter}" for letter in ZONES]
            return {"names": names, "zoneIds": names, "groupNames": [region], "id": region}
        raise Refused(
            f"{args.token}: the twin cannot answer this call. "
            "Add an answer to Deployment._answer in twin/deployment.py"
        )

    def delete_what_is_gone(self) -> None:
        for key in [k for k in reversed(self._state.resources) if k not in self._seen]:
            gone = self._state.resources[key]
            if gone.type not in self._known:
                raise Refused(
                    f"{gone.type} ({gone.name}) is to be deleted: its Kind is gone from {RESOURCES}"
                )
            self._delete(self._known[gone.type], gone)
            del self._state.resources[key]
            if "::replaced::" not in key:
                self._note("delete", gone.type, gone.name)

    def _bring(
        self,
        kind: kinds.Kind,
        name: str,
        key: str,
        kept: Kept | None,
        inputs: kinds.Inputs,
        whole: kinds.Inputs,
    ) -> Kept:
        autonamed = kind.named is not None and not inputs.get(kind.named)
        if kind.named and autonamed:
            physical = kept.inputs[kind.named] if kept and kind.named in kept.inputs else kinds.suffixed(name)
            inputs, whole = inputs | {kind.named: physical}, whole | {kind.named: physical}
        if kept is None:
            return self._make("create", kind, name, key, inputs, whole)
        if kept.inputs == inputs:
            return kept
        if not kind.must_replace(kept.inputs, inputs):
            return self._change(kind, key, kept, inputs, whole)
        if kind.named and autonamed:  # made beside what it replaces, which goes when all else is done
            physical = kinds.suffixed(name)
            inputs, whole = inputs | {kind.named: physical}, whole | {kind.named: physical}
            made = self._make("replace", kind, name, key, inputs, whole)
            with self._lock:
                self._state.resources[f"{key}::replaced::{kept.id}"] = kept
            return made
        self._delete(kind, kept)
        try:
            # It keeps its place in the order: what was made after it may depend on it.
            return self._make("replace", kind, name, key, inputs, whole)
        except Exception:
            with self._lock:
                del self._state.resources[key]
            raise

    def _make(
        self, action: Action, kind: kinds.Kind, name: str, key: str, inputs: kinds.Inputs, whole: kinds.Inputs
    ) -> Kept:
        made = kind.create(self._target, name, whole)
        kept = Kept(type=kind.type, name=name, id=made.id, inputs=inputs, outputs={**inputs, **made.outputs})
        with self._lock:
            self._state.resources[key] = kept
        self._note(action, kind.type, name)
        return kept

    def _change(
        self, kind: kinds.Kind, key: str, kept: Kept, inputs: kinds.Inputs, whole: kinds.Inputs
    ) -> Kept:
        assert kind.update is not None
        change = kinds.Change(id=kept.id, name=kept.name, old=kept.inputs, new=whole, outputs=kept.outputs)
        outputs = kind.update(self._target, change)
        made = {k: v for k, v in kept.outputs.items() if k not in kept.inputs}
        now = Kept(
            type=kept.type,
            name=kept.name,
            id=str(outputs.get("id", kept.id)),
            inputs=inputs,
            outputs={**made, **inputs, **outputs},
        )
        with self._lock:
            self._state.resources[key] = now
        self._note("update", kind.type, kept.name)
        return now

    def _delete(self, kind: kinds.Kind, kept: Kept) -> None:
        kind.delete(
            self._target,
            kinds.Change(id=kept.id, name=kept.name, old=kept.inputs, new={}, outputs=kept.outputs),
        )

    def _note(self, action: Action, type: str, name: str) -> None:
        change = Change(action=action, type=type, name=name)
        with self._lock:
            self.changes.append(change)
        self._told(change)
