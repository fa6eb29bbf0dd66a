"""The fleet at work: a Spot reclaim, a rejection, deliveries, a sample found in each way, a recall.

Each act says what was to be seen and whether it was. The office's functions, queues and containers do the
work; the acts do what people do (upload, mend a policy, acknowledge, ask `fleet`), and two things that time
does: they reclaim a Spot instance, and call the delivery function, whose schedule comes every five minutes.
"""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from typer.testing import CliRunner

from components.roster import Fleet
from demo.partner import Partner
from demo.story import Offices, Unfinished, wait_for
from fleet.access import Access
from fleet.app import app
from handlers import delivery_ledger
from handlers.delivery_plan import ACKNOWLEDGED, DELIVERED, REFUSED

# Who is owed what, of the office in Europe: the partner that has opened its bucket, and one that has not yet.
OWED = {"acme": "demo", "zenith": "gut"}
ACCOUNTS = {"acme": "444444444444", "zenith": "555555555555"}
RECLAIMED, PLAIN, DAMAGED, OWED_LATER = (
    ("us", "metagenome/river/R1"),
    ("hq", "metagenome/soil/S1"),
    ("hq", "metagenome/soil/S2"),
    ("eu", "metagenome/gut/G1"),
)
WHY = "The tubes of R1 and R2 were swapped."


@dataclass
class Claims:
    """What was to be seen, and what of it was not."""

    console: Console
    missed: list[str] = field(default_factory=list)

    def seen(self, words: str, holds: bool) -> None:
        self.console.print(f"[green]✓[/] {words}" if holds else f"[red]✗ {words}: not seen")
        if not holds:
            self.missed.append(words)


def settings(partners: dict[str, Partner]) -> dict[str, Any]:
    """What the office's file says of its partners."""
    return {
        "globalbi:partners": {name: partner.settings() for name, partner in partners.items()},
        "globalbi:deliveries": [
            {"partner": name, "pipeline": "metagenome", "project": project, "names": ["report", "tables"]}
            for name, project in OWED.items()
        ],
    }


@dataclass(frozen=True, kw_only=True)
class Acts:
    """`main` is the run of the first story; `small` a sample that is soon analysed."""

    offices: Offices
    partners: dict[str, Partner]
    main: dict[str, Any]
    small: Path
    claims: Claims

    @property
    def access(self) -> Access:
        root, endpoint = self.offices.twin.root, self.offices.twin.endpoint
        return Access(fleet=Fleet.load(root), endpoint=endpoint)

    def play(self) -> None:
        since = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        runs = self.at_work()
        self.deliver(runs)
        self.find(runs, since)
        self.recall(runs)

    # --- offices at work ---

    def at_work(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Four samples in three offices at once; their last status."""
        damaged = self.small.with_name("cut.tar")
        damaged.write_bytes(self.small.read_bytes()[: self.small.stat().st_size // 2])
        for office, sample in (RECLAIMED, PLAIN, OWED_LATER):
            self.offices.upload(office, f"{sample}/input.tar", self.small)
        self.offices.upload(DAMAGED[0], f"{DAMAGED[1]}/input.tar", damaged)
        with self.offices.console.status("Four samples in three offices, one instance reclaimed …"):
            self._reclaim(*RECLAIMED)
            places = (RECLAIMED, PLAIN, DAMAGED, OWED_LATER)
            with ThreadPoolExecutor(len(places)) as pool:
                ended = dict(
                    zip(places, pool.map(lambda each: self.offices.ended(*each), places), strict=True)
                )
        names = {row["office"] for row in self.fleet("samples", "--state", "succeeded")["runs"]}
        self.claims.seen(f"three offices at work: results in {', '.join(sorted(names))}", len(names) == 3)
        first, *rest = ended[RECLAIMED]["attempts"]
        self.claims.seen(
            f"recovered from a Spot reclaim: us {_name(RECLAIMED)}, attempt 1 “{first['reason'].strip('.')}”,"
            f" attempt {len(rest) + 1} {ended[RECLAIMED]['state']}",
            (first["class"], ended[RECLAIMED]["state"], len(rest)) == ("spot", "succeeded", 1),
        )
        bad = ended[DAMAGED]
        self.claims.seen(f"rejected: hq {_name(DAMAGED)}, “{bad['summary']}”", bad["state"] == "rejected")
        return ended

    def _reclaim(self, office: str, sample: str) -> None:
        """Takes the sample's instance away as soon as its runner is at work."""
        dynamodb, table = (
            self.offices.twin.client("dynamodb", office),
            self.offices.outputs[office]["ledger_table"],
        )

        def job() -> str | None:
            status = self.offices.status(office, sample)
            if not status or not status["attempts"]:
                return None
            key = {"pk": {"S": f"run#{status['run_id']}"}, "sk": {"S": "run"}}
            item = dynamodb.get_item(TableName=table, Key=key, ConsistentRead=True)["Item"]
            return status["attempts"][-1]["job_id"] if "lease_attempt" in item else None

        self.offices.twin.fault(office, wait_for(f"{sample} of {office} at work", job), "spot")

    # --- deliveries ---

    def deliver(self, runs: dict[tuple[str, str], dict[str, Any]]) -> None:
        """One is delivered and acknowledged; one is refused, and made once the partner has let us in."""
        acme, zenith = self.partners["acme"], self.partners["zenith"]
        sent = self._delivery(self.main["run_id"], DELIVERED)["delivery_id"]
        files, wrong = acme.listed(sent), acme.received(sent)
        acme.acknowledge(sent)
        self._pass()
        closed = self._delivery(self.main["run_id"], ACKNOWLEDGED)
        self.claims.seen(
            f"delivered to acme and acknowledged: {len(files)} files, every SHA-256 right",
            not wrong and closed["state"] == ACKNOWLEDGED,
        )
        late = runs[OWED_LATER]["run_id"]
        refused = self._delivery(late, REFUSED)
        nothing = not zenith.listed(refused["delivery_id"])
        zenith.let_in()
        self._five_minutes_later(refused["delivery_id"])
        self._pass()
        whole = self._delivery(late, DELIVERED)
        self.claims.seen(
            f"refused by zenith ({refused['failure']}, nothing of it there), whole once its policy is mended",
            nothing and not zenith.received(whole["delivery_id"]),
        )

    def _delivery(self, run_id: str, state: str) -> dict[str, Any]:
        def found() -> dict[str, Any] | None:
            told = self.fleet("deliveries", "eu", "--state", state)
            return next((each for each in told if each["run_id"] == run_id), None)

        delivery: dict[str, Any] = wait_for(f"the delivery of {run_id} as {state}", found)
        return delivery

    def _five_minutes_later(self, delivery: str) -> None:
        """A refused delivery is tried again after five minutes: for this one they have gone by."""
        context = self.access.context(self.access.fleet.office("eu"))
        known = delivery_ledger.read(context, delivery)
        if known is None or not delivery_ledger.advance(
            context, known.moved(REFUSED, "2026-01-01T00:00:00.000Z")
        ):
            raise Unfinished(f"delivery {delivery} changed while it was refused")

    def _pass(self) -> None:
        """The delivery function, as its schedule calls it."""
        lambda_ = self.offices.twin.client("lambda", "eu")
        answer = lambda_.invoke(FunctionName="globalbi-eu-delivery", Payload=b"{}")
        if "FunctionError" in answer:
            raise Unfinished(f"the delivery function failed: {answer['Payload'].read().decode()}")

    # --- headquarters asks ---

    def find(self, runs: dict[tuple[str, str], dict[str, Any]], since: str) -> None:
        """The same runs by every way there is."""
        ids = {place: status["run_id"] for place, status in runs.items()} | {
            ("eu", "main"): self.main["run_id"]
        }
        one = self.fleet("sample", "river/R1")["run"]["run_id"]
        ways = {
            "project": ("soil", {ids[PLAIN], ids[DAMAGED]}),
            "office": ("eu", {ids[("eu", "main")], ids[OWED_LATER]}),
            "state": ("rejected", {ids[DAMAGED]}),
            "release": (self.main["release_digest"], set(ids.values())),
            "since": (since, {ids[place] for place in runs}),
        }
        wrong = [] if one == ids[RECLAIMED] else ["sample"]
        for way, (value, expected) in ways.items():

            def found(way: str = way, value: str = value, expected: set[str] = expected) -> bool:
                rows = self.fleet("samples", f"--{way}", value)["runs"]
                return {row["run_id"] for row in rows} == expected

            if not _soon(found):
                wrong.append(way)
        told = "sample, project, office, state, release and time"
        self.claims.seen(f"found by {told}" + (f" (not by {', '.join(wrong)})" if wrong else ""), not wrong)
        self.claims.seen("headquarters' table equals the offices' ledgers", _soon(self._equal))

    def _equal(self) -> bool:
        compared = self.fleet("check")
        return all(not each["differences"] and each["runs"] == each["rows"] for each in compared)

    def recall(self, runs: dict[tuple[str, str], dict[str, Any]]) -> None:
        """What one upload went into; the branch reads it."""
        office, sample = RECLAIMED
        upload = runs[RECLAIMED]["upload"]
        words = ("--upload", office, upload["key"], upload["version_id"], "--reason", WHY, "--yes")
        recalled = self.fleet("recall", *words)["runs"]

        def reads() -> bool:
            status = self.offices.status(office, sample)
            return bool(status and status["recall"] and WHY in status["summary"])

        marked = [each["run_id"] for each in recalled] == [runs[RECLAIMED]["run_id"]]
        self.claims.seen(
            f"recalled: us {_name(RECLAIMED)}, and its branch reads “{WHY}”", marked and _soon(reads)
        )

    def fleet(self, *words: str) -> Any:
        """What the command `fleet` answers to a program."""
        result = CliRunner().invoke(app, [*words, "--json"], obj=self.access)
        if result.exit_code not in (0, 1) or (
            result.exception and not isinstance(result.exception, SystemExit)
        ):
            why = result.stderr or result.exception
            raise Unfinished(f"`fleet {' '.join(words)}` ended with {result.exit_code}: {why}")
        return json.loads(result.stdout)


def _soon(probe: Callable[[], bool], seconds: float = 20) -> bool:
    """Whether it holds within as long: events are on their way."""
    deadline = time.monotonic() + seconds
    while not (holds := probe()) and time.monotonic() < deadline:
        time.sleep(0.3)
    return holds


def _name(place: tuple[str, str]) -> str:
    return place[1].partition("/")[2]
