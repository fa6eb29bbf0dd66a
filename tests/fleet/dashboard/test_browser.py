"""The page in a real browser: rules of accessibility, a phone, the keyboard, the policy."""

import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from handlers.page import Page, Sample, render
from handlers.run import REJECTED, RUNNING, SUBMITTED, SUCCEEDED
from tests.fleet.dashboard.conftest import Served, paid
from tests.fleet.lab import at, moved, run

# axe-core (MPL 2.0) as this package brings it.
AXE = Path(str(files("axe_core_python") / "axe.min.js"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver"
)
PAGES = ("/", "/?by=project", "/runs", "/runs?q=soil/S1", "/runs?q=nowhere", "/resources")


@pytest.fixture(scope="module")
def chromium() -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,900"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options, webdriver.ChromeService(DRIVER))
    yield driver
    driver.quit()


def console(browser: webdriver.Chrome) -> list[dict[str, str]]:
    """What the browser said since the last time."""
    return list(browser.get_log("browser"))  # type: ignore[no-untyped-call]


@pytest.fixture
def browser(chromium: webdriver.Chrome, served: Served) -> webdriver.Chrome:
    chromium.set_window_size(1200, 900)
    chromium.get(f"{served.address}/enter?token={served.secret.token}")
    console(chromium)
    return chromium


def test_axe_finds_nothing_and_the_policy_stops_nothing(browser: webdriver.Chrome, served: Served) -> None:
    """Who reads by ear, or in the sun, is shut out; a blocked style is a page that looks broken."""
    for path in PAGES:
        browser.get(served.address + path)
        browser.execute_script(AXE.read_text())
        found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
        assert not found["violations"], (path, found["violations"])
        assert found["passes"]
    said = [line["message"] for line in console(browser)]
    assert not [words for words in said if "Content Security Policy" in words], said


def test_a_phone_reads_it_without_moving_sideways(browser: webdriver.Chrome, served: Served) -> None:
    """At night the page is read on a phone."""
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        for path in PAGES:
            browser.get(served.address + path)
            wide = browser.execute_script("return document.documentElement.scrollWidth")
            assert wide <= 360, path
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_sample_is_reached_by_the_keyboard_alone(browser: webdriver.Chrome, served: Served) -> None:
    """A hand that cannot hold a mouse still has to find the sample."""
    browser.get(served.address)
    browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    assert browser.switch_to.active_element.get_attribute("class") == "skip"
    for _ in range(12):
        if browser.switch_to.active_element.get_attribute("id") == "q":
            break
        browser.switch_to.active_element.send_keys(Keys.TAB)
    browser.switch_to.active_element.send_keys("soil/S1", Keys.ENTER)
    WebDriverWait(browser, 10).until(lambda page: "/sample" in page.current_url)
    assert "OutOfMemoryError" in browser.find_element(By.TAG_NAME, "main").text


def test_a_change_appears_without_a_reload(browser: webdriver.Chrome, served: Served) -> None:
    """Whoever waits for a sample would press reload all day."""
    browser.get(served.address)
    WebDriverWait(browser, 10).until(lambda page: page.find_element(By.ID, "link").text == "Live.")
    assert browser.find_element(By.ID, "stage-running").text == "1 running"
    # The first message only says where the page stands.
    WebDriverWait(browser, 5).until(
        lambda page: (
            page.execute_script("return performance.getEntriesByName(location.origin+'/events')") is not None
        )
    )
    served.offices.at_headquarters("us", moved(run(3, project="river"), "running", 400))
    served.renew()
    WebDriverWait(browser, 15).until(
        lambda page: (
            page.execute_script("return document.getElementById('stage-running').innerText") == "2 running"
        )
    )


def _branch_page(browser: webdriver.Chrome, folder: Path) -> None:
    """Opens a project's `status.html`, as a branch has fetched it."""
    page = Page(
        office="eu",
        pipeline="metagenome",
        project="soil",
        bucket="globalbi-eu-results-222222222222",
        made="2026-11-25T03:30:00.000Z",
        history=12,
        least_history=5,
        samples=[
            Sample(
                name="S1",
                state=SUCCEEDED,
                message="The results are ready.",
                updated="2026-11-25T03:10:00.000Z",
                results_prefix="metagenome/soil/S1/r6dae7880c1950d1f9a5a1f5be25a9e20/",
                report="report.html",
            ),
            Sample(
                name="S2",
                state=REJECTED,
                message="The tar is damaged or cut short.",
                updated="2026-11-25T03:12:00.000Z",
                what_to_do="Upload input.tar again from the original, and compare its size in S3.",
            ),
            Sample(
                name="S3",
                state=RUNNING,
                message="The analysis is running on a Spot instance.",
                updated="2026-11-25T03:25:00.000Z",
                expected="2026-11-25T03:52:00.000Z",
            ),
            Sample(
                name="S4",
                state=SUBMITTED,
                message="Waiting for a Spot instance.",
                updated="2026-11-25T03:29:00.000Z",
                position=2,
                expected="2026-11-25T04:20:00.000Z",
            ),
        ],
    )
    file = folder / "status.html"
    file.write_text(render(page))
    browser.get(file.as_uri())


def test_a_branchs_page_is_for_everyone_and_for_a_phone(browser: webdriver.Chrome, tmp_path: Path) -> None:
    """A branch has this page alone: who reads by ear, or on a phone, must be told what to upload again."""
    size = {"width": 360, "height": 740, "deviceScaleFactor": 1, "mobile": True}
    _branch_page(browser, tmp_path)
    browser.execute_script(AXE.read_text())
    found = browser.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    assert not found["violations"], found["violations"]
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        _branch_page(browser, tmp_path)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 360
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(("by", "names"), [("office", {"eu", "us"}), ("project", {"soil"})])
def test_costs_are_drawn_and_told(
    browser: webdriver.Chrome, served: Served, by: str, names: set[str]
) -> None:
    """What a project has spent is read off this chart: a bar that is not seen is money that nobody sees."""
    browser.get(f"{served.address}/?by={by}")
    figure = browser.find_element(By.XPATH, "//figure[figcaption[starts-with(., 'Cost of runs')]]")
    assert {each.text for each in figure.find_elements(By.CSS_SELECTOR, ".legend li")} == names
    look = """
        const swatches = {};
        for (const li of arguments[0].querySelectorAll('.legend li'))
            swatches[getComputedStyle(li.querySelector('.swatch')).backgroundColor] = li.innerText;
        return [...arguments[0].querySelectorAll('svg .bars rect, svg .bar rect')]
            .map(bar => [swatches[getComputedStyle(bar).fill], bar.getBoundingClientRect().height]);
    """
    tall = {name for name, height in browser.execute_script(look, figure) if height > 20}
    assert tall == {"us" if by == "office" else "soil"}, "a bar in the colour of its name"
    figure.find_element(By.TAG_NAME, "summary").click()
    rows = [row.text.split() for row in figure.find_elements(By.CSS_SELECTOR, "tbody tr")]
    [told] = [amounts for name, *amounts in rows if name in tall]
    assert any(0.03 < float(each) < 0.06 for each in told), told


def test_hostile_names_do_nothing(browser: webdriver.Chrome, served: Served) -> None:
    """A script in a sample's name would hold headquarters' credentials."""
    for path in ("/?by=project", "/runs"):
        browser.get(served.address + path)
        assert not browser.find_elements(By.CSS_SELECTOR, "img, main script, main style")
        assert "<img src=x onerror=alert(1)>\\u202etxt" in browser.find_element(By.TAG_NAME, "main").text


def _a_week(served: Served) -> None:
    """Runs of a week, for the charts of the pictures."""
    dice = random.Random(7)
    for number in range(100, 190):
        ended = -dice.random() * 6.5 * 86_400
        one = paid(
            number, dice.choice(("soil", "river", "gut")), ended, dice.choice(("c6id.xlarge", "m6id.2xlarge"))
        )
        if dice.random() < 0.1:
            [attempt] = one.attempts
            lost = replace(attempt, failure=dice.choice(("spot", "memory")), reason="Host EC2 terminated.")
            one = replace(one, attempts=(lost, replace(attempt, number=2)))
        one = replace(one, uploaded=at(ended - 2100 - dice.expovariate(1 / 400)))
        served.offices.everywhere(dice.choice(("eu", "us", "hq")), one)


@pytest.mark.skipif("DASHBOARD_SCREENSHOTS" not in os.environ, reason="DASHBOARD_SCREENSHOTS names no folder")
def test_screenshots(browser: webdriver.Chrome, equipped: Served, tmp_path: Path) -> None:
    """Not a test: the pictures of the guide, taken where DASHBOARD_SCREENSHOTS says."""
    folder = Path(os.environ["DASHBOARD_SCREENSHOTS"])
    _a_week(equipped)
    equipped.picture.__post_init__()  # as a server that starts now: it reads the whole week
    equipped.renew()
    for name, path, height in (
        ("overview", "/", 1850),
        ("costs", "/?by=project", 1850),
        ("sample", "/runs?q=soil/S1", 1000),
    ):
        browser.get(equipped.address + path)
        browser.set_window_size(1200, height)
        if name == "costs":
            browser.find_element(By.CSS_SELECTOR, ".charts").screenshot(str(folder / f"dashboard-{name}.png"))
        else:
            browser.save_screenshot(str(folder / f"dashboard-{name}.png"))
    _branch_page(browser, tmp_path)
    browser.set_window_size(1200, 700)
    browser.save_screenshot(str(folder / "status-page.png"))
