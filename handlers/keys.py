"""Keys of the uploads bucket: `<pipeline>/<project>/<sample>/input.tar`.

A key is a sample, a mistake that deserves an answer, or none of our business. Keys come from EventBridge as
they are (only S3's own notifications URL-encode them), so spaces, plus and percent signs stand for
themselves.
"""

import difflib
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

INPUT = "input.tar"
STATUS = "status.json"
LAYOUT = f"<pipeline>/<project>/<sample>/{INPUT}"
# S3 allows 1,024 bytes in a key; results add the run's id and the names of files below the sample's folder.
MAX_FOLDER_BYTES = 600
MAX_KEY_BYTES = 1024

_COMPRESSED = re.compile(r"\.(tar\.(gz|bz2|xz|zst|z|lz4)|tgz|tbz2?|txz|zip|7z|rar|gz)$", re.IGNORECASE)
_INPUT_LIKE = re.compile(r"^\W*input\W*(\(?\d*\)?)?\W*(tar)?\W*$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Where an upload belongs."""

    pipeline: str
    project: str
    sample: str

    @property
    def folder(self) -> str:
        """`<pipeline>/<project>/<sample>/`, the same in the uploads and the results bucket."""
        return f"{self.pipeline}/{self.project}/{self.sample}/"

    @property
    def key(self) -> str:
        return self.folder + INPUT


@dataclass(frozen=True, kw_only=True)
class Mistake:
    """A key that was meant to be an upload: what is wrong, and what to do instead, in words."""

    key: str
    summary: str
    what_to_do: str

    @property
    def status_key(self) -> str | None:
        """Where the answer lies: beside the upload. None if S3 could not hold such a key."""
        folder = self.key.rpartition("/")[0]
        key = f"{folder}/{STATUS}" if folder else STATUS
        return key if len(key.encode()) <= MAX_KEY_BYTES else None


@dataclass(frozen=True, kw_only=True)
class Unrelated:
    """A key that nobody can have meant as an upload."""

    key: str


def parse(key: str, pipelines: Collection[str]) -> Sample | Mistake | Unrelated:
    """What `key` is, given the names of the office's pipelines."""
    *folders, name = key.split("/")
    if not name:
        return Unrelated(key=key)  # consoles make folders by an empty object whose key ends in a slash
    if name != INPUT:
        return _by_name(key, folders, name, pipelines)
    return _by_levels(key, folders, pipelines)


def _by_name(key: str, folders: list[str], name: str, pipelines: Collection[str]) -> Mistake | Unrelated:
    right = _right_key(folders)
    plain = unicodedata.normalize("NFKC", name)
    if plain.lower() == INPUT:
        return Mistake(
            key=key,
            summary=f"The file is named {name!r}; uploads must be named {INPUT!r}, in lower case.",
            what_to_do=f"Upload the same file again as {right}.",
        )
    meant = bool(folders) and (folders[0] in pipelines or _nearest(folders[0], pipelines) is not None)
    if packed := _COMPRESSED.search(plain):
        stem = plain[: packed.start()]
        if _INPUT_LIKE.match(stem) or (meant and ".tar" in packed.group().lower() + "."):
            return Mistake(
                key=key,
                summary=f"The file {name!r} is compressed; uploads must be a plain tar named {INPUT!r}.",
                what_to_do=f"Unpack it, pack the reads (*.fastq.gz) with `tar -cf {INPUT} *.fastq.gz`"
                f" and upload that as {right}.",
            )
        return Unrelated(key=key)
    is_tar = plain.lower().rstrip(". ").endswith(".tar")
    if _INPUT_LIKE.match(plain) or (meant and is_tar):
        return Mistake(
            key=key,
            summary=f"The file is named {name!r}; uploads must be named exactly {INPUT!r}.",
            what_to_do=f"Upload the same file again as {right}.",
        )
    return Unrelated(key=key)


def _by_levels(key: str, folders: list[str], pipelines: Collection[str]) -> Sample | Mistake:
    choices = ", ".join(sorted(pipelines)) or "none yet"
    if len(folders) != 3:
        word = "few" if len(folders) < 3 else "many"
        return Mistake(
            key=key,
            summary=f"The key has too {word} folders: {len(folders)} before {INPUT!r}, not three.",
            what_to_do=f"Upload it as {LAYOUT}. Pipelines of this office: {choices}.",
        )
    pipeline, project, sample = folders
    for level, value in (("pipeline", pipeline), ("project", project), ("sample", sample)):
        if fault := _fault(value):
            return Mistake(
                key=key,
                summary=f"The name of the {level} {fault}.",
                what_to_do=f"Upload it as {LAYOUT}, each with a name that people can read and type.",
            )
    if len("/".join(folders).encode()) > MAX_FOLDER_BYTES:
        return Mistake(
            key=key,
            summary=f"The names are too long: together they may have {MAX_FOLDER_BYTES} bytes.",
            what_to_do="Upload it again under a shorter name of the project or the sample.",
        )
    if pipeline not in pipelines:
        nearest = _nearest(pipeline, pipelines)
        return Mistake(
            key=key,
            summary=f"This office has no pipeline named {pipeline!r}. Its pipelines: {choices}.",
            what_to_do=f"Did you mean {nearest!r}? Upload the file as {nearest}/{project}/{sample}/{INPUT}."
            if nearest
            else f"Upload it as {LAYOUT} with one of these pipelines.",
        )
    return Sample(pipeline=pipeline, project=project, sample=sample)


def _right_key(folders: list[str]) -> str:
    return "/".join([*folders, INPUT]) if len(folders) == 3 else LAYOUT


def _fault(name: str) -> str | None:
    if not name.strip():
        return "is empty"
    if name in (".", ".."):
        return f"is {name!r}, which file systems take for a folder of their own"
    # C: control, format-free; a newline or ESC in a name would reach terminals and logs.
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return f"holds a control character: {name!r}"
    return None


def _nearest(name: str, pipelines: Collection[str]) -> str | None:
    by_lower = {pipeline.lower(): pipeline for pipeline in pipelines}
    close = difflib.get_close_matches(name.strip().lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[close[0]] if close else None
