"""The bill of materials of a real image: valid, and with what really is in it."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from pipeline_images.build import IMAGES
from pipeline_images.containers import Engine
from supply_chain import sbom
from supply_chain.__main__ import main

NOW = datetime(2026, 11, 28, tzinfo=UTC)


@pytest.mark.containers
def test_the_bill_names_debians_pythons_and_cargos_packages(tmp_path: Path) -> None:
    """Whoever asks which images hold a package with a fault would else miss some."""
    assert main(["sbom", "metagenome", "--out", str(tmp_path / "sbom.json")]) == 0
    text = (tmp_path / "sbom.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["name"] == "globalbi/metagenome"
    urls = [each["purl"] for each in bill["components"]]
    for start in ("pkg:deb/debian/kraken2@", "pkg:deb/debian/fastp@", "pkg:pypi/pysylph@", "pkg:pypi/boto3@"):
        assert any(url.startswith(start) for url in urls), start
    assert "pkg:cargo/deacon@0.19.1" in urls
    assert len(urls) == len(set(urls))


def test_an_image_that_is_not_there_is_a_sentence() -> None:
    """The workflow's log must say what is missing."""
    nothing = Engine(program="false", environ={"PATH": "/usr/bin:/bin"})
    with pytest.raises(sbom.NoAnswer, match="localhost/globalbi/cohort:dev cannot be asked"):
        sbom.bill(nothing, "cohort", NOW)


def test_every_crate_that_is_built_has_its_version() -> None:
    """dpkg and pip do not know of it."""
    assert sbom.built_by_cargo("metagenome") == [("deacon", "0.19.1")]
    text = "\n".join((image.folder / "Dockerfile").read_text() for image in IMAGES.values())
    found = {crate for name in IMAGES for crate, _ in sbom.built_by_cargo(name)}
    assert set(re.findall(r"cargo install (\S+)", text)) == found
