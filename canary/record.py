"""Record: what a canary measured, as headquarters keeps it.

It holds measurements, never a verdict. Its seal is a hash over all of it: a record that was changed
where it is kept does not fit its seal any more.
"""

import hashlib
import json
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from components.fields import Model
from components.office import PinnedRelease


class Broken(Exception):
    """A kept record is not what was kept; the words say why."""


class Analysis(Model):
    """What one release made of the community. Times and memory are one for each repetition."""

    release: PinnedRelease
    image: str
    checksums: dict[str, str] = Field(default_factory=dict)  # by reference: SHA-256 of its SHA256SUMS
    shares: dict[int, float] = Field(default_factory=dict)  # by species taxid
    seconds: tuple[float, ...] = ()
    memory_mib: tuple[int, ...] = ()
    failure: str | None = None


class Record(Model):
    schema_: Literal[1] = Field(default=1, alias="schema")
    pipeline: str
    pairs: int
    seed: int
    sample: str = Field(description="SHA-256 of the community's input.tar")
    truth: dict[int, float]
    names: dict[int, str]
    old: Analysis
    new: Analysis
    made: datetime
    by: str = Field(description="Who stands for it: the ARN of the caller")

    def text(self) -> str:
        """The same record always gives the same text."""
        return json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, ensure_ascii=False)

    @property
    def seal(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()


def opened(text: str, seal: str) -> Record:
    """Raises Broken when the text is no record, or not the one that was sealed."""
    if hashlib.sha256(text.encode()).hexdigest() != seal:
        raise Broken("it does not fit its seal: it was changed after it was kept")
    try:
        return Record.model_validate_json(text)
    except ValidationError as error:
        raise Broken(f"it cannot be read: {' '.join(str(error).split())}") from error
