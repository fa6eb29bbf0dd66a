"""Health: whether an office runs the releases that the repository names."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from components.office import Office
from fleet.access import Access
from fleet.dashboard.history import Seen
from fleet.sync import PROGRESSING, RECENT, SYNCED, Applied, Sync, applied_of, as_told, judged
from handlers.run import TERMINAL


@dataclass(frozen=True, kw_only=True)
class Health:
    """`syncs`: one for each pipeline."""

    syncs: tuple[Sync, ...]

    @property
    def unsynced(self) -> list[Sync]:
        return [each for each in self.syncs if each.state != SYNCED]

    @property
    def wrong(self) -> bool:
        """Whether somebody has to do something for it: runs that finish on an older release need nobody."""
        return any(each.state != PROGRESSING for each in self.unsynced)


def ask_health(access: Access, office: Office, runs: Iterable[Seen]) -> Health:
    """`runs`: what is known of the fleet's runs."""
    applied = applied_of(access, office)
    own = sorted(
        (one for one in runs if one.office == office.name), key=lambda one: one.updated, reverse=True
    )
    syncs = (_sync(access, office, pipeline, applied[pipeline], own) for pipeline in office.releases)
    return Health(syncs=tuple(syncs))


def _sync(access: Access, office: Office, pipeline: str, applied: Applied, runs: list[Seen]) -> Sync:
    found = [one for one in runs if one.pipeline == pipeline]
    recent = [one for one in found if one.used.state not in TERMINAL]
    recent += islice((one for one in found if one.used.state in TERMINAL), RECENT)
    desired = as_told(access.fleet.pipelines[pipeline], office.releases[pipeline])
    return judged(office.name, desired, applied, [one.used for one in recent])
