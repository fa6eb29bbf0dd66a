"""Releases for a rehearsal: images of this machine, in the registries of the offices' accounts.

The twin's ECR takes an image's manifest and no layers; what a digest stands for is an image of the container
engine, which the twin's Batch and the jobs' `docker` run.
"""

import hashlib
import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from canary.mock import IMAGE as COMMUNITY
from components.names import repository_name
from pipeline_images.containers import Engine, EngineMissing, engine, local_image
from twin import home
from twin.server import Twin

PIPELINE = "metagenome"
IMAGE = local_image(PIPELINE)
NEXT = f"FROM {IMAGE}\nLABEL org.opencontainers.image.revision=rehearsal\n"
# A confidence at which most reads of a strain that the database does not hold are not named: it ends well, in
# time, with a full report, and only the known composition tells that it is wrong.
SPOILT = f"""FROM {IMAGE}
USER 0:0
RUN cd /opt/pipeline/metagenome \\
    && sed -i 's/"-M"]/"-M", "-T", "0.9"]/' classification.py \\
    && grep -q '"-T"' classification.py
USER 10001:10001
"""


def needed() -> None:
    """Raises EngineMissing when the engine or an image that releases stand on is not here."""
    here = engine()
    for image in (IMAGE, COMMUNITY):
        if not here.has(image):
            raise EngineMissing(f"{image} is not on this machine: `make images`")


@contextmanager
def built(docker: Engine, tag: str, dockerfile: str, folder: Path) -> Iterator[str]:
    """An image that stands on today's; it goes when this ends."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "Dockerfile").write_text(dockerfile)
    build = docker.command("build", "--network=host", f"--tag={tag}", folder)
    subprocess.run(build, env=dict(docker.environ), check=True, capture_output=True)
    try:
        yield tag
    finally:
        docker.ask("image", "rm", tag)


def stands_for(digest: str, image: str) -> None:
    """From now on `digest` is this image of the engine, for the twin's Batch as well."""
    kept = home.home() / "images.json"
    known = json.loads(kept.read_text()) if kept.exists() else {}
    home.write(kept, json.dumps({**known, digest: image}))


@dataclass(kw_only=True)
class Registry:
    twin: Twin
    headquarters: str
    _manifests: dict[str, str] = field(default_factory=dict)

    def push(self, image: str) -> str:
        """Into headquarters' registry; the digest."""
        # Layers stay where they are: a manifest that names the image's configuration names all of it.
        known = engine().ask("image", "inspect", "--format", "{{.Id}}", image) or ""
        config = {"digest": f"sha256:{known.removeprefix('sha256:')}"}
        manifest = json.dumps({"schemaVersion": 2, "config": config, "layers": []})
        digest = f"sha256:{hashlib.sha256(manifest.encode()).hexdigest()}"
        self._manifests[digest] = manifest
        stands_for(digest, image)
        self.replicate(digest, self.headquarters)
        return digest

    def replicate(self, digest: str, *offices: str) -> None:
        """As ECR does it some time after a push; the twin's does not."""
        for office in offices:
            self.twin.client("ecr", office).put_image(
                repositoryName=repository_name(PIPELINE),
                imageManifest=self._manifests[digest],
                imageTag=digest[7:19],
            )
