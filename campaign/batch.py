"""AWS Batch as this platform meets it: jobs that wait, get a host, run a container and lose it.

Every change of state is an event. ListJobs and DescribeJobs know a new job a moment late, SubmitJob takes 50
a second, TerminateJob gives a container half a minute. Hosts on Spot are reclaimed, containers run out of
memory, and some hosts are merely cut off and go on working.
"""

import hashlib
from collections import Counter, deque
from collections.abc import Callable, Mapping
from random import Random
from typing import TYPE_CHECKING, Any

from campaign.container import Container
from campaign.simulation import Simulation
from handlers.job import UNTOLD

if TYPE_CHECKING:
    from campaign.account import Account

SUBMISSIONS_PER_S = 50  # AWS: per account
LISTED_AFTER_S = 3.0
GRACE_S = 30.0
STUCK_S = 3 * 3600.0
Event = dict[str, Any]


class Batch:
    """The two job queues of an office. `emit` gets each event, `bus` what an office's functions put."""

    def __init__(
        self,
        simulation: Simulation,
        account: "Account",
        emit: Callable[[Event], None],
        bus: Callable[[Event], None],
    ) -> None:
        self.simulation, self.account, self.emit, self.bus = simulation, account, emit, bus
        self.rates = account.rates
        self.chance = Random(f"{account.seed} {account.name} batch")
        self.jobs: dict[str, dict[str, Any]] = {}
        self.by_name: dict[str, list[str]] = {}
        self.containers: list[Container] = []
        self.of_job: dict[str, Container] = {}
        self.arrivals: deque[float] = deque()
        self.peak = 0  # requests of SubmitJob within any second
        self.refused = 0
        self.counts: Counter[str] = Counter()
        self.alive = 0  # jobs that are not at their end
        self.submitted_at: list[float] = []
        self.containers_run = True
        self.twice = False  # make two jobs of each submission, as a lost reply may
        self.more_results: tuple[str, ...] = ()  # files beside report.html
        self.sick: dict[str, set[str]] = {}  # by sample: what befalls it, set by the campaign

    # --- the API ------------------------------------------------------------------------------------------

    def arrived(self) -> None:
        """A SubmitJob request has come, whatever is made of it."""
        now = self.simulation.now
        self.arrivals.append(now)
        while self.arrivals[0] <= now - 1.0:
            self.arrivals.popleft()
        self.peak = max(self.peak, len(self.arrivals))

    def submit(self, data: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
        answer = self._submit(data, environment)
        if self.twice and isinstance(answer, dict):
            self._submit(data, environment)
        return answer

    def _submit(self, data: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
        if len(self.arrivals) > SUBMISSIONS_PER_S:
            self.refused += 1
            return 429, "TooManyRequestsException"
        number = len(self.by_name.get(data["jobName"].lower(), []))
        job_id = self.id_of(self.account.name, data["jobName"], number)
        job = {
            "jobId": job_id,
            "jobName": data["jobName"],
            "jobQueue": data["jobQueue"],
            "status": "SUBMITTED",
            "createdAt": int(self.simulation.now * 1000),
            "jobDefinition": data["jobDefinition"],
            "container": {},
            "attempts": [],
        }
        self.jobs[job_id] = job
        self.by_name.setdefault(data["jobName"].lower(), []).append(job_id)
        self.alive += 1
        self.counts["jobs"] += 1
        self.counts["second jobs of one attempt"] += number > 0
        self.submitted_at.append(self.simulation.now)
        container = Container(self, job, environment, int(data["timeout"]["attemptDurationSeconds"]))
        self.of_job[job_id] = container
        self._tell(job)
        if self.containers_run:
            self.simulation.after(self.chance.uniform(0.5, 3), lambda: self._runnable(job))
        return {"jobId": job_id, "jobName": data["jobName"]}

    @staticmethod
    def id_of(office: str, name: str, number: int) -> str:
        """The id of the job that is the `number`-th (from 0) of its name."""
        return hashlib.sha256(f"{office} {name} {number}".encode()).hexdigest()[:32]

    def listed(self, data: Mapping[str, Any]) -> Any:
        names = [value.lower() for each in data.get("filters", []) for value in each["values"]]
        limit = (self.simulation.now - LISTED_AFTER_S) * 1000
        found = [self.jobs[job_id] for name in names for job_id in self.by_name.get(name, [])]
        return {
            "jobSummaryList": [
                {name: job[name] for name in ("jobId", "jobName", "status", "createdAt")}
                for job in found
                if job["jobQueue"] == data["jobQueue"] and job["createdAt"] <= limit
            ]
        }

    def described(self, ids: list[str]) -> Any:
        limit = (self.simulation.now - LISTED_AFTER_S) * 1000
        return {
            "jobs": [
                {**self.jobs[job_id], "container": dict(self.jobs[job_id]["container"])}
                for job_id in ids
                if job_id in self.jobs and self.jobs[job_id]["createdAt"] <= limit
            ]
        }

    def terminate(self, job_id: str, reason: str) -> Any:
        job = self.jobs.get(job_id)
        if job is None or job["status"] in ("SUCCEEDED", "FAILED") or "ending" in job:
            return {}
        if job["status"] == "RUNNING":
            job["ending"] = reason
            self.of_job[job_id].terminate(GRACE_S)
        else:
            self.end(job, reason=reason)
        return {}

    # --- a job's life ---------------------------------------------------------------------------------------

    def _runnable(self, job: dict[str, Any]) -> None:
        if job["status"] != "SUBMITTED":
            return
        self._move(job, "RUNNABLE")
        on_spot = job["jobQueue"] == self.account.office.job_queue
        stuck = "blocked" in self.sick.get(self.of_job[job["jobId"]].sample, ())
        if on_spot and (self.chance.random() < self.rates.no_capacity or stuck):
            self.counts["jobs without capacity"] += 1
            if self.chance.random() < 0.5 or stuck:
                self.simulation.after(660, lambda: self._blocked(job))
            self.simulation.after(STUCK_S, lambda: self._starting(job))
        else:
            quick = "quick" in self.sick.get(self.of_job[job["jobId"]].sample, ())
            wait_s = 1.0 if quick else self.chance.uniform(5, 60)
            self.simulation.after(wait_s, lambda: self._starting(job))

    def _blocked(self, job: dict[str, Any]) -> None:
        if job["status"] == "RUNNABLE":
            reason = "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"
            self.emit(self._event("Batch Job Queue Blocked", {**job, "statusReason": reason}))

    def _starting(self, job: dict[str, Any]) -> None:
        if job["status"] == "RUNNABLE":
            self._move(job, "STARTING")
            quick = "quick" in self.sick.get(self.of_job[job["jobId"]].sample, ())
            self.simulation.after(1.0 if quick else self.chance.uniform(2, 15), lambda: self._running(job))

    def _running(self, job: dict[str, Any]) -> None:
        if job["status"] == "STARTING":
            job["startedAt"] = int(self.simulation.now * 1000)
            self._move(job, "RUNNING")
            container = self.of_job[job["jobId"]]
            self.containers.append(container)
            container.start()

    def end(
        self, job: dict[str, Any], *, code: int | None = None, reason: str = "", container: str = ""
    ) -> None:
        """The job is over: by itself, by TerminateJob, or because its host is gone."""
        if job["status"] in ("SUCCEEDED", "FAILED"):
            return
        self.alive -= 1
        reason = job.pop("ending", None) or reason
        job["stoppedAt"] = int(self.simulation.now * 1000)
        if reason:
            job["statusReason"] = reason
        if container:
            job["container"]["reason"] = container
        if code is not None:
            job["container"]["exitCode"] = code
        self._move(job, "SUCCEEDED" if code == 0 and not container else "FAILED")

    def _move(self, job: dict[str, Any], status: str) -> None:
        job["status"] = status
        self._tell(job)

    def _tell(self, job: dict[str, Any]) -> None:
        if job["status"] not in UNTOLD:  # the rule's pattern lets the others through
            self.emit(self._event("Batch Job State Change", job))

    def _event(self, detail_type: str, job: Mapping[str, Any]) -> Event:
        return {
            "version": "0",
            "detail-type": detail_type,
            "source": "aws.batch",
            "account": self.account.account,
            "detail": {**job, "container": dict(job["container"])},
        }
