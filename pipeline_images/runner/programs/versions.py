"""Which versions of the tools an image has."""

import re
import subprocess
from collections.abc import Mapping, Sequence

# Not the numbers of an article that is to be cited (doi 10.7717/…).
_VERSION = re.compile(r"\b[vV]?(\d+(?:\.\d+)+(?:-[\w.]+)?)(?![\d./])")


def versions(ask: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """By tool; `ask` holds each tool's command that tells its version."""
    return {name: _version(command) for name, command in ask.items()}


def _version(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    # Who tells it on standard error (fastp, vsearch) may tell libraries' versions on standard output.
    found = _VERSION.search(f"{done.stderr}\n{done.stdout}")
    return found.group(1) if found else "unknown"
