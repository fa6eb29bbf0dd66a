"""SNS: topics, their policies and subscriptions."""
# ruff: noqa: ARG001, ARG005 - every kind takes the same arguments, whether it needs them or not

from twin.resources.kind import Change, Inputs, Kind, Made, Outputs, Target, changed, setting, tag_list


def _create(target: Target, name: str, inputs: Inputs) -> Made:
    attributes = {"KmsMasterKeyId": inputs["kmsMasterKeyId"]} if inputs.get("kmsMasterKeyId") else {}
    arn = target.client("sns").create_topic(
        Name=inputs["name"], Attributes=attributes, Tags=tag_list(inputs)
    )["TopicArn"]
    return Made(id=arn, outputs={"arn": arn})


def _update(target: Target, change: Change) -> Outputs:
    client = target.client("sns")
    if changed(change, "kmsMasterKeyId"):
        client.set_topic_attributes(
            TopicArn=change.id,
            AttributeName="KmsMasterKeyId",
            AttributeValue=change.new.get("kmsMasterKeyId", ""),
        )
    if changed(change, "tags"):
        client.tag_resource(ResourceArn=change.id, Tags=tag_list(change.new))
    return {}


def _put_policy(target: Target, inputs: Inputs) -> None:
    target.client("sns").set_topic_attributes(
        TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=inputs["policy"]
    )


def _subscribe(target: Target, name: str, inputs: Inputs) -> Made:
    arn = target.client("sns").subscribe(
        TopicArn=inputs["topic"],
        Protocol=inputs["protocol"],
        Endpoint=inputs["endpoint"],
        ReturnSubscriptionArn=True,
        Attributes={"FilterPolicy": inputs["filterPolicy"]} if inputs.get("filterPolicy") else {},
    )["SubscriptionArn"]
    return Made(id=arn, outputs={"arn": arn})


KINDS = (
    Kind(
        type="aws:sns/topic:Topic",
        create=_create,
        update=_update,
        delete=lambda t, c: t.client("sns").delete_topic(TopicArn=c.id),
        fixed=frozenset({"name"}),
        named="name",
    ),
    setting(
        "aws:sns/topicPolicy:TopicPolicy",
        _put_policy,
        lambda t, i: None,  # the topic falls back to its default policy; SNS has no call for that
        id="arn",
    ),
    Kind(
        type="aws:sns/topicSubscription:TopicSubscription",
        create=_subscribe,
        delete=lambda t, c: t.client("sns").unsubscribe(SubscriptionArn=c.id),
    ),
)
