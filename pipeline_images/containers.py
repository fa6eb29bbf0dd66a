"""Which container engine this machine has, and how it is called.

podman and docker are driven by the same words. `CONTAINER_ENGINE` chooses one; otherwise the first that is
installed is taken. podman as root on a machine without systemd gets the settings of `containers.conf` beside
this file.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ENGINES = ("podman", "docker")
SETTINGS = Path(__file__).with_name("containers.conf")
REPOSITORY = "localhost/globalbi"  # local images are localhost/globalbi/<name>:dev


class EngineMissing(Exception):
    """No container engine can be used; the words say what to do."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """podman or docker, with the environment it is to be called in."""

    program: str
    environ: Mapping[str, str]

    def command(self, *words: str | Path) -> list[str]:
        return [self.program, *map(str, words)]

    def ask(self, *words: str | Path) -> str | None:
        """The answer of a short question, without its last newline; None when the engine says no."""
        done = subprocess.run(
            self.command(*words), env=dict(self.environ), capture_output=True, text=True, check=False
        )
        return done.stdout.strip() if done.returncode == 0 else None

    def has(self, image: str) -> bool:
        return self.ask("image", "inspect", "--format", "{{.Id}}", image) is not None


def engine(choice: str | None = None, environ: Mapping[str, str] | None = None) -> Engine:
    """The engine to use. Raises `EngineMissing` with a sentence that says what to install."""
    environ = os.environ if environ is None else environ
    choice = choice or environ.get("CONTAINER_ENGINE") or None
    if choice is not None and choice not in ENGINES:
        raise EngineMissing(f"the container engine must be podman or docker, not {choice!r}")
    wanted: Sequence[str] = [choice] if choice else ENGINES
    for program in wanted:
        if shutil.which(program, path=environ.get("PATH")):
            return Engine(program=program, environ=_environment(program, environ))
    raise EngineMissing(
        f"no container engine: {' or '.join(wanted)} is not on the PATH. "
        "Install one, on Debian with `apt-get install podman runc`, or start Docker and try again."
    )


def _environment(program: str, environ: Mapping[str, str]) -> dict[str, str]:
    settings = dict(environ)
    without_systemd = os.geteuid() == 0 and not Path("/run/systemd/system").is_dir()
    if program == "podman" and without_systemd:
        settings.setdefault("CONTAINERS_CONF", str(SETTINGS))
    return settings


def local_image(name: str) -> str:
    """The name under which an image lies on this machine."""
    return f"{REPOSITORY}/{name}:dev"
