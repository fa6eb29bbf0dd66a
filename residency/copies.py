"""Copies as edges: what AWS itself carries elsewhere once it is told to: replicas, targets, subscriptions."""

from collections.abc import Iterator
from typing import Any

from handlers.notify import SOURCE
from policies.access import entries, listed
from policies.declared import Resource, Stack, unknown
from residency.edges import ANYONE, CONTACTS, INTERNET, Carries, Edge
from residency.places import Atlas

BUCKET = "aws:s3/bucket:Bucket"
TARGET, RULE = "aws:cloudwatch/eventTarget:EventTarget", "aws:cloudwatch/eventRule:EventRule"
# Kinds that send something to an ARN: where the ARN is, and what they send.
SENDERS: dict[str, tuple[tuple[str | int, ...], Carries]] = {
    "aws:cloudwatch/logSubscriptionFilter:LogSubscriptionFilter": (("destinationArn",), Carries.identifiers),
    "aws:cloudwatch/metricStream:MetricStream": (("firehoseArn",), Carries.metadata),
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": (
        ("destinationConfig", "onFailure", "destination"),
        Carries.identifiers,
    ),
    "aws:pipes/pipe:Pipe": (("target",), Carries.identifiers),
    "aws:scheduler/schedule:Schedule": (("target", "arn"), Carries.identifiers),
    "aws:ec2/flowLog:FlowLog": (("logDestination",), Carries.metadata),
    "aws:s3/inventory:Inventory": (("destination", "bucket", "bucketArn"), Carries.identifiers),
    "aws:backup/plan:Plan": (("rules", 0, "copyActions", 0, "destinationVaultArn"), Carries.samples),
}


def edges_of_copies(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    for resource in stack.resources:
        region = resource.inputs.get("region")
        if region not in (None, atlas.region) and not unknown(region):
            yield atlas.way_out(resource, str(region), Carries.samples, "it is declared in another region")
        if (path := SENDERS.get(resource.kind)) is not None:
            yield from _sent(resource, atlas, resource.at(*path[0]), path[1])
    yield from _replicas(stack, atlas)
    yield from _messages(stack, atlas)
    yield from _ways_in_to_buckets(stack, atlas)


def _replicas(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    for resource in stack.of("aws:s3/bucketReplicationConfig:BucketReplicationConfig"):
        holds = atlas.of_bucket(_bucket(resource, stack)).holds
        for rule in entries(resource.inputs.get("rules")):
            target = atlas.of_arn((rule.get("destination") or {}).get("bucket"))
            if target is None or target.name != atlas.here:
                name = ANYONE if target is None else target.name
                yield atlas.way_out(resource, name, holds, "S3 copies every new object there")
    for resource in stack.of("aws:ecr/replicationConfiguration:ReplicationConfiguration"):
        for rule in entries(resource.at("replicationConfiguration", "rules")):
            for to in entries(rule.get("destinations")):
                name = atlas.of_account(str(to.get("registryId")), str(to.get("region")))
                if name != atlas.here:
                    yield atlas.way_out(resource, name, Carries.images, "ECR copies every new image there")
    for resource in stack.of("aws:dynamodb/table:Table"):
        for replica in entries(resource.inputs.get("replicas")):
            region = str(replica.get("regionName"))
            yield atlas.way_out(resource, region, Carries.identifiers, "DynamoDB keeps a replica there")
    for resource in stack.of(
        "aws:dynamodb/globalTable:GlobalTable", "aws:dynamodb/tableReplica:TableReplica"
    ):
        yield atlas.way_out(resource, ANYONE, Carries.identifiers, "DynamoDB keeps a replica elsewhere")
    for resource in stack.of("aws:kms/key:Key"):
        if resource.inputs.get("multiRegion") is True:
            yield atlas.way_out(
                resource, ANYONE, Carries.samples, "a key of many regions opens copies anywhere"
            )


def _bucket(resource: Resource, stack: Stack) -> str:
    """The name of the bucket that a resource is about, also where it is named by what AWS will only know."""
    coming = resource.after.get("bucket", frozenset())
    named = (each for each in stack.of(BUCKET) if each.name in coming)
    return str(next((each.inputs.get("bucket") for each in named), resource.inputs.get("bucket")))


def _messages(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    rules = {rule.inputs.get("name"): rule for rule in stack.of(RULE)}
    for resource in stack.of(TARGET):
        rule = rules.get(resource.inputs.get("rule"))
        sources = listed(rule.document("eventPattern").get("source")) if rule else []
        carries = atlas.events_of(atlas.here) if sources == [SOURCE] else Carries.identifiers
        yield from _sent(resource, atlas, resource.inputs.get("arn"), carries)
    for resource in stack.of("aws:sns/topicSubscription:TopicSubscription"):
        protocol, to = str(resource.inputs.get("protocol")), resource.inputs.get("endpoint")
        if protocol in ("sqs", "lambda", "firehose"):
            yield from _sent(resource, atlas, to, Carries.metadata)
        else:
            name = CONTACTS if to in atlas.contacts else f"{protocol} {to}"
            yield atlas.way_out(resource, name, Carries.metadata, "alarms")
    for resource in stack.of("aws:budgets/budget:Budget"):
        for notification in entries(resource.inputs.get("notifications")):
            for to in listed(notification.get("subscriberEmailAddresses")):
                name = CONTACTS if to in atlas.contacts else f"email {to}"
                yield atlas.way_out(resource, name, Carries.metadata, "what the office has spent")


def _ways_in_to_buckets(stack: Stack, atlas: Atlas) -> Iterator[Edge]:
    for resource in stack.of("aws:s3/bucketNotification:BucketNotification"):
        for key, arn in (
            ("queues", "queueArn"),
            ("topics", "topicArn"),
            ("lambdaFunctions", "lambdaFunctionArn"),
        ):
            for each in entries(resource.inputs.get(key)):
                yield from _sent(resource, atlas, each.get(arn), Carries.identifiers)
    for resource in stack.of("aws:s3/bucketLogging:BucketLogging"):
        to = atlas.of_bucket(str(resource.inputs.get("targetBucket")))
        if to.name != atlas.here:
            yield atlas.way_out(resource, to.name, Carries.identifiers, "S3's access log")
    for resource in stack.of("aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration"):
        yield atlas.way_out(
            resource, INTERNET, Carries.samples, "bytes travel by edge locations of any country"
        )
    for resource in stack.of("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration"):
        yield atlas.way_out(resource, ANYONE, Carries.results, "a web site")


def _sent(resource: Resource, atlas: Atlas, arn: Any, carries: Carries) -> Iterator[Edge]:
    place = atlas.of_arn(arn)
    if place is not None and place.name != atlas.here:
        yield atlas.way_out(resource, place.name, carries, "it sends there")
