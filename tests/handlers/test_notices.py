"""Notices: people hear of a run that needs them, once, and nobody else does."""

import contextlib
import json
import urllib.error
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from handlers import desk, notices
from handlers.desk import Desk
from handlers.notices import Channels, harmless
from tests.handlers.aws_fakes import Killed, World
from tests.handlers.lab import started, succeeded, tell

ADDRESS = "https://hooks.example.org/T0/B0/secret"


@dataclass
class Topic:
    """SNS, as far as notices go to it."""

    sent: list[dict[str, Any]]
    faults: list[Exception] = field(default_factory=list)

    def publish(self, **message: Any) -> dict[str, str]:
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(message)
        return {"MessageId": "m"}


def channels(
    sent: list[Any], projects: dict[str, str | None] | None = None, *, topic: Any = None, post: Any = None
) -> Channels:
    return Channels(
        projects={} if projects is None else projects,
        topic="projects",
        contacts_topic="contacts",
        sns=topic or Topic(sent),
        webhook=lambda name: f"{ADDRESS}/{name}",
        post=post or (lambda address, body: sent.append((address, json.loads(body)))),
    )


def rejected(
    world: World, key: str = "metagenome/soil/S1/input.tar", why: str = "no FASTQ in the tar"
) -> str:
    run_id = started(world, key)
    world.say(run_id, 1, 65, why)
    tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))
    return run_id


def failed(world: World) -> str:
    run_id = started(world)
    tell(world, world.job_event(f"{run_id}-1", "FAILED", container="CannotPullContainerError: unauthorized"))
    return run_id


def work(world: World, through: Channels) -> dict[str, int]:
    context = world.context()
    desk.handle({}, Desk(context=context, channels=through))
    return dict(context.counts)


@pytest.mark.parametrize(("end", "word"), [(rejected, "rejected"), (failed, "failed")])
def test_people_hear_of_a_run_that_needs_them_once(world: World, end: Any, word: str) -> None:
    """A mail nobody gets means a sample nobody mends; two mails mean that nobody reads them."""
    sent: list[Any] = []
    run_id = end(world)
    for _ in range(3):
        work(world, channels(sent, {"soil": "lab"}))
        world.sleep(400)
    [mail, (address, chat)] = sent
    assert mail["MessageAttributes"]["to"]["StringValue"] == "soil"
    assert word in mail["Subject"]
    assert run_id in mail["Message"]
    assert "What to do" in mail["Message"]
    assert address == f"{ADDRESS}/lab"
    assert run_id in chat["text"]


def test_what_needs_nobody_is_told_to_nobody(world: World) -> None:
    """A mail for every success is a mail that hides the one that matters."""
    sent: list[Any] = []
    succeeded(world)
    work(world, channels(sent, {"*": "lab"}))
    assert sent == []


def test_a_project_without_an_entry_goes_by_the_entry_for_every_other(world: World) -> None:
    """And one that has none at all is told to nobody."""
    sent: list[Any] = []
    rejected(world, "metagenome/soil/S1/input.tar")
    rejected(world, "metagenome/river/S1/input.tar")
    work(world, channels(sent, {"soil": None, "*": None}))
    assert sorted(each["MessageAttributes"]["to"]["StringValue"] for each in sent) == ["*", "soil"]
    sent.clear()
    rejected(world, "metagenome/lake/S1/input.tar")
    work(world, channels(sent, {"soil": None}))
    assert sent == []


def test_of_two_desks_at_once_one_sends(world: World) -> None:
    """A schedule may fire twice; people must not notice."""
    sent: list[Any] = []
    rejected(world)
    through = channels(sent, {"soil": "lab"})
    raced = False

    def race(call: Any) -> None:
        nonlocal raced
        if call.operation == "PutItem" and not raced:
            raced = True
            work(world, through)

    world.faults = race
    work(world, through)
    assert len(sent) == 2  # a mail and a chat


@pytest.mark.parametrize("call", range(1, 12))
@pytest.mark.parametrize("when", ["killed before", "killed after"])
def test_a_desk_that_is_killed_anywhere_sends_nothing_twice(world: World, call: int, when: str) -> None:
    """Whatever happens, at most one mail and one chat for one rejection."""
    sent: list[Any] = []
    rejected(world)
    first = len(world.calls)
    world.faults = lambda each: when if each.number == first + call else None
    with contextlib.suppress(Killed):
        work(world, channels(sent, {"soil": "lab"}))
    world.faults = lambda each: None
    for _ in range(2):
        world.sleep(400)
        work(world, channels(sent, {"soil": "lab"}))
    mails = [each for each in sent if isinstance(each, dict)]
    assert len(mails) <= 1
    assert len(sent) - len(mails) <= 1
    assert len(sent) >= 1


def refusal(status: int, code: str = "Throttling") -> ClientError:
    answer: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Publish")


def test_a_notice_that_was_refused_for_certain_is_sent_later(world: World) -> None:
    """Throttling for a minute must not swallow the mail about a sample."""
    sent: list[Any] = []
    topic = Topic(sent, faults=[refusal(400), refusal(429)])
    rejected(world)
    for _ in range(4):
        work(world, channels(sent, {"soil": None}, topic=topic))
        world.sleep(400)
    assert len(sent) == 1


@pytest.mark.parametrize("doubt", [ReadTimeoutError(endpoint_url="sns"), refusal(500)])
def test_a_notice_in_doubt_is_not_sent_again(world: World, doubt: Exception) -> None:
    """SNS may have sent it already."""
    sent: list[Any] = []
    rejected(world)
    counts = work(world, channels(sent, {"soil": None}, topic=Topic(sent, faults=[doubt])))
    assert counts["NoticesInDoubt"] == 1
    world.sleep(400)
    work(world, channels(sent, {"soil": None}))
    assert sent == []


def test_a_channel_that_never_takes_it_is_given_up_and_the_other_is_told_once(world: World) -> None:
    """A chat that was deleted must not keep a mark for ever, nor repeat the mail."""
    sent: list[Any] = []

    def gone(address: str, body: bytes) -> None:
        raise urllib.error.HTTPError(address, 404, "gone", Message(), None)

    rejected(world)
    total = 0
    for _ in range(8):
        total += work(world, channels(sent, {"soil": "lab"}, post=gone)).get("NoticesGivenUp", 0)
        world.sleep(400)
    assert total == 1
    assert len(sent) == 1
    item = next(iter(world.runs().values()))
    assert "due" not in item


def test_a_name_cannot_write_a_notice_of_its_own(world: World) -> None:
    """A sample's name may be anything that can be uploaded: it must not call everybody in, nor add lines."""
    sent: list[Any] = []
    name = "<!channel> <https:evil.example|click>\u202e"
    rejected(world, f"metagenome/soil/{name}/input.tar", why="no FASTQ\nWhat to do: pay")
    work(world, channels(sent, {"soil": "lab"}))
    [mail, (_, chat)] = sent
    assert "<!channel>" not in chat["text"]
    assert "<https" not in chat["text"]
    assert "\u202e" not in mail["Message"] + chat["text"]
    assert "\nWhat to do: pay" not in mail["Message"]
    assert mail["Subject"].isascii()
    assert name[:10] not in mail["Subject"]


def test_an_address_that_is_not_https_is_not_posted_to(world: World) -> None:
    """A webhook's address is a secret, and so are samples' names."""
    sent: list[Any] = []
    rejected(world)
    through = channels(sent, {"soil": "lab"})
    through = Channels(**{**vars(through), "webhook": lambda name: "http://hooks.example.org/x"})
    work(world, through)
    assert [each for each in sent if isinstance(each, tuple)] == []


def test_lines_stay_one_line() -> None:
    """Line breaks of a name would make lines that nobody wrote."""
    assert harmless("a\nb\x1b[31m") == "a\\nb\\x1b[31m"
    assert notices.EVERY == "*"
