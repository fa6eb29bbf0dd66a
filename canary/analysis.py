"""Analysis: one image run on the community, as a branch's sample would be, and what came of it."""

import hashlib
import json
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from canary import measure
from canary.mock import Community, owner
from canary.record import Analysis
from canary.truth import measured_shares
from components.office import PinnedRelease
from pipeline_images.containers import Engine

TABLE = Path("abundance/species.tsv")
CHECKSUMS = "SHA256SUMS"
# A release that never ends fails, as it would in AWS Batch.
LONGEST_S = 3600
# podman's and docker's own exit code when they could not start the container.
ENGINE_FAILED = 125


class CannotCompare(Exception):
    """There is nothing to compare a release with, or on; the words say why."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A release, the image that it is here, and where its references lie: role → folder."""

    release: PinnedRelease
    image: str
    references: Mapping[str, Path]
    checksums: Mapping[str, str]  # by reference: SHA-256 of its SHA256SUMS

    def analysis(self, repetitions: list["Repetition"]) -> Analysis:
        """Of all repetitions; the first that failed is the failure of all."""
        failure = next((each.failure for each in repetitions if each.failure), None)
        return Analysis(
            release=self.release,
            image=self.image,
            checksums=dict(self.checksums),
            shares={} if failure else repetitions[0].shares,
            seconds=tuple(each.seconds for each in repetitions),
            memory_mib=tuple(each.memory_mib for each in repetitions),
            failure=failure,
        )


@dataclass(frozen=True, kw_only=True)
class Repetition:
    shares: dict[int, float]
    names: dict[int, str]
    seconds: float = 0.0
    memory_mib: int = 0
    failure: str | None = None


def references_of(folder: Path, roles: Mapping[str, str], release: PinnedRelease) -> dict[str, Path]:
    """By role, where the release's version lies below `folder`, laid out as the references buckets are.

    Raises CannotCompare when one is missing.
    """
    found = {role: folder / name / release.references[name] for role, name in roles.items()}
    for place in found.values():
        if not (place / CHECKSUMS).is_file():
            raise CannotCompare(
                f"{place}/{CHECKSUMS} is missing: fetch the reference from headquarters' bucket"
            )
    return found


def checked(place: Path) -> str:
    """SHA-256 of the folder's SHA256SUMS, once every file fits it. Raises CannotCompare."""
    sums = (place / CHECKSUMS).read_bytes()
    for line in sums.decode().splitlines():
        expected, _, name = line.partition("  ")
        try:
            with (place / name).open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise CannotCompare(f"{place / name}: {error.strerror}") from error
        if found != expected:
            raise CannotCompare(f"{place / name} does not fit {CHECKSUMS}: fetch it again")
    return hashlib.sha256(sums).hexdigest()


def analyse(engine: Engine, subject: Subject, community: Community, room: Path) -> Repetition:
    """Run the image once, without a network. A failure of it is an answer, not an exception.

    Raises CannotCompare when the engine could not start it.
    """
    with tempfile.TemporaryDirectory(dir=room) as made:
        source, output, scratch, taken = (
            Path(made, name) for name in ("input", "output", "scratch", "taken")
        )
        for folder in (source, output, scratch, taken):
            folder.mkdir()
        # A link costs nothing; another file system needs a copy.
        try:
            (source / "input.tar").hardlink_to(community.input_tar)
        except OSError:
            shutil.copyfile(community.input_tar, source / "input.tar")
        places = {
            f"{source}": "/input:ro",
            f"{output}": "/output",
            f"{scratch}": "/scratch",
            f"{taken}": "/taken",
            f"{Path(measure.__file__)}": "/canary/measure.py:ro",
            **{str(place.absolute()): f"/references/{role}:ro" for role, place in subject.references.items()},
        }
        command = engine.command(
            *("run", "--rm", "--network", "none", "--user", owner(engine), "--entrypoint", "python3"),
            *(f"--volume={outside}:{inside}" for outside, inside in places.items()),
            *("--env", "SCRATCH=/scratch", subject.image),
            *("/canary/measure.py", "/input", "/output", "/taken/taken.json"),
        )
        try:
            done = subprocess.run(
                command, env=dict(engine.environ), capture_output=True, text=True, errors="replace",
                check=False, timeout=LONGEST_S,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return Repetition(shares={}, names={}, failure=f"did not end in {LONGEST_S // 60} minutes")
        if done.returncode == ENGINE_FAILED:
            raise CannotCompare(f"{engine.program}: {done.stderr.strip()[-500:]}")
        if done.returncode:
            last = " ".join(done.stderr.strip().splitlines()[-1:])[-300:]
            return Repetition(shares={}, names={}, failure=f"ended with exit code {done.returncode}: {last}")
        took = json.loads((taken / "taken.json").read_text())
        try:
            shares, names = measured_shares(output / TABLE)
        except (OSError, KeyError, ValueError) as error:
            return Repetition(shares={}, names={}, failure=f"{TABLE}: {error}", **took)
        return Repetition(shares=shares, names=names, **took)
