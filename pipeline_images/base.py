"""The base image: Debian bookworm, pulled where a registry is reachable, otherwise made from Debian's
packages.
"""

import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pipeline_images.building import BuildFailed, follow
from pipeline_images.containers import Engine, local_image

OFFICIAL = "docker.io/library/debian:bookworm-slim"
MADE = local_image("base")
PULL_TIMEOUT_S = 300
# As the official slim image does it: what nobody reads in a container is not unpacked, licences are.
SLIM = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


@dataclass(frozen=True, kw_only=True)
class Base:
    image: str
    content: str  # its id: a new base means new images


def find_or_make(docker: Engine, wanted: str | None) -> Base:
    """The wanted base; else Debian's official image, here or pulled; else one made on this machine."""
    for image in [wanted] if wanted else [OFFICIAL, MADE]:
        if docker.has(image) or (image != MADE and pull(docker, image)):
            return described(docker, image)
    if wanted:
        raise BuildFailed(f"the base image {wanted} is neither here nor can it be pulled")
    make(docker)
    return described(docker, MADE)


def described(docker: Engine, image: str) -> Base:
    found = docker.ask("image", "inspect", "--format", "{{.Id}}", image)
    if found is None:
        raise BuildFailed(f"{docker.program} does not know the image {image} it has just got")
    return Base(image=image, content=found.removeprefix("sha256:"))


def pull(docker: Engine, image: str) -> bool:
    try:
        done = subprocess.run(
            docker.command("pull", "--quiet", image),
            env=dict(docker.environ),
            capture_output=True,
            timeout=PULL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def make(docker: Engine) -> None:
    """Debian's minimal system, made by mmdebstrap and imported."""
    for hindrance, words in (
        (shutil.which("mmdebstrap") is None, "mmdebstrap is not installed (apt-get install mmdebstrap)"),
        (os.geteuid() != 0, "making one needs root"),
    ):
        if hindrance:
            raise BuildFailed(
                f"no registry gives {OFFICIAL}, and it cannot be made here: {words}. "
                "Load an image of Debian bookworm and name it with --base."
            )
    with tempfile.TemporaryDirectory(prefix="globalbi-base-") as room:
        archive = Path(room, "base.tar")
        options = [f"--dpkgopt={option}" for option in SLIM]
        command = ["mmdebstrap", "--variant=minbase", *options, "bookworm", str(archive)]
        follow(command, os.environ, "base: Debian bookworm from its packages")
        follow(docker.command("import", archive, MADE), docker.environ, "base: import")
