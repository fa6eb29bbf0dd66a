"""Alarms: what calls a person. Every rule is here, with its threshold and its words; what it watches stands
beside the resource.

Each alarm's description ends in its entry of `docs/runbook.md`, whose heading is the rule's name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_aws as aws

from components.notices import Notices
from components.office import Office
from components.options import child_of
from components.tags import tags
from handlers.failures import CONFIGURATION, SPOT
from handlers.metrics import DIMENSION, NAMESPACE
from handlers.metrics import attempts_failed as failed

RUNBOOK = "docs/runbook.md"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400
# Three passes of a schedule of five minutes: between two of them an alarm must not end.
PASSES_S = 900
QUEUES, FUNCTIONS = "AWS/SQS", "AWS/Lambda"
Statistic = Literal["Sum", "Maximum", "Minimum"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """When an alarm rings: `metric` above `above` (below it, if `below`) in `periods` periods in a row.

    "Minimum" is for what must have lasted the whole period, of what is looked at several times in it.
    `silence` is what no data means: CloudWatch's `notBreaching` (nothing was counted, or nobody used the
    queue) or `breaching` (whoever counts is silent itself).
    """

    name: str
    words: str
    metric: str
    above: float = 0
    namespace: str = NAMESPACE
    statistic: Statistic = "Sum"
    period_s: int = PASSES_S
    periods: int = 1
    below: bool = False
    silence: Literal["notBreaching", "breaching"] = "notBreaching"

    @property
    def description(self) -> str:
        return f"{self.words} {RUNBOOK}#{self.name}"


# --- of each queue and each function ---
DEAD_LETTERS = Rule(
    name="dead-letters",
    words="A dead-letter queue holds messages that failed: list them, mend the cause, send them back.",
    namespace=QUEUES,
    metric="ApproximateNumberOfMessagesVisible",
    statistic="Maximum",
    period_s=MINUTE_S,
)
FUNCTION_ERRORS = Rule(
    name="function-errors",
    words="A function ends with an error again and again: read its log group.",
    namespace=FUNCTIONS,
    metric="Errors",
    period_s=300,
    periods=3,  # what comes back once is what the queue is for
)


def queue_late(max_age_s: int) -> Rule:
    return Rule(
        name="queue-late",
        words=f"The oldest message of a queue waits for more than {max_age_s} s.",
        namespace=QUEUES,
        metric="ApproximateAgeOfOldestMessage",
        statistic="Maximum",
        period_s=MINUTE_S,
        above=max_age_s,
    )


def silent(name: str) -> Rule:
    """A function on a schedule that is not called any more counts nothing, so nothing else would ring."""
    return Rule(
        name=f"{name}-silent",
        words=f"{name.capitalize()} has not run for half an hour: its schedule is off, or it cannot start.",
        namespace=FUNCTIONS,
        metric="Invocations",
        above=1,
        below=True,
        periods=2,
        silence="breaching",
    )


# --- of the office ---
THROTTLED = Rule(
    name="functions-throttled",
    words="Lambda refuses to start functions: the account's concurrency is used up.",
    namespace=FUNCTIONS,
    metric="Throttles",  # without a dimension: all functions of the account
    period_s=300,
    periods=3,
)
OLDEST_UPLOAD = Rule(
    name="oldest-upload",
    words="An upload has had no result for more than a day.",
    metric="OldestUploadSeconds",
    statistic="Maximum",
    above=DAY_S,
)
STANDSTILL = Rule(
    name="standstill",
    words="Runs have waited for an hour while none runs: no instance starts.",
    metric="Standstill",
    statistic="Minimum",
    periods=4,
)
# A run that fails is told to its project; several at once have a cause in common.
RUNS_FAILED = Rule(
    name="runs-failed",
    words="Several runs have failed for good within an hour.",
    metric="RunsFailed",
    above=4,
    period_s=HOUR_S,
)
CONFIGURATION_FAILED = Rule(
    name="configuration-failed",
    words="Only headquarters can mend why a job fails: an image, a reference or a role is missing.",
    metric=failed(CONFIGURATION),
)
SPOT_RECLAIMED = Rule(
    name="spot-reclaimed",
    words="AWS takes back Spot instances more often than is worth their price.",
    metric=failed(SPOT),
    above=20,
    period_s=HOUR_S,
)
NOT_MENDED = Rule(
    name="not-mended",
    words="Reconcile has found what it cannot mend, pass after pass.",
    metric="NotMended",
    periods=3,
)
NOTICES_LOST = Rule(
    name="notices-lost",
    words="A notice to people was refused five times and is given up.",
    metric="NoticesGivenUp",
)
# --- at headquarters, of each office ---
RUNS_DIFFER = Rule(
    name="runs-differ",
    words="Headquarters' table is not as an office's ledger has it.",
    metric="RunsDiffering",
    period_s=DAY_S,  # until the next census
)
CENSUS_MISSING = Rule(
    name="census-missing",
    words="No whole census of an office has come for 36 hours.",
    metric="CensusesCompared",
    period_s=DAY_S // 2,  # one is begun every night; that of a large office may take hours
    periods=3,
    above=1,
    below=True,
    silence="breaching",
)
BUDGET_NEAR = Rule(
    name="budget-near",
    words="A project has used most of its budget of this month.",
    metric="BudgetsNear",
    statistic="Maximum",
)
BUDGET_STOPPED = Rule(
    name="budget-stopped",
    words="New runs of a project wait, since its budget of this month is used up.",
    metric="OpenHeld",
    statistic="Maximum",
)
# Rounds of what the office can run at once that may wait: a run takes four vCPUs or more.
MOST_ROUNDS, LEAST_VCPUS = 16, 4


def waiting(max_vcpus: int) -> Rule:
    return Rule(
        name="runs-waiting",
        words="More runs wait, for an hour, than the office can do in sixteen rounds.",
        metric="OpenWaiting",
        statistic="Minimum",
        above=MOST_ROUNDS * max_vcpus / LEAST_VCPUS,
        periods=4,
    )


def of_office(office: Office) -> tuple[Rule, ...]:
    """What is watched once for the whole office."""
    settings = office.settings
    budgets = (BUDGET_NEAR, BUDGET_STOPPED) if settings.budget.projects else ()
    return (
        *(OLDEST_UPLOAD, waiting(settings.compute.max_vcpus), STANDSTILL, RUNS_FAILED, CONFIGURATION_FAILED),
        *(SPOT_RECLAIMED, NOT_MENDED, NOTICES_LOST, THROTTLED, *budgets),
    )


def alarm(
    name: str,
    rule: Rule,
    *,
    office: Office,
    notices: Notices,
    parent: pulumi.Resource,
    component: str,
    of: Mapping[str, pulumi.Input[str]] | None = None,
) -> None:
    """Declare the alarm `name`. `of` are the metric's dimensions; None: the office's own."""
    own = {DIMENSION: office.name} if rule.namespace == NAMESPACE else {}
    made = aws.cloudwatch.MetricAlarm(
        name,
        name=name,
        alarm_description=rule.description,
        namespace=rule.namespace,
        metric_name=rule.metric,
        dimensions=own if of is None else of,
        statistic=rule.statistic,
        period=rule.period_s,
        evaluation_periods=rule.periods,
        threshold=rule.above,
        comparison_operator="LessThanThreshold" if rule.below else "GreaterThanThreshold",
        treat_missing_data=rule.silence,
        alarm_actions=[notices.topic_arn],
        ok_actions=[notices.topic_arn],
        tags=tags(office.name, component),
        opts=child_of(parent),
    )
    notices.alarm_arns.append(made.arn)


def kebab(metric: str) -> str:
    """`PassportsMissing` → `passports-missing`."""
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in metric).removeprefix("-")
