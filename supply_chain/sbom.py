"""What is in an image: a software bill of materials (CycloneDX 1.6), asked of the image itself.

Debian's packages by dpkg, Python's by their metadata, and what a Dockerfile builds by `cargo install` by its
pinned version.
"""

import json
import re
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from pipeline_images.build import IMAGES, VERSION_LABEL
from pipeline_images.containers import Engine, local_image

DEBIAN = "bookworm"

# Asked in the image, by its own Python, which every image has: the runner is written in it.
_QUESTION = """
import importlib.metadata, json, subprocess
words = ["dpkg-query", "--show", "--showformat", "${Package}\\t${Version}\\t${Architecture}\\n"]
debian = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
# Debian's own Python packages are among Debian's.
python = [d for d in importlib.metadata.distributions() if "dist-packages" not in str(d.locate_file(""))]
print(json.dumps({
    "debian": [line.split("\\t") for line in debian],
    "python": sorted({(d.name, d.version) for d in python}),
}))
"""


class NoAnswer(Exception):
    """The image is not there or cannot be asked; the words say which."""


def bill(docker: Engine, name: str, now: datetime) -> str:
    """The bill of the local image of a pipeline, in JSON. Raises `NoAnswer`."""
    image = local_image(name)
    answer = docker.ask("run", "--rm", "--network=none", "--entrypoint=python3", image, "-c", _QUESTION)
    if answer is None:
        raise NoAnswer(f"{image} cannot be asked what it holds; build it: make images")
    label = docker.ask(
        "image", "inspect", "--format", f'{{{{index .Config.Labels "{VERSION_LABEL}"}}}}', image
    )
    holds = json.loads(answer)
    bom = Bom()
    bom.metadata.timestamp = now
    bom.metadata.component = Component(
        name=f"globalbi/{name}", version=label, type=ComponentType.CONTAINER, bom_ref=f"globalbi/{name}"
    )
    bom.metadata.tools.components.add(
        Component(
            name="global-bi-platform", version=version("global-bi-platform"), type=ComponentType.APPLICATION
        )
    )
    urls = [_debian(*each) for each in holds["debian"]]
    urls += [
        PackageURL("pypi", None, each_name.lower(), each_version)
        for each_name, each_version in holds["python"]
    ]
    urls += [PackageURL("cargo", None, *each) for each in built_by_cargo(name)]
    components = [
        Component(
            name=url.name, version=url.version, type=ComponentType.LIBRARY, purl=url, bom_ref=url.to_string()
        )
        for url in urls
    ]
    bom.components.update(components)
    bom.register_dependency(bom.metadata.component, components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def built_by_cargo(name: str) -> list[tuple[str, str]]:
    """Name and version of what the image's Dockerfiles, its own and those below, install by cargo."""
    found = []
    below: str | None = name
    while below is not None:
        text = (IMAGES[below].folder / "Dockerfile").read_text()
        for crate, argument in re.findall(r'cargo install (\S+) --version "\$(\w+)"', text):
            pinned = re.search(rf"^ARG {argument}=(\S+)$", text, re.MULTILINE)
            if pinned is None:
                raise NoAnswer(f"{below}/Dockerfile: cargo install {crate} needs ARG {argument}=VERSION")
            found.append((crate, pinned[1]))
        below = IMAGES[below].stands_on
    return found


def _debian(package: str, its_version: str, architecture: str) -> PackageURL:
    return PackageURL("deb", "debian", package, its_version, {"arch": architecture, "distro": DEBIAN})


def written(docker: Engine, name: str, now: datetime, out: Path) -> int:
    """Writes the bill. The number of what is in it."""
    text = bill(docker, name, now)
    out.write_text(text)
    return len(json.loads(text)["components"])
