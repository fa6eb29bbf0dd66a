"""Capacity: what an office's Batch may use, and whether its queues take jobs."""

from dataclasses import dataclass

from components.names import physical
from components.office import Office
from fleet.access import Access


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """Of one compute environment or job queue: its name, how it is, and vCPUs (None: a queue)."""

    name: str
    status: str
    desired_vcpus: int | None = None
    max_vcpus: int | None = None


def ask_capacity(access: Access, office: Office) -> list[Capacity]:
    batch = access.client("batch", office)
    prefix = physical(office.name, "")
    environments = batch.describe_compute_environments()["computeEnvironments"]
    queues = batch.describe_job_queues()["jobQueues"]
    return [
        Capacity(
            name=each["computeEnvironmentName"],
            status=f"{each['state']} {each.get('status', '')}".strip().lower(),
            desired_vcpus=each.get("computeResources", {}).get("desiredvCpus", 0),
            max_vcpus=each.get("computeResources", {}).get("maxvCpus"),
        )
        for each in environments
        if each["computeEnvironmentName"].startswith(prefix)
    ] + [
        Capacity(
            name=each["jobQueueName"], status=f"{each['state']} {each.get('status', '')}".strip().lower()
        )
        for each in queues
        if each["jobQueueName"].startswith(prefix)
    ]
