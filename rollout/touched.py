"""Touched: the offices that a change of the repository can change, and the files that are the reason.

Guessing wrong to one side shows "no changes" in a preview; to the other, an office silently keeps
the old state. A path that no rule knows therefore touches every office.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.yaml_file import yes_or_no

# What the Pulumi program is made of, in every office.
PROGRAM = (
    "__main__.py",
    "Pulumi.yaml",
    "components/",
    "cost/",  # its prices are in the functions' environment
    "handlers/",
    "policies/",
    "residency/",
    "requirements.lock",
)
# What no office's resources depend on. An image reaches an office by the digest in its stack file.
ELSEWHERE = (
    *(
        ".github/",
        ".ci/",
        "benchmarks/",
        "bootstrap/",
        "campaign/",
        "canary/",
        "demo/",
        "docs/",
        "fleet/",
        "guards/",
        "rehearsal/",
        "rightsizing/",
        "rollout/",
        "simulation/",
        "supply_chain/",
    ),
    *("scripts/", "tests/", "twin/", "rollout.yaml", "Makefile", "pyproject.toml", "LICENSE"),
    *(".gitignore", ".gitattributes", ".hadolint.yaml", "zizmor.yml"),
)
STACK_FILE = re.compile(r"Pulumi\.([a-z][a-z0-9]{1,11})\.yaml")
BUILD = re.compile(r"pipeline_images/[^/]+\.py")
CONTRACT = re.compile(r"pipeline_images/([^/]+)/pipeline\.yaml")
# What other offices read in an office's file: they derive its names and ARNs from it.
READ_BY_OTHERS = ("aws:region", "aws:allowedAccountIds", "globalbi:headquarters")

Config = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """What stands in the repository at one commit."""

    offices: Mapping[str, Config]  # by office, its stack file's configuration
    pipelines: frozenset[str]

    @property
    def headquarters(self) -> tuple[str, ...]:
        return tuple(name for name, config in self.offices.items() if _leads(config))


def touched(paths: Iterable[str], before: Tree, after: Tree) -> dict[str, list[str]]:
    """By office that stands in `after`, in order of name: the changed paths that touch it."""
    found: dict[str, list[str]] = {}
    for path in sorted(set(paths)):
        for office in _offices(path, before, after):
            if office in after.offices:
                found.setdefault(office, []).append(path)
    return dict(sorted(found.items()))


def gone(before: Tree, after: Tree) -> list[str]:
    """The offices whose stack file is taken away: nobody manages what they have any more."""
    return sorted(before.offices.keys() - after.offices.keys())


def changed_images(paths: Iterable[str], pipelines: Iterable[str]) -> list[str]:
    """The pipelines whose image changes: with its own folder, or with what every image is built on."""
    paths = list(paths)
    common = any(path.startswith("pipeline_images/runner/") or BUILD.fullmatch(path) for path in paths)
    return [
        name
        for name in sorted(pipelines)
        if common or any(path.startswith(f"pipeline_images/{name}/") for path in paths)
    ]


def _offices(path: str, before: Tree, after: Tree) -> Iterable[str]:
    if file := STACK_FILE.fullmatch(path):
        return _of_stack_file(file[1], before, after)
    if contract := CONTRACT.fullmatch(path):
        return _of_contract(contract[1], before, after)
    if _starts(path, PROGRAM):
        return after.offices
    if _starts(path, ELSEWHERE) or path.startswith("pipeline_images/") or path.endswith(".md"):
        return ()
    return after.offices


def _of_stack_file(office: str, before: Tree, after: Tree) -> Iterable[str]:
    old, new = before.offices.get(office), after.offices.get(office)
    if old == new:
        return ()  # a comment
    if old is None or new is None:
        return (office, *after.headquarters)  # headquarters lets it in, or no longer
    if any(yes_or_no(old.get(key)) != yes_or_no(new.get(key)) for key in READ_BY_OTHERS):
        led = _leads(old) or _leads(new)
        return after.offices if led else (office, *after.headquarters)
    return (office,)


def _leads(config: Config) -> bool:
    return yes_or_no(config.get("globalbi:headquarters")) is True


def _of_contract(pipeline: str, before: Tree, after: Tree) -> Iterable[str]:
    if (pipeline in before.pipelines) != (pipeline in after.pipelines):
        return after.offices  # each office has a registry for each pipeline
    return [name for name, config in after.offices.items() if pipeline in config.get("globalbi:releases", {})]


def _starts(path: str, prefixes: tuple[str, ...]) -> bool:
    return any(path == prefix or (prefix.endswith("/") and path.startswith(prefix)) for prefix in prefixes)
