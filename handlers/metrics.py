"""Counts of an invocation, as CloudWatch's embedded metric format: a log line, so no call that could fail."""

from collections.abc import Mapping

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers.context import Context


def publish_counts(context: Context) -> None:
    """Write what was counted, by office; nothing when nothing was."""
    publish(context.office.name, context.counts)


def publish(office: str, counts: Mapping[str, int]) -> None:
    """The same, of an office that is named."""
    if not counts:
        return
    metrics = Metrics(namespace=None)
    metrics.add_dimension(name="office", value=office)
    for name, count in sorted(counts.items()):
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=count)
    metrics.flush_metrics()
