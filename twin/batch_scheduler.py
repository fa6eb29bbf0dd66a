"""Places jobs, runs their attempts and decides on retries, as AWS Batch does.

A queue's compute environments are tried in their order; a job waits in RUNNABLE until an enabled one has
vCPUs free. Queues of a higher priority go first. This machine runs no more containers at once than it has
cores.
"""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ministack.core.responses import request_scope  # type: ignore[import-untyped]
from ministack.services import batch as stub  # type: ignore[import-untyped]

from twin import hosts
from twin.batch_jobs import DEFAULT_LOG_GROUP, Attempt, End, Job
from twin.batch_log import JobLog

HOST_LOST = "Host EC2 (instance i-0123456789abcdef0) terminated."
TIMED_OUT = "Job attempt duration exceeded timeout"
DEPENDENCY_FAILED = "Dependent Job failed"
WAKE_S = 0.5

Run = Callable[[Attempt, Callable[[str], None]], End]
Queue = tuple[str, str, str]  # account, region, name


class Scheduler:
    def __init__(
        self,
        *,
        run: Run,
        open_log: Callable[[Job, str, str], JobLog],
        environment: Callable[[Job], dict[str, str]],
        office: Callable[[str], str],
        prefix: str,
        at_once: int | None = None,
    ) -> None:
        self._run, self._open_log, self._environment, self._office = run, open_log, environment, office
        self._prefix = prefix
        # With 0 no container starts: whatever is submitted stays in flight.
        self._free = (os.cpu_count() or 1) if at_once is None else at_once
        self._pool = ThreadPoolExecutor(max_workers=max(1, self._free), thread_name_prefix="batch")
        self._wake = threading.Condition()
        self._closed = False
        self.jobs: dict[str, Job] = {}
        # Thousands of jobs may wait: no pass looks at all of them without need.
        self._waiting: dict[Queue, dict[str, Job]] = {}
        self._dependent: dict[str, Job] = {}
        self._told: list[Job] = []  # to stop, since the last pass
        self._used: dict[tuple[str, str, str], float] = {}  # vCPUs by account, region, compute environment
        threading.Thread(target=self._loop, daemon=True, name="batch-scheduler").start()

    def add(self, job: Job) -> None:
        job.change("SUBMITTED")
        job.change("PENDING" if job.shown["dependsOn"] else "RUNNABLE")
        with self._wake:
            self.jobs[job.id] = job
            self._wait(job)
            self._wake.notify_all()

    def resume(self, job: Job) -> None:
        """A job that was kept: one that ran lost its host."""
        self.jobs[job.id] = job
        if job.shown["status"] in ("STARTING", "RUNNING"):
            self._fail(job, HOST_LOST)
        elif not job.done:
            with self._wake:
                self._wait(job)
                self._wake.notify_all()

    def stop(self, job: Job, reason: str, *, host_lost: bool = False, at_once: bool = False) -> None:
        with self._wake:
            if not job.done:
                job.stop(reason, host_lost=host_lost, at_once=at_once)
                self._told.append(job)
            self._wake.notify_all()

    def wake(self) -> None:
        with self._wake:
            self._wake.notify_all()

    def close(self) -> None:
        with self._wake:
            self._closed = True
            for job in self.jobs.values():
                if job.current:
                    job.current.at_once = True
                    job.current.stopped.set()
            self._wake.notify_all()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _loop(self) -> None:
        while not self._closed:
            with self._wake:
                ended, placed = self._decide()
                if not ended and not placed:
                    self._wake.wait(WAKE_S)
            for job, reason in ended:
                self._fail(job, reason)
            for job in placed:
                if not self._closed:
                    self._pool.submit(self._attempt, job)

    def _decide(self) -> tuple[list[tuple[Job, str]], list[Job]]:
        """Which waiting jobs end without a container, and which start one now."""
        ended = [(job, job.stop_reason) for job in self._told if self._leave(job)]
        self._told.clear()
        for job in list(self._dependent.values()):
            needed = [self.jobs[d["jobId"]] for d in job.shown["dependsOn"] if d.get("jobId") in self.jobs]
            if any(n.shown["status"] == "FAILED" for n in needed):
                ended.append((job, DEPENDENCY_FAILED))
                self._leave(job)
            elif all(n.done for n in needed):
                del self._dependent[job.id]
                self._waiting.setdefault(_queue(job), {})[job.id] = job
        placed: list[Job] = []
        for queue in sorted(self._waiting, key=_rank):
            environments = _enabled(queue)
            for job in list(self._waiting[queue].values()) if environments else ():
                if not self._free:
                    break
                if place := self._place(job, environments):
                    job.environment = place
                    self._free -= 1
                    self._leave(job)
                    placed.append(job)
        return ended, placed

    def _wait(self, job: Job) -> None:
        if job.shown["dependsOn"]:
            self._dependent[job.id] = job
        else:
            self._waiting.setdefault(_queue(job), {})[job.id] = job

    def _leave(self, job: Job) -> bool:
        """Takes a job from those that wait; False if it was none of them."""
        found = self._waiting.get(_queue(job), {}).pop(job.id, None) or self._dependent.pop(job.id, None)
        return found is not None

    def _place(self, job: Job, environments: dict[str, float]) -> str | None:
        """The first environment with the vCPUs free, which are then taken."""
        need = job.needs("VCPU", 1.0)
        for name, limit in environments.items():
            key = (job.account, job.region, name)
            if self._used.get(key, 0.0) + need <= limit:
                self._used[key] = self._used.get(key, 0.0) + need
                return name
        return None

    def _attempt(self, job: Job) -> None:
        again = False
        try:
            if job.shown["status"] == "PENDING":
                job.change("RUNNABLE")
            end, why = self._contain(job)
            again = self._settle(job, end, why)
        except Exception as fault:  # a fault of the engine's own must not leave a job RUNNING for ever
            if not self._closed:
                self._fail(job, f"{type(fault).__name__}: {fault}"[:500])
        finally:
            with self._wake:
                self._free += 1
                self._used[(job.account, job.region, job.environment)] -= job.needs("VCPU", 1.0)
                job.current = None
                if again:
                    job.stop_reason, job.host_lost = "", False
                    self._wait(job)
                self._wake.notify_all()

    def _contain(self, job: Job) -> tuple[End, str]:
        """One container. How it ended, and the reason when the engine stopped it."""
        container = job.shown["container"]
        number = len(job.shown["attempts"]) + 1
        task = f"{job.id.replace('-', '')}{number:x}"[-32:]
        options = (container.get("logConfiguration") or {}).get("options") or {}
        definition = job.shown["jobDefinition"].rsplit("/", 1)[-1].partition(":")[0]
        stream = f"{options.get('awslogs-stream-prefix') or definition}/default/{task}"
        environment = {e["name"]: e["value"] for e in container["environment"]}
        environment |= {
            "AWS_BATCH_JOB_ID": job.id,
            "AWS_BATCH_JOB_ATTEMPT": str(number),
            "AWS_BATCH_JQ_NAME": job.queue,
            "AWS_BATCH_CE_NAME": job.environment,
            **self._environment(job),
        }
        attempt = Attempt(
            name=f"{self._prefix}{job.id}-{number}",
            office=self._office(job.account),
            image=container["image"],
            command=container["command"],
            environment=environment,
            memory_mib=int(job.needs("MEMORY", 512)),
            user=container.get("user"),
            read_only_root=bool(container.get("readonlyRootFilesystem")),
            mounts=_mounts(container),
            instance=_instance(job),
        )
        started = stub._now_ms()
        # The lock orders this against a stop that comes now.
        with self._wake:
            job.current = attempt
            if job.stop_reason or self._closed:
                attempt.at_once = True
                attempt.stopped.set()
        job.change("STARTING")
        container["logStreamName"] = stream
        job.change("RUNNING", startedAt=started)
        timer = self._time_out(job)
        with self._open_log(job, options.get("awslogs-group", DEFAULT_LOG_GROUP), stream) as log:
            end = self._run(attempt, log.say)
        if timer:
            timer.cancel()
        if self._closed:
            raise InterruptedError("the twin stops")
        if job.host_lost:  # with the host, the exit code is gone too
            end = End(exit_code=None)
        detail: dict[str, Any] = {"logStreamName": stream} | ({"reason": end.reason} if end.reason else {})
        if end.exit_code is not None:
            detail["exitCode"] = end.exit_code
        why = job.stop_reason
        container.update(detail)
        job.shown["attempts"].append(
            {
                "container": {
                    "taskArn": f"arn:aws:ecs:{job.region}:{job.account}:task/twin/{task}",
                    **detail,
                },
                "startedAt": started,
                "stoppedAt": stub._now_ms(),
                "statusReason": why or _words(end),
            }
        )
        return end, why

    def _settle(self, job: Job, end: End, why: str) -> bool:
        """The job's end, or True where it is tried again."""
        if end.exit_code == 0 and not why:
            job.change("SUCCEEDED", statusReason=_words(end), stoppedAt=stub._now_ms())
            return False
        reason = why or _words(end)
        told_to_stop = bool(why) and not job.host_lost and why != TIMED_OUT
        tried = len(job.shown["attempts"])
        last = tried >= int(job.shown["retryStrategy"].get("attempts") or 1)
        if told_to_stop or last or job.action(end, reason) == "EXIT":
            self._fail(job, reason)
            return False
        job.change("RUNNABLE", statusReason=reason)
        return True

    def _fail(self, job: Job, reason: str) -> None:
        job.change("FAILED", statusReason=reason, stoppedAt=stub._now_ms())

    def _time_out(self, job: Job) -> threading.Timer | None:
        seconds = (job.shown.get("timeout") or {}).get("attemptDurationSeconds")
        if not seconds:
            return None
        timer = threading.Timer(float(seconds), self.stop, (job, TIMED_OUT))
        timer.daemon = True
        timer.start()
        return timer


def _queue(job: Job) -> Queue:
    return job.account, job.region, job.queue


def _rank(queue: Queue) -> float:
    account, region, name = queue
    with request_scope(account, region):
        return -float((stub._job_queues.get(name) or {}).get("priority", 1))


def _enabled(queue: Queue) -> dict[str, float]:
    """The most vCPUs of each enabled compute environment of a queue, in the queue's order."""
    account, region, name = queue
    with request_scope(account, region):
        order = (stub._job_queues.get(name) or {}).get("computeEnvironmentOrder", [])
        names = [e["computeEnvironment"].rsplit("/", 1)[-1] for e in sorted(order, key=lambda e: e["order"])]
        found = {n: stub._compute_envs[n] for n in names if n in stub._compute_envs}
    return {
        n: float(each.get("computeResources", {}).get("maxvCpus", 256))
        for n, each in found.items()
        if each.get("state") == "ENABLED"
    }


def _instance(job: Job) -> tuple[str, str] | None:
    with request_scope(job.account, job.region):
        resources = (stub._compute_envs.get(job.environment) or {}).get("computeResources") or {}
    families = [str(each).partition(".")[0] for each in resources.get("instanceTypes") or ()]
    found = hosts.instance_for(families, job.needs("VCPU", 1.0), job.needs("MEMORY", 512))
    market = hosts.MARKETS.get(str(resources.get("type")))
    return (found, market) if found and market else None


def _mounts(container: dict[str, Any]) -> list[tuple[str, str, bool]]:
    hosts = {v["name"]: v["host"]["sourcePath"] for v in container.get("volumes", []) if v.get("host")}
    return [
        (hosts[m["sourceVolume"]], m["containerPath"], bool(m.get("readOnly")))
        for m in container.get("mountPoints", [])
        if m["sourceVolume"] in hosts
    ]


def _words(end: End) -> str:
    return "Essential container in task exited" if end.exit_code is not None else end.reason
