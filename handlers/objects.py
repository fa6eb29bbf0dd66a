"""Objects of the results that are written once: the first writer's stays."""

import hashlib

from botocore.exceptions import ClientError

from handlers.context import Context
from handlers.manifest import checksum


def put_if_absent(context: Context, key: str, body: bytes, content_type: str) -> bool:
    """Put an object of the results; False if one is there, which stays: it was made of the same."""
    try:
        context.clients.s3.put_object(
            Bucket=context.office.results,
            Key=key,
            Body=body,
            ContentType=content_type,
            ChecksumSHA256=checksum(hashlib.sha256(body).hexdigest()),
            IfNoneMatch="*",
        )
    except ClientError as error:
        if error.response["Error"]["Code"] != "PreconditionFailed":
            raise
        return False
    return True
