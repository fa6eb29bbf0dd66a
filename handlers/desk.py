"""Desk: once a minute, what the branch is told unasked: the pages of projects, and notices to people.

Both are marked as due in the ledger by whatever gives cause for them (`handlers.outbox`), so this needs no
events, and one that was dropped cannot make it forget.
"""

import functools
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config

from handlers import notices
from handlers.context import Context, clients_of, office_of
from handlers.metrics import publish_counts
from handlers.notices import Channels
from handlers.pages import make_due_pages

STOP_WITH_S_LEFT = 10.0


@dataclass(frozen=True, kw_only=True)
class Desk:
    context: Context
    channels: Channels

    def time_is_up(self) -> bool:
        return self.context.time_left() < STOP_WITH_S_LEFT


def handle(event: Mapping[str, Any], desk: Desk) -> dict[str, Any]:  # noqa: ARG001
    """The schedule's event says nothing; the answer is what was done. Notices first: people wait for them."""
    notices.send_due(desk.context, desk.channels, desk.time_is_up)
    make_due_pages(desk.context, desk.time_is_up)
    return dict(desk.context.counts)


def channels_of(environ: Mapping[str, str], session: Any) -> Channels:
    """The channels that the function's environment describes."""
    config = Config(retries={"mode": "standard", "total_max_attempts": 1}, connect_timeout=3, read_timeout=10)
    ssm = session.client("ssm", config=Config(connect_timeout=3, read_timeout=10))

    def webhook(name: str) -> str:
        answer = ssm.get_parameter(Name=f"{environ['CHAT_PARAMETERS']}{name}", WithDecryption=True)
        return str(answer["Parameter"]["Value"])

    return Channels(
        projects=json.loads(environ["NOTIFICATIONS"]),
        topic=environ["NOTICES_TOPIC"],
        contacts_topic=environ["CONTACTS_TOPIC"],
        sns=session.client("sns", config=config),
        webhook=webhook,
        post=notices.post,
    )


@functools.cache
def _desk() -> Desk:
    session = boto3.session.Session()
    context = Context(office=office_of(os.environ), clients=clients_of(session))
    return Desk(context=context, channels=channels_of(os.environ, session))


def handler(event: Mapping[str, Any], lambda_context: Any) -> dict[str, Any]:
    """Lambda's entry point."""
    desk = _desk()
    desk = replace(desk, context=desk.context.until(lambda_context))
    try:
        return handle(event, desk)
    finally:
        publish_counts(desk.context)
