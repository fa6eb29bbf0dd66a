"""SQS: queues and their policies."""
# ruff: noqa: ARG001 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, setting

ATTRIBUTES = {
    "visibilityTimeoutSeconds": "VisibilityTimeout",
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "maxMessageSize": "MaximumMessageSize",
    "delaySeconds": "DelaySeconds",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "kmsMasterKeyId": "KmsMasterKeyId",
    "kmsDataKeyReusePeriodSeconds": "KmsDataKeyReusePeriodSeconds",
    "redrivePolicy": "RedrivePolicy",
    "redriveAllowPolicy": "RedriveAllowPolicy",
    "policy": "Policy",
}


def _attributes(inputs: Inputs) -> dict[str, str]:
    return {aws: str(inputs[ours]) for ours, aws in ATTRIBUTES.items() if inputs.get(ours) is not None}


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    url = target.client("sqs").create_queue(
        QueueName=inputs["name"], Attributes=_attributes(inputs), tags=inputs.get("tags") or {}
    )["QueueUrl"]
    return Made(
        id=url, outputs={"url": url, "arn": target.arn("sqs", inputs["name"]), "name": inputs["name"]}
    )


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("sqs")
    if changed(change, *ATTRIBUTES):
        client.set_queue_attributes(QueueUrl=change.id, Attributes=_attributes(change.new))
    if changed(change, "tags"):
        client.tag_queue(QueueUrl=change.id, Tags=change.new.get("tags") or {})
    return {}


def _read(target: Target, change: Change) -> Inputs | None:
    client = target.client("sqs")
    try:
        found = client.get_queue_attributes(QueueUrl=change.id, AttributeNames=["All"])["Attributes"]
    except client.exceptions.QueueDoesNotExist:
        return None
    numbers = {ours: aws for ours, aws in ATTRIBUTES.items() if isinstance(change.old.get(ours), int)}
    return {ours: int(found[aws]) for ours, aws in numbers.items() if int(found[aws]) != change.old[ours]}


def _attribute(name: str, target: Target, url: str, value: str) -> None:
    target.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={name: value})


KINDS = (
    Kind(
        type="aws:sqs/queue:Queue",
        create=_create,
        update=_update,
        read=_read,
        delete=lambda t, c: t.client("sqs").delete_queue(QueueUrl=c.id),
        fixed=frozenset({"name", "fifoQueue"}),
        named="name",
    ),
    setting(
        "aws:sqs/queuePolicy:QueuePolicy",
        lambda t, i: _attribute("Policy", t, i["queueUrl"], i["policy"]),
        lambda t, i: _attribute("Policy", t, i["queueUrl"], ""),
        id="queueUrl",
    ),
    setting(
        "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
        lambda t, i: _attribute("RedriveAllowPolicy", t, i["queueUrl"], i["redriveAllowPolicy"]),
        lambda t, i: _attribute("RedriveAllowPolicy", t, i["queueUrl"], ""),
        id="queueUrl",
    ),
)
