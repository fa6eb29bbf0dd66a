"""AWS Batch inside ministack, whose own Batch is a stub that succeeds at once.

`install` puts this engine's calls in the stub's place: jobs wait, run in containers under their role, are
retried, time out, are stopped, and tell EventBridge of every change of state. Tests may ask it for the
faults of a real host.
"""

import json
import os
import threading
import time
from fnmatch import fnmatchcase
from typing import Any

import boto3
from ministack.core.lambda_runtime import execution_credentials  # type: ignore[import-untyped]
from ministack.core.responses import get_account_id, get_region  # type: ignore[import-untyped]
from ministack.services import batch as stub  # type: ignore[import-untyped]

from twin import batch_containers, home
from twin import batch_objects as objects
from twin.batch_jobs import Job, new_job
from twin.batch_log import JobLog
from twin.batch_scheduler import HOST_LOST, Run, Scheduler

BEFORE_START = ("SUBMITTED", "PENDING", "RUNNABLE")
LISTED = (
    "jobId",
    "jobArn",
    "jobName",
    "status",
    "statusReason",
    "createdAt",
    "startedAt",
    "stoppedAt",
    "jobDefinition",
)
MOST_DESCRIBED = 100
PAGE = 100
# AWS says the same of both; a reclaim comes with a SIGTERM before, a broken host with nothing.
FAULTS = {"spot": False, "host": True}  # at once

Request = dict[str, Any]


class Engine:
    """Batch for every account and region of one ministack process."""

    def __init__(self, endpoint: str, run: Run = batch_containers.run) -> None:
        self.endpoint = endpoint
        self.prefix = f"twin{endpoint.rsplit(':', 1)[-1]}-"
        self._offices: dict[str, str] = json.loads(os.environ.get("TWIN_OFFICES", "{}"))
        self._kept = home.home() / "batch" / "jobs.json"
        self.scheduler = Scheduler(
            run=run,
            open_log=lambda job, group, stream: JobLog(self._client("logs", job), group, stream),
            environment=self._environment,
            office=lambda account: self._offices.get(account, account),
            prefix=self.prefix,
            at_once=int(os.environ["TWIN_CONTAINERS"]) if os.environ.get("TWIN_CONTAINERS") else None,
        )

    def submit_job(self, request: Request) -> Any:
        if not objects.NAME.fullmatch(request.get("jobName") or ""):
            return objects.client_error(
                f"jobName {request.get('jobName')!r} must match {objects.NAME.pattern}"
            )
        definition = objects.definition(request.get("jobDefinition") or "")
        if definition is None:
            return objects.client_error(
                f"JobDefinition {request.get('jobDefinition')} does not exist or is inactive"
            )
        queue = stub._job_queues.get(objects.short(request.get("jobQueue")))
        if queue is None:
            return objects.client_error(f"JobQueue {request.get('jobQueue')} not found")
        if queue["state"] != "ENABLED":  # jobs that are in it already may still end
            return objects.client_error(f"JobQueue {request.get('jobQueue')} is not ENABLED")
        if "arrayProperties" in request or "nodeOverrides" in request:
            return objects.client_error(
                "the twin's Batch has no array and no multi-node jobs: see twin/batch.py"
            )
        job = new_job(request, definition, queue["jobQueueName"])
        self.scheduler.add(job)
        return stub._json(200, {k: job.shown[k] for k in ("jobId", "jobName", "jobArn")})

    def describe_jobs(self, request: Request) -> Any:
        ids = request.get("jobs") or []
        if len(ids) > MOST_DESCRIBED:
            return objects.client_error(f"DescribeJobs takes at most {MOST_DESCRIBED} jobs, not {len(ids)}")
        return stub._json(200, {"jobs": [job.shown for job in map(self._mine, ids) if job]})

    def list_jobs(self, request: Request) -> Any:
        queue = objects.short(request.get("jobQueue"))
        filters = {f["name"]: f["values"] for f in request.get("filters") or []}
        status = None if filters else request.get("jobStatus", "RUNNING")  # AWS: a filter ignores jobStatus
        found = [
            job.shown
            for job in list(self.scheduler.jobs.values())
            if (job.account, job.region, job.queue) == (get_account_id(), get_region(), queue)
            and (status is None or job.shown["status"] == status)
            and all(_matches(job, name, values) for name, values in filters.items())
        ]
        found.sort(key=_place)
        # The token is the place of the last job given, so that jobs which come and go move no page.
        if token := request.get("nextToken"):
            found = [shown for shown in found if _place(shown) > tuple(json.loads(token))]
        size = int(request.get("maxResults") or PAGE)
        more = {"nextToken": json.dumps(_place(found[size - 1]))} if size < len(found) else {}
        return stub._json(200, {"jobSummaryList": [_summary(shown) for shown in found[:size]], **more})

    def cancel_job(self, request: Request) -> Any:
        job = self._mine(request.get("jobId") or "")
        if job and job.shown["status"] in BEFORE_START:  # AWS: jobs that started are not cancelled
            job.shown["isCancelled"] = True
            self.scheduler.stop(job, request.get("reason") or "Job cancelled")
        return stub._json(200, {})

    def terminate_job(self, request: Request) -> Any:
        job = self._mine(request.get("jobId") or "")
        if job and not job.done:
            job.shown["isTerminated"] = True
            self.scheduler.stop(job, request.get("reason") or "Job terminated")
        return stub._json(200, {})

    def fault(self, request: Request) -> Any:
        job, kind = self._mine(request.get("jobId") or ""), request.get("kind")
        if job is None or kind not in FAULTS:
            return objects.client_error(
                f"no job {request.get('jobId')!r}, or no fault {kind!r} of {', '.join(FAULTS)}"
            )
        if job.current is None:
            return objects.client_error(
                f"job {job.id} has no container that could lose its host: {job.shown['status']}"
            )
        self.scheduler.stop(job, HOST_LOST, host_lost=True, at_once=FAULTS[kind])
        return stub._json(200, {})

    def resume(self) -> None:
        """Goes on with the jobs that a twin which was stopped orderly had."""
        if not self._kept.exists():
            return
        kept = json.loads(self._kept.read_text())
        self._kept.unlink()
        for entry in kept:
            self.scheduler.resume(Job(**entry))

    def close(self) -> None:
        home.write(self._kept, json.dumps([job.kept() for job in list(self.scheduler.jobs.values())]))
        self.scheduler.close()
        batch_containers.end_leftovers()

    def _mine(self, job_id: str) -> Job | None:
        job = self.scheduler.jobs.get(job_id)
        return job if job and (job.account, job.region) == (get_account_id(), get_region()) else None

    def _environment(self, job: Job) -> dict[str, str]:
        """What Batch and ECS give a container; here the endpoint too, and keys of the job's role."""
        given = {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": job.region,
            "AWS_DEFAULT_REGION": job.region,
        }
        role = job.shown["container"].get("jobRoleArn")
        if not role:
            return given
        # A session of the role, as ministack makes it for a function of that name.
        name = f"batch-{job.id}"
        function = f"arn:aws:lambda:{job.region}:{job.account}:function:{name}"
        keys: dict[str, str] = execution_credentials(
            {"FunctionArn": function, "FunctionName": name, "Role": role}
        )
        return given | keys

    def _client(self, service: str, job: Job) -> Any:
        session: Any = boto3.Session(
            aws_access_key_id=job.account, aws_secret_access_key="local", region_name=job.region
        )
        return session.client(service, endpoint_url=self.endpoint)


def _matches(job: Job, name: str, values: list[str]) -> bool:
    if name == "JOB_NAME":  # AWS: not case-sensitive, and an asterisk at the end stands for any more
        return any(fnmatchcase(job.shown["jobName"].lower(), value.lower()) for value in values)
    if name == "JOB_DEFINITION":
        return any(
            fnmatchcase(objects.short(job.shown["jobDefinition"]), objects.short(value) + "*")
            for value in values
        )
    created = int(job.shown["createdAt"])
    return created < int(values[0]) if name == "BEFORE_CREATED_AT" else created > int(values[0])


def _place(shown: dict[str, Any]) -> tuple[int, str]:
    """Of a job in a list: the newest first."""
    return -int(shown["createdAt"]), str(shown["jobId"])


def _summary(shown: dict[str, Any]) -> dict[str, Any]:
    container = {k: shown["container"][k] for k in ("exitCode", "reason") if k in shown["container"]}
    return {k: shown[k] for k in LISTED if k in shown} | {"container": container}


def install(endpoint: str, run: Run = batch_containers.run) -> Engine:
    batch_containers.end_leftovers()  # of a twin that crashed
    engine = Engine(endpoint, run)

    def then_wake(call: Any) -> Any:
        def answer(request: Request) -> Any:
            try:
                return call(request)
            finally:
                engine.scheduler.wake()

        return answer

    stub._DISPATCH.update(
        {
            "/v1/createjobqueue": objects.create_job_queue,
            "/v1/updatejobqueue": then_wake(objects.update_job_queue),
            "/v1/deletejobqueue": objects.delete_job_queue,
            "/v1/updatecomputeenvironment": then_wake(stub._update_compute_environment),
            "/v1/deletecomputeenvironment": objects.delete_compute_environment,
            "/v1/registerjobdefinition": objects.register_job_definition,
            "/v1/deregisterjobdefinition": objects.deregister_job_definition,
            "/v1/describejobdefinitions": objects.describe_job_definitions,
            "/v1/submitjob": engine.submit_job,
            "/v1/describejobs": engine.describe_jobs,
            "/v1/listjobs": engine.list_jobs,
            "/v1/canceljob": engine.cancel_job,
            "/v1/terminatejob": engine.terminate_job,
            "/v1/twinfault": engine.fault,
        }
    )
    threading.Thread(target=_resume_when_up, args=(engine,), daemon=True).start()
    return engine


def _resume_when_up(engine: Engine) -> None:
    while not home.answers(engine.endpoint):  # what ministack kept is there only then
        time.sleep(0.05)
    engine.resume()
