"""Known faults: which may stay, why, and until when.

A fault that is allowed for ever is forgotten. So each entry of `allowed.yaml` ends on a day, is bound to the
place where the fault was found, and has to go once nothing needs it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

FILE = Path(__file__).with_name("allowed.yaml")


class BadList(Exception):
    """`allowed.yaml` cannot be used; the words say which entry, and why."""


class Allowed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(min_length=1)
    where: str = Field(min_length=1)
    reason: str = Field(min_length=10)
    until: date  # the last day on which it counts


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A known fault. `where`: the lock file or the image's folder, from the project's root."""

    id: str
    aliases: tuple[str, ...] = ()  # the same fault in other registers
    where: str
    package: str
    mended_in: tuple[str, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        return frozenset((self.id, *self.aliases))

    def __str__(self) -> str:
        way_out = f"take {' or '.join(self.mended_in)}" if self.mended_in else "no version mends it yet"
        return f"{self.where}: {self.package} has {self.id}; {way_out}"


def load(path: Path = FILE) -> tuple[Allowed, ...]:
    """Raises `BadList`, naming every fault at once."""
    try:
        return TypeAdapter(tuple[Allowed, ...]).validate_python(yaml.safe_load(path.read_text()) or ())
    except ValidationError as error:
        faults = "; ".join(
            f"entry {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()
        )
        raise BadList(f"{path.name}: {faults}") from error
    except yaml.YAMLError as error:
        raise BadList(f"{path.name} is no YAML: {' '.join(str(error).split())}") from error


def faults(
    found: Iterable[Finding], allowed: Sequence[Allowed], looked_at: Iterable[str], today: date
) -> list[str]:
    """What blocks, in sentences; empty when nothing does.

    `looked_at`: the places that `found` speaks of. Entries for other places are not judged.
    """
    told = []
    needed = set()
    for finding in found:
        entry = next(
            (each for each in allowed if each.where == finding.where and each.id in finding.names), None
        )
        if entry is None:
            told.append(f"{finding}. Or allow it for a time: supply_chain/allowed.yaml.")
            continue
        needed.add(entry)
        if entry.until < today:
            told.append(f"{finding}. It was allowed until {entry.until}: {entry.reason}.")
    places = set(looked_at)
    told += [
        f"{entry.where}: {entry.id} is allowed, but was not found. Remove it from supply_chain/allowed.yaml."
        for entry in allowed
        if entry.where in places and entry not in needed
    ]
    return told
