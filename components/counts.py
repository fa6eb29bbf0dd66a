"""Alarms on what a function counts (`handlers/metrics.py`): what is counted for long calls a person."""

from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.function import METRICS_NAMESPACE
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.tags import tags

# Three passes of a schedule of five minutes: between two of them an alarm must not end.
PERIOD_S = 900


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
        aws.cloudwatch.MetricAlarm(
            f"{name}-{metric}",
            name=f"{name}-{metric}",
            alarm_description=words,
            namespace=METRICS_NAMESPACE,
            metric_name=metric,
            # As handlers/metrics.py writes them; Powertools adds the service.
            dimensions={"office": office.name, "service": service},
            statistic="Sum",
            period=PERIOD_S,
            evaluation_periods=periods,
            threshold=0,
            comparison_operator="GreaterThanThreshold",
            treat_missing_data="notBreaching",
            alarm_actions=[notices.topic_arn],
            ok_actions=[notices.topic_arn],
            tags=tags(office.name, service),
            opts=child_of(parent),
        )
