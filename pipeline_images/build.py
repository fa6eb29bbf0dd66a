"""Builds the images on this machine: `python -m pipeline_images.build [NAME…]`.

Each image is built from its folder on top of another: the base (Debian), the runner, a pipeline, and what is
made from a pipeline. Its `test` stage is built first, so that no image gets its name that has not just proven
itself. An image is built again only when its folder, or what it stands on, changed: a hash of both is one of
its labels.
"""

import argparse
import re
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline_images import base
from pipeline_images.building import BuildFailed, build_stage, host_secrets
from pipeline_images.containers import Engine, EngineMissing, engine, local_image
from pipeline_images.content import content_hash

ROOT = Path(__file__).parent
CONTENT_LABEL = "globalbi.content"
VERSION_LABEL = "org.opencontainers.image.version"


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image's folder, and the image its Dockerfile starts from."""

    name: str
    stands_on: str | None  # None: on the base
    argument: str  # the Dockerfile's ARG that names what it stands on

    @property
    def folder(self) -> Path:
        return ROOT / self.name


def in_order(names: list[str], images: Mapping[str, Image]) -> list[Image]:
    """The named images (all, when none is named) and what they stand on, each after what it stands on."""
    unknown = [name for name in names if name not in images]
    if unknown:
        raise BuildFailed(f"no image is called {', '.join(unknown)}; there are {', '.join(images)}")
    ordered: dict[str, Image] = {}

    def take(image: Image) -> None:
        if image.stands_on is not None:
            take(images[image.stands_on])
        ordered[image.name] = image

    for name in names or images:
        take(images[name])
    return list(ordered.values())


_STANDS_ON = re.compile(r"^ARG ([A-Z0-9_]+)_IMAGE=", re.MULTILINE)


def images_below(root: Path) -> dict[str, Image]:
    """Every folder with a Dockerfile, each after what it stands on: its `ARG <NAME>_IMAGE=` tells that."""
    found = {}
    for dockerfile in sorted(root.glob("*/Dockerfile")):
        names = [name for name in _STANDS_ON.findall(dockerfile.read_text()) if name != "BASE"] or ["BASE"]
        below = None if names[0] == "BASE" else names[0].lower()
        name = dockerfile.parent.name
        found[name] = Image(name=name, stands_on=below, argument=f"{names[0]}_IMAGE")
    return {image.name: image for image in in_order(list(found), found)}


IMAGES = images_below(ROOT)


def reads(image: Image, argument: str) -> bool:
    """Whether the Dockerfile takes a build argument: engines complain of others."""
    return f"ARG {argument}=" in (image.folder / "Dockerfile").read_text()


def version_of(image: Image) -> str:
    """A pipeline's own version; other images go with the project."""
    described = image.folder / "pipeline.yaml"
    return str(yaml.safe_load(described.read_text())["version"]) if described.is_file() else "0.1.0"


def build(names: list[str], docker: Engine, *, base_image: str | None = None, anew: bool = False) -> None:
    """Build what changed. Raises `BuildFailed` with the failing build's last lines."""
    foundation = base.find_or_make(docker, base_image)
    contents: dict[str | None, str] = {None: foundation.content}
    parents: dict[str | None, str] = {None: foundation.image}
    with host_secrets() as secrets:
        for image in in_order(names, IMAGES):
            content = content_hash(image.folder, contents[image.stands_on])
            contents[image.name], parents[image.name] = content, local_image(image.name)
            label = f'{{{{index .Config.Labels "{CONTENT_LABEL}"}}}}'
            if not anew and docker.ask("image", "inspect", "--format", label, parents[image.name]) == content:
                say(image, docker, "unchanged")
                continue
            started = time.monotonic()
            arguments = {"BASE_IMAGE": foundation.image, image.argument: parents[image.stands_on]}
            words = [
                *(f"--build-arg={key}={value}" for key, value in arguments.items() if reads(image, key)),
                *secrets,
                *(["--no-cache"] if anew else []),
            ]
            build_stage(docker, image.folder, f"{image.name}: test", ["--target=test", *words])
            words = [word for word in words if word != "--no-cache"]  # the same layers as those just tested
            labels = [f"--label={CONTENT_LABEL}={content}", f"--label={VERSION_LABEL}={version_of(image)}"]
            name = f"--tag={local_image(image.name)}"
            build_stage(docker, image.folder, image.name, ["--target=release", name, *labels, *words])
            say(image, docker, f"built and tested in {time.monotonic() - started:.0f} s")


def say(image: Image, docker: Engine, what: str) -> None:
    size = int(docker.ask("image", "inspect", "--format", "{{.Size}}", local_image(image.name)) or 0)
    print(f"{local_image(image.name)}  version {version_of(image)}  {size / 1e6:.0f} MB  {what}", flush=True)


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline_images.build", description=__doc__.split("\n")[0]
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(IMAGES)} (default: all)")
    parser.add_argument("--engine", help="podman or docker (default: the first that is installed)")
    parser.add_argument(
        "--base", help="an image of Debian bookworm to build on (default: debian:bookworm-slim)"
    )
    parser.add_argument("--anew", action="store_true", help="build all again, with Debian's newest packages")
    chosen = parser.parse_args(arguments)
    try:
        build(chosen.names, engine(chosen.engine), base_image=chosen.base, anew=chosen.anew)
    except (BuildFailed, EngineMissing) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped; what was built so far is kept", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
