"""A container of a job: the runner's own story (`runner.job.run`), with a pipeline that only takes time.

The lease, its renewal, the publication and the last words are the production runner's. References, unpacking
and the pipeline are replaced by waiting.
"""

import hashlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import runner.after
import runner.job
import runner.members
import runner.publish
from runner.environment import job_from
from runner.lease import LEASE_S, RENEW_EVERY_S, Lease
from runner.outcome import EX_IOERR, TERMINATED, Failed, Refused
from runner.stop import Stop
from runner.supervise import Ended
from runner.usage import Usage

from campaign.account import Life
from campaign.simulation import Killed, Simulation, Task

if TYPE_CHECKING:
    from campaign.account import Account
    from campaign.batch import Batch

# Every so many renewals go through the client; the others, whose condition holds, are written straight to the
# table, so that an hour of a container costs no more than a minute.
RENEWALS_BY_CLIENT = 10
HOST_LOST = "Host EC2 (instance i-0c0ffee0c0ffee000) terminated."
SCRATCH = Path(tempfile.gettempdir())


class VirtualStop(Stop):
    """Its waits pass in virtual time."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def wait(self, seconds: float) -> bool:
        self._simulation.sleep(seconds)
        return self.asked


class Container:
    """`ended` says in a word how it ended; `started` and `stopped` are epoch seconds."""

    def __init__(
        self, batch: "Batch", job: dict[str, Any], environment: Mapping[str, str], limit_s: int
    ) -> None:
        self.batch, self.job, self.environment, self.limit_s = batch, job, environment, limit_s
        self.account: Account = batch.account
        self.simulation = batch.simulation
        self.chance = Random(f"{batch.account.seed} {batch.account.name} {job['jobId']}")
        self.stop = VirtualStop(self.simulation)
        self.task: Task | None = None
        self.started = self.stopped = 0.0
        self.worked = False  # the pipeline was begun
        self.published = False
        self.ended = ""
        self.run_id, self.attempt = environment["RUN_ID"], int(environment["ATTEMPT"])
        self.sample = f"{environment['PROJECT']}/{environment['SAMPLE']}"
        self.fate = ""
        self._fail_at = 0.0
        self._work_s = 0.0

    def start(self) -> None:
        rates, chance = self.batch.rates, self.chance
        self.started = self.simulation.now
        self._work_s = min(3600.0, 120 + chance.expovariate(1 / 400))
        if "quick" in self.batch.sick.get(self.sample, ()):
            self._work_s = 2.0
        on_spot = self.job["jobQueue"] == self.account.office.job_queue
        sick = self.batch.sick.get(self.sample, set())
        if "memory" in sick and int(self.environment["MEMORY_MIB"]) < 10_000:
            self.fate = "out of memory"
        elif "reclaim" in sick and self.attempt <= 2:
            self.fate = "reclaimed"
        elif "empty" in sick and self.attempt == 1:
            self.fate = "empty"
        elif "inspect" in sick:
            self.fate = "cannot inspect"
        elif "hopeless" in sick:
            self.fate = "unknown failure"
        elif "cut off" in sick and self.attempt == 1:
            self.fate = "cut off"
        elif "host" in sick and self.attempt <= 2:
            self.fate = "host failed"
        elif on_spot and chance.random() < rates.reclaimed:
            self.fate = "cut off" if chance.random() < rates.zombies else "reclaimed"
        elif chance.random() < rates.unknown_failure and self.attempt == 1:
            self.fate = "unknown failure"
        elif chance.random() < rates.cannot_inspect:
            self.fate = "cannot inspect"
        elif chance.random() < rates.paused:
            self.fate = "paused"
        if "input" in sick:
            self.fate = "bad input"
        self._fail_at = self._work_s * chance.random()
        if self.fate in ("reclaimed", "cut off"):
            self.simulation.after(self._fail_at + 1, self._reclaim)
        self.task = self.simulation.start(self._live)
        self.account.lives[self.task] = Life(name=f"container {self.job['jobName']} {self.job['jobId'][:4]}")

    def terminate(self, grace_s: float) -> None:
        self.stop.ask("stopped by SIGTERM", TERMINATED)
        self.simulation.after(grace_s, lambda: self._dead("stopped", code=137))

    def _reclaim(self) -> None:
        if self.stopped:
            return
        self.batch.counts[self.fate] += 1
        if self.fate == "cut off":
            self.batch.end(self.job, reason=HOST_LOST)
        else:
            self._dead("reclaimed", reason=HOST_LOST)

    def _dead(self, word: str, **end: Any) -> None:
        if self.stopped:
            return
        self._over(word)
        assert self.task is not None
        self.task.kill(word)
        self.batch.end(self.job, **end)

    def _over(self, word: str) -> None:
        self.stopped, self.ended = self.simulation.now, word

    def _live(self) -> None:
        environ = {
            **self.environment,
            "AWS_REGION": self.account.region,
            "AWS_BATCH_JOB_ID": self.job["jobId"],
            "PIPELINE_COMMAND": "pipeline",
        }
        attempt = runner.job.Attempt(
            job=job_from(environ),
            clients=self.account.runner_clients,
            environ={},
            stop=self.stop,
            clock=lambda: self.simulation.now,
            token=self.job["jobId"],
        )
        _present[self.job["jobId"]] = self
        try:
            code = 0 if self.fate == "empty" else runner.job.run(attempt)
        except OutOfMemory:
            self._over("out of memory")
            reason = "OutOfMemoryError: Container killed due to memory usage"
            self.batch.end(self.job, code=137, container=reason)
            return
        except Killed:
            if not self.stopped:
                self.fate = "reclaimed"
                self._dead("reclaimed", reason=HOST_LOST)
            return
        finally:
            _present.pop(self.job["jobId"], None)
            self.account.lives.pop(self.simulation.task, None)
        if self.stopped:
            return
        self._over(
            {0: "ended well", 65: "refused", 75: "lost its lease", 143: "stopped"}.get(
                code, f"failed ({code})"
            )
        )
        if self.fate == "cannot inspect" and code == 0:
            self.batch.counts["cannot inspect"] += 1
            self.batch.end(
                self.job, code=0, container="CannotInspectContainerError: Could not transition to inspecting"
            )
        elif code:
            self.batch.end(self.job, code=code, reason="Essential container in task exited")
        else:
            self.batch.end(self.job, code=0)

    def pipeline(self, lease: Lease, folders: Any) -> Ended:
        """Stands for the pipeline: time passes, the lease is renewed, and what must befall it befalls."""
        self.worked = True
        end = self.simulation.now + self._work_s
        fails = self.simulation.now + self._fail_at if self.fate in _INNER else float("inf")
        renewals = 0
        while self.simulation.now < end:
            self.simulation.sleep(min(RENEW_EVERY_S + 0.001, end - self.simulation.now))
            if self.simulation.now >= fails:
                self._befall()
                fails = float("inf")
            renewals += 1
            if renewals % RENEWALS_BY_CLIENT == 0 or not self._renew_quietly(lease):
                lease.renew_if_due()
            self.stop.check()
        text = f"{self.job['jobName']} by {self.job['jobId']}"
        (folders.output / "report.html").write_text(text)
        for path in self.batch.more_results:
            (folders.output / path).parent.mkdir(parents=True, exist_ok=True)
            (folders.output / path).write_text(f"{path} of {text}")
        if any(self.environment["PIPELINE"] in each.after for each in self.account.office.releases.values()):
            (folders.output / "abundance").mkdir()
            (folders.output / "abundance" / "species.tsv").write_text(text)
        usage = Usage(
            wall_s=self._work_s,
            cpu_s=self._work_s,
            max_rss_mib=5000,
            max_anonymous_mib=4900,
            max_disk_mib=900,
        )
        return Ended(code=0, words="", usage=usage)

    def _befall(self) -> None:
        self.batch.counts[self.fate] += 1
        match self.fate:
            case "out of memory":
                raise OutOfMemory
            case "bad input":
                raise Refused("the tar ends in the middle of a file", "upload it again")
            case "host failed":
                raise Failed("reading or writing failed: Input/output error", EX_IOERR)
            case "unknown failure":
                raise Failed("the pipeline ended with 1", 1)
            case "paused":
                self.simulation.sleep(self.chance.uniform(60, 1500))

    def _renew_quietly(self, lease: Lease) -> bool:
        """What a renewal would write, where its condition holds."""
        item = self.account.table.items.get(f"run#{self.run_id}")
        if (
            item is None
            or item["state"]["S"] not in ("received", "submitted", "running")
            or item["attempt"]["N"] != str(self.attempt)
            or item.get("lease_token", {}).get("S") != lease.token
        ):
            return False
        now = self.simulation.now
        item["lease_expires"] = {"N": str(int(now) + LEASE_S)}
        lease._expires, lease._written = now + LEASE_S, now
        return True


class OutOfMemory(Killed):
    """The kernel has killed the container: it says nothing more."""


_INNER = ("host failed", "out of memory", "bad input", "unknown failure", "paused")
_present: dict[str, Container] = {}  # by job id, which is the lease's token here


class _Inline:
    """An executor that does each thing at once: one thread, one order."""

    def __init__(self, *_: Any, **__: Any) -> None: ...

    def __enter__(self) -> "_Inline":
        return self

    def __exit__(self, *_: Any) -> None: ...

    def submit(self, call: Any, *arguments: Any) -> Any:
        result = call(*arguments)
        return SimpleNamespace(result=lambda: result)

    map = staticmethod(map)

    def shutdown(self, **_: Any) -> None: ...


class _NoHeart:
    """Renewals are made by `Container.pipeline`, in virtual time."""

    def __init__(self, *_: Any) -> None: ...

    def __enter__(self) -> None: ...

    def __exit__(self, *_: Any) -> None: ...


class _NoCache:
    def __init__(self, **_: Any) -> None: ...

    @contextmanager
    def hold(self, *_: Any) -> Iterator[None]:
        yield


@contextmanager
def _folder(scratch: Path, job_id: str) -> Iterator[Path]:  # noqa: ARG001
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def replace_what_only_takes_time() -> None:
    """In the runner's story: references, unpacking, the pipeline, threads."""
    runner.job.Cache = _NoCache  # type: ignore[attr-defined, assignment]
    runner.job.Heart = _NoHeart  # type: ignore[attr-defined, assignment]
    runner.job.run_folder = _folder  # type: ignore[attr-defined]
    runner.job.stage = lambda *_: []  # type: ignore[attr-defined]
    runner.job.S3Source = SimpleNamespace(open=_open)  # type: ignore[attr-defined, assignment]
    runner.job._fits = lambda *_: None
    runner.job._log = lambda *_: None
    runner.job._measured = lambda *_: None
    runner.job._pipeline = lambda attempt, lease, folders: (  # noqa: ARG005 - as the real one is called
        _present[lease.token].pipeline(lease, folders)
    )
    runner.after.S3Source = SimpleNamespace(open=_open)  # type: ignore[attr-defined, assignment]
    runner.after.download = _download  # type: ignore[attr-defined]
    for module in (runner.publish, runner.after, runner.members):
        module.ThreadPoolExecutor = _Inline  # type: ignore[attr-defined]


def _open(s3: Any, bucket: str, key: str, version_id: str | None) -> Any:
    target = {"Bucket": bucket, "Key": key, **({"VersionId": version_id} if version_id else {})}
    head = s3.head_object(**target)
    return SimpleNamespace(size=head["ContentLength"], fetch=lambda: s3.get_object(**target)["Body"].read())


def _download(objects: Any, folder: Path, stop: Stop) -> dict[str, str]:
    """Each object by one request, not in parts by many threads; nothing of it is kept."""
    folder.mkdir()
    digests = {}
    for each in objects:
        stop.check()
        digests[each.name] = hashlib.sha256(each.source.fetch()).hexdigest()
    return digests
