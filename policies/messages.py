"""Policies on what carries events: queues, topics, rules and what they send to."""

from collections.abc import Iterator

from policies.declared import Resource, Stack, unknown
from policies.policy import Policy, each
from policies.storage import refuses_plain_http

QUEUE, QUEUE_POLICY = "aws:sqs/queue:Queue", "aws:sqs/queuePolicy:QueuePolicy"
TOPIC, TARGET = "aws:sns/topic:Topic", "aws:cloudwatch/eventTarget:EventTarget"
RULE = "aws:cloudwatch/eventRule:EventRule"
BUS, BUS_POLICY = "aws:cloudwatch/eventBus:EventBus", "aws:cloudwatch/eventBusPolicy:EventBusPolicy"
MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
LONGEST_RETENTION_S = 1_209_600


def _consumed_without_dead_letters(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """What names a queue that has a consumer: its ARN's last part, or where the value will come from."""
    consumed = {str(each_.inputs.get("eventSourceArn")).rsplit(":", 1)[-1] for each_ in stack.of(MAPPING)}
    linked = {name for each_ in stack.of(MAPPING) for name in each_.after.get("eventSourceArn", ())}
    for queue in stack.of(QUEUE):
        redrive = queue.inputs.get("redrivePolicy")
        if queue.inputs.get("name") not in consumed and queue.name not in linked:
            continue
        if not unknown(redrive) and not queue.document("redrivePolicy").get("deadLetterTargetArn"):
            yield queue, "needs a redrivePolicy to a dead-letter queue: a function takes its messages"


def _open_queues(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for queue in stack.of(QUEUE):
        parts = [
            part
            for part in stack.of(QUEUE_POLICY)
            if queue.name in part.after.get("queueUrl", ())
            or str(part.inputs.get("queueUrl")).rsplit("/", 1)[-1] == queue.inputs.get("name")
        ]
        if not parts or not all(refuses_plain_http(part) for part in parts):
            yield queue, "needs a policy that denies everything when aws:SecureTransport is false"


def _targets_without_dead_letters(stack: Stack) -> Iterator[tuple[Resource, str]]:
    """A schedule comes again by itself, so only what an event started can be lost."""
    schedules = [rule for rule in stack.of(RULE) if rule.inputs.get("scheduleExpression")]
    spared = {id(target) for rule in schedules for target in stack.beside(rule, TARGET, "rule", "name")}
    for target in stack.of(TARGET):
        if id(target) not in spared and not target.at("deadLetterConfig", "arn"):
            yield target, "needs deadLetterConfig"


def _buses_without_policy(stack: Stack) -> Iterator[tuple[Resource, str]]:
    for bus in stack.of(BUS):
        if not stack.beside(bus, BUS_POLICY, "eventBusName", "name"):
            yield bus, "needs an EventBusPolicy that names the accounts which may send"


POLICIES = (
    Policy(
        id="GBI-SQS-1",
        rule="A queue is encrypted with a key of our own.",
        reason="Its events name samples.",
        controls=("SQS.1", "CKV_AWS_27"),
        check=each(
            QUEUE, must=lambda queue: bool(queue.inputs.get("kmsMasterKeyId")), message="needs kmsMasterKeyId"
        ),
    ),
    Policy(
        id="GBI-SQS-2",
        rule="A queue whose messages a function takes has a dead-letter queue.",
        reason="An upload that fails again and again must reach a person instead of vanishing.",
        check=_consumed_without_dead_letters,
    ),
    Policy(
        id="GBI-SQS-3",
        rule="A queue refuses plain HTTP and has a policy of its own.",
        reason="Without one, whoever the account lets in may send events that nothing caused.",
        controls=("SQS.3", "CKV_AWS_168", "CKV_AWS_387"),
        check=_open_queues,
    ),
    Policy(
        id="GBI-SNS-1",
        rule="A topic is encrypted with a key of our own.",
        reason="Alarms name samples and queues.",
        controls=("SNS.1", "CKV_AWS_26"),
        check=each(
            TOPIC, must=lambda topic: bool(topic.inputs.get("kmsMasterKeyId")), message="needs kmsMasterKeyId"
        ),
    ),
    Policy(
        id="GBI-EVT-1",
        rule="An event that a rule cannot deliver goes to a dead-letter queue.",
        reason="EventBridge gives up after 24 hours or 185 tries, and drops.",
        check=_targets_without_dead_letters,
    ),
    Policy(
        id="GBI-EVT-2",
        rule="A bus of our own says who may send to it.",
        reason="Anybody's event would else be a state of a sample.",
        controls=("EventBridge.3",),
        check=_buses_without_policy,
    ),
    Policy(
        id="GBI-EVT-3",
        rule="A function that takes from a queue answers for each message by itself.",
        reason="One bad event would else bring back its whole batch, and submit its neighbours again.",
        check=each(
            MAPPING,
            must=lambda mapping: (
                "ReportBatchItemFailures" in (mapping.inputs.get("functionResponseTypes") or ())
            ),
            message="needs functionResponseTypes ReportBatchItemFailures",
        ),
    ),
)
