"""Pages: a request becomes a page. Reading alone; what changes something is in `changes`."""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from cost.book import book_of
from cost.instances import WHY
from cost.run import cost_of
from fleet.access import bucket
from fleet.costs import cost_words
from fleet.dashboard import figures
from fleet.dashboard.charts import drawn
from fleet.dashboard.picture import Picture, open_runs
from fleet.dashboard.render import Renderer
from fleet.dashboard.resources import resources as resources_of
from fleet.find import NotFound, find
from fleet.options import table_of
from fleet.output import Refused
from fleet.show import vcpu_hours
from fleet.table import OPEN_STATES, STATES, Filter, Row, queries
from fleet.text import between, where
from handlers.run import RUNNING, SUCCEEDED, TERMINAL

# How long the first page waits for the first look at open runs.
PATIENCE_S = 0.7
LIVE = 12  # of each stage on the first page; the rest is a link
PAGE = 50
WINDOWS = (1, 7, 30)  # days, as far as the history goes


def home(picture: Picture, renderer: Renderer, request: Request) -> Response:
    """Offices, live runs, charts."""
    picture.wait(PATIENCE_S)
    by = "project" if request.query_params.get("by") == "project" else "office"
    runs = picture.history.runs()
    days = figures.days_of(picture.clock(), picture.days)
    series = (
        (figures.throughput(runs, days, lambda one: str(getattr(one, by))), "bars"),
        (figures.waiting(runs, days, lambda one: str(getattr(one, by))), "lines"),
        (figures.costs(runs, days, lambda one: str(getattr(one, by))), "bars"),
        (figures.failures(runs, days), "bars"),
    )
    found = Counter((one.office, one.state) for one in runs)
    counts = {
        office.name: {state: found[office.name, state] for state in STATES} for office in picture.offices
    }
    in_use = {office.name: 0 for office in picture.offices}
    for one in runs:
        if one.state == RUNNING:
            in_use[one.office] += one.vcpus
    return renderer.page(
        "home.html",
        picture=picture,
        by=by,
        states=STATES,
        counts=counts,
        in_use=in_use,
        live=open_runs(runs),
        most=LIVE,
        read=len(runs),
        charts=[(each, drawn(each, kind)) for each, kind in series],
    )


def runs(picture: Picture, renderer: Renderer, request: Request) -> Response:
    """Search and lists: one query of the table's indexes, page by page."""
    asked = {name: value.strip() for name, value in request.query_params.items() if value.strip()}
    if words := asked.get("q"):
        return _searched(picture, renderer, words)
    offices = [office.name for office in picture.offices]
    state = asked.get("state", "")
    if state not in ("", "open", *STATES) or asked.get("office", offices[0]) not in offices:
        raise Refused("there is no such office or state")
    states = OPEN_STATES if state == "open" else (state,) if state else ()
    chosen = Filter(
        office=asked.get("office"), project=asked.get("project"), states=states, before=asked.get("before")
    )
    page = table_of(picture.access).page(queries(chosen, offices), PAGE)
    further = f"/runs?{urlencode({**asked, 'before': page.next})}" if page.next else None
    return renderer.page(
        "runs.html", rows=page.rows, asked=asked, offices=offices, states=("open", *STATES), further=further
    )


def _searched(picture: Picture, renderer: Renderer, words: str) -> Response:
    try:
        rows = find(picture.access, words).rows
    except NotFound as error:
        # Not by its whole name: then among the runs that are in memory.
        part = words.casefold()
        near = [one for one in picture.history.runs() if part in one.where.casefold()]
        near.sort(key=lambda one: one.updated, reverse=True)
        rows = table_of(picture.access).runs((one.office, one.run_id) for one in near[:PAGE])
        rows.sort(key=lambda row: str(row["updated"]), reverse=True)
        if not rows:
            raise NotFound(str(error)) from error
    if len({(row["office"], where(row)) for row in rows}) == 1:
        return RedirectResponse(address(rows[0]), 303)
    names = [office.name for office in picture.offices]
    return renderer.page(
        "runs.html", rows=rows, asked={"q": words}, offices=names, states=("open", *STATES), further=None
    )


def address(row: Mapping[str, Any]) -> str:
    """The page of a run."""
    return "/sample?" + urlencode({"run": row["run_id"], "office": row["office"]})


def sample(picture: Picture, renderer: Renderer, request: Request) -> Response:
    """One run from its upload to its end, every attempt and why, and the sample's other runs."""
    row = find(picture.access, request.query_params.get("run", ""), request.query_params.get("office")).latest
    others = [
        each
        for each in find(picture.access, where(row), row["office"]).rows
        if each["run_id"] != row["run_id"]
    ]
    results = bucket(picture.access.fleet.office(row["office"]), "results")
    return renderer.page(
        "sample.html",
        row=row,
        others=others,
        steps=_steps(row),
        results=f"s3://{results}/{row['results_prefix']}" if row["state"] == SUCCEEDED else None,
        compute=vcpu_hours(row),
        cost=cost_words(cost_of(row)),
        ended=row["state"] in TERMINAL,
    )


def resources(picture: Picture, renderer: Renderer, request: Request) -> Response:
    """What pipelines were given beside what they took, of the runs in memory."""
    offices = [office.name for office in picture.offices]
    windows = sorted({*(each for each in WINDOWS if each < picture.days), picture.days})
    office = request.query_params.get("office", "")
    days = request.query_params.get("days", "") or str(picture.days)
    if office not in ("", *offices) or days not in map(str, windows):
        raise Refused("there is no such office, or the history does not go so far back (`--days`)")
    begin = picture.clock() - timedelta(days=int(days))
    runs = [
        one for one in picture.history.runs() if one.updated >= begin and (not office or one.office == office)
    ]
    found = resources_of(runs, book_of(None))
    return renderer.page(
        "resources.html",
        found=found,
        known=picture.access.fleet.pipelines,
        office=office,
        offices=offices,
        days=int(days),
        windows=windows,
        complete=picture.history.complete,
        left_out=[(jobs, WHY[why]) for why, jobs in found.left_out.items() if jobs],
    )


def _steps(row: Row) -> list[tuple[str, str, str]]:
    """State, when, and how long after the one before."""
    times = {"uploaded": row.get("uploaded"), **row.get("times", {})}
    steps = sorted(((state, str(at)) for state, at in times.items() if at), key=lambda each: each[1])
    return [
        (state, at, between(steps[number - 1][1], at) if number else "")
        for number, (state, at) in enumerate(steps)
    ]
