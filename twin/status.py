"""What is in every office of the twin, as tables."""

from collections import Counter
from typing import Any

from rich.table import Table

from twin import home
from twin.offices import Office, offices
from twin.state import State

STATES = ("SUBMITTED", "PENDING", "RUNNABLE", "STARTING", "RUNNING", "SUCCEEDED", "FAILED")
DEPTH = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def tables(twin: home.Running) -> list[Table]:
    table = Table("office", "account", "region", "messages (in work)", "dead letters", "jobs", "runs")
    for office in offices():
        state = State.load(office.name, twin.life)
        if not state.resources:
            table.add_row(
                office.name, office.account, office.region, "not up: `python -m twin up`", "", "", ""
            )
            continue
        waiting, dead = depths(office, twin.endpoint)
        table.add_row(
            office.name,
            office.account,
            office.region,
            waiting,
            dead,
            counted(jobs(office, twin.endpoint)),
            counted(runs(office, twin.endpoint, state.outputs.get("ledger_table"))),
        )
    return [table]


def depths(office: Office, endpoint: str) -> tuple[str, str]:
    """Messages that wait, and those in dead-letter queues, by queue; empty queues are left out."""
    client = office.client("sqs", endpoint)
    waiting: list[str] = []
    dead: list[str] = []
    for url in client.list_queues().get("QueueUrls", []):
        name = url.rsplit("/", 1)[-1].removeprefix(f"globalbi-{office.name}-")
        found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(DEPTH))["Attributes"]
        visible, in_work = (int(found.get(d, 0)) for d in DEPTH)
        if visible or in_work:
            (dead if "dead" in name else waiting).append(f"{name} {visible} ({in_work})")
    return ", ".join(waiting) or "none", ", ".join(dead) or "none"


def jobs(office: Office, endpoint: str) -> Counter[str]:
    client = office.client("batch", endpoint)
    queues = [q["jobQueueArn"] for q in client.describe_job_queues()["jobQueues"]]
    found: Counter[str] = Counter()
    for queue in queues:
        for state in STATES:
            found[state] += sum(
                len(page["jobSummaryList"])
                for page in client.get_paginator("list_jobs").paginate(jobQueue=queue, jobStatus=state)
            )
    return +found


def runs(office: Office, endpoint: str, table: str | None) -> Counter[str]:
    if not table:
        return Counter()
    pages: Any = office.client("dynamodb", endpoint).get_paginator("scan").paginate(TableName=table)
    items = (item for page in pages for item in page["Items"])
    return Counter(i.get("state", {}).get("S", "?") for i in items if i["sk"]["S"] == "run")


def counted(found: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in found.items()) or "none"
