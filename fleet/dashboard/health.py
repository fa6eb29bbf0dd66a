"""Health: whether an office runs the releases that the repository names, and which of its alarms ring."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from components.names import PREFIX
from components.office import Office
from fleet.access import Access
from fleet.dashboard.history import Seen
from fleet.sync import PROGRESSING, RECENT, SYNCED, Sync, applied_of, judged
from handlers.run import TERMINAL


@dataclass(frozen=True, kw_only=True)
class Health:
    """`syncs`: one for each pipeline; `alarms`: those that ring, by name."""

    syncs: tuple[Sync, ...]
    alarms: tuple[str, ...]

    @property
    def unsynced(self) -> list[Sync]:
        return [each for each in self.syncs if each.state != SYNCED]

    @property
    def wrong(self) -> bool:
        """Whether somebody has to do something for it: runs that finish on an older release need nobody."""
        return any(each.state != PROGRESSING for each in self.unsynced)


def ask_health(access: Access, office: Office, runs: Iterable[Seen]) -> Health:
    """`runs`: what is known of the fleet's runs."""
    pages = access.client("cloudwatch", office).get_paginator("describe_alarms")
    ringing = pages.paginate(AlarmNamePrefix=f"{PREFIX}-", StateValue="ALARM")
    applied = applied_of(access, office)
    own = sorted(
        (one for one in runs if one.office == office.name), key=lambda one: one.updated, reverse=True
    )
    return Health(
        syncs=tuple(_sync(office, pipeline, applied[pipeline], own) for pipeline in office.releases),
        alarms=tuple(alarm["AlarmName"] for page in ringing for alarm in page["MetricAlarms"]),
    )


def _sync(office: Office, pipeline: str, applied: str | None, runs: list[Seen]) -> Sync:
    found = [one for one in runs if one.pipeline == pipeline]
    recent = [one for one in found if one.state not in TERMINAL]
    recent += islice((one for one in found if one.state in TERMINAL), RECENT)
    rows = ({"state": one.state, "release_digest": one.release_digest} for one in recent)
    return judged(office.name, pipeline, office.releases[pipeline].digest, applied, rows)
