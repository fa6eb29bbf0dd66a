"""Items of the office's table: reading one or those of an index, writing one on a condition, DynamoDB's types
on and off.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from handlers.context import Context

MAX_CONFLICT_S = 0.2

_serializer, _deserializer = TypeSerializer(), TypeDeserializer()


def get(context: Context, key: Mapping[str, str]) -> dict[str, Any] | None:
    """The item as it is now."""
    answer = context.clients.dynamodb.get_item(
        TableName=context.office.ledger, Key=typed(key), ConsistentRead=True
    )
    item = answer.get("Item")
    return untyped(item) if item else None


def query(
    context: Context,
    index: str,
    condition: str,
    values: Mapping[str, Any],
    *,
    names: Mapping[str, str] | None = None,
    oldest_first: bool = True,
) -> Iterator[Mapping[str, Any]]:
    """The items of an index with their types on, in the order of its sort key, a page at a time.

    `names` is for attributes that are words of DynamoDB's own.
    """
    pages = context.clients.dynamodb.get_paginator("query").paginate(
        TableName=context.office.ledger,
        IndexName=index,
        KeyConditionExpression=condition,
        ExpressionAttributeValues=typed(values),
        ScanIndexForward=oldest_first,
        **({"ExpressionAttributeNames": dict(names)} if names else {}),
    )
    for page in pages:
        yield from page["Items"]


def put(context: Context, item: Mapping[str, Any], **condition: Any) -> bool:
    """Put an item; False if its condition does not hold."""
    return _held(
        lambda: context.clients.dynamodb.put_item(
            TableName=context.office.ledger, Item=typed(item), **condition
        )
    )


def update(context: Context, **arguments: Any) -> bool:
    """Change an item; False if its condition does not hold."""
    return _held(lambda: context.clients.dynamodb.update_item(TableName=context.office.ledger, **arguments))


def below(context: Context, pk: str, sk: str) -> Iterator[dict[str, Any]]:
    """The items of one partition whose sort keys begin with `sk`, as they are now, a page at a time."""
    pages = context.clients.dynamodb.get_paginator("query").paginate(
        TableName=context.office.ledger,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues=typed({":pk": pk, ":sk": sk}),
        ConsistentRead=True,
    )
    for page in pages:
        yield from map(untyped, page["Items"])


def transact(context: Context, *writes: Mapping[str, Any]) -> bool:
    """Write all or nothing; False if a condition does not hold, or another transaction was at work there.

    In the latter case it has waited a moment: many runs of one project may end at once.
    """
    try:
        context.clients.dynamodb.transact_write_items(TransactItems=list(writes))
    except ClientError as error:
        if error.response["Error"]["Code"] != "TransactionCanceledException":
            raise
        reasons = {each.get("Code") for each in error.response.get("CancellationReasons", [])}
        if "TransactionConflict" in reasons:
            context.sleep(context.chance.uniform(0, MAX_CONFLICT_S))
        return False
    return True


def _held(write: Any) -> bool:
    try:
        write()
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True


def typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """With DynamoDB's types; what is None is left out."""
    return {name: _serializer.serialize(value) for name, value in present(values).items()}


def untyped(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _deserializer.deserialize(value) for name, value in item.items()}


def natural(item: Mapping[str, Any]) -> dict[str, Any]:
    """As `untyped`, with plain numbers: whole where they are."""
    return {name: _natural(value) for name, value in untyped(item).items()}


def _natural(value: Any) -> Any:
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {name: _natural(each) for name, each in value.items()}
        case list():
            return [_natural(each) for each in value]
    return value


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
