"""What an invocation counts and sees, as CloudWatch's embedded metric format: a log line, so no call that
could fail.

Written by hand: Powertools would make the function's name a dimension, so that a count that two functions
keep, such as runs that failed, could not be summed by an alarm and would be paid for twice.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from handlers.context import Context

NAMESPACE = "GlobalBI"
DIMENSION = "office"
# What is not counted but seen at a moment; all else is a count.
UNITS: Mapping[str, str] = {"OldestUploadSeconds": "Seconds"}


def attempts_failed(failure: str) -> str:
    """The count of attempts that ended with a class of failure."""
    return f"AttemptsFailed{failure.capitalize()}"


def publish_counts(context: Context) -> None:
    """Write what was counted and seen, by office; nothing when nothing was."""
    publish(context.office.name, {**context.counts, **context.seen}, context.clock())


def publish(office: str, found: Mapping[str, float], now_s: float) -> None:
    """The same, of an office that is named."""
    if found:
        print(json.dumps(line(office, found, now_s)), flush=True)


def line(office: str, found: Mapping[str, float], now_s: float) -> dict[str, Any]:
    """The log line. CloudWatch takes at most 100 metrics in one."""
    metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in sorted(found)]
    return {
        "_aws": {
            "Timestamp": int(now_s * 1000),
            "CloudWatchMetrics": [{"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}],
        },
        DIMENSION: office,
        "service": os.environ.get("POWERTOOLS_SERVICE_NAME", ""),
        **found,
    }
