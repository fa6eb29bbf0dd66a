"""The mock community: made once by its image and kept in the build folder."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline_images import containers

IMAGE = containers.local_image("mock_community")


class NotMade(Exception):
    """The mock community's container failed."""


@dataclass(frozen=True, kw_only=True)
class Community:
    """A sample of known composition, and the references that its analysis takes."""

    input_tar: Path
    truth: Path
    references: Path  # <name>/<version>/<files…>


def community(folder: Path, *, pairs: int, seed: int, options: tuple[str, ...] = ()) -> Community:
    """The community of these arguments: an image gives the same bytes again, so it is made once by each."""
    out = folder / "".join([f"{pairs}-{seed}", *options])
    done = out / ".made"
    engine = containers.engine()
    image = engine.ask("image", "inspect", "--format", "{{.Id}}", IMAGE) or ""
    if not done.exists() or done.read_text() != image:
        out.mkdir(parents=True, exist_ok=True)
        run = engine.command(
            "run", "--rm", "--network", "none", "--user", owner(engine), "--volume", f"{out}:/out"
        )
        made = subprocess.run(
            [*run, IMAGE, "/out", "--pairs", str(pairs), "--seed", str(seed), *options],
            env=dict(engine.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            raise NotMade(f"{IMAGE} ended with {made.returncode}: {made.stderr.strip()[-500:]}")
        done.write_text(image)
    return Community(input_tar=out / "input.tar", truth=out / "truth.tsv", references=out / "references")


def owner(engine: containers.Engine) -> str:
    """Who writes the files, so that they belong to whoever asked for them."""
    if engine.program == "docker" and os.getuid():
        return f"{os.getuid()}:{os.getgid()}"
    return "0"  # podman without root: root inside is the user outside
