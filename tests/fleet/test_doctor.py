"""`doctor`: what only shows when the first sample fails is found before, with what to do."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.fleet import INDEXES
from fleet import doctor
from fleet.access import Access, Unreachable
from fleet.doctor import BAD, GOOD, UNSURE, Finding
from fleet.options import now
from handlers.items import typed
from tests.fleet.lab import Offices, access_of
from tests.three_offices import STACK_FILES

DIGEST = re.findall(r"sha256:[0-9a-f]{64}", (STACK_FILES / "Pulumi.eu.yaml").read_text())[0]


class Paged:
    def __init__(self, **answer: Any) -> None:
        self.answer = answer

    def paginate(self, **_: Any) -> list[Any]:
        return [self.answer]


class Well:
    """An office where everything is as it should be, as far as doctor asks. Tests break one thing each."""

    def __init__(self) -> None:
        self.region = "eu-central-1"
        self.alarms = [{"AlarmName": "globalbi-eu-a", "StateValue": "OK", "AlarmDescription": "Look at it."}]
        self.queue_state = ("ENABLED", "VALID")
        self.environment_state = ("ENABLED", "VALID")
        self.function_state, self.source_state = "Active", "Enabled"
        self.images = [{"imageDigest": "x"}]
        self.defined = True
        self.quota = 10_000.0
        self.lost: set[str] = set()  # names of what is not there
        self.letters = 0
        self.census: dict[str, Any] | None = {
            "night": "2026-11-25", "at": now().isoformat(), "runs": 3, "differing": {}, "named": {},
        }  # fmt: skip

    def get_item(self, **_: Any) -> Any:
        return {"Item": typed(self.census)} if self.census else {}

    def head_bucket(self, Bucket: str) -> Any:  # noqa: N803
        self._find(Bucket)
        return {"BucketRegion": self.region}

    def head_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803
        self._find(Key)
        return {}

    def describe_table(self, TableName: str) -> Any:  # noqa: N803
        self._find(TableName)
        names = [name for name in (*INDEXES, "by_state") if name not in self.lost]
        indexes = [{"IndexName": name} for name in names]
        return {"Table": {"TableStatus": "ACTIVE", "GlobalSecondaryIndexes": indexes}}

    def get_paginator(self, name: str) -> Paged:
        queues = [
            "globalbi-eu-intake-queue",
            "globalbi-eu-progress-queue",
            "globalbi-eu-intake-queue-dead-letters",
        ]
        match name:
            case "list_queues":
                return Paged(QueueUrls=[f"http://q/{each}" for each in queues if each not in self.lost])
            case "query":
                return Paged(Items=[{"run_id": {"S": "r1"}}])
            case "describe_alarms":
                return Paged(MetricAlarms=self.alarms)
        state, status = self.environment_state
        environment = {
            "computeEnvironmentArn": "ce", "computeEnvironmentName": "ce", "state": state, "status": status,
            "statusReason": "CLIENT_ERROR",
        }  # fmt: skip
        return Paged(computeEnvironments=[environment])

    def get_queue_attributes(self, **_: Any) -> Any:
        return {"Attributes": {"ApproximateNumberOfMessages": str(self.letters)}}

    def describe_job_queues(self, jobQueues: list[str]) -> Any:  # noqa: N803
        state, status = self.queue_state
        order = [{"computeEnvironment": "ce"}]
        return {
            "jobQueues": [
                {"jobQueueName": name, "state": state, "status": status, "computeEnvironmentOrder": order}
                for name in jobQueues
                if name not in self.lost
            ]
        }

    def get_function_configuration(self, FunctionName: str) -> Any:  # noqa: N803
        self._find(FunctionName)
        return {"State": self.function_state}

    def list_event_source_mappings(self, **_: Any) -> Any:
        return {"EventSourceMappings": [{"State": self.source_state}]}

    def describe_images(self, **_: Any) -> Any:
        return {"imageDetails": self.images}

    def describe_job_definitions(self, **_: Any) -> Any:
        image = "i@" + (STACK_FILES / "Pulumi.eu.yaml").read_text() if self.defined else "i@sha256:old"
        return {"jobDefinitions": [{"containerProperties": {"image": image}}]}

    def get_service_quota(self, **_: Any) -> Any:
        return {"Quota": {"Value": self.quota}}

    def _find(self, name: str) -> None:
        if name in self.lost:
            raise _error(404, "NotFound", name)


def _error(status: int, code: str, words: str) -> ClientError:
    answer: Any = {"Error": {"Code": code, "Message": words}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(answer, "Look")


@pytest.fixture
def well(monkeypatch: pytest.MonkeyPatch) -> Well:
    aws = Well()
    monkeypatch.setattr(Access, "session", lambda self, office: None)
    monkeypatch.setattr(Access, "client", lambda self, service, office: aws)
    return aws


def examined() -> list[Finding]:
    access = access_of("http://none")
    return doctor.examine(access, access.fleet.office("eu"))


@pytest.mark.usefixtures("well")
def test_a_healthy_office_has_no_finding() -> None:
    """A doctor that always finds something is not asked again."""
    assert {finding.how for finding in examined()} == {GOOD}


def lose(*names: str) -> Callable[[Well], None]:
    return lambda well: well.lost.update(names)


def put(name: str, value: Any) -> Callable[[Well], None]:
    return lambda well: setattr(well, name, value)


RINGING = [{"AlarmName": "globalbi-eu-intake-errors", "StateValue": "ALARM", "AlarmDescription": "Mend it."}]


@pytest.mark.parametrize(
    ("breaks", "what", "named", "to_do"),
    [
        (lose("globalbi-eu-uploads-222222222222"), "bucket", "globalbi-eu-uploads", "pulumi up -s eu"),
        (put("region", "us-east-1"), "bucket", "is in us-east-1", "pulumi up -s eu"),
        (lose("globalbi-eu-ledger"), "table", "globalbi-eu-ledger", "pulumi up -s eu"),
        (lose("by_state"), "table", "no index by_state", "pulumi up -s eu"),
        (lose("globalbi-eu-intake-queue"), "queues", "globalbi-eu-intake-queue missing", "pulumi up -s eu"),
        (put("letters", 3), "dead letters", "3 in globalbi-eu-intake-queue-dead-letters", "fleet redrive eu"),
        (put("alarms", RINGING), "alarm", "globalbi-eu-intake-errors", "Mend it."),
        (put("census", None), "census", "No census has ever come", "fleet check eu"),
        (put("alarms", []), "alarms", "none", "pulumi up -s eu"),
        (lose("globalbi-eu-spot"), "job queue", "globalbi-eu-spot is missing", "pulumi up -s eu"),
        (put("queue_state", ("DISABLED", "VALID")), "job queue", "DISABLED", "Enable it"),
        (put("environment_state", ("ENABLED", "INVALID")), "compute", "CLIENT_ERROR", "Mend"),
        (lose("globalbi-eu-intake"), "function", "globalbi-eu-intake", "pulumi up -s eu"),
        (put("source_state", "Disabled"), "function", "Disabled", "Enable its event source"),
        (put("images", []), "image", f"@{DIGEST[:19]}", "wait for the replication"),
        (put("defined", False), "release", "no job definition of", "pulumi up -s eu"),
        (lose("demo-kraken2/2026.1/SHA256SUMS"), "reference", "demo-kraken2/2026.1", "references bucket"),
        (put("quota", 8.0), "quota", "8 Spot vCPUs granted, 256 wanted", "Service Quotas of eu-central-1"),
    ],
)  # fmt: skip
def test_what_is_broken_is_named_with_what_to_do(
    well: Well, breaks: Callable[[Well], None], what: str, named: str, to_do: str
) -> None:
    """Found now, it is one command; found by a branch, it is a day."""
    breaks(well)
    bad = [finding for finding in examined() if finding.how == BAD]
    assert any(f.what == what and named in f.words and to_do in (f.to_do or "") for f in bad), bad


def test_what_may_not_be_looked_at_is_not_called_good(well: Well, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile with few rights must not make an office look healthy, nor stop the other checks."""

    def denied(**_: Any) -> Any:
        raise _error(403, "AccessDenied", "no")

    monkeypatch.setattr(well, "describe_images", denied)
    found = examined()
    assert [finding.what for finding in found if finding.how == UNSURE] == ["images"]
    assert any(finding.what == "quota" for finding in found)


def test_an_office_without_credentials_does_not_stop_the_others(
    offices: Offices, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has access to two of three offices still learns of the two."""
    real = Access.session

    def session(self: Access, office: Any) -> Any:
        if office.name == "eu":
            raise Unreachable("eu: no credentials")
        return real(self, office)

    monkeypatch.setattr(Access, "session", session)
    answer = offices.fleet("doctor", "--json")
    assert answer.code == 1
    assert [f["words"] for f in answer.json if f["office"] == "eu"] == ["eu: no credentials"]
    assert any(f["office"] == "us" and f["what"] == "table" and f["how"] == GOOD for f in answer.json)
