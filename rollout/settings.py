"""`rollout.yaml`: the order of the offices, the hours in which they take changes, and the freezes.

Every fault of the file is reported at once, in the words of the stack files' own faults.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import yaml
from pydantic import AfterValidator, Field, ValidationError

from components.faults import InvalidOffices, choices, explain
from components.fields import Model

FILE = "rollout.yaml"
# `.github/workflows/apply.yml` has a job for each wave: a workflow cannot make jobs that wait for each other.
MOST_WAVES = 4
REST = "rest"

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ValueError, KeyError, OSError) as error:
        raise ValueError("must be a time zone such as Europe/Berlin") from error
    return value


def _time(value: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value):
        raise ValueError('must be a time of day such as "08:00", in quotes')
    return value


def _subject(value: str) -> str:
    if not re.fullmatch(r"repo:[A-Za-z0-9-]+@\d+/[A-Za-z0-9._-]+@\d+", value):
        raise ValueError("must be repo:ORGANISATION@ID/REPOSITORY@ID, which nobody can take over")
    return value


TimeOfDay = Annotated[str, AfterValidator(_time)]


class Repository(Model):
    """Where the repository is on GitHub, and the identity that its workflows show to AWS."""

    name: str = Field(pattern=r"^[A-Za-z0-9-]+/[A-Za-z0-9._-]+$")
    subject: Annotated[str, AfterValidator(_subject)]


class Wave(Model):
    name: str = Field(min_length=1, max_length=40)
    offices: tuple[str, ...] = Field(min_length=1)


class Hours(Model):
    """When an office takes changes, in its own time. The end is not included."""

    zone: Annotated[str, AfterValidator(_zone)]
    days: tuple[Day, ...] = Field(min_length=1)
    start: TimeOfDay = Field(alias="from")
    end: TimeOfDay = Field(alias="to")

    @property
    def span(self) -> tuple[time, time]:
        return time.fromisoformat(self.start), time.fromisoformat(self.end)


class Freeze(Model):
    """From the first day to the last, both included, nothing changes."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    reason: str = Field(min_length=1)
    offices: tuple[str, ...] = ()


class Promotion(Model):
    """What the offices of one wave must have shown of a release before it moves to the next."""

    soak_hours: int = Field(24, alias="soakHours", ge=0)
    samples: int = Field(5, ge=1)
    # The share of runs that may fail; rejected uploads are no failures.
    most_failures: float = Field(0.1, alias="mostFailures", ge=0, le=1)
    # So long after it came to an office, a release that fails there is taken back by itself.
    watch_hours: int = Field(168, alias="watchHours", ge=1)


class Settings(Model):
    repository: Repository
    waves: tuple[Wave, ...] = Field(min_length=1, max_length=MOST_WAVES)
    hours: dict[str, Hours] = Field(default_factory=dict)
    freezes: tuple[Freeze, ...] = ()
    promotion: Promotion = Field(default_factory=lambda: Promotion.model_validate({}))

    @classmethod
    def load(cls, root: Path, offices: Sequence[str]) -> "Settings":
        """The settings of the repository at `root`; raises InvalidOffices with every fault."""
        try:
            document = yaml.safe_load((root / FILE).read_text())
        except FileNotFoundError as error:
            raise InvalidOffices([f"{FILE}: is missing: it says in which order offices change"]) from error
        except yaml.YAMLError as error:
            raise InvalidOffices([f"{FILE}: is not YAML: {' '.join(str(error).split())}"]) from error
        try:
            settings = cls.model_validate(document)
        except ValidationError as error:
            raise InvalidOffices(explain(FILE, cls, error)) from error
        faults = [f"{FILE}: {fault}" for fault in settings.faults(offices)]
        if faults:
            raise InvalidOffices(faults)
        return settings

    def faults(self, offices: Sequence[str]) -> Iterator[str]:
        """What does not fit the offices there are."""
        named = [office for wave in self.waves for office in wave.offices]
        for office, times in Counter(named).items():
            if times > 1:
                yield f"waves must name each office once, not {office!r} {times} times"
        valid = choices([*offices, REST])
        for index, wave in enumerate(self.waves):
            for office in wave.offices:
                if office not in offices and office != REST:
                    yield f"waves.{index}.offices must name offices (valid: {valid}), not {office!r}"
        left_out = sorted(set(offices) - set(named))
        if left_out and REST not in named:
            yield f"waves must name every office or {REST}; {', '.join(left_out)} would never change"
        for office, hours in self.hours.items():
            if office not in offices:
                yield f"hours.{office} is no office (valid: {choices(offices)})"
            if hours.span[0] >= hours.span[1]:
                yield f"hours.{office}.to must be later than from, {hours.start}, not {hours.end!r}"
        for index, freeze in enumerate(self.freezes):
            if freeze.first > freeze.last:
                yield f"freezes.{index}.to must not be before from, {freeze.first}, not '{freeze.last}'"
            for office in freeze.offices:
                if office not in offices:
                    yield f"freezes.{index}.offices must name offices (valid: {valid}), not {office!r}"

    def waves_of(self, offices: Sequence[str]) -> list[tuple[Wave, tuple[str, ...]]]:
        """Each wave with its offices, `rest` spelled out."""
        named = {office for wave in self.waves for office in wave.offices}
        rest = tuple(sorted(set(offices) - named))
        spelled = []
        for wave in self.waves:
            members: list[str] = []
            for office in wave.offices:
                members.extend(rest if office == REST else [office])
            spelled.append((wave, tuple(members)))
        return spelled
