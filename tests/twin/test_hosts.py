"""The instance that the twin says a job runs on."""

import json
import re
from pathlib import Path

import pytest
from runner.host import Host, host_of

from cost.book import book_of
from twin import hosts
from twin.hosts import GIB_PER_VCPU, SIZES, id_for, instance_for, write_down

FAMILIES = ("c6id", "m6id", "r6id")


@pytest.mark.parametrize(
    ("vcpus", "memory_mib", "instance"),
    [
        (4, 6000, "c6id.xlarge"),
        (4, 8000, "m6id.xlarge"),  # of 8 GiB, ECS leaves 7,857 MiB
        (4, 31000, "r6id.xlarge"),
        (8, 40000, "r6id.2xlarge"),
        (32, 6000, "c6id.8xlarge"),
        (1, 500, "c6id.large"),
        (200, 500, None),
    ],
)
def test_a_job_gets_the_smallest_instance_that_holds_it(
    vcpus: int, memory_mib: int, instance: str | None
) -> None:
    """The demo's costs would be those of an instance that AWS Batch never starts."""
    assert instance_for(FAMILIES, vcpus, memory_mib) == instance


def test_its_instances_are_those_of_the_price_book() -> None:
    """Vcpus and memory are AWS's: a twin of other shapes would rehearse other costs."""
    sizes = {name: vcpus for vcpus, name in SIZES.items()}
    for name, instance in book_of(None).regions["eu-central-1"].instances.items():
        family, _, size = name.partition(".")
        assert instance.vcpus == sizes[size]
        assert instance.memory_gib == instance.vcpus * GIB_PER_VCPU[family[0]]


def test_the_runner_reads_what_the_twin_writes_down(tmp_path: Path) -> None:
    """Else no run of the twin has a cost."""
    path = write_down(tmp_path, "c6id.xlarge", "spot", "i-0123456789abcdef0")
    assert path.name == hosts.FILE
    assert json.loads(path.read_text()) == {
        "type": "c6id.xlarge", "market": "spot", "id": "i-0123456789abcdef0",
    }  # fmt: skip
    assert host_of(tmp_path) == Host(type="c6id.xlarge", market="spot", id="i-0123456789abcdef0")


def test_each_container_has_an_instance_of_its_own_in_awss_form() -> None:
    """Two jobs on one instance that has room for one would be packed as AWS Batch never packs."""
    found = {id_for(f"twin-{number}-1") for number in range(100)}
    assert len(found) == 100
    assert all(re.fullmatch(r"i-[0-9a-f]{17}", each) for each in found)
