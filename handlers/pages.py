"""Pages: a project's `status.html` is made when its samples have changed.

Every change of a run only marks its project's page as due (`handlers.outbox`). Once a minute the desk makes
the pages that are due: so a burst of a thousand samples costs one page a minute, not five thousand. While
runs are under way a page is made again every few minutes, since the line moves. A page that was begun earlier
never replaces one that was begun later.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from handlers import forecast, history, ledger, outbox
from handlers.context import Context, iso
from handlers.forecast import Finished, Waiting
from handlers.items import query, untyped
from handlers.log import logger
from handlers.page import NAME, Page, Sample, render
from handlers.release import PROJECT
from handlers.run import RECEIVED, RUNNING, SUBMITTED, SUCCEEDED, SUPERSEDED

MAX_TRIES = 8
# The line moves while nothing of the project changes.
AGAIN_S = 300.0
# An index may lag behind the table: what changed shortly before a page was made is looked at once more.
SETTLED_S = 30.0
SETTLE_S = 60.0
MOST_SAMPLES = 2_000  # of a page: more is neither read nor loaded
MOST_READ = 10_000  # runs of a project
MOST_OPEN = 5_000  # runs of the office's line
OPEN_STATES = (RECEIVED, SUBMITTED, RUNNING)
MADE = "made"

Item = dict[str, Any]


class Line:
    """The office's open runs, read once for all pages of a pass, and only if a page is due."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._runs: list[Item] | None = None

    @property
    def runs(self) -> list[Item]:
        if self._runs is None:
            found = _query(
                self._context, ledger.OPEN_INDEX, "open", ledger.OPEN, MOST_OPEN, oldest_first=True
            )
            self._runs = [item for item in found if item["state"] in OPEN_STATES]
        return self._runs


def make_due_pages(context: Context, time_is_up: Any) -> None:
    """Make every page that is due, the longest due first, until the time is up."""
    line = Line(context)
    for due in outbox.all_due(context, outbox.PAGE):
        if time_is_up():
            return
        pipeline, _, project = due.pk.removeprefix("page#").partition("/")
        try:
            make(context, pipeline, project, line)
        except Exception as error:  # one page that cannot be made must not keep the others from it
            context.counts["PagesFailed"] += 1
            logger.exception("a page could not be made", page=due.pk, reason=str(error))
            outbox.postpone(context, due.key, outbox.PAGE, AGAIN_S)


def make(context: Context, pipeline: str, project: str, line: Line) -> None:
    """Make one page, if it is due."""
    key = outbox.page_key(pipeline, project)
    seen = outbox.changes(context, key, outbox.PAGE)
    if seen is None:
        return
    began = context.now
    newest = _newest(context, pipeline, project, line)
    finished = _history(context, pipeline, newest)
    page = page_of(context, pipeline, project, newest, line, finished, began)
    if write(context, f"{pipeline}/{project}/{NAME}", page):
        context.counts["PagesMade"] += 1
    under_way = any(item["state"] in OPEN_STATES for item in newest)
    fresh = forecast.seconds(context.now) - forecast.seconds(seen.last) < SETTLED_S
    again = SETTLE_S if fresh else AGAIN_S if under_way else None
    outbox.made(context, key, seen, again)


def page_of(
    context: Context,
    pipeline: str,
    project: str,
    newest: list[Item],
    line: Line,
    finished: list[Finished],
    began: str,
) -> Page:
    """What the page shows. `newest`: the items of each sample's newest run, read from `began` on."""
    # What waits for a budget is in no line, and nobody knows when it will begin.
    places = forecast.positions(_waiting(item) for item in line.runs if not item.get("held"))
    release = context.office.releases.get(pipeline)

    def limit(size: int) -> float:
        return float(release.time_limit_minutes.of(size)) if release else 1.0

    def sample(item: Item) -> Sample:
        run_id, state = _run_id(item), item["state"]
        end = None
        if state in OPEN_STATES and not item.get("held"):
            end = forecast.expected_end(_waiting(item), finished, limit, context.clock())
        return Sample(
            name=item["sample"],
            state=state,
            message=item["message"],
            updated=item["updated"],
            what_to_do=item.get("what_to_do"),
            position=places.get(run_id) if state in (RECEIVED, SUBMITTED) else None,
            expected=iso(end) if end else None,
            results_prefix=item["results_prefix"] if state == SUCCEEDED else None,
            report=item.get("report") if state == SUCCEEDED else None,
            recall=item.get("recall"),
        )

    # Those that have ended longest ago are left out first.
    kept = sorted(newest, key=lambda item: (item["state"] in OPEN_STATES, item["updated"]), reverse=True)
    return Page(
        office=context.office.name,
        pipeline=pipeline,
        project=project,
        bucket=context.office.results,
        made=began,
        samples=[sample(item) for item in kept[:MOST_SAMPLES]],
        history=len(finished),
        least_history=forecast.LEAST_RUNS,
        left_out=len(kept[MOST_SAMPLES:]),
        together=release.after if release and release.per == PROJECT else (),
    )


def write(context: Context, key: str, page: Page) -> bool:
    """Put the page, unless one stands there that was begun later; False then."""
    s3, bucket = context.clients.s3, context.office.results
    body = render(page).encode()
    for _ in range(MAX_TRIES):
        condition = {"IfNoneMatch": "*"}
        try:
            head = s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
        else:
            if head.get("Metadata", {}).get(MADE, "") > page.made:
                return False
            condition = {"IfMatch": head["ETag"]}
        try:
            s3.put_object(
                Bucket=bucket,
                Key=key,
                Body=body,
                ContentType="text/html; charset=utf-8",
                CacheControl="no-cache",
                Metadata={MADE: page.made},
                **condition,
            )
        except ClientError as error:
            # 412: it has changed; 409: it is being written; 404: If-Match of a key that has gone.
            if error.response["ResponseMetadata"]["HTTPStatusCode"] not in (404, 409, 412):
                raise
            continue
        return True
    raise ledger.Contended(f"s3://{bucket}/{key} changed {MAX_TRIES} times while it was written")


def _newest(context: Context, pipeline: str, project: str, line: Line) -> list[Item]:
    """The newest run of each sample: of all its runs the one that was claimed last."""
    page = f"{pipeline}/{project}"
    found = _query(context, ledger.PAGE_INDEX, "page", page, MOST_READ, oldest_first=False)
    # However long a run has waited, it is shown.
    items = {item["pk"]: item for item in line.runs if item.get("page") == page}
    for item in found:
        held = items.get(item["pk"])
        if held is None or held["revision"] <= item["revision"]:
            items[item["pk"]] = item
    samples: dict[str, Item] = {}
    for item in sorted(items.values(), key=lambda item: (item["times"].get(RECEIVED, ""), item["pk"])):
        if item["state"] != SUPERSEDED:
            samples[item["sample"]] = item
    return list(samples.values())


def _history(context: Context, pipeline: str, newest: list[Item]) -> list[Finished]:
    """The pipeline's finished runs, this project's added."""
    held = history.read(context, pipeline)
    found = {
        _run_id(each): taught for each in newest if each["state"] == SUCCEEDED and (taught := _taught(each))
    }
    now = forecast.remembered(held, found)
    if now != held:
        history.keep(context, pipeline, now)
    return list(now.values())


def _taught(item: Item) -> Finished | None:
    peak = item.get("peak_mib")
    return forecast.finished(int(item["size"]), item["times"], int(peak) if peak else None)


def _query(
    context: Context, index: str, name: str, value: str, most: int, *, oldest_first: bool
) -> list[Item]:
    return list(_items(context, index, name, value, most, oldest_first))


def _items(
    context: Context, index: str, name: str, value: str, most: int, oldest_first: bool
) -> Iterator[Item]:
    found = query(
        context, index, "#key = :value", {":value": value}, names={"#key": name}, oldest_first=oldest_first
    )
    return (untyped(item) for item in islice(found, most))


def _waiting(item: Mapping[str, Any]) -> Waiting:
    return Waiting(
        run_id=_run_id(item), state=item["state"], size=int(item["size"]), times=dict(item["times"])
    )


def _run_id(item: Mapping[str, Any]) -> str:
    return str(item["pk"]).removeprefix("run#")
