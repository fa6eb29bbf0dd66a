"""Which versions of the tools this image has."""

from collections.abc import Mapping

from programs.versions import versions

_ASK: Mapping[str, tuple[str, ...]] = {
    "megahit": ("megahit", "--version"),
    "minimap2": ("minimap2", "--version"),
    "samtools": ("samtools", "--version"),
    "metabat2": ("metabat2", "--help"),
    "prodigal": ("prodigal", "-v"),
}


def tool_versions() -> dict[str, str]:
    return versions(_ASK)
