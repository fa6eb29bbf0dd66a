"""Which versions of the tools this image has."""

import re
import subprocess
from collections.abc import Mapping

_ASK: Mapping[str, tuple[str, ...]] = {
    "fastp": ("fastp", "--version"),
    "minimap2": ("minimap2", "--version"),
    "samtools": ("samtools", "--version"),
    "kraken2": ("kraken2", "--version"),
}
_VERSION = re.compile(r"\d+(?:\.\d+)+\S*")


def tool_versions() -> dict[str, str]:
    return {name: _version(command) for name, command in _ASK.items()}


def _version(command: tuple[str, ...]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
    found = _VERSION.search(done.stdout + done.stderr)  # fastp tells its version on standard error
    return found.group() if found else "unknown"
