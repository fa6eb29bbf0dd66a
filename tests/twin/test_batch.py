"""The twin's Batch behaves as AWS Batch does where the product relies on it. Containers are stood in for
here.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.core.responses import request_scope  # type: ignore[import-untyped]
from ministack.services import batch as stub  # type: ignore[import-untyped]

from twin import batch_objects as objects
from twin.batch import Engine
from twin.batch_jobs import Attempt, End, Job, new_job
from twin.batch_scheduler import HOST_LOST, TIMED_OUT, Scheduler

ACCOUNT, REGION = "222222222222", "eu-central-1"


class Log:
    def __init__(self, *words: Any) -> None:
        pass

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *words: Any) -> None:
        pass

    def say(self, line: str) -> None:
        pass


class Machine:
    """A scheduler whose containers do what their command says: an exit code, or `wait` until they are
    stopped.
    """

    def __init__(self, at_once: int = 4) -> None:
        self.runs: list[str] = []
        self.attempts: list[Attempt] = []
        self.going, self.most = 0, 0
        self.lock = threading.Lock()
        self.scheduler = Scheduler(
            run=self.run,
            open_log=Log,  # type: ignore[arg-type]
            environment=lambda job: {},
            office=lambda account: "eu",
            prefix="t-",
            at_once=at_once,
        )

    def run(self, attempt: Attempt, say: Callable[[str], None]) -> End:
        with self.lock:
            self.runs.append(attempt.name)
            self.attempts.append(attempt)
            self.going += 1
            self.most = max(self.most, self.going)
        try:
            word = attempt.command[min(len(self.runs), len(attempt.command)) - 1]
            if word == "wait":
                attempt.stopped.wait(10)
                return End(exit_code=137)
            time.sleep(0.02)
            return End(exit_code=int(word))
        finally:
            with self.lock:
                self.going -= 1

    def submit(self, *command: str, queue: str = "q", **request: Any) -> Job:
        with request_scope(ACCOUNT, REGION):
            definition = objects.definition("d")
            assert definition is not None
            job = new_job(
                {"jobName": "j", "containerOverrides": {"command": list(command)}, **request},
                definition,
                queue,
            )
        self.scheduler.add(job)
        return job


def until(true: Callable[[], Any], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


@pytest.fixture
def machine() -> Iterator[Machine]:
    with request_scope(ACCOUNT, REGION):
        stub.reset()
        stub._create_compute_environment(
            {"computeEnvironmentName": "ce", "computeResources": {"maxvCpus": 2}}
        )
        for name, priority in (("q", 1), ("urgent", 9)):
            objects.create_job_queue(
                {
                    "jobQueueName": name,
                    "priority": priority,
                    "state": "ENABLED",
                    "computeEnvironmentOrder": [{"order": 1, "computeEnvironment": "ce"}],
                }
            )
        needs = [{"type": "VCPU", "value": "1"}, {"type": "MEMORY", "value": "64"}]
        objects.register_job_definition(
            {
                "jobDefinitionName": "d",
                "type": "container",
                "containerProperties": {"image": "i", "resourceRequirements": needs},
            }
        )
    machine = Machine()
    yield machine
    machine.scheduler.close()
    stub.reset()


def test_no_more_vcpus_are_used_than_the_environment_has(machine: Machine) -> None:
    """A branch's limit of vCPUs is its limit of cost."""
    jobs = [machine.submit("0") for _ in range(8)]
    until(lambda: all(j.shown["status"] == "SUCCEEDED" for j in jobs))
    assert machine.most == 2


def test_a_queue_of_higher_priority_goes_first(machine: Machine) -> None:
    """An urgent sample must not wait behind a backlog."""
    holding = [machine.submit("wait"), machine.submit("wait")]
    until(lambda: len(machine.runs) == 2)
    later, urgent = machine.submit("wait"), machine.submit("wait", queue="urgent")
    machine.scheduler.stop(holding[0], "enough")
    until(lambda: len(machine.runs) == 3)
    assert machine.runs[2].startswith(f"t-{urgent.id}")
    assert later.shown["status"] == "RUNNABLE"


def test_retries_follow_the_first_rule_that_matches(machine: Machine) -> None:
    """Rules decide what is paid for twice; where none matches Batch retries."""
    rules = [{"onExitCode": "7", "action": "RETRY"}, {"onReason": "*", "action": "EXIT"}]
    retry = {"attempts": 3, "evaluateOnExit": rules}
    job = machine.submit("7", "0", retryStrategy=retry)
    until(lambda: job.done)
    assert job.shown["status"] == "SUCCEEDED"
    assert [a["container"]["exitCode"] for a in job.shown["attempts"]] == [7, 0]
    fatal = machine.submit("1", "1", "1", retryStrategy=retry)
    until(lambda: fatal.done)
    assert len(fatal.shown["attempts"]) == 1


def test_a_lost_host_leaves_no_exit_code_and_aws_words(machine: Machine) -> None:
    """The retry ladder knows a reclaim by its words alone."""
    job = machine.submit("wait")
    until(lambda: job.current)
    machine.scheduler.stop(job, HOST_LOST, host_lost=True)
    until(lambda: job.done)
    assert job.shown["statusReason"].startswith("Host EC2")
    assert "exitCode" not in job.shown["attempts"][0]["container"]


def test_a_job_over_its_time_is_ended_and_says_so(machine: Machine) -> None:
    """A stuck tool must not cost for ever."""
    job = machine.submit("wait", timeout={"attemptDurationSeconds": 0.1})
    until(lambda: job.done)
    assert job.shown["statusReason"] == TIMED_OUT


def test_a_terminated_job_is_not_retried_and_one_that_waits_ends_at_once(machine: Machine) -> None:
    """A superseded upload must not go on."""
    running, other = (machine.submit("wait", retryStrategy={"attempts": 3}) for _ in range(2))
    waiting = machine.submit("0")
    until(lambda: running.current and other.current)
    for job in (running, waiting):
        machine.scheduler.stop(job, "superseded")
    until(lambda: running.done and waiting.done)
    assert (running.shown["statusReason"], waiting.shown["statusReason"]) == ("superseded", "superseded")
    assert (len(running.shown["attempts"]), len(waiting.shown["attempts"])) == (1, 0)


def test_a_root_file_system_is_read_only_where_the_definition_says_so(machine: Machine) -> None:
    """An image that writes beside its scratch disk would run here, and fail on AWS."""
    for read_only in (False, True):
        with request_scope(ACCOUNT, REGION):
            container: dict[str, Any] = {
                "image": f"read only: {read_only}",
                "readonlyRootFilesystem": read_only,
                "resourceRequirements": [],
            }
            objects.register_job_definition(
                {"jobDefinitionName": "d", "type": "container", "containerProperties": container}
            )
        machine.submit("0")
    until(lambda: len(machine.attempts) == 2)
    assert {each.image: each.read_only_root for each in machine.attempts} == {
        "read only: False": False,
        "read only: True": True,
    }


def test_a_job_waits_for_what_it_depends_on_and_falls_with_it(machine: Machine) -> None:
    """A follow-on must not run on results that never came."""
    first = machine.submit("wait")
    after = machine.submit("0", dependsOn=[{"jobId": first.id}])
    until(lambda: first.current)
    assert after.shown["status"] == "PENDING"
    machine.scheduler.stop(first, "enough")
    until(lambda: after.done)
    assert (after.shown["status"], after.shown["statusReason"]) == ("FAILED", "Dependent Job failed")


def test_jobs_wait_while_their_compute_environment_is_disabled(machine: Machine) -> None:
    """A paused office loses nothing: its jobs stay in the queue until it goes on."""
    with request_scope(ACCOUNT, REGION):
        stub._update_compute_environment({"computeEnvironment": "ce", "state": "DISABLED"})
    job = machine.submit("0")
    time.sleep(0.3)
    assert job.shown["status"] == "RUNNABLE"
    with request_scope(ACCOUNT, REGION):
        stub._update_compute_environment({"computeEnvironment": "ce", "state": "ENABLED"})
    machine.scheduler.wake()
    until(lambda: job.done)
    assert job.shown["status"] == "SUCCEEDED"


def test_after_a_restart_waiting_jobs_go_on_and_running_ones_lost_their_host(machine: Machine) -> None:
    """A twin that was restarted in mid-run ends every job, none is left RUNNING for ever."""
    with request_scope(ACCOUNT, REGION):
        definition = objects.definition("d")
        assert definition is not None
        request = {"jobName": "j", "containerOverrides": {"command": ["0"]}}
        was_running, was_waiting = new_job(request, definition, "q"), new_job(request, definition, "q")
    was_running.shown["status"], was_waiting.shown["status"] = "RUNNING", "RUNNABLE"
    for job in (was_running, was_waiting):
        machine.scheduler.resume(Job(**job.kept()))
    until(lambda: all(j.done for j in machine.scheduler.jobs.values()))
    ends = {j.id: j.shown["status"] for j in machine.scheduler.jobs.values()}
    assert ends == {was_running.id: "FAILED", was_waiting.id: "SUCCEEDED"}


def test_pages_of_jobs_hold_each_job_once_while_others_are_submitted(machine: Machine) -> None:
    """A job listed twice looks like a sample that was paid for twice; one left out, like a lost one."""
    engine = Engine("http://127.0.0.1:0")
    engine.scheduler = machine.scheduler
    known = {machine.submit("wait").id for _ in range(5)}
    found: list[str] = []
    request: dict[str, Any] = {
        "jobQueue": "q",
        "maxResults": 2,
        "filters": [{"name": "JOB_NAME", "values": ["j"]}],
    }
    with request_scope(ACCOUNT, REGION):
        while True:
            answer = json.loads(engine.list_jobs(request)[2])
            found += [job["jobId"] for job in answer["jobSummaryList"]]
            if not (token := answer.get("nextToken")):
                break
            request["nextToken"] = token
            machine.submit("wait")
    assert sorted(found) == sorted(set(found))
    assert known <= set(found)


def test_a_queue_in_use_and_an_environment_in_use_are_not_deleted(machine: Machine) -> None:
    """A wrong order of deletions fails on AWS, so it must fail here."""
    with request_scope(ACCOUNT, REGION):
        stub._update_compute_environment({"computeEnvironment": "ce", "state": "DISABLED"})
        assert objects.delete_job_queue({"jobQueue": "q"})[0] == 400
        assert objects.delete_compute_environment({"computeEnvironment": "ce"})[0] == 400
