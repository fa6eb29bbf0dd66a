"""Alarms on what a function counts (`handlers/metrics.py`): what is counted for long calls a person."""

from collections.abc import Mapping

import pulumi

from components.alarms import Rule, alarm, kebab
from components.notices import Notices
from components.office import Office


def alarm_on_counts(
    name: str,
    counts: Mapping[str, tuple[int, str]],
    *,
    office: Office,
    notices: Notices,
    service: str,
    parent: pulumi.Resource,
) -> None:
    """One alarm for each count of the function `service`: how many periods in a row, and the words."""
    for metric, (periods, words) in counts.items():
        alarm(
            f"{name}-{metric}",
            Rule(name=kebab(metric), words=words, metric=metric, periods=periods),
            office=office,
            notices=notices,
            parent=parent,
            component=service,
        )
