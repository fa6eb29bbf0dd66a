"""The dashboard as it is served: uvicorn on a port of its own, over a ministack with three offices."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import httpx
import pytest

from components.names import job_definition_name, physical
from fleet.dashboard.command import server as server_of
from fleet.dashboard.guard import COOKIE, Secret
from fleet.dashboard.picture import Picture
from fleet.options import now
from fleet.sync import as_told
from handlers.run import Run
from tests.fleet.lab import Offices, at, functions_start, moved, run

HOSTILE = "<img src=x onerror=alert(1)>\u202etxt"
FORMULA = "=HYPERLINK(1)"
ALARM = "globalbi-eu-runs-failed"


@dataclass(frozen=True, kw_only=True)
class Served:
    offices: Offices
    picture: Picture
    secret: Secret
    port: int

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, **headers: str) -> httpx.Client:
        """As a browser that has entered."""
        return httpx.Client(
            base_url=self.address, cookies={COOKIE: self.secret.token}, headers=headers, timeout=20
        )

    def renew(self) -> None:
        self.picture.renew_runs()
        self.picture.renew_offices()


def failed_twice() -> Run:
    """Out of memory once, then failed for good."""
    one = run(1, project="soil", sample="S1")
    attempt = replace(
        one.attempts[0], submitted=at(5), started=at(65), ended=at(100), failure="memory",
        reason="OutOfMemoryError: Container killed", decision="Tried again with more memory.",
    )  # fmt: skip
    second = replace(attempt, number=2, memory_mib=12000, reason="exit 9", decision="Not tried again.")
    return moved(one, "failed", 200, attempts=(attempt, second), message="Out of memory twice.")


def paid(number: int, project: str, seconds: float = 300, instance: str = "c6id.xlarge") -> Run:
    """A run of half an hour on a known instance, which ended so long after the start."""
    one = run(number, project=project)
    [attempt] = one.attempts
    attempt = replace(
        attempt, submitted=at(seconds - 2000), started=at(seconds - 1900), ended=at(seconds - 100),
        instance=instance, market="spot",
    )  # fmt: skip
    used = {"output_bytes": 2**30, "s3:GetObject": 64}
    ended = moved(one, "succeeded", seconds, attempts=(attempt,), used=used, message="The results are ready.")
    return replace(ended, uploaded=at(seconds - 2100))


@pytest.fixture
def served(offices: Offices) -> Iterator[Served]:
    offices.everywhere("eu", failed_twice(), moved(run(2, project="gut"), "running", 90))
    offices.everywhere("us", run(3, project="river"), paid(4, "soil"))
    offices.at_headquarters(
        "hq", run(5, project=HOSTILE, sample=FORMULA, message=f"{HOSTILE}<script>alert(2)</script>")
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    picture = Picture(access=offices.access, clock=now)
    secret = Secret()
    server = server_of(picture, secret, port)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    made = Served(offices=offices, picture=picture, secret=secret, port=port)
    made.renew()
    yield made
    picture.stop(wait_s=10)  # nothing of it asks on in the next test
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def equipped(served: Served) -> Iterator[Served]:
    """The office in Europe has its releases, a queue and machines, and one of its alarms rings."""
    office = served.offices.office("eu")
    batch = served.offices.access.client("batch", office)
    cloudwatch = served.offices.access.client("cloudwatch", office)
    for pipeline, release in office.releases.items():
        batch.register_job_definition(
            jobDefinitionName=job_definition_name("eu", pipeline),
            type="container",
            containerProperties={"image": f"registry/{pipeline}@{release.digest}", "vcpus": 1, "memory": 512},
        )
    contracts = served.offices.access.fleet.pipelines
    known = (as_told(contracts[pipeline], release) for pipeline, release in office.releases.items())
    functions_start(served.offices, "eu", *known)
    name = physical("eu", "spot", limit=128)
    if not batch.describe_job_queues()["jobQueues"]:
        environment = batch.create_compute_environment(
            computeEnvironmentName=name, type="MANAGED", state="ENABLED",
            computeResources={
                "type": "SPOT", "minvCpus": 0, "maxvCpus": 256, "desiredvCpus": 8, "instanceTypes": ["c6id"],
                "subnets": ["subnet-1"], "securityGroupIds": ["sg-1"], "instanceRole": "role",
            },
        )["computeEnvironmentArn"]  # fmt: skip
        batch.create_job_queue(
            jobQueueName=name, state="ENABLED", priority=1,
            computeEnvironmentOrder=[{"order": 1, "computeEnvironment": environment}],
        )  # fmt: skip
    cloudwatch.put_metric_alarm(
        AlarmName=ALARM, Namespace="GlobalBI", MetricName="RunsFailed", Period=60, EvaluationPeriods=1,
        Statistic="Sum", Threshold=1, ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    cloudwatch.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="for the picture")
    served.renew()
    yield served
    # The stand-in is every test's. It can delete an alarm, but neither queues nor job definitions.
    cloudwatch.delete_alarms(AlarmNames=[ALARM])
    served.offices.access.client("lambda", office).delete_function(FunctionName=physical("eu", "progress"))
