"""What is in an image, package by package: `python -m pipeline_images.sbom NAME > NAME.spdx.json`.

The image itself is asked: Debian's packages, what comes from PyPI, and programs that were built for it. The
answer is SPDX 2.3 in JSON, which scanners read. The same image gives the same bytes. Crates that a program of
Rust was linked from are not in it: their versions are those that its authors locked.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from pipeline_images.build import IMAGES, VERSION_LABEL
from pipeline_images.containers import Engine, EngineMissing, engine, local_image

SPDX = "SPDX-2.3"
UNKNOWN = "NOASSERTION"  # SPDX's word
# Runs in the image; prints [kind, name, version, architecture or SHA-256] of each package.
ASK = """
import hashlib, importlib.metadata, json, pathlib, subprocess

def told(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd="/").stdout

form = "${db:Status-Status}\\t${Package}\\t${Version}\\t${Architecture}\\n"
rows = [line.split("\\t") for line in told("dpkg-query", "--show", f"--showformat={form}").splitlines()]
found = [["deb", *row[1:]] for row in rows if row[0] == "installed"]
for each in importlib.metadata.distributions(path=["/opt/python"]):
    found.append(["pypi", each.metadata["Name"], each.version, ""])
for path in pathlib.Path("/usr/local/bin").iterdir():
    version = told(str(path), "--version").split()[-1]
    found.append(["built", path.name, version, hashlib.sha256(path.read_bytes()).hexdigest()])
print(json.dumps(found))
"""


class NotTold(Exception):
    """The image could not be asked."""


@dataclass(frozen=True, kw_only=True, order=True)
class Package:
    """`kind` is deb, pypi or built; `detail` the architecture, or of what was built its SHA-256."""

    kind: str
    name: str
    version: str
    detail: str = ""

    @property
    def purl(self) -> str:
        """Where scanners look it up (https://github.com/package-url/purl-spec)."""
        name, version = quote(self.name.lower(), safe=""), quote(self.version, safe="")
        match self.kind:
            case "deb":
                return f"pkg:deb/debian/{name}@{version}?arch={self.detail}&distro=debian-12"
            case "pypi":
                return f"pkg:pypi/{name.replace('_', '-')}@{version}"
            case _:
                return f"pkg:generic/{name}@{version}"

    def as_spdx(self, number: int) -> dict[str, Any]:
        told = {
            "SPDXID": f"SPDXRef-Package-{number}",
            "name": self.name,
            "versionInfo": self.version,
            "downloadLocation": UNKNOWN,
            "filesAnalyzed": False,
            "externalRefs": [
                {
                    "referenceCategory": "PACKAGE-MANAGER",
                    "referenceType": "purl",
                    "referenceLocator": self.purl,
                }
            ],
        }
        checksum = [{"algorithm": "SHA256", "checksumValue": self.detail}]
        return told | ({"checksums": checksum} if self.kind == "built" else {})


def packages_of(docker: Engine, image: str) -> list[Package]:
    """Asked of a container without network. Raises `NotTold`."""
    answer = docker.ask("run", "--rm", "--network=none", "--entrypoint=python3", image, "-c", ASK)
    if answer is None:
        raise NotTold(f"{image} does not tell what is in it: is it built (python -m pipeline_images.build)?")
    rows = json.loads(answer)
    return sorted(Package(kind=k, name=n, version=v, detail=d) for k, n, v, d in rows)


def document(
    name: str, version: str, image_id: str, created: str, packages: Iterable[Package]
) -> dict[str, Any]:
    """`created` is when the image was, ISO 8601 to the second with a Z."""
    root = "SPDXRef-Image"
    listed = [package.as_spdx(number) for number, package in enumerate(packages, start=1)]
    image = {
        "SPDXID": root,
        "name": f"globalbi/{name}",
        "versionInfo": version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "primaryPackagePurpose": "CONTAINER",
        "checksums": [{"algorithm": "SHA256", "checksumValue": image_id}],
    }
    holds = [(root, "CONTAINS", each["SPDXID"]) for each in listed]
    return {
        "spdxVersion": SPDX,
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"globalbi/{name} {version}",
        "documentNamespace": f"urn:globalbi:image:{name}:{image_id}",
        "creationInfo": {"created": created, "creators": ["Tool: globalbi pipeline_images.sbom"]},
        "packages": [image, *listed],
        "relationships": [
            {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}
            for one, kind, other in [("SPDXRef-DOCUMENT", "DESCRIBES", root), *holds]
        ],
    }


def sbom(docker: Engine, name: str) -> dict[str, Any]:
    """Of the image as it lies on this machine. Raises `NotTold`."""
    image = local_image(name)
    form = f'{{{{.Id}}}} {{{{index .Config.Labels "{VERSION_LABEL}"}}}} {{{{json .Created}}}}'
    told = docker.ask("image", "inspect", "--format", form, image)
    if told is None:
        raise NotTold(f"{image} is not on this machine: python -m pipeline_images.build {name}")
    image_id, version, created = told.split(maxsplit=2)
    second = f"{json.loads(created)[:19]}Z"
    return document(name, version, image_id.removeprefix("sha256:"), second, packages_of(docker, image))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline_images.sbom", description=__doc__.split("\n")[0]
    )
    parser.add_argument("name", metavar="NAME", choices=IMAGES, help=f"one of {', '.join(IMAGES)}")
    parser.add_argument("--engine", help="podman or docker (default: the first that is installed)")
    chosen = parser.parse_args(arguments)
    try:
        print(json.dumps(sbom(engine(chosen.engine), chosen.name), indent=1))
    except (EngineMissing, NotTold) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
