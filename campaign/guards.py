# ruff: noqa: E501 -- code that is replaced stands here as it stands there
"""`python -m campaign.guards`: remove each guard in turn, and see that its absence is noticed.

A guard is a condition, an order check, the lease, a lookup: a few words of the production code, named here
with what they are replaced by. Each is removed in a process of its own, by changing the source as it is
imported; the words must stand in it exactly once, so that this list cannot outlive the code. Then the checks
run, until one of them fails. A guard that can be removed without a failure guards nothing.
"""

import argparse
import importlib.abc
import importlib.machinery
import json
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.table import Table

from campaign.budget_guards import BUDGET_GUARDS
from campaign.cohort_guards import COHORT_GUARDS
from campaign.delivery_guards import DELIVERY_GUARDS
from campaign.guard import Guard, guard

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {"handlers": ROOT, "runner": ROOT / "pipeline_images" / "runner"}
TIME_LIMIT_S = 300


_KEEP = '"attribute_exists(pk) OR attribute_not_exists(pk)"'
GUARDS = (
    guard(
        "the claim of a sample's first run is conditional", "races", "handlers.ledger",
        'return {"ConditionExpression": "attribute_not_exists(pk)"}', f'return {{"ConditionExpression": {_KEEP}}}',
        ("handlers.ledger", '                "ConditionExpression": "attribute_not_exists(pk)",', ""),
    ),
    guard(
        "the claim of a newer upload's run is conditional on the newest known", "races", "handlers.ledger",
        '"ConditionExpression": "version_id = :known AND run_id = :run"',
        '"ConditionExpression": "version_id = :known OR NOT run_id = :run OR run_id = :run"',
    ),
    guard(
        "a transition is conditional on the revision that was read", "races", "handlers.ledger",
        "#revision = :read AND NOT", "(#revision = :read OR NOT #revision = :read) AND NOT",
    ),
    guard(
        "a run at its end stays there", "small_campaign", "handlers.ledger",
        "#revision = :read AND NOT #state IN ({', '.join(ends)})",
        "#revision = :read AND (NOT #state IN ({', '.join(ends)}) OR #revision = :read)",
        ("handlers.progress", "    if run.terminal:\n        return None\n    if isinstance(results, Published)",
         "    if isinstance(results, Published)"),
        ("handlers.progress", "job.status in ENDED and not run.terminal", "job.status in ENDED"),
    ),
    guard(
        "one function at a time has the turn to submit", "races", "handlers.ledger",
        "revision = :revision AND turn_expires <= :now",
        "revision = :revision AND (turn_expires <= :now OR turn_expires > :now)",
    ),
    guard(
        "the job is looked up by its name before it is submitted again", "doubt", "handlers.submit",
        "if found := job_by_name(context, run.job_name()):\n            logger", "if found := None:\n            logger",
    ),
    guard(
        "a lost reply to SubmitJob is a doubt, not a failure", "doubt", "handlers.submit",
        "        except BotoCoreError as error:\n            return _after_doubt(context, run, error)",
        "        except BotoCoreError:\n            continue",
    ),
    guard(
        "a submission that is in doubt is not acknowledged", "without_reconcile", "handlers.submit",
        "    raise Waiting(f\"whether {run.job_name()}",
        "    return 'unknown'\n    raise Waiting(f\"whether {run.job_name()}",
    ),
    guard(
        "SubmitJob is never repeated by botocore", "doubt", "handlers.context",
        '_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 1}',
        '_ONCE = Config(retries={"mode": "standard", "total_max_attempts": 5}',
    ),
    guard(
        "room is asked for before each submission", "burst", "handlers.submit",
        "        wait_for_room(context)\n", "",
    ),
    guard(
        "a window has room for ten submissions", "burst", "handlers.rate",
        "#window = :window AND made < :most", "#window = :window AND (made < :most OR made >= :most)",
    ),
    guard(
        "an older upload is ignored", "orders", "handlers.intake",
        "    if not newer:\n", "    if newer is None:\n",
    ),
    guard(
        "a newer upload ends the run in progress", "story", "handlers.intake",
        "Start(supersedes=None if last.terminal else last)", "Start(supersedes=None)",
    ),
    guard(
        "the same bytes are not analysed again", "story", "handlers.intake",
        " and same_content(upload.content, known.content):", " and False:",
    ),
    guard(
        "events of other buckets are refused", "strays", "handlers.intake",
        "notice is None or notice.bucket != context.office.uploads", "notice is None",
    ),
    guard(
        "a job that was submitted while its run moved on is stopped", "races", "handlers.submit",
        '        stop_job(context, job_id, "the run has moved on while this job was submitted")', "        pass",
        ("handlers.announce", "    if job_id:\n", "    if job_id and run.attempt.job_id:\n"),
    ),
    guard(
        "a superseded run's job is stopped", "story", "handlers.announce",
        "    if job_id:\n", "    if False:\n",
    ),
    guard(
        "what is said of an earlier attempt changes nothing", "small_campaign", "handlers.progress",
        "    if job.attempt != run.attempt.number:\n        return None\n    if run.attempt.job_id not in",
        "    if run.attempt.job_id not in",
        ("handlers.progress", "    if run.attempt.job_id not in (None, job.job_id):\n        return (",
         "    if False:\n        return ("),
    ),
    guard(
        "a second job of an attempt does not speak for it", "strays", "handlers.progress",
        "    if run.attempt.job_id not in (None, job.job_id):\n        return (", "    if False:\n        return (",
    ),
    guard(
        "exit 0 without a manifest is a failure", "story", "handlers.manifest",
        'return Missing(reason="the results have no manifest")', "return Published(attempt=1, report=None)",
    ),
    guard(
        "a manifest behind a failed job is a success", "story", "handlers.progress",
        "    if isinstance(results, Published):\n", "    if isinstance(results, Published) and job.status == 'SUCCEEDED':\n",
    ),
    guard(
        "each class of failure has a budget", "story", "handlers.ladder",
        "if used >= budget or run.attempt.number >= MAX_ATTEMPTS:", "if used >= 99:",
    ),
    guard(
        "status.json never goes back to an older revision", "late_words", "handlers.status",
        'held.get("run_id") == run.run_id and held["revision"] >= run.revision', "False",
    ),
    guard(
        "only the newest run writes status.json", "late_words", "handlers.status",
        "newest is None or newest.run_id != run.run_id", "newest is None",
    ),
    guard(
        "status.json is written only as it was read", "late_words", "handlers.status",
        'condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}', "condition: dict[str, str] = {}",
    ),
    guard(
        "a record that failed goes back to its queue", "without_reconcile", "handlers.records",
        '                context.counts["RecordsFailed"] += 1\n                failed.append({"itemIdentifier": message_id})',
        '                context.counts["RecordsFailed"] += 1',
    ),
    guard(
        "no record is begun when the time runs short", "slow", "handlers.records",
        "context.time_left() < LEAST_S_FOR_A_RECORD", "context.time_left() < -1000",
    ),
    guard(
        "headquarters' row is replaced by a later revision only", "headquarters", "handlers.fleet",
        '"revision < :revision"', '"(revision < :revision OR revision >= :revision)"',
    ),
    guard(
        "headquarters' row is replaced by the same account only", "strays", "handlers.fleet",
        "AND account = :account)", "AND (account = :account OR NOT account = :account))",
    ),
    guard(
        "reconcile finds uploads without a run", "dropped", "handlers.reconcile",
        "    _uploads(context)\n\n", "\n\n",
    ),
    guard(
        "reconcile finds claims without a job", "doubt", "handlers.reconcile",
        'Finding(name="ClaimsWithoutJob") if', 'None if',
    ),
    guard(
        "reconcile finds jobs that ended unseen", "dropped", "handlers.reconcile",
        'Finding(name="JobsEndedUnseen") if quiet', "None if quiet",
    ),
    guard(
        "reconcile tells what was not told", "doubt", "handlers.reconcile",
        '        if quiet and run.announced < run.revision:\n            return Finding(name="Unannounced")', "        pass",
    ),
    guard(
        "a passport is due by the write that ends its run", "small_campaign", "handlers.progress",
        "        passport_due=True,\n", "",
    ),
    guard(
        "reconcile signs the passports that nobody has", "unsigned", "handlers.reconcile",
        "    _passports(context)\n", "",
    ),
    guard(
        "of two passports the first one stays", "small_campaign", "handlers.objects",
        '            IfNoneMatch="*",\n', "",
    ),
    guard(
        "the lease is free before it is taken", "twins", "runner.lease",
        'f"{_OPEN} AND ({_FREE})"', 'f"{_OPEN}"',
        ("runner.lease", "_FREE = (\n", '_FREE = "lease_attempt <= :attempt AND lease_expires < :now AND :token = :token"\n_UNUSED = (\n'),
    ),
    guard(
        "a lease is taken only for the attempt that is current, of a run that is open", "superseded_while_running",
        "runner.lease", '_OPEN = "#attempt = :attempt AND NOT #state IN (:t0, :t1, :t2, :t3)"',
        '_OPEN = "(#attempt = :attempt OR NOT #attempt = :attempt) AND (NOT #state IN (:t0, :t1, :t2, :t3)'
        ' OR #state IN (:t0, :t1, :t2, :t3))"',
    ),
    guard(
        "the lease is confirmed, and its loss stops the work", "superseded_while_running", "runner.lease",
        'reason = self._why_not(_holder(error)) or "another container of this attempt has taken over"',
        "return",
    ),
    guard(
        "the manifest is written only if absent", "sleepers", "runner.publish",
        '        self.confirm()\n        condition = {"IfNoneMatch": "*"}', "        self.confirm()\n        condition = {}",
    ),
    guard(
        "a result file is written only as it was seen", "sleepers", "runner.publish",
        '        file = _read(folder / path, path)\n', '        file = _read(folder / path, path)\n        blind = True\n',
        ("runner.publish", "            if self._put_whole(folder / path, file, condition):", "            if self._put_whole(folder / path, file, {} if blind else condition):"),
    ),
    *COHORT_GUARDS,
    *BUDGET_GUARDS,
    *DELIVERY_GUARDS,
)  # fmt: skip


class Changed(importlib.abc.MetaPathFinder):
    """Imports the modules named with their changes."""

    def __init__(self, changes: Sequence[tuple[str, str, str]]) -> None:
        self._changes = changes

    def find_spec(
        self,
        name: str,
        path: object = None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        mine = [(old, new) for module, old, new in self._changes if module == name]
        if not mine:
            return None
        file = path_of(name)
        return importlib.machinery.ModuleSpec(name, _Loader(name, str(file), mine), origin=str(file))


class _Loader(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, changes: list[tuple[str, str]]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def path_stats(self, path: str) -> dict[str, float]:
        raise OSError(path)  # no bytecode: it is not of this source

    def get_data(self, path: str) -> bytes:
        text = super().get_data(path).decode()
        for old, new in self._changes:
            text = text.replace(old, new)
        return text.encode()


def path_of(module: str) -> Path:
    return FOLDERS[module.partition(".")[0]] / (module.replace(".", "/") + ".py")


def stale(guard: Guard) -> list[str]:
    """What of a guard's words does not stand in the source exactly once."""
    wrong = []
    for module, old, _ in guard.changes:
        count = path_of(module).read_text().count(old)
        if count != 1:
            wrong.append(f"{module} has {old!r} {count} times")
    return wrong


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """`noticed_by` is the check that failed without the guard, and `how` what it said."""

    guard: Guard
    noticed_by: str
    how: str


def without(guard: Guard) -> Verdict:
    """Run the checks without the guard, each in a process of its own, until one fails."""
    from campaign.checks import CHECKS

    if wrong := stale(guard):
        raise LookupError(f"the guard {guard.name!r} must be found in the code: {'; '.join(wrong)}")
    others = [name for name in CHECKS if name != guard.check]
    for checks in ([guard.check], others):
        command = [sys.executable, "-m", "campaign.guards", "--without", guard.name, *checks]
        try:
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False
            )
        except subprocess.TimeoutExpired:
            return Verdict(guard=guard, noticed_by=checks[0], how=f"no end within {TIME_LIMIT_S} s")
        lines = done.stdout.strip().splitlines()
        if not lines or not lines[-1].startswith("{"):
            return Verdict(guard=guard, noticed_by=checks[0], how=done.stderr.strip().splitlines()[-1][:200])
        told = json.loads(lines[-1])
        if told["check"]:
            return Verdict(guard=guard, noticed_by=told["check"], how=told["wrong"][:200])
    return Verdict(guard=guard, noticed_by="", how="")


def whole() -> str:
    """What fails with every guard in its place, which would make each verdict worthless."""
    from campaign.checks import CHECKS

    for name, check in CHECKS.items():
        if wrong := check():
            return f"{name} fails: {wrong[0]}"
    return ""


def _inside(name: str, checks: list[str]) -> int:
    """In the process without the guard: the first check that fails, as JSON."""
    guard = next(each for each in GUARDS if each.name == name)
    sys.dont_write_bytecode = True
    for module in [each for each in sys.modules if each.partition(".")[0] in FOLDERS]:
        del sys.modules[module]
    sys.meta_path.insert(0, Changed(guard.changes))
    from campaign.checks import CHECKS

    for check in checks:
        try:
            wrong = CHECKS[check]()
        except Exception as error:  # a world that breaks down has noticed, too
            wrong = [f"{type(error).__name__}: {error}"]
        if wrong:
            print(json.dumps({"check": check, "wrong": wrong[0]}))
            return 0
    print(json.dumps({"check": "", "wrong": ""}))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0 when every guard's absence was noticed."""
    parser = argparse.ArgumentParser(prog="python -m campaign.guards", description=__doc__)
    parser.add_argument("--without", metavar="GUARD", help=argparse.SUPPRESS)
    parser.add_argument("--processes", type=int, default=2, help="(2)")
    parser.add_argument("--only", metavar="WORD", default="", help="guards whose name holds the word")
    parser.add_argument("checks", nargs="*", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.without:
        return _inside(given.without, given.checks)
    if broken := whole():
        Console().print(f"[red]with every guard in its place, {broken}: mend that first")
        return 1
    guards = [each for each in GUARDS if given.only in each.name]
    with ThreadPoolExecutor(given.processes) as pool:
        verdicts = list(pool.map(without, guards))
    table = Table(title=f"{len(guards)} guards, each removed in turn", title_justify="left")
    for column in ("guard", "where", "noticed by", "how"):
        table.add_column(column)
    for each in verdicts:
        table.add_row(
            each.guard.name,
            each.guard.module,
            each.noticed_by or "[red]nobody",
            each.how[:90].replace("[", "\\["),
        )
    console = Console()
    console.print(table)
    missed = [each.guard.name for each in verdicts if not each.noticed_by]
    console.print(f"{len(verdicts) - len(missed)} of {len(verdicts)} were missed when they were gone")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
