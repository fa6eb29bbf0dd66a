"""Which versions of the tools this image has."""

from collections.abc import Mapping

from programs.versions import versions

_ASK: Mapping[str, tuple[str, ...]] = {
    "megahit": ("megahit", "--version"),
    "minimap2": ("minimap2", "--version"),
    "samtools": ("samtools", "--version"),
    # Debian's MetaBAT calls itself "2:nosha": its package knows better.
    "metabat2": ("dpkg-query", "--show", "--showformat=${Version}", "metabat"),
    "prodigal": ("prodigal", "-v"),
}


def tool_versions() -> dict[str, str]:
    return versions(_ASK)
