"""Monitoring: what is watched once for a whole office, and the office's dashboard in CloudWatch.

Alarms on a queue or a function stand beside it; their rules, like these, are those of `components.alarms`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from components.alarms import FUNCTIONS, PASSES_S, QUEUES, RUNBOOK, alarm, of_office, silent
from components.function import HandlerFunction
from components.names import physical
from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.queue import BufferedQueue
from handlers import failures
from handlers.metrics import DIMENSION, NAMESPACE, attempts_failed

# CloudWatch lays a dashboard out in 24 columns.
WIDTH, HEIGHT = 8, 6
MOST_WIDGETS = 500
# Those that lead to a next attempt or to a person; a rejected upload or a stopped job is no failure of ours.
CLASSES = (
    *(failures.SPOT, failures.MEMORY, failures.DISK, failures.PULL, failures.THROTTLING, failures.HOST),
    *(failures.TIMEOUT, failures.UNKNOWN, failures.INPUT, failures.CONFIGURATION, failures.CAPACITY),
)
Metric = Sequence[Any]  # as CloudWatch's `metrics` has them: namespace, name, dimension, value, …, options


@dataclass(frozen=True, kw_only=True)
class MonitoringArgs:
    office: Office
    notices: Notices
    queues: Mapping[str, BufferedQueue]
    functions: Mapping[str, HandlerFunction]
    scheduled: Sequence[str]  # of the functions: those that run even when nothing happens


class Monitoring(pulumi.ComponentResource):
    """The alarms of the office as a whole, and its dashboard `globalbi-<office>`."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("globalbi:office:Monitoring", name, None, opts)
        office, notices = args.office, args.notices
        for rule in of_office(office):
            alarm(
                physical(office.name, rule.name),
                rule,
                office=office,
                notices=notices,
                parent=self,
                component="monitoring",
            )
        for step in args.scheduled:
            alarm(
                physical(office.name, step, "silent"),
                silent(step),
                office=office,
                notices=notices,
                parent=self,
                component="monitoring",
                of={"FunctionName": args.functions[step].name},
            )
        self.dashboard_name = physical(office.name)
        aws.cloudwatch.Dashboard(
            name,
            dashboard_name=self.dashboard_name,
            dashboard_body=pulumi.Output.json_dumps({"widgets": self._widgets(args)}),
            opts=child_of(self),
        )
        self.register_outputs({})

    def _widgets(self, args: MonitoringArgs) -> list[Any]:
        office = args.office
        queues, functions = args.queues.values(), args.functions.values()
        graphs: list[tuple[str, str, list[Metric]]] = [
            ("Runs", "Maximum", own(office, "OpenWaiting", "OpenRunning", "OpenHeld")),
            ("Oldest upload without result (seconds)", "Maximum", own(office, "OldestUploadSeconds")),
            (
                "Ends of runs",
                "Sum",
                own(office, "RunsClaimed", "RunsSucceeded", "RunsFailed", "RunsRejected", "RunsSuperseded"),
            ),
            ("Failed attempts by class", "Sum", own(office, *map(attempts_failed, CLASSES))),
            ("Next attempts, and jobs moved off Spot", "Sum", own(office, "Retries", "JobsMoved")),
            (
                "Mended by reconcile",
                "Sum",
                own(office, "ClaimsWithoutJob", "JobsEndedUnseen", "UploadsWithoutRun", "NotMended"),
            ),
            (
                "Age of the oldest message (seconds)",
                "Maximum",
                [[QUEUES, "ApproximateAgeOfOldestMessage", "QueueName", each.name] for each in queues],
            ),
            (
                "Dead letters",
                "Maximum",
                [
                    [QUEUES, "ApproximateNumberOfMessagesVisible", "QueueName", each.dead_letters.name]
                    for each in queues
                ],
            ),
            (
                "Errors of functions",
                "Sum",
                [[FUNCTIONS, "Errors", "FunctionName", each.name] for each in functions],
            ),
            ("Throttled functions", "Sum", [[FUNCTIONS, "Throttles"]]),
            ("Pipelines: seconds", "p90", own(office, "PipelineSeconds")),
            ("Pipelines: memory used (percent)", "Maximum", own(office, "PeakMemoryPercent")),
        ]
        if office.settings.budget.projects:
            graphs.append(("Projects near their budget", "Maximum", own(office, "BudgetsNear")))
        head = {
            "type": "alarm",
            "x": 0,
            "y": 0,
            "width": 3 * WIDTH,
            "height": HEIGHT,
            "properties": {"title": f"Alarms ({RUNBOOK})", "alarms": list(args.notices.alarm_arns)},
        }
        return [head, *(_graph(office, place, *graph) for place, graph in enumerate(graphs, start=3))]


def own(office: Office, *metrics: str) -> list[Metric]:
    """Metrics that the platform itself writes."""
    return [[NAMESPACE, metric, DIMENSION, office.name] for metric in metrics]


def _graph(office: Office, place: int, title: str, statistic: str, metrics: list[Metric]) -> dict[str, Any]:
    return {
        "type": "metric",
        "x": place % 3 * WIDTH,
        "y": place // 3 * HEIGHT,
        "width": WIDTH,
        "height": HEIGHT,
        "properties": {
            "title": title,
            "region": office.region,
            "view": "timeSeries",
            "stat": statistic,
            "period": PASSES_S,
            "metrics": metrics,
        },
    }
