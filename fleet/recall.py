"""Recall: what came of a bad image, reference or upload is marked as such, and told, in every office.

The mark is one conditional write in the office's ledger, a revision later than was read: `status.json`,
headquarters' row and the project's page follow by the way of every change, and reconcile finds a run whose
mark was not told. A run keeps its state: a recall says that its results must not be used, not that they are
gone. The same recall again finds its marks, and only does what was left undone.
"""

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace

from components.office import Office
from fleet.access import Access
from fleet.output import Refused
from fleet.rerun import refusal, run_again
from handlers import ledger, notices
from handlers.announce import announce
from handlers.context import Context
from handlers.notices import Notice
from handlers.project import leaving
from handlers.run import Recalled, Run

MAX_TRIES = 8
AT_ONCE = 4  # as many connections as the office's clients keep


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What turned out to be bad, and why, in words. The same cause is the same recall."""

    what: str
    why: str
    next: str  # for the branch: what happens now

    @property
    def id(self) -> str:
        told = json.dumps([self.what, self.why])
        return "recall-" + hashlib.sha256(told.encode()).hexdigest()[:16]

    def at(self, now: str) -> Recalled:
        return Recalled(id=self.id, what=self.what, why=self.why, next=self.next, at=now)


@dataclass(frozen=True, kw_only=True)
class Marked:
    """A run after its recall. `new`: this recall has marked it, not an earlier one."""

    run: Run
    new: bool


@dataclass(frozen=True, kw_only=True)
class Again:
    """What became of a run's rerun: the new run's id, or why there is none."""

    run_id: str | None
    reason: str | None = None


def recalled(run: Run, cause: Cause, now: str) -> Run:
    """The run as its recall makes it, one revision later. `now` is ISO 8601."""
    return replace(
        run,
        recall=cause.at(now),
        revision=run.revision + 1,
        updated=now,
    )


def mark(context: Context, run_id: str, cause: Cause) -> Marked | None:
    """Mark one run and tell it; None if the ledger does not have it."""
    for _ in range(MAX_TRIES):
        run = ledger.read_run(context, run_id)
        if run is None:
            return None
        if run.recall is not None and run.recall.id == cause.id:
            announce(context, run)  # nothing, if that is done
            return Marked(run=run, new=False)
        after = recalled(run, cause, context.now)
        if ledger.mark_recalled(context, after, *leaving(context, run)):
            announce(context, after)
            return Marked(run=after, new=True)
    raise Refused(f"{run_id} changed {MAX_TRIES} times while it was to be marked: try again")


def mark_all(context: Context, run_ids: Iterable[str], cause: Cause) -> list[Marked]:
    """Mark these runs of an office, as far as its ledger has them, then leave a notice for the people of
    each project.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(lambda run_id: mark(context, run_id, cause), run_ids))
    marked = [each for each in answers if each is not None]
    projects: dict[str, list[Run]] = {}
    for each in marked:
        projects.setdefault(each.run.sample.project, []).append(each.run)
    for project, runs in projects.items():
        notices.leave(context, notice_of(project, runs, cause, context.office.name))
    return marked


def notice_of(project: str, runs: list[Run], cause: Cause, office: str) -> Notice:
    """What a project's people are told: once for all its samples, however many."""
    pages = sorted({ledger.page_of(run.sample) for run in runs})
    lines = [
        f"Results of {project} at {office} are recalled: {cause.what}.",
        cause.why,
        f"What happens now: {cause.next}",
        f"Which samples: {', '.join(f'{page}/status.html' for page in pages)} in the results bucket.",
    ]
    return Notice(
        id=f"{cause.id}#{project}",
        project=project,
        subject=f"GlobalBI {office}: results are recalled",
        text="\n".join(notices.harmless(line) for line in lines),
        contacts=True,
    )


def worth_rerunning(marked: Iterable[Marked]) -> list[Run]:
    """Those whose input is good: what takes the results of a recalled run starts by itself when that one is
    made anew.
    """
    runs = [each.run for each in marked]
    bad = {run.run_id for run in runs}
    projects = {(run.sample.pipeline, run.sample.project) for run in runs}
    return [
        run
        for run in runs
        if (run.after is None or run.after.run_id not in bad)
        and (run.members is None or (run.members.pipeline, run.sample.project) not in projects)
    ]


def rerun_all(access: Access, home: Office, runs: Iterable[Run], pace: "Pace") -> Mapping[str, Again]:
    """Start each run again on the office's present release; by run id, what came of it."""
    context = access.context_of_functions(home)
    return {run.run_id: again for run, again in _each(access, home, context, runs, pace)}


def _each(
    access: Access, home: Office, context: Context, runs: Iterable[Run], pace: "Pace"
) -> Iterator[tuple[Run, Again]]:
    for run in runs:
        newest = ledger.read_newest(context, run.sample)
        release = access.fleet.release(home, run.sample.pipeline)
        reason = refusal(run, newest, release)
        if reason is not None or newest is None or release is None:
            yield run, Again(run_id=None, reason=reason)
            continue
        pace.wait()
        try:
            new = run_again(context, run, newest, release, lambda: context)
        except Refused as error:
            yield run, Again(run_id=None, reason=str(error))
        else:
            yield run, Again(run_id=new)


@dataclass(kw_only=True)
class Pace:
    """No more than so many starts a minute, evenly: the office's own work goes on beside them."""

    per_minute: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _next: float = 0.0

    def wait(self) -> None:
        """Until the next start is due."""
        now = self.clock()
        if now < self._next:
            self.sleep(self._next - now)
        self._next = max(now, self._next) + 60 / self.per_minute


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of releases that turned out to be bad: an image, or a version of a reference."""

    digest: str | None = None
    reference: tuple[str, str] | None = None

    def is_in(self, digest: str, references: Iterable[tuple[str, str]]) -> bool:
        """Of a release, given its image's digest and its references as names and versions."""
        return digest == self.digest or any(each == self.reference for each in references)


def still_used(access: Access, home: Office, part: Part) -> list[str]:
    """The pipelines whose release has that part: in the office's file, or in what its functions start."""
    applied = access.context_of_functions(home).office.releases
    named = {name for name, each in home.releases.items() if part.is_in(each.digest, each.references.items())}
    started = {name for name, each in applied.items() if part.is_in(each.digest, each.references.values())}
    return sorted(named | started)


def told(marked: Marked) -> dict[str, object]:
    """A marked run for programs."""
    run = marked.run
    return {
        "run_id": run.run_id,
        "pipeline": run.sample.pipeline,
        "project": run.sample.project,
        "sample": run.sample.sample,
        "state": run.state,
        "after": run.after.run_id if run.after else None,
        "marked": marked.new,
        "recall": asdict(run.recall) if run.recall else None,
    }
