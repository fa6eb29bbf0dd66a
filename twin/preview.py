"""Preview: what `up` would do in an office, told as Pulumi's own engine tells it; nothing is made.

With a refresh the twin is asked first what is there, of the types whose kind can be read.
"""
# ruff: noqa: ARG002 - what a deployment takes, whether a preview needs it or not

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pulumi.runtime import mocks, rpc

from twin import deploy, home, schema
from twin.deployment import Action, Deployment
from twin.offices import ROOT, Office, office
from twin.refresh import look
from twin.resources import kind as kinds
from twin.state import Kept, State


@dataclass(frozen=True, kw_only=True)
class Step:
    """One resource of a preview; `action` is None when it stays as it is."""

    action: Action | None
    type: str
    name: str
    old: Mapping[str, Any] | None
    new: Mapping[str, Any] | None
    dependencies: Mapping[str, list[str]]

    def to_json(self, stack: str, project: str) -> dict[str, Any]:
        """As `pulumi preview --json` writes it."""
        states = {
            key: {"type": self.type, "custom": True, "inputs": inputs}
            for key, inputs in (("oldState", self.old), ("newState", self.new))
            if inputs is not None
        }
        if "newState" in states:
            states["newState"]["propertyDependencies"] = dict(self.dependencies)
        differ = self.differences
        return {
            "op": self.action or "same",
            "urn": f"urn:pulumi:{stack}::{project}::{self.type}::{self.name}",
            **states,
            **({"diffReasons": differ} if differ else {}),
            **({"replaceReasons": differ} if self.action == "replace" else {}),
        }

    @property
    def differences(self) -> list[str]:
        """The inputs because of which it changes."""
        if self.old is None or self.new is None:
            return []
        return sorted(
            key for key in self.old.keys() | self.new.keys() if self.old.get(key) != self.new.get(key)
        )


# By resource and input: the resources that the value comes from.
Dependencies = dict[str, dict[str, list[str]]]


class Monitor(mocks.MockMonitor):
    """Keeps what mocks are not told."""

    def __init__(self, deployment: mocks.Mocks, dependencies: Dependencies) -> None:
        super().__init__(deployment)
        self._dependencies = dependencies

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the engine's own name
        self._dependencies[f"{request.type}::{request.name}"] = {
            name: list(urns.urns) for name, urns in request.propertyDependencies.items()
        }
        return super().RegisterResource(request)  # type: ignore[no-untyped-call]


class Preview(Deployment):
    """A deployment that makes nothing. What only AWS would know is unknown."""

    def __init__(self, target: kinds.Target, state: State, dependencies: Dependencies) -> None:
        super().__init__(target, state)
        self._dependencies = dependencies
        self.steps: list[Step] = []

    def _bring(
        self,
        kind: kinds.Kind,
        name: str,
        key: str,
        kept: Kept | None,
        inputs: kinds.Inputs,
        whole: kinds.Inputs,
    ) -> Kept:
        found = super()._bring(kind, name, key, kept, inputs, whole)
        if found is kept:
            self._step(None, kept.type, name, kept.inputs, kept.inputs)
        return found

    def _make(
        self, action: Action, kind: kinds.Kind, name: str, key: str, inputs: kinds.Inputs, whole: kinds.Inputs
    ) -> Kept:
        before = self._state.resources.get(key)
        self._step(action, kind.type, name, before.inputs if before else None, inputs)
        unknown = dict.fromkeys(schema.computed(kind.type), rpc.UNKNOWN)
        return Kept(type=kind.type, name=name, id="", inputs=inputs, outputs={**unknown, **inputs})

    def _change(
        self, kind: kinds.Kind, key: str, kept: Kept, inputs: kinds.Inputs, whole: kinds.Inputs
    ) -> Kept:
        self._step("update", kind.type, kept.name, kept.inputs, inputs)
        outputs = {**kept.outputs, **inputs, **dict.fromkeys(schema.REVISED.get(kind.type, ()), rpc.UNKNOWN)}
        return Kept(type=kind.type, name=kept.name, id=kept.id, inputs=inputs, outputs=outputs)

    def _delete(self, kind: kinds.Kind, kept: Kept) -> None:
        """The step that follows, or the caller, tells of it."""

    def delete_what_is_gone(self) -> None:
        for key in [k for k in reversed(self._state.resources) if k not in self._seen]:
            gone = self._state.resources[key]
            if "::replaced::" not in key:
                self._step("delete", gone.type, gone.name, gone.inputs, None)

    def _step(
        self,
        action: Action | None,
        type: str,
        name: str,
        old: Mapping[str, Any] | None,
        new: Mapping[str, Any] | None,
    ) -> None:
        step = Step(
            action=action,
            type=type,
            name=name,
            old=old,
            new=new,
            dependencies=self._dependencies.get(f"{type}::{name}", {}),
        )
        with self._lock:
            self.steps.append(step)


def preview(
    name: str,
    root: Path = ROOT,
    *,
    credentials: Office | None = None,
    refresh: bool = False,
    twin: home.Running | None = None,
) -> list[Step]:
    """What `up` of this office would do, and what would stay as it is."""
    twin = twin or home.running()
    target = kinds.Target(office=credentials or office(name, root), endpoint=twin.endpoint)
    state = State.load(name, twin.life)
    if refresh:
        look(target, state)
    dependencies: Dependencies = {}
    made = Preview(target, state, dependencies)
    try:
        deploy.run(made, name, root, monitor=Monitor(made, dependencies))
    except Exception:
        if made.fault:
            raise made.fault from None
        raise
    made.delete_what_is_gone()
    return made.steps
