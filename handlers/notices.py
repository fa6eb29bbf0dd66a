"""Notices: the people of a project hear of a run that needs them, once, by e-mail or in their chat.

A run that is rejected or failed, and a recall, leave a mark (`handlers.outbox`). For each channel the desk
first claims the notice by a conditional write, then sends it: whoever comes second finds the claim. A sending
that was refused for certain gives the claim back, to be tried again; one in doubt is not repeated, since
`status.json` and the project's page say the same. So a notice comes at most once.
"""

import json
import socket
import unicodedata
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from handlers import ledger, outbox
from handlers.context import Context
from handlers.items import get, put, typed, update
from handlers.log import about, logger, one_by_one
from handlers.run import REJECTED, Run

MAIL, CHAT = "mail", "chat"
EVERY = "*"  # the entry for projects that have none of their own
CONTACTS = "contacts"  # the office's own people
AGAIN_S = 300.0
MOST_TRIES = 5
CHAT_TIMEOUT_S = 5
_BACKTICK = "\\x60"  # as `harmless` shows what could steer: one of a name would end the block of code


class NotTaken(Exception):
    """The channel refused the notice for certain: nobody has got it."""


@dataclass(frozen=True, kw_only=True)
class Notice:
    """What people are told. `id` names its cause: one notice for each, in each channel."""

    id: str
    project: str
    subject: str  # ASCII, without names: an e-mail's headers are no place for them
    text: str
    contacts: bool = False  # the office's contacts, too


@dataclass(frozen=True, kw_only=True)
class Channels:
    """How notices leave. `projects`: entry → the name of its chat's webhook (None: e-mail only)."""

    projects: Mapping[str, str | None]
    topic: str
    contacts_topic: str
    sns: Any  # must not repeat a call by itself: Publish has no token
    webhook: Callable[[str], str]  # its address, by name
    post: Callable[[str, bytes], None]

    def entry(self, project: str) -> str | None:
        """The entry of the office file that a project's notices go by."""
        return project if project in self.projects else EVERY if EVERY in self.projects else None


def notice_of(run: Run, office: str) -> Notice:
    """What people are told of a run that needs them."""
    needs = "was rejected" if run.state == REJECTED else "failed"
    lines = [
        f"{run.sample.folder.rstrip('/')} at {office} {needs}.",
        run.message,
        f"What to do: {run.what_to_do}" if run.what_to_do else "",
        f"Run {run.run_id}, attempt {run.attempt.number}, {run.updated}.",
    ]
    return Notice(
        id=f"{run.run_id}#{run.state}",
        project=run.sample.project,
        subject=f"GlobalBI {office}: a sample {needs}",
        text="\n".join(harmless(line) for line in lines if line),
    )


def leave(context: Context, notice: Notice) -> bool:
    """Leave a notice that no run's own state gives cause for; False if it was left before."""
    return put(
        context,
        {
            "pk": f"notice#{notice.id}",
            "sk": "notice",
            "notice": json.dumps(asdict(notice)),
            "due": outbox.NOTICE,
            "due_at": context.now,
        },
        ConditionExpression="attribute_not_exists(pk)",
    )


def harmless(text: str) -> str:
    """One line: no name can add lines of its own to a notice, nor turn the direction of one."""
    return "".join(
        character.encode("unicode_escape", "backslashreplace").decode()
        if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        else character
        for character in text
    )


def send_due(context: Context, channels: Channels, time_is_up: Callable[[], bool]) -> None:
    """Send every notice that is due, until the time is up."""
    for due in outbox.all_due(context, outbox.NOTICE):
        if time_is_up():
            return
        with one_by_one():
            try:
                _one(context, channels, due)
            except Exception as error:  # one that cannot be sent must not keep the others from it
                context.counts["NoticesFailed"] += 1
                logger.exception("a notice could not be sent", thing=due.pk, reason=str(error))
                outbox.postpone(context, due.key, outbox.NOTICE, AGAIN_S)


def _one(context: Context, channels: Channels, due: outbox.Due) -> None:
    item = get(context, due.key)
    if item is None or item.get("due") != outbox.NOTICE:
        return  # the index lags behind
    if item["sk"] == "run":
        run = ledger.run_of(item)
        about(run.run_id)
        notice = notice_of(run, context.office.name)
    else:
        notice = Notice(**json.loads(item["notice"]))
    refused = [
        channel for channel in _wanted(channels, notice) if not _send(context, channels, notice, channel)
    ]
    if refused:
        raise NotTaken(f"{notice.id} was not taken by {', '.join(refused)}")
    outbox.done(context, due.key, outbox.NOTICE)


def _wanted(channels: Channels, notice: Notice) -> list[str]:
    entry = channels.entry(notice.project)
    wanted = [CONTACTS] if notice.contacts else []
    if entry is not None:
        wanted.append(MAIL)
        if channels.projects[entry]:
            wanted.append(CHAT)
    return wanted


def _send(context: Context, channels: Channels, notice: Notice, channel: str) -> bool:
    """Claim and send; False if it was refused for certain and is to be tried again."""
    key = {"pk": f"notice#{notice.id}#{channel}", "sk": "notice"}
    tries = _claim(context, key)
    if tries is None:
        return True
    try:
        _by(channels, notice, channel)
    except NotTaken as error:
        if tries >= MOST_TRIES:
            context.counts["NoticesGivenUp"] += 1
            logger.error("a notice is given up", notice=notice.id, channel=channel, reason=str(error))
            return True
        logger.warning("a notice was refused", notice=notice.id, channel=channel, reason=str(error))
        update(
            context,
            Key=typed(key),
            UpdateExpression="SET #state = :refused",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=typed({":refused": "refused"}),
        )
        return False
    except Exception as error:  # it may have been sent: once too few is better than twice
        context.counts["NoticesInDoubt"] += 1
        logger.exception("whether a notice was sent is unknown", notice=notice.id, reason=str(error))
        return True
    context.counts["NoticesSent"] += 1
    return True


def _claim(context: Context, key: Mapping[str, str]) -> int | None:
    """Which try at it this is; None if another has claimed or sent it."""
    if put(
        context,
        {**key, "state": "claimed", "tries": 1, "at": context.now},
        ConditionExpression="attribute_not_exists(pk)",
    ):
        return 1
    again = update(
        context,
        Key=typed(key),
        UpdateExpression="SET #state = :claimed, tries = tries + :one",
        ConditionExpression="#state = :refused",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues=typed({":claimed": "claimed", ":refused": "refused", ":one": 1}),
    )
    if not again:
        return None
    held = get(context, key)
    return int(held["tries"]) if held else None


def _by(channels: Channels, notice: Notice, channel: str) -> None:
    """Send; `NotTaken` if it was refused for certain, anything else leaves it in doubt."""
    entry = channels.entry(notice.project)
    if channel == CHAT:
        assert entry is not None
        _chat(channels, str(channels.projects[entry]), notice)
        return
    topic = channels.contacts_topic if channel == CONTACTS else channels.topic
    # The subscriptions of an entry's addresses let through only what is sent to that entry.
    to = {} if channel == CONTACTS else {"to": {"DataType": "String", "StringValue": str(entry)}}
    try:
        channels.sns.publish(
            TopicArn=topic, Subject=notice.subject, Message=notice.text, MessageAttributes=to
        )
    except ClientError as error:
        if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
            raise NotTaken(str(error)) from error
        raise


def _chat(channels: Channels, name: str, notice: Notice) -> None:
    try:
        address = channels.webhook(name)
    except (ClientError, BotoCoreError) as error:
        raise NotTaken(f"the webhook {name} cannot be read: {error}") from error
    if urllib.parse.urlsplit(address).scheme != "https":
        raise NotTaken(f"the webhook {name} must be an https address")
    # Slack, Mattermost and Google Chat take `text`; the signs are escaped as Slack asks. In a block of code
    # none of them calls people in, makes links or fetches images.
    text = f"{notice.subject}\n```\n{notice.text.replace('`', _BACKTICK)}\n```"
    for sign, code in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, code)
    try:
        channels.post(address, json.dumps({"text": text}).encode())
    except urllib.error.HTTPError as error:
        if error.code < 500:
            raise NotTaken(f"the webhook {name} answered {error.code}") from error
        raise
    except urllib.error.URLError as error:
        if isinstance(error.reason, (socket.gaierror, ConnectionRefusedError)):
            raise NotTaken(f"the webhook {name} cannot be reached: {error.reason}") from error
        raise


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A webhook's address is a secret: it is not followed to wherever it may point."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def post(address: str, body: bytes) -> None:
    """POST JSON to a chat's webhook."""
    request = urllib.request.Request(
        address, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=CHAT_TIMEOUT_S) as answer:
        answer.read(1024)
