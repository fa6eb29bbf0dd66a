"""S3's events on EventBridge name the object's version, as AWS's do; ministack leaves it out."""

import json
from contextvars import ContextVar
from typing import Any

from ministack.services import eventbridge, s3  # type: ignore[import-untyped]

_version: ContextVar[str | None] = ContextVar("the version that the event is about", default=None)
_fire = s3._fire_s3_event
_dispatch = eventbridge._dispatch_event


def fire(*args: Any, **more: Any) -> Any:
    token = _version.set(more.get("version_id"))
    try:
        return _fire(*args, **more)
    finally:
        _version.reset(token)


def dispatch(event: dict[str, Any], *args: Any, **more: Any) -> Any:
    version = _version.get()
    if version and event.get("Source") == "aws.s3":
        detail = json.loads(event["Detail"])
        detail["object"]["version-id"] = version
        event = event | {"Detail": json.dumps(detail)}
    return _dispatch(event, *args, **more)


def install() -> None:
    s3._fire_s3_event = fire
    eventbridge._dispatch_event = dispatch
