"""EventBridge between accounts and regions, which ministack lacks.

A rule's target may be a bus of another account or region: the event is delivered there when that bus's
policy lets the sender's account put events, as AWS requires. PutPermission takes a whole policy, as the
provider sends it.
"""

import json
import logging
from typing import Any

from ministack.core.iam_evaluator import EvalContext, evaluate_resource_policy  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id, get_region, json_response, request_scope  # type: ignore[import-untyped]
from ministack.services import eventbridge  # type: ignore[import-untyped]

log = logging.getLogger(__name__)
_deliver_within = eventbridge._dispatch_to_event_bus
_put_statement = eventbridge._put_permission

Event = dict[str, Any]


def bus_accepts(bus_name: str, sender: str, event: Event) -> bool:
    """Does the policy of this bus, of the account and region in scope, let the sender's account put the
    event?
    """
    policy = eventbridge._event_bus_policies.get(bus_name)
    if not policy:
        return False
    context = EvalContext(
        principal_arn=f"arn:aws:iam::{sender}:root",
        principal_type="Root",
        principal_account=sender,
        action="events:PutEvents",
        resource_arn=f"arn:aws:events:{get_region()}:{get_account_id()}:event-bus/{bus_name}",
        region=get_region(),
        service_context={
            "events:source": [event.get("Source", "")],
            "events:detail-type": [event.get("DetailType", "")],
        },
    )
    return bool(evaluate_resource_policy(policy, context).decision == "Allow")


def deliver(target: Any, event: Event, rule: Event, path: list[str], detail: str | None = None) -> Any:
    """Delivers the event to the bus `target` (an ARN in parts), wherever that bus lives."""
    sender, region = get_account_id(), get_region()
    if (target.account_id, target.region) == (sender, region):
        return _deliver_within(target, event, rule, path, detail)
    bus_name = target.resource.split("/", 1)[1]
    hop = f"{sender}/{region}/{eventbridge._rule_key(rule.get('Name'), rule.get('EventBusName', 'default'))}"
    # The path of hops is how ministack stops events that would circle for ever.
    forwarded = {**event, "EventBusName": bus_name, "_DispatchPath": [*path, hop]}
    if detail is not None:
        forwarded["Detail"] = detail
    with request_scope(target.account_id, target.region):
        if bus_name != "default" and bus_name not in eventbridge._event_buses:
            return log.warning("no bus %s in %s %s", bus_name, target.account_id, target.region)
        if sender != target.account_id and not bus_accepts(bus_name, sender, event):
            return log.warning("bus %s of %s refuses events of %s", bus_name, target.account_id, sender)
        eventbridge._dispatch_event(forwarded)
        return eventbridge._archive_event({k: v for k, v in forwarded.items() if k != "_DispatchPath"})


def put_permission(request: dict[str, Any]) -> Any:
    if not request.get("Policy"):
        return _put_statement(request)
    eventbridge._event_bus_policies[request.get("EventBusName", "default")] = json.loads(request["Policy"])
    return json_response({})


def install() -> None:
    eventbridge._dispatch_to_event_bus = deliver
    eventbridge._put_permission = put_permission
