"""The instance that a job would run on: the smallest of its compute environment's families that holds it.

On AWS an instance writes down what it is when it starts (`components/scratch.sh`). This machine is no EC2
instance, so the twin writes what AWS Batch would have started, and lays it where the container looks.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from handlers.release import usable_mib

GIB_PER_VCPU = {"c": 2, "m": 4, "r": 8}  # by the first letter of a family
SIZES = {2: "large", 4: "xlarge", 8: "2xlarge", 16: "4xlarge", 32: "8xlarge", 64: "16xlarge", 128: "32xlarge"}
SCRATCH, FILE = "/scratch", "instance.json"
ID_DIGITS = 17
MARKETS = {"SPOT": "spot", "EC2": "on-demand"}


def instance_for(families: Sequence[str], vcpus: float, memory_mib: float) -> str | None:
    """Of equal sizes the one with the least memory; None if none holds the job."""
    fitting = [
        (size, GIB_PER_VCPU[family[0]], family)
        for family in families
        if family[0] in GIB_PER_VCPU
        for size in SIZES
        if size >= vcpus and usable_mib(size * GIB_PER_VCPU[family[0]]) >= memory_mib
    ]
    if not fitting:
        return None
    size, _, family = min(fitting)
    return f"{family}.{SIZES[size]}"


def id_for(container: str) -> str:
    """In AWS's form. The smallest instance that holds a job has room for no other: each container has one of
    its own.
    """
    return f"i-{hashlib.sha256(container.encode()).hexdigest()[:ID_DIGITS]}"


def write_down(folder: Path, instance: str, market: str, id: str) -> Path:
    """The instance's word about itself, in `folder`."""
    path = folder / FILE
    path.write_text(json.dumps({"type": instance, "market": market, "id": id}))
    path.chmod(0o644)
    return path
