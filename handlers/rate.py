"""At most 50 submissions a second, however many functions submit at once.

AWS Batch takes 50 SubmitJob calls per second and account. All functions count in one item of the ledger, by
quarters of a second: ten in each, so that no second, wherever it begins, sees more than fifty (it touches
five quarters). What does not fit waits in SQS.
"""

from typing import Any

from botocore.exceptions import ClientError

from handlers.context import LEAST_S_FOR_A_RECORD, Context

WINDOW_MS = 250
PER_WINDOW = 10


class Full(Exception):
    """No room to submit within this function's time: the queue will bring the event back."""


def wait_for_room(context: Context) -> None:
    """Return when a submission may be made; raise `Full` when the function's time will not do."""
    while not _take(context, int(context.clock() * 1000) // WINDOW_MS):
        if context.time_left() < LEAST_S_FOR_A_RECORD:
            raise Full("50 submissions a second are being made already")
        context.sleep(WINDOW_MS / 1000 * (0.5 + context.chance.random()))


def _take(context: Context, window: int) -> bool:
    return _try(context, "SET made = made + :one", "#window = :window AND made < :most", window) or _try(
        # Windows only go forward, so a function with a slow clock cannot open an old one again.
        context,
        "SET #window = :window, made = :one",
        "attribute_not_exists(#window) OR #window < :window",
        window,
    )


def _try(context: Context, update: str, condition: str, window: int) -> bool:
    values: dict[str, Any] = {":window": {"N": str(window)}, ":one": {"N": "1"}}
    if ":most" in condition:
        values[":most"] = {"N": str(PER_WINDOW)}
    try:
        context.clients.dynamodb.update_item(
            TableName=context.office.ledger,
            Key={"pk": {"S": "rate#submit"}, "sk": {"S": "rate"}},
            UpdateExpression=update,
            ConditionExpression=condition,
            ExpressionAttributeNames={"#window": "window"},
            ExpressionAttributeValues=values,
        )
    except ClientError as error:
        if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
            return False
        raise
    return True
