"""Recalls: the marks that say that results must not be used, and what they may not undo."""

from dataclasses import replace
from typing import Any

from handlers import ledger, notices, outbox, reconcile
from handlers.notices import Notice
from handlers.run import Recalled, Run
from tests.handlers.aws_fakes import World
from tests.handlers.lab import started, succeeded, tell
from tests.handlers.test_notices import channels, rejected, work
from tests.handlers.test_pages import page, pass_of, words


def recalled(world: World, run_id: str, why: str = "It lacks chromosome Y.") -> Run:
    """The run as its recall makes it."""
    run = ledger.read_run(world.context(), run_id)
    assert run is not None
    recall = Recalled(id=why, what="the image", why=why, next="It runs again.", at=run.updated)
    return replace(run, recall=recall, revision=run.revision + 1, updated=world.context().now)


def test_a_recall_that_was_overtaken_changes_nothing(world: World) -> None:
    """Its revision would stand for two states: headquarters keeps whichever comes first, for ever."""
    run_id = started(world)
    late = recalled(world, run_id)
    world.publish(world.run_item(run_id))
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    before = world.run_item(run_id)
    assert not ledger.mark_recalled(world.context(), late)
    assert world.run_item(run_id) == before


def test_of_two_recalls_at_once_one_is_written(world: World) -> None:
    """Else both think that theirs is told, and one of the reasons is read nowhere."""
    run_id = succeeded(world)
    one, other = recalled(world, run_id, "one"), recalled(world, run_id, "other")
    assert ledger.mark_recalled(world.context(), one)
    assert not ledger.mark_recalled(world.context(), other)
    assert world.run_item(run_id)["recall"]["why"] == "one"


def test_a_run_that_is_recalled_on_its_way_still_ends_and_stays_recalled(world: World) -> None:
    """What is running on the bad image would come out looking good."""
    run_id = started(world)
    assert ledger.mark_recalled(world.context(), recalled(world, run_id))
    world.publish(world.run_item(run_id))
    tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    told = world.json_object("metagenome/soil/S1/status.json")
    assert told is not None
    assert told["state"] == "succeeded"
    assert told["recall"]["why"] == "It lacks chromosome Y."
    assert told["summary"] == "Recalled: the image. It lacks chromosome Y."
    assert told["what_to_do"] == "It runs again."


def test_reconcile_tells_a_recall_that_was_only_written(world: World) -> None:
    """The laptop closes between the mark and its telling: the branch would go on using the results."""
    run_id = succeeded(world)
    assert ledger.mark_recalled(world.context(), recalled(world, run_id))
    world.sleep(reconcile.GRACE_S + 1)
    reconcile.reconcile(world.context())
    told = world.json_object("metagenome/soil/S1/status.json")
    assert told is not None
    assert told["recall"]["id"] == "It lacks chromosome Y."
    assert "open" not in world.run_item(run_id)
    assert world.events[-1]["Detail"]["recall"]["why"] == "It lacks chromosome Y."


def test_a_run_that_fails_after_its_recall_rings_at_nobodys_door_again(world: World) -> None:
    """The recall has told the project once for all its runs."""
    sent: list[Any] = []
    run_id = started(world)
    assert ledger.mark_recalled(world.context(), recalled(world, run_id))
    tell(world, world.job_event(f"{run_id}-1", "FAILED", container="CannotPullContainerError: unauthorized"))
    assert world.run_item(run_id)["state"] == "failed"
    work(world, channels(sent, {"soil": None}))
    assert sent == []


def test_the_page_says_what_the_recall_asks_for_and_nothing_else(world: World) -> None:
    """A rejection's advice beside it would send the branch the wrong way."""
    run_id = rejected(world)
    what_to_do = world.run_item(run_id)["what_to_do"]
    pass_of(world)
    assert what_to_do in words(page(world))
    world.sleep(60)
    assert ledger.mark_recalled(world.context(), recalled(world, run_id))
    outbox.page_changed(world.context(), recalled(world, run_id).sample)
    pass_of(world)
    assert "It runs again." in words(page(world))
    assert what_to_do not in words(page(world))


def test_a_notice_is_left_once_even_after_it_was_sent(world: World) -> None:
    """The same recall again, a day later, must not ring at everybody's door again."""
    context = world.context()
    notice = Notice(id="r#soil", project="soil", subject="s", text="t")
    assert notices.leave(context, notice)
    [due] = outbox.all_due(context, outbox.NOTICE)
    assert outbox.done(context, due.key, outbox.NOTICE)
    assert not notices.leave(context, notice)
    assert list(outbox.all_due(context, outbox.NOTICE)) == []


def test_a_recall_is_told_by_notice_to_the_project_and_the_office(world: World) -> None:
    """People who have used the results must hear of it, not only find it."""
    sent: list[dict[str, Any]] = []
    notices.leave(world.context(), Notice(id="r", project="soil", subject="s", text="t", contacts=True))
    for _ in range(2):
        work(world, channels(sent, {"soil": None}))
    assert sorted(each["TopicArn"] for each in sent) == ["contacts", "projects"]
