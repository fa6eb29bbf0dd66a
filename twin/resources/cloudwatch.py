"""CloudWatch: alarms and dashboards."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, tag_list, taken


def _put(target: Target, inputs: Inputs) -> None:
    metrics = {"Metrics": _queries(inputs)} if inputs.get("metricQueries") else {}
    target.client("cloudwatch").put_metric_alarm(
        AlarmName=inputs["name"],
        ComparisonOperator=inputs["comparisonOperator"],
        EvaluationPeriods=inputs["evaluationPeriods"],
        Dimensions=[{"Name": k, "Value": v} for k, v in (inputs.get("dimensions") or {}).items()],
        Tags=tag_list(inputs),
        **metrics,
        **taken(
            inputs,
            Namespace="namespace",
            MetricName="metricName",
            Statistic="statistic",
            ExtendedStatistic="extendedStatistic",
            Period="period",
            Threshold="threshold",
            DatapointsToAlarm="datapointsToAlarm",
            TreatMissingData="treatMissingData",
            AlarmActions="alarmActions",
            OKActions="okActions",
            AlarmDescription="alarmDescription",
        ),
    )


def _queries(inputs: Inputs) -> list[dict[str, object]]:
    raise NotImplementedError(
        f"{inputs['name']}: alarms on metric queries: add them in twin/resources/cloudwatch.py"
    )


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    _put(target, inputs)
    return Made(id=inputs["name"], outputs={"arn": target.arn("cloudwatch", f"alarm:{inputs['name']}")})


def _update(target: Target, change: Change) -> Outputs:
    _put(target, change.new)
    return {}


def _draw(target: Target, inputs: Inputs) -> None:
    name, body = inputs["dashboardName"], inputs["dashboardBody"]
    target.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)


def _create_dashboard(target: Target, name: str, inputs: Inputs) -> Made:
    _draw(target, inputs)
    arn = f"arn:aws:cloudwatch::{target.account}:dashboard/{inputs['dashboardName']}"
    return Made(id=inputs["dashboardName"], outputs={"dashboardArn": arn})


def _update_dashboard(target: Target, change: Change) -> Outputs:
    _draw(target, change.new)
    return {}


KINDS = (
    Kind(
        type="aws:cloudwatch/dashboard:Dashboard",
        create=_create_dashboard,
        update=_update_dashboard,
        delete=lambda t, c: t.client("cloudwatch").delete_dashboards(DashboardNames=[c.id]),
        fixed=frozenset({"dashboardName"}),
        named="dashboardName",
    ),
    Kind(
        type="aws:cloudwatch/metricAlarm:MetricAlarm",
        create=_create,
        update=_update,
        delete=lambda t, c: t.client("cloudwatch").delete_alarms(AlarmNames=[c.id]),
        fixed=frozenset({"name"}),
        named="name",
    ),
)
