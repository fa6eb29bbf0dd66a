"""Brings an office in the twin to what its stack file says, by the real Pulumi program, without the CLI.

Pulumi's own runtime runs `__main__.py`; where its engine would be sits `Deployment`. What a failed run made
is kept.
"""

import asyncio
import contextlib
import json
import os
import runpy
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.runtime import mocks, settings
from pulumi.runtime.config import set_all_config
from pulumi.runtime.stack import run_pulumi_func

from twin import home
from twin.deployment import Change, Deployment, Refused, Told, nobody
from twin.offices import ROOT, Office, office, stack_config
from twin.refresh import look
from twin.resources import KINDS
from twin.resources import kind as kinds
from twin.state import State

__all__ = ["Change", "Deployment", "Refused", "Told", "up"]


def up(
    name: str,
    root: Path = ROOT,
    *,
    credentials: Office | None = None,
    refresh: bool = False,
    told: Told = nobody,
    known: Mapping[str, kinds.Kind] = KINDS,
    twin: home.Running | None = None,
) -> list[Change]:
    """Brings one office to what the program declares; returns what was done.

    `credentials` are those of its own account and region, unless others are given. `refresh` asks first what
    is there.
    """
    twin = twin or home.running()
    target = kinds.Target(office=credentials or office(name, root), endpoint=twin.endpoint)
    state = State.load(name, twin.life)
    if refresh:
        look(target, state, known)
    deployment = Deployment(target, state, told, known)
    try:
        state.outputs = run(deployment, name, root)
        deployment.delete_what_is_gone()
    except Exception:
        if deployment.fault:
            raise deployment.fault from None
        raise
    finally:
        state.save()
    return deployment.changes


def run(
    deployment: mocks.Mocks, name: str, root: Path, *, monitor: mocks.MockMonitor | None = None
) -> dict[str, Any]:
    """Runs the program of `root` for one stack, and returns the stack's outputs.

    With a `monitor` of its own it is a preview: the program meets values that nobody knows yet.
    """
    project = yaml.safe_load((root / "Pulumi.yaml").read_text())["name"]
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    settings.set_root_resource(None)  # type: ignore[arg-type]  # an earlier run left its stack
    # What an earlier run left when it failed.
    settings.SETTINGS.rpc_manager.clear()
    settings.SETTINGS.outputs.clear()
    mocks.set_mocks(deployment, project=project, stack=name, preview=monitor is not None, monitor=monitor)
    set_all_config({key: config_text(value) for key, value in stack_config(name, root).items()})
    outputs: dict[str, Any] = {}

    def declare() -> None:
        runpy.run_path(str(root / "__main__.py"), run_name="__main__")

    try:
        with _inside(root), _exports_into(outputs):
            loop.run_until_complete(run_pulumi_func(declare))
    finally:
        _end_tasks(loop)
        loop.close()
    return outputs


def _end_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """A program that failed leaves tasks that wait for resources which never come."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())


def config_text(value: Any) -> str:
    """A value of a stack file as the CLI hands it on: text, and what is more than that as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


@contextlib.contextmanager
def _inside(root: Path) -> Iterator[None]:
    """The CLI runs the program in its folder, which is also where it imports from."""
    before = Path.cwd()
    os.chdir(root)
    sys.path.insert(0, str(root))
    try:
        yield
    finally:
        sys.path.remove(str(root))
        os.chdir(before)


@contextlib.contextmanager
def _exports_into(outputs: dict[str, Any]) -> Iterator[None]:
    original = pulumi.export

    def export(name: str, value: Any) -> None:
        pulumi.Output.from_input(value).apply(lambda known: outputs.__setitem__(name, known))
        original(name, value)

    pulumi.export = export
    try:
        yield
    finally:
        pulumi.export = original
