"""Which versions of the tools this image has."""

from collections.abc import Mapping

from programs.versions import versions

_ASK: Mapping[str, tuple[str, ...]] = {
    "cutadapt": ("cutadapt", "--version"),
    "vsearch": ("vsearch", "--version"),
}


def tool_versions() -> dict[str, str]:
    return versions(_ASK)
