"""Which versions of the tools an image has."""

import re
import subprocess
from collections.abc import Mapping, Sequence

_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


def versions(ask: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By tool; `ask` holds each tool's command that tells its version."""
    return {name: _version(command) for name, command in ask.items()}


def _version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = _VERSION.search(done.stdout + done.stderr)  # some tell it on standard error
    return found.group() if found else "unknown"
