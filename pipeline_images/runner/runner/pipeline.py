"""What a pipeline finds: its folders, and the environment it may see."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Folders:
    """The upload's files, the results, the pipeline's notes about itself, free space, the references.

    `after` is for the results of the run before this one; it is there only when there is such a run.
    """

    input: Path
    output: Path
    meta: Path
    scratch: Path
    references: Path
    after: Path

    @classmethod
    def make(cls, work: Path) -> "Folders":
        """Below `work`; the input, the references and `after` are made by those who fill them."""
        names = ("input", "output", "meta", "scratch", "references", "after")
        folders = cls(**{name: work / name for name in names})
        for folder in (folders.output, folders.meta, folders.scratch):
            folder.mkdir()
        return folders


def pipeline_environment(
    environ: Mapping[str, str],
    folders: Folders,
    *,
    references: Path,
    after: Path,
    threads: int,
    memory_mib: int,
) -> dict[str, str]:
    """The image's variables without AWS's: what reads hostile data gets no way to credentials."""
    kept = {
        name: value
        for name, value in environ.items()
        if not name.startswith(("AWS_", "ECS_")) and name != "AFTER"
    }
    if after.is_dir():
        kept["AFTER"] = str(after)
    return kept | {
        "REFERENCES": str(references),
        "THREADS": str(threads),
        "MEMORY_MIB": str(memory_mib),
        "SCRATCH": str(folders.scratch),
        "TMPDIR": str(folders.scratch),
        "PIPELINE_META": str(folders.meta),
    }
