"""Hostile names in the reports of all pipelines, and the policy behind them in a real browser."""

import importlib.util
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from amplicon.report import report as amplicon_report
from assembly.report import report as assembly_report
from cohort.__main__ import main as compare
from metagenome.report import report as metagenome_report

from tests.conftest import ROOT
from tests.handlers.test_pages import Found
from tests.pipeline_images.assembly.assembly_samples import summary as of_assembly
from tests.pipeline_images.cohort.cohort_samples import write_manifest, write_sample
from tests.security.test_hostile_names import FOREIGN, NAMES

TOOLS = {"kraken2": "2.1.2"}
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


def samples(pipeline: str) -> ModuleType:
    """The pipeline's own made-up samples, which stand in no package."""
    path = ROOT / "tests" / "pipeline_images" / pipeline / f"{pipeline}_samples.py"
    spec = importlib.util.spec_from_file_location(f"hostile_{pipeline}_samples", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def of_cohort(name: str, room: Path) -> str:
    for number in range(3):
        sample = room / "in" / f"s{number}"
        write_sample(sample, {name: 5 + number, "E. coli": 3})
        write_manifest(sample, f"metagenome/soil/{name}{number}/input.tar")
    assert compare([str(room / "in"), str(room / "out")], {}) == 0
    return (room / "out/report.html").read_text()


def of_metagenome(name: str, _: Path) -> str:
    return str(metagenome_report(samples("metagenome").summary(files=[name]), {name: name}))


def of_amplicon(name: str, _: Path) -> str:
    return str(amplicon_report(samples("amplicon").summary(files=[name]), {name: name}))


def of_one_assembly(name: str, _: Path) -> str:
    return str(assembly_report(of_assembly(files=(name,)), TOOLS | {name: name}))


REPORTS: dict[str, Callable[[str, Path], str]] = {
    "metagenome": of_metagenome,
    "amplicon": of_amplicon,
    "assembly": of_one_assembly,
    "cohort": of_cohort,
}
NO_BROWSER = "needs a browser: apt-get install chromium chromium-driver"


@pytest.mark.parametrize("pipeline", REPORTS)
def test_a_name_is_words_in_every_pipelines_report(pipeline: str, tmp_path: Path) -> None:
    """A file's name is the branch's, and the report is opened by whoever gets the results."""
    for number, (kind, name) in enumerate(NAMES.items()):
        page = Found(REPORTS[pipeline](name, tmp_path / str(number)))
        assert not page.tags.keys() & FOREIGN, kind
        assert not [each for each, _ in page.attributes if each.startswith("on")], kind
        assert not [value for each, value in page.attributes if each in ("src", "href")], kind


@pytest.mark.skipif(not (BROWSER and DRIVER), reason=NO_BROWSER)
@pytest.mark.parametrize("pipeline", REPORTS)
def test_a_browser_runs_and_loads_nothing_that_slipped_into_a_report(pipeline: str, tmp_path: Path) -> None:
    """The day a name is not escaped, the page's policy is what is left."""
    owned, elsewhere = "document.title='owned'", "http://127.0.0.1:9/"
    slipped = (
        f'<script>{owned}</script><img src={elsewhere} onerror="{owned}"><iframe src={elsewhere}></iframe>'
    )
    text = REPORTS[pipeline]("S1_R1.fastq", tmp_path).replace("</main>", f"{slipped}</main>")
    assert slipped in text
    page = tmp_path / "slipped.html"
    page.write_text(text)
    title, said = _opened(page)
    assert title == re.search("<title>(.*?)</title>", text)[1]  # type: ignore[index]
    assert sum("Content Security Policy" in words for words in said) >= 2, said


def _opened(page: Path) -> tuple[str, list[str]]:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(BROWSER)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    try:
        driver.get(page.as_uri())
        return driver.title, [line["message"] for line in driver.get_log("browser")]  # type: ignore[no-untyped-call]
    finally:
        driver.quit()
