"""One set of hostile names through an office: every place in which somebody meets them shows words."""

import csv
import html
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from reporting.page import page as report_page
from reporting.page import table as report_table
from reporting.tables import tsv

from fleet.text import plain
from handlers import desk
from handlers.delivery_plan import delivery_id_of, manifest_of
from handlers.desk import Desk
from handlers.ledger import run_of
from handlers.log import logger
from handlers.notices import harmless
from handlers.redrive import explain, shown
from rollout.comment import code
from tests.handlers.aws_fakes import RESULTS, World
from tests.handlers.conftest import world  # noqa: F401
from tests.handlers.lab import only_run, started, take, tell
from tests.handlers.test_delivery import PARTNER
from tests.handlers.test_notices import channels
from tests.handlers.test_pages import Found

NAMES = {
    "shell": "$(touch x); `id` | sh && rm -rf ~ #",
    "option": "--recursive",
    "HTML": "<script>alert(1)<img src=x onerror=alert(1)>",
    "attribute": "\" onmouseover='alert(1)' x=\"",
    "entity": "&lt;b&gt;&#60;",
    "address": "javascript:alert(1)",
    "CSV formula": "=HYPERLINK(1)",
    "CSV command": "@SUM(1+1)*cmd|' C'!A0",
    "path": "..\\..\\etc\\passwd",
    "hidden": "...",
    "percent": "%2e%2e%2f%00%0a",
    "direction": "gnp.\u202eexe\u2066",
    "invisible": "S\u200b1\u00ad\ufeff",
    "SQL": "'; DROP TABLE samples; --",
    "expression": "x) OR attribute_exists(pk) #state = :state",
    "Markdown": "[click](javascript:x) @acme #1 `x` | **y** | <!-- -->",
    "rich": "[red]x:smile:[link=e]",
    "template": "{{7*7}}${7*7}{0.__class__}%s%n",
    "JSON": '","state":"succeeded","x":"',
    "log": 'x","level":"ERROR","message":"forged',
}
# Names that become no run: they are answered in words.
REFUSED = {
    "newline": "S1\nstate: succeeded",
    "escape": "\x1b[2J\x1b]0;t\x07",
    "separator": "S1\u2028S2",
    "parent": "..",
    "blank": "   ",
}
FOREIGN = {"script", "img", "iframe", "object", "form"}
TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the functions write into their logs meanwhile."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logger.handlers[0].formatter)
    logger.addHandler(handler)
    level = logger.log_level  # `fleet` run in this process has silenced it
    logger.setLevel(logging.INFO)
    yield stream
    logger.setLevel(level)
    logger.handlers.remove(handler)


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_is_words_wherever_it_is_shown(world: World, log: io.StringIO, kind: str) -> None:  # noqa: F811
    """Names come from whoever may upload, and are read by others, in browsers, terminals, sheets and mail."""
    name = NAMES[kind]
    run_id = started(world, f"metagenome/{name}/{name}/input.tar")
    world.say(run_id, 1, 65, f"no reads in {name}")
    assert tell(world, world.job_event(f"{run_id}-1", "FAILED", code=65)) == []
    sent: list[dict[str, str]] = []
    desk.handle({}, Desk(context=world.context(), channels=channels(sent, {name: None})))

    _, run = only_run(world)
    assert (run["project"], run["sample"], run["state"]) == (name, name, "rejected")
    told = world.json_object(f"metagenome/{name}/{name}/status.json")
    assert told is not None
    assert (told["sample"], told["state"]) == (name, "rejected")
    assert world.events[-1]["Detail"]["sample"] == name
    [job] = world.jobs.values()
    assert job["jobName"] == f"{run_id}-1", "no name is part of another name"

    found = Found(world.objects[(RESULTS, f"metagenome/{name}/status.html")][-1].body.decode())
    assert harmless(name) in found.text
    assert not found.tags.keys() & FOREIGN
    assert not [attribute for attribute, _ in found.attributes if attribute.startswith("on")]
    assert not [
        value for attribute, value in found.attributes if attribute == "href" and ":" in str(value)[:12]
    ]
    assert not TURNING.search(found.text)

    [mail] = sent
    assert mail["Subject"].isascii()
    assert not TURNING.search(mail["Message"])
    lines = log.getvalue().splitlines()
    assert lines
    assert {json.loads(line)["level"] for line in lines} <= {"INFO", "WARNING"}, "no name forges a line"


@pytest.mark.parametrize("kind", REFUSED)
def test_a_name_that_would_break_a_line_is_answered_in_words(world: World, kind: str) -> None:  # noqa: F811
    """It could not be typed, and would be two lines wherever names are listed."""
    name = REFUSED[kind]
    assert take(world, world.upload(f"metagenome/soil/{name}/input.tar")) == []
    assert world.runs() == {}
    told = world.json_object(f"metagenome/soil/{name}/status.json")
    assert told is not None
    assert told["state"] == "rejected"
    assert told["summary"].isprintable()


@pytest.mark.parametrize("kind", [*NAMES, *REFUSED])
def test_a_name_is_words_for_operators_and_engineers(kind: str) -> None:
    """A terminal, a preview's comment, a notice and a report take names from elsewhere, too."""
    name = (NAMES | REFUSED)[kind]
    for words in (plain(name), harmless(name)):
        assert len(words.splitlines() or [""]) == 1
        assert not TURNING.search(words)
        assert "\x1b" not in words
    assert re.fullmatch(r"<code>(?:[A-Za-z0-9 -]|&#\d+;)*</code>", code(name))
    report = Found(report_page(name, [report_table([name], [])]))
    assert not report.tags.keys() & FOREIGN
    assert not [attribute for attribute, _ in report.attributes if attribute.startswith("on")]


def test_reports_and_pages_load_and_run_nothing(world: World) -> None:  # noqa: F811
    """Should a name ever slip through, the browser still runs and fetches nothing."""
    started(world)
    desk.handle({}, Desk(context=world.context(), channels=channels([])))
    page = world.objects[(RESULTS, "metagenome/soil/status.html")][-1].body.decode()
    for text in (page, report_page("title", [])):
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy"\s+content="([^"]*)"', text)
        assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_table_keeps_its_rows_and_the_very_names() -> None:
    """A name that makes two rows of one moves all numbers after it; one that is changed is another's."""
    names = [*NAMES.values(), "two\nlines", "a\tcolumn", 'a "quote"']
    text = tsv(("name", "reads"), [(name, number) for number, name in enumerate(names)])
    rows = list(csv.reader(io.StringIO(text), delimiter="\t"))
    assert rows == [["name", "reads"], *([name, str(number)] for number, name in enumerate(names))]


@pytest.mark.parametrize("kind", NAMES)
def test_passports_and_manifests_are_read_as_they_were_written(world: World, kind: str) -> None:  # noqa: F811
    """A partner's program takes a name for a name, or it files results under another sample."""
    name = NAMES[kind]
    world.office = replace(world.office, agreements=(replace(PARTNER, project=name),))
    run_id = started(world, f"metagenome/{name}/{name}/input.tar")
    world.publish(world.run_item(run_id))
    assert tell(world, world.job_event(f"{run_id}-1", "SUCCEEDED")) == []
    run = run_of(world.run_item(run_id))
    passport = world.json_object(f"{run.results_prefix}passport.json")
    assert passport is not None
    graph = json.loads(passport["crate"])["@graph"]
    assert any(name in json.dumps(each, ensure_ascii=False) or _has(each, name) for each in graph)
    told = json.loads(manifest_of(run, delivery_id_of(PARTNER, run_id), "acme", []))
    assert (told["project"], told["sample"]) == (name, name)


def _has(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return any(_has(each, name) for each in value.values())
    if isinstance(value, list):
        return any(_has(each, name) for each in value)
    return isinstance(value, str) and (name in value or name in html.unescape(value))


@pytest.mark.parametrize("kind", [*NAMES, *REFUSED])
def test_a_dead_letter_is_one_line_that_steers_nothing(kind: str) -> None:
    """Dead letters hold what was refused as well, and are read in a terminal."""
    name = (NAMES | REFUSED)[kind]
    detail = {"bucket": {"name": "uploads"}, "object": {"key": f"metagenome/soil/{name}/input.tar"}}
    line = shown("queue", explain(json.dumps({"detail-type": "Object Created", "detail": detail}), {}))
    assert len(line.splitlines()) == 1
    assert not TURNING.search(line)
    assert line.isprintable() or "\x1b" not in line
