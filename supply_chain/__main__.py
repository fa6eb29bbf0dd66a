"""`python -m supply_chain`: known faults of packages and images, and what an image holds.

`packages` looks up every lock file (PyPI must be reachable), `image` asks the registry that an image was
pushed to, `sbom` writes the bill of materials of a local image.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from pipeline_images.build import IMAGES
from pipeline_images.containers import EngineMissing, engine
from supply_chain import allowed, image_scan, packages, sbom


def _packages(given: argparse.Namespace) -> int:
    """Known faults of the packages in every lock file."""
    locks = packages.lock_files(given.root)
    found = [each for lock in locks for each in packages.findings(given.root, lock)]
    return _told(found, locks)


def _image(given: argparse.Namespace) -> int:
    """Known faults in an image that was pushed."""
    place = f"pipeline_images/{given.image}"
    client = boto3.client("ecr")
    return _told(image_scan.findings(client, given.repository, given.digest, place), [place])


def _sbom(given: argparse.Namespace) -> int:
    """The bill of materials of a local image."""
    count = sbom.written(engine(given.engine), given.image, datetime.now(UTC), given.out)
    print(f"{given.out}: {count} packages")
    return 0


def _told(found: list[allowed.Finding], places: list[str]) -> int:
    faults = allowed.faults(found, allowed.load(), places, datetime.now(UTC).date())
    for fault in faults:
        print(fault)
    print(f"{', '.join(places)}: {len(found)} known faults, {len(faults)} to answer")
    return 1 if faults else 0


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m supply_chain", description=(__doc__ or "").split("\n")[0]
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    made = commands.add_parser("packages", help=_packages.__doc__)
    made.add_argument("--root", type=Path, default=Path.cwd(), help="the project's folder")
    made.set_defaults(run=_packages)
    made = commands.add_parser("image", help=_image.__doc__)
    made.add_argument("image", choices=sorted(IMAGES))
    made.add_argument("--repository", required=True)
    made.add_argument("--digest", required=True)
    made.set_defaults(run=_image)
    made = commands.add_parser("sbom", help=_sbom.__doc__)
    made.add_argument("image", choices=sorted(IMAGES))
    made.add_argument("--out", type=Path, required=True)
    made.add_argument("--engine", help="podman or docker (default: the first that is installed)")
    made.set_defaults(run=_sbom)
    given = parser.parse_args(arguments)
    try:
        return int(given.run(given))
    except (
        allowed.BadList,
        packages.NotAudited,
        sbom.NoAnswer,
        EngineMissing,
        BotoCoreError,
        ClientError,
    ) as error:
        print(f"supply_chain: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
