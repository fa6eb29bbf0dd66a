"""What git knows: the files that changed between two commits, and the offices at a commit."""

import subprocess
from pathlib import Path
from typing import Any

import yaml

from rollout.touched import CONTRACT, STACK_FILE, Tree


def git(root: Path, *arguments: str) -> str:
    """Raises CalledProcessError when git fails."""
    return subprocess.run(
        ["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True
    ).stdout


class UnknownCommit(Exception):
    """No commit has this name here."""


def commit_of(root: Path, name: str) -> str:
    """The full id of what a person or a workflow calls a commit."""
    try:
        return git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    except subprocess.CalledProcessError as error:
        raise UnknownCommit(
            f"there is no commit {name!r} here: fetch it (`git fetch origin`), or name one that is"
        ) from error


def uncommitted_stack_files(root: Path) -> list[str]:
    """Those at the top that no commit has as they are now, or at all."""
    told = git(root, "status", "--porcelain", "--no-renames", "--untracked-files=all", "-z", "--", "Pulumi.*")
    return sorted(path for line in told.split("\0") if STACK_FILE.fullmatch(path := line[3:]))


def changed_paths(root: Path, base: str, head: str) -> list[str]:
    """Also the old names of files that were moved."""
    return git(root, "diff", "--name-only", "--no-renames", "-z", base, head).split("\0")[:-1]


def tree(root: Path, commit: str) -> Tree:
    offices: dict[str, Any] = {}
    pipelines = set()
    for path in git(root, "ls-tree", "-r", "--name-only", "-z", commit).split("\0"):
        if file := STACK_FILE.fullmatch(path):
            offices[file[1]] = _config(git(root, "show", f"{commit}:{path}"))
        elif contract := CONTRACT.fullmatch(path):
            pipelines.add(contract[1])
    return Tree(offices=offices, pipelines=frozenset(pipelines))


def _config(text: str) -> dict[str, Any]:
    """A file that cannot be read is an empty office: `check` tells what is wrong with it."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    config = document.get("config") if isinstance(document, dict) else None
    return config if isinstance(config, dict) else {}
