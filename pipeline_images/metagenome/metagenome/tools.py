"""Which versions of the tools this image has."""

from collections.abc import Mapping

import pysylph
from programs.versions import versions

_ASK: Mapping[str, tuple[str, ...]] = {
    "fastp": ("fastp", "--version"),
    "deacon": ("deacon", "--version"),
    "minimap2": ("minimap2", "--version"),
    "samtools": ("samtools", "--version"),
    "kraken2": ("kraken2", "--version"),
    "krona": ("ktImportText",),  # its usage begins with the version
}


def tool_versions() -> dict[str, str]:
    return versions(_ASK) | {"pysylph": pysylph.__version__}
