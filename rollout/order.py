"""Order: which of the touched offices change now, wave by wave, and which wait, with the reason.

Nothing here looks at a clock or a cloud. What waits is found again by the next run, as it is still touched.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from rollout.settings import DAYS, MOST_WAVES, Settings


@dataclass(frozen=True, kw_only=True)
class Step:
    """One wave of a rollout."""

    name: str
    offices: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """As many steps as there are waves, some of them empty, and the offices that wait."""

    steps: tuple[Step, ...]
    waiting: Mapping[str, str]  # office → why

    @property
    def offices(self) -> tuple[str, ...]:
        return tuple(office for step in self.steps for office in step.offices)

    def outputs(self) -> dict[str, list[str]]:
        """`wave_1` to `wave_4`, as the apply workflow's jobs take them."""
        padded = [*self.steps, *[Step(name="", offices=())] * (MOST_WAVES - len(self.steps))]
        return {f"wave_{number}": list(step.offices) for number, step in enumerate(padded, start=1)}

    def outputs_json(self) -> dict[str, str]:
        return {name: json.dumps(offices) for name, offices in self.outputs().items()}


def frozen(settings: Settings, office: str, now: datetime) -> str | None:
    """The freeze in which the office is at `now`, in its own zone; None: in none."""
    hours = settings.hours.get(office)
    today = now.astimezone(ZoneInfo(hours.zone) if hours else UTC).date()
    for freeze in settings.freezes:
        if freeze.first <= today <= freeze.last and (not freeze.offices or office in freeze.offices):
            return f"frozen until {freeze.last}: {freeze.reason}"
    return None


def closed(settings: Settings, office: str, now: datetime) -> str | None:
    """Why an office takes no change at `now`; None when it does."""
    if reason := frozen(settings, office, now):
        return reason
    hours = settings.hours.get(office)
    if hours is None:
        return None
    local = now.astimezone(ZoneInfo(hours.zone))
    start, end = hours.span
    if DAYS[local.weekday()] not in hours.days or not start <= local.time() < end:
        days = ", ".join(hours.days)
        return f"outside its hours ({days} {hours.start}–{hours.end} {hours.zone})"
    return None


def rollout(
    settings: Settings, offices: Sequence[str], touched: Sequence[str], now: datetime, *, override: str = ""
) -> Rollout:
    """The rollout of `touched` at `now`. `override` is the reason for which hours and freezes are ignored."""
    steps: list[Step] = []
    waiting: dict[str, str] = {}
    for wave, members in settings.waves_of(offices):
        due = [office for office in members if office in touched]
        # An office is a proof for those after it: while it waits, so do they.
        if waiting:
            held = next(iter(waiting))
            waiting.update(dict.fromkeys(due, f"waits for {held}"))
            due = []
        reasons = {} if override else {office: closed(settings, office, now) for office in due}
        waiting.update({office: reason for office, reason in reasons.items() if reason})
        steps.append(Step(name=wave.name, offices=tuple(office for office in due if not reasons.get(office))))
    return Rollout(steps=tuple(steps), waiting=waiting)
