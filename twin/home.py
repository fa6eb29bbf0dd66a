"""Where the twin keeps what it knows: its log, its process, and the deployers' states, in `.twin/` or
`TWIN_HOME`.
"""

import json
import os
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

HEALTH_TIMEOUT_S = 2


class TwinMissing(Exception):
    """No twin runs; the words say how to start one."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started twin. `life` changes whenever everything that was made in it is gone."""

    endpoint: str
    pid: int
    life: str


def home() -> Path:
    return Path(os.environ.get("TWIN_HOME") or ".twin").absolute()


def remember(running: Running) -> None:
    write(home() / "twin.json", json.dumps(asdict(running)))


def forget_process() -> None:
    """The twin was stopped; its life stays known, so that a next one can go on with what it kept."""
    if found := recorded():
        remember(Running(endpoint=found.endpoint, pid=0, life=found.life))


def recorded() -> Running | None:
    """The twin that the state file names, whether it still lives or not."""
    try:
        return Running(**json.loads((home() / "twin.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def running() -> Running:
    """The twin that runs. A state file left by one that was killed is recognised."""
    found = recorded()
    if found is None or found.pid == 0:
        raise TwinMissing(f"no twin runs ({home()} names none): start one with `python -m twin start`")
    if not alive(found):
        forget_process()
        raise TwinMissing(
            f"the twin that {home()} names (process {found.pid}, {found.endpoint}) is gone: "
            "start one with `python -m twin start`"
        )
    return found


def alive(twin: Running) -> bool:
    if twin.pid == 0:  # stopped orderly
        return False
    try:
        os.kill(twin.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return answers(twin.endpoint)


def answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/_ministack/health", timeout=HEALTH_TIMEOUT_S) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def write(path: Path, text: str) -> None:
    """Writes all of the file or nothing of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(text)
    part.replace(path)
