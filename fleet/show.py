"""What `fleet` shows to people: tables and timelines. Names go through `fleet.text`, always."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from components.fleet import INDEXES
from cost.run import cost_of
from fleet.costs import cost_json, cost_words
from fleet.doctor import BAD, GOOD, Finding
from fleet.ledgers import Compared
from fleet.overview import Standing, began, lag_of
from fleet.table import STATES, Row
from fleet.text import ago, between, cell, local, moment, state_cell, taken, where
from handlers.census import AHEAD, BEHIND, DIFFERENT, MISSING, UNKNOWN
from handlers.run import SUCCEEDED

MOST_NAMED = 10
LONG_LAG_S = 60


# Only these columns are folded where the terminal is narrow; the others are read at a glance.
WORDY = ("sample", "what", "found", "to do", "why", "reason", "decision", "queue")


def table(*columns: str) -> Table:
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        made.add_column(cell(column), overflow="fold", no_wrap=column not in WORDY)
    return made


def standings_table(standings: Iterable[Standing], now: datetime, since: str) -> RenderableType:
    found = list(standings)
    # Seven states are too wide for a terminal, and hardly ever are there runs in all of them.
    states = [state for state in STATES if any(each.counts.get(state) for each in found)]
    made = table("office", *states, "oldest open", "last event", "lag", "behind", "dead letters")
    notes: list[Text] = []
    for each in found:
        letters = sum(each.dead_letters.values())
        lag = "" if each.lag_s is None else f"{each.lag_s:.1f} s"
        made.add_row(
            cell(each.office, "bold"),
            *(_count(each, state) for state in states),
            cell(ago(began(each.oldest_open), now) if each.oldest_open else ""),
            cell(ago((each.last_event or {}).get("updated"), now) or "none yet"),
            cell(lag, "yellow" if (each.lag_s or 0) > LONG_LAG_S else ""),
            cell("?" if each.trouble else len(each.behind), "red" if each.behind else ""),
            cell("?" if each.trouble else letters, "red" if letters else ""),
        )
        notes += _notes(each)
    ended = Text(f"Ended runs since {local(since)} UTC; open ones all.", style="dim")
    return Group(made, Text(), ended, *notes)


def _count(standing: Standing, state: str) -> Text:
    count = standing.counts.get(state, 0)
    return cell(count, str(state_cell(state).style) if count else "")


def _notes(standing: Standing) -> Iterator[Text]:
    if standing.trouble:
        yield cell(f"{standing.office} could not be asked: {standing.trouble}", "red")
    if standing.behind:
        yield cell(
            f"{standing.office}: headquarters is behind in {len(standing.behind)} runs"
            f" ({', '.join(standing.behind[:3])}{' …' if len(standing.behind) > 3 else ''}):"
            f" `fleet check {standing.office}` tells how, `fleet rebuild {standing.office}` mends it.",
            "yellow",
        )
    for name, words in standing.alarms.items():
        yield cell(f"{standing.office}: alarm {name}: {words}", "red")
    if standing.gap:
        yield cell(f"{standing.office}: {standing.gap}", "yellow")
    for queue, count in sorted(standing.dead_letters.items()):
        yield cell(
            f"{standing.office}: {count} in {queue}: `fleet redrive {standing.office}` tells why.", "yellow"
        )


def standing_json(standing: Standing) -> dict[str, Any]:
    oldest, last = standing.oldest_open, standing.last_event
    return {
        "office": standing.office,
        "reachable": standing.trouble is None,
        "trouble": standing.trouble,
        "runs": {state: standing.counts.get(state, 0) for state in STATES},
        "oldest_open": {
            "run_id": oldest["run_id"],
            "sample": where(oldest),
            "since": began(oldest),
        }
        if oldest
        else None,
        "last_event": {"run_id": last["run_id"], "updated": last["updated"], "lag_s": standing.lag_s}
        if last
        else None,
        "behind": list(standing.behind),
        "gap": standing.gap,
        "dead_letters": dict(standing.dead_letters),
        "alarms": dict(standing.alarms),
    }


def runs_table(rows: Iterable[Row], now: datetime) -> Table:
    made = table("office", "sample", "state", "attempt", "updated", "run", "what")
    for row in rows:
        made.add_row(
            cell(row["office"]),
            cell(where(row)),
            state_cell(row["state"]),
            cell(row["attempt"]),
            cell(ago(row["updated"], now)),
            cell(row["run_id"][:12]),
            cell(_short(said(row)), "red" if row.get("recall") else ""),
        )
    return made


def said(row: Row) -> str:
    """What is said of a run. An office that keeps names at home sends no words of a recall, only its id."""
    recall = row.get("recall")
    if not recall:
        return str(row.get("message", ""))
    words = f"{recall['what']}. {recall['why']}" if recall.get("what") else recall["id"]
    return f"Recalled {local(recall['at'])}: {words}"


def row_json(row: Row) -> Row:
    """A run for programs: the event as the office sent it, when it arrived, and what it cost; no keys of the
    table.
    """
    told = {name: value for name, value in row.items() if name not in ("pk", "sk", *INDEXES)}
    return {**told, "cost": cost_json(cost_of(row))}


def run_view(
    row: Row, others: Iterable[Row], now: datetime, office_bucket: str, deliveries: str = ""
) -> RenderableType:
    """One run from its upload to its end: when, on what, why again, where the results are."""
    parts: list[RenderableType] = [
        Text.assemble(
            cell(where(row), "bold"), " at ", cell(row["office"], "bold"), ": ", state_cell(row["state"])
        ),
        cell(said(row), "red" if row.get("recall") else ""),
        Text(),
        _facts(row, office_bucket, deliveries),
        Text(),
        _timeline(row),
        Text(),
        _attempts(row),
    ]
    earlier = [other for other in others if other["run_id"] != row["run_id"]]
    if earlier:
        parts += [Text(), Text("Other runs of this sample", style="bold"), runs_table(earlier, now)]
    return Group(*parts)


def _facts(row: Row, office_bucket: str, deliveries: str) -> Table:
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True)
    facts.add_column(overflow="fold")  # a place is to be copied whole
    references = ", ".join(
        f"{role}: {' '.join(str(part) for part in pin)}"
        for role, pin in sorted((row.get("references") or {}).items())
    )
    lag = lag_of(row)
    for name, value in (
        ("run", row["run_id"]),
        ("release", f"{row.get('pipeline_version')}  {row.get('release_digest')}"),
        ("references", references),
        ("input", taken(row)),
        ("results of", row.get("after")),
        ("results", f"s3://{office_bucket}/{row['results_prefix']}" if row["state"] == SUCCEEDED else ""),
        ("deliveries", deliveries),
        ("compute", vcpu_hours(row)),
        ("cost", cost_words(cost_of(row))),
        (
            "known here",
            f"revision {row.get('revision')}" + ("" if lag is None else f", {lag:.1f} s after it happened"),
        ),
    ):
        if value:
            facts.add_row(cell(name, "dim"), cell(value))
    return facts


def vcpu_hours(row: Row) -> str:
    """What the attempts used, as far as they have ended."""
    total = 0.0
    for each in row.get("attempts", []):
        first, last = moment(each.get("started")), moment(each.get("ended"))
        if first and last:
            total += each.get("vcpus", 0) * (last - first).total_seconds() / 3600
    return f"{total:.2f} vCPU hours" if total else ""


def _timeline(row: Row) -> Table:
    made = table("when (UTC)", "state", "after")
    # Of each state the last time: an attempt goes through all of them again.
    steps = {"uploaded": row.get("uploaded"), **row.get("times", {})}
    times = sorted(((state, at) for state, at in steps.items() if at), key=lambda each: str(each[1]))
    for number, (state, time) in enumerate(times):
        before = times[number - 1][1] if number else None
        made.add_row(cell(local(time)), state_cell(state), cell(between(before, time)))
    return made


def _attempts(row: Row) -> Table:
    made = table(
        "attempt", "on", "instance", "memory", "vCPUs", "waited", "ran", "class", "reason", "decision"
    )
    for each in row.get("attempts", []):
        made.add_row(
            cell(each["number"]),
            cell(each["queue"]),
            cell(" ".join(str(each[name]) for name in ("instance", "market") if each.get(name))),
            cell(f"{each['memory_mib']} MiB"),
            cell(each["vcpus"]),
            cell(between(each.get("submitted"), each.get("started"))),
            cell(between(each.get("started"), each.get("ended"))),
            cell(each.get("class"), "red"),
            cell(each.get("reason")),
            cell(each.get("decision")),
        )
    return made


def findings_table(found: Iterable[Finding]) -> Table:
    made = table("office", "looked at", "", "found", "to do")
    for each in found:
        sign, style = {GOOD: ("ok", "green"), BAD: ("wrong", "red")}.get(each.how, ("unsure", "yellow"))
        made.add_row(
            cell(each.office), cell(each.what), cell(sign, style), cell(each.words), cell(each.to_do)
        )
    return made


def letters_table(found: Iterable[Mapping[str, Any]]) -> Table:
    made = table("office", "queue", "why", "sent back")
    for each in found:
        sent = "yes" if each["sent"] else ""
        made.add_row(cell(each["office"]), cell(each["queue"]), cell(each["reason"]), cell(sent, "green"))
    return made


def compared_table(compared: Iterable[Compared]) -> RenderableType:
    kinds = (MISSING, BEHIND, DIFFERENT, AHEAD, UNKNOWN)
    made = table("office", "runs in its ledger", "rows at headquarters", "on their way", *kinds)
    notes = []
    for each in compared:
        counts = Counter(difference.kind for difference in each.differences)
        made.add_row(
            cell(each.office, "bold"),
            cell(each.runs),
            cell(each.rows),
            cell(each.on_their_way),
            *(cell(counts[kind], "red" if counts[kind] else "") for kind in kinds),
        )
        notes += [
            cell(
                f"{one.office} {one.run_id} {one.kind}: revision {_revision(one.ledger_revision)} in"
                f" the ledger, {_revision(one.headquarters_revision)} at headquarters"
            )
            for one in each.differences[:MOST_NAMED]
        ]
    return Group(made, *([Text(), *notes] if notes else []))


def _revision(number: int | None) -> str:
    return "none" if number is None else str(number)


def compared_json(compared: Compared) -> dict[str, Any]:
    return {
        "office": compared.office,
        "runs": compared.runs,
        "rows": compared.rows,
        "on_their_way": compared.on_their_way,
        "differences": [
            {
                "run_id": each.run_id,
                "kind": each.kind,
                "ledger_revision": each.ledger_revision,
                "headquarters_revision": each.headquarters_revision,
            }
            for each in compared.differences
        ],
    }


def _short(words: str, most: int = 90) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"
