"""A project's page: what a branch reads in a browser. It is right, harmless, cheap and never goes back."""

import html
import re
import shlex
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from handlers import desk, ledger, outbox, pages
from handlers.allowance import Allowance
from handlers.desk import Desk
from handlers.page import Page, Sample, render
from handlers.run import Recalled
from tests.handlers.aws_fakes import RESULTS, Killed, World
from tests.handlers.emitted import PRICES
from tests.handlers.lab import KEY, quiet, shared, started, succeeded, take, tell, with_cohort
from tests.handlers.test_notices import channels

PAGE = (RESULTS, "metagenome/soil/status.html")
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "javascript:alert(1)",
    "a' onmouseover='alert(1)",
    "$(rm -rf ~); `id` 'quoted' \"too\" &amp;",
    "-rf",
    "right\u202eto\u2066left",
    "soil 2026 ü 100% +",
)


def pass_of(world: World) -> Counter[str]:
    """One minute's pass of the desk; what it did."""
    context = world.context()
    desk.handle({}, Desk(context=context, channels=channels([])))
    return context.counts


def page(world: World, key: tuple[str, str] = PAGE) -> str:
    return world.objects[key][-1].body.decode()


def words(text: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", text))


class Found(HTMLParser):
    """The elements and attributes of a page, as a browser sees them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_page_tells_of_every_sample_what_it_means_and_what_to_do(world: World) -> None:
    """A branch with forty samples opens one page, not forty files."""
    finished = succeeded(world)
    bad = started(world, "metagenome/soil/S2/input.tar")
    world.say(bad, 1, 65, "The tar holds no FASTQ file.")
    tell(world, world.job_event(f"{bad}-1", "FAILED", code=65))
    world.sleep(1)
    started(world, "metagenome/soil/S3/input.tar")
    take(world, world.upload("metagenome/soil/S4/input.tar"))
    world.sleep(1)
    take(world, world.upload("metagenome/other/S5/input.tar"))
    pass_of(world)
    told = words(page(world))
    for word in (
        "1 rejected",
        "1 finished",
        "1 running",
        "1 waiting",
        "no FASTQ",
        "What to do",
        "upload a corr",
    ):
        assert word in told, word
    assert f"s3://{RESULTS}/metagenome/soil/S1/{finished}/" in told
    assert "Number 1 in the office's line" in told
    assert told.index("S2") < told.index("S3")  # what needs a person comes first
    assert "S5" not in told
    assert f'href="./S1/{finished}/report.html"' in page(world)


def test_a_superseded_run_gives_way_to_its_newer_one(world: World) -> None:
    """A sample must not stand twice on the page, with two states."""
    started(world, body=b"1")
    world.sleep(1)
    newer = succeeded(world, body=b"2")
    pass_of(world)
    assert Found(page(world)).tags["tr"] == 2  # head and one sample
    assert newer in page(world)


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_and_no_message_can_act_in_the_page(name: str) -> None:
    """Names come from whoever may upload; the page is opened by others, in their browsers and shells."""
    shown = Page(
        office="eu",
        pipeline="metagenome",
        project=name,
        bucket="b",
        made="2026-11-25T08:00:00.000Z",
        samples=[
            Sample(
                name=name,
                state="succeeded",
                message=name,
                updated="2026-11-25T08:00:00.000Z",
                what_to_do=name,
                results_prefix=f"metagenome/{name}/{name}/r1/",
                report="report.html",
                recall={"what": name, "why": name, "next": name},
            )
        ],
    )
    found, plain = Found(render(shown)), Found(render(Page(**{**vars(shown), "project": "p", "samples": []})))
    assert found.tags["script"] == found.tags["img"] == 0
    assert not {attribute for attribute, _ in found.attributes} - {
        *(attribute for attribute, _ in plain.attributes),
        "class",
        "scope",
        "href",
    }
    [address] = [value for attribute, value in found.attributes if attribute == "href"]
    assert str(address).startswith("./")
    assert "\u202e" not in found.text
    assert "\u2066" not in found.text
    # What is to be copied into a shell is one word for each name, whatever it holds.
    sync, copy = _commands(render(shown))
    shown_name = name.replace("\u202e", "\\u202e").replace("\u2066", "\\u2066")
    assert shlex.split(sync) == ["aws", "s3", "sync", f"s3://b/metagenome/{shown_name}/", f"./{shown_name}/"]
    assert shlex.split(copy)[:4] == ["aws", "s3", "cp", "--recursive"]


def _commands(text: str) -> list[str]:
    return [html.unescape(found) for found in re.findall(r"<pre>(.*?)</pre>", text, re.DOTALL)]


def test_a_burst_of_changes_makes_one_page(world: World) -> None:
    """A thousand samples in an hour must not cost a thousand pages of a thousand rows."""
    for number in range(12):
        run_id = started(world, f"metagenome/soil/B{number}/input.tar")
        world.publish(world.run_item(run_id))
        tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
        world.sleep(1)
    changes = sum(each["Detail"]["revision"] >= 1 for each in world.events)
    assert changes >= 36
    assert pass_of(world)["PagesMade"] == 1
    assert len(world.objects[PAGE]) == 1
    world.sleep(300)
    assert pass_of(world)["PagesMade"] == 1  # once more, for what an index may have shown late
    world.sleep(3600)
    assert pass_of(world)["PagesMade"] == 0  # then never again until something changes


def test_nothing_is_read_of_a_project_in_which_nothing_changed(world: World) -> None:
    """A pass a minute for ever must cost next to nothing."""
    succeeded(world)
    pass_of(world)
    world.sleep(120)
    pass_of(world)
    world.sleep(120)
    before = len(world.calls)
    pass_of(world)
    assert [call.operation for call in world.calls[before:]] == ["Query", "Query"]


def test_a_page_whose_line_moves_is_made_again_though_nothing_of_it_changed(world: World) -> None:
    """Number 12 in the line must become number 3 as others get their turn."""
    first = started(world, "metagenome/other/S0/input.tar")
    take(world, world.upload("metagenome/other/S1/input.tar"))
    world.sleep(1)
    take(world, world.upload(KEY))
    pass_of(world)
    assert "Number 2 in" in words(page(world))
    tell(world, world.job_event(_job(world, "S1"), "RUNNING"))
    world.sleep(400)
    pass_of(world)
    assert "Number 1 in" in words(page(world))
    assert first


def _job(world: World, sample: str) -> str:
    run_id = next(run for run, item in world.runs().items() if item["sample"] == sample)
    return f"{run_id}-1"


def test_expected_times_come_with_history_and_its_lack_is_said(world: World) -> None:
    """A branch should know whether nothing is known or nothing is shown."""
    started(world)
    pass_of(world)
    assert "only 0 runs of metagenome have finished here, and 5 are needed" in words(page(world))
    for number in range(5):
        world.sleep(1)
        run_id = started(world, f"metagenome/past/P{number}/input.tar")
        world.sleep(600)
        world.publish(world.run_item(run_id))
        tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
    pass_of(world)
    world.sleep(60)
    started(world, "metagenome/soil/S9/input.tar")
    pass_of(world)
    told = words(page(world))
    assert "median of the last 5 runs" in told
    assert "Expected to be finished at about" in told


def make(world: World) -> None:
    context = world.context()
    pages.make(context, "metagenome", "soil", pages.Line(context))


def test_a_page_that_was_begun_earlier_never_replaces_a_later_one(world: World) -> None:
    """A function that stood still must not turn a finished sample back into a running one."""
    run_id = started(world)
    stalled = False

    def stall(call: Any) -> None:
        nonlocal stalled
        if call.operation == "HeadObject" and not stalled:
            stalled = True
            world.publish(world.run_item(run_id))
            tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
            world.sleep(5)
            make(world)

    world.faults = stall
    make(world)
    assert "1 finished" in words(page(world))


def test_a_page_that_comes_between_look_and_put_is_not_overwritten(world: World) -> None:
    """The same a moment later: it has looked already, and puts what is old."""
    run_id = started(world)
    make(world)
    tell(world, world.job_event(f"{run_id}-1", "RUNNING"))
    take(world, world.upload("metagenome/soil/S2/input.tar"))
    stalled = False

    def stall(call: Any) -> None:
        nonlocal stalled
        if call.operation == "PutObject" and not stalled:
            stalled = True
            world.publish(world.run_item(run_id))
            tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))
            world.sleep(5)
            make(world)

    world.faults = stall
    make(world)
    assert "1 finished" in words(page(world))


def test_what_changes_while_a_page_is_made_is_not_forgotten(world: World) -> None:
    """The last sample's success, a second too late for the page, would never be shown."""
    run_id = started(world)
    late = False

    def change(call: Any) -> None:
        nonlocal late
        if call.operation == "PutObject" and not late:
            late = True
            world.publish(world.run_item(run_id))
            tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED"))

    world.faults = change
    make(world)
    world.faults = lambda call: None
    assert "1 running" in words(page(world))
    world.sleep(60)
    pass_of(world)
    assert "1 finished" in words(page(world))


@pytest.mark.parametrize("call", ["Query", "HeadObject", "PutObject", "UpdateItem"])
@pytest.mark.parametrize("when", ["killed before", "killed after"])
def test_a_desk_that_is_killed_leaves_the_page_due(world: World, call: str, when: str) -> None:
    """The next minute makes up for it."""
    succeeded(world)
    world.faults = lambda each: when if each.operation == call else None
    with pytest.raises(Killed):
        pass_of(world)
    world.faults = lambda each: None
    world.sleep(60)
    pass_of(world)
    assert "1 finished" in words(page(world))


def test_what_waits_for_a_budget_has_no_place_in_line_and_says_what_it_waits_for(world: World) -> None:
    """A branch would wait for a finish that was never foretold, and others would seem to wait behind it."""
    world.office = replace(world.office, prices=PRICES, allowance=Allowance(usd={"soil": 1}))
    run_id = started(world, "metagenome/soil/S0/input.tar")
    world.now += 24 * 3600
    tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65))
    take(world, world.upload(KEY))
    take(world, world.upload("metagenome/water/S1/input.tar"))
    pass_of(world)
    told = words(page(world))
    assert "Waits: the budget of project soil" in told
    assert "--lift REASON" in told
    assert "office's line" not in told
    assert "Number 1 in the office's line" in words(page(world, (RESULTS, "metagenome/water/status.html")))


def test_a_recalled_sample_says_so_and_what_happens_next(world: World) -> None:
    """Results that are known to be wrong must not look finished."""
    run_id = succeeded(world)
    context = world.context()
    run = ledger.read_run(context, run_id)
    assert run is not None
    recall = Recalled(
        id="r", what="demo-host 2026.1", why="It lacks chromosome Y", next="It runs again", at=run.updated
    )
    assert ledger.mark_recalled(context, replace(run, recall=recall, revision=run.revision + 1))
    outbox.page_changed(context, run.sample)
    pass_of(world)
    told = words(page(world))
    assert "1 recalled" in told
    assert "It lacks chromosome Y" in told
    assert "It runs again" in told


def test_a_comparison_says_that_it_is_of_all_samples(world: World) -> None:
    """A row called `metagenome` would be taken for a sample of that name."""
    with_cohort(world)
    shared(world, "S1")
    shared(world, "S2")
    quiet(world)
    pass_of(world)
    told = words(page(world, (RESULTS, "cohort/soil/status.html")))
    assert "all samples by metagenome" in told
    assert "compared anew, by itself" in told
    assert "all samples by" not in words(page(world))


def test_one_page_that_cannot_be_made_does_not_keep_the_others_from_it(world: World) -> None:
    """A damaged project must not blind all the others."""
    succeeded(world)
    succeeded(world, "metagenome/other/S1/input.tar")
    seen: list[str] = []

    def fail(call: Any) -> str | None:
        if call.operation == "HeadObject":
            seen.append("one")
            return "failed" if len(seen) <= 5 else None  # botocore tries five times
        return None

    world.faults = fail
    counts = pass_of(world)
    assert (counts["PagesMade"], counts["PagesFailed"]) == (1, 1)
