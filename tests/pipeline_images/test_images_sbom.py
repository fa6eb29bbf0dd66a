"""What an image says is in it is what is in it."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline_images import sbom
from pipeline_images.containers import engine

ROOT = Path(__file__).parents[2]


@pytest.mark.containers
@pytest.mark.xdist_group("containers")
def test_an_image_names_every_package_with_the_version_that_was_pinned() -> None:
    """A vulnerability becomes known, and nobody can say which images have that version."""
    told = subprocess.run(
        [sys.executable, "-m", "pipeline_images.sbom", "metagenome"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    packages = {each["name"]: each for each in json.loads(told.stdout)["packages"]}
    for folder in ("runner", "metagenome"):
        lock = (ROOT / "pipeline_images" / folder / "requirements.lock").read_text()
        for name, version in re.findall(r"^(\S+)==(\S+)", lock, re.MULTILINE):
            assert packages[name]["versionInfo"] == version
    dockerfile = (ROOT / "pipeline_images" / "metagenome" / "Dockerfile").read_text()
    (deacon,) = re.findall(r"DEACON_VERSION=(\S+)", dockerfile)
    assert packages["deacon"]["versionInfo"] == deacon
    (installed,) = re.findall(r"--no-install-recommends (fastp .*) \\", dockerfile)
    assert packages.keys() >= {*installed.split(), "libc6"}
    fastp = subprocess.run(
        engine().command("run", "--rm", "--entrypoint=fastp", sbom.local_image("metagenome"), "--version"),
        env=dict(engine().environ), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert packages["fastp"]["versionInfo"].startswith(fastp.stderr.split()[-1])


def test_scanners_can_look_packages_up() -> None:
    """A package that a scanner cannot look up counts as one without faults."""
    told = {
        sbom.Package(kind="deb", name="libstdc++6", version="12.2.0-14+deb12u1", detail="amd64"):
            "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12",
        sbom.Package(kind="pypi", name="Python_dateutil", version="2.9.0.post0"):
            "pkg:pypi/python-dateutil@2.9.0.post0",
        sbom.Package(kind="built", name="deacon", version="0.19.1", detail="ab" * 32):
            "pkg:generic/deacon@0.19.1",
    }  # fmt: skip
    assert [each.purl for each in told] == list(told.values())


def test_the_image_holds_each_of_its_packages() -> None:
    """Packages that hang on nothing are left out by what reads the document."""
    built = sbom.Package(kind="built", name="deacon", version="0.19.1", detail="ab" * 32)
    found = sbom.document("metagenome", "0.3.0", "cd" * 32, "2026-11-28T23:49:03Z", [built])
    ids = {each["SPDXID"] for each in found["packages"]}
    assert {each["relatedSpdxElement"] for each in found["relationships"]} == ids
    assert found["packages"][1]["checksums"] == [{"algorithm": "SHA256", "checksumValue": "ab" * 32}]


def test_an_image_that_is_not_there_is_told_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An empty document would say that the image holds nothing."""
    monkeypatch.setattr(sbom, "local_image", lambda name: f"localhost/globalbi-none/{name}:dev")
    assert sbom.main(["cohort"]) == 1
    assert "pipeline_images.build cohort" in capsys.readouterr().err
