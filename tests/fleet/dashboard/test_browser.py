"""The page in a real browser: rules of accessibility, a phone, the keyboard, the policy."""

import os
import shutil
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait

from tests.fleet.dashboard.conftest import Served
from tests.fleet.lab import moved, run

# axe-core (MPL 2.0) as this package brings it.
AXE = Path(str(files("axe_core_python") / "axe.min.js"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), None)
DRIVER = shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="needs a browser: apt-get install chromium chromium-driver"
)
PAGES = ("/", "/?by=project", "/runs", "/runs?q=soil/S1", "/runs?q=nowhere")


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


def test_hostile_names_do_nothing(browser: webdriver.Chrome, served: Served) -> None:
    """A script in a sample's name would hold headquarters' credentials."""
    for path in ("/?by=project", "/runs"):
        browser.get(served.address + path)
        assert not browser.find_elements(By.CSS_SELECTOR, "img, main script, main style")
        assert "<img src=x onerror=alert(1)>\\u202etxt" in browser.find_element(By.TAG_NAME, "main").text


@pytest.mark.skipif("DASHBOARD_SCREENSHOTS" not in os.environ, reason="DASHBOARD_SCREENSHOTS names no folder")
def test_screenshots(browser: webdriver.Chrome, served: Served) -> None:
    """Not a test: the pictures of the guide, taken where DASHBOARD_SCREENSHOTS says."""
    folder = Path(os.environ["DASHBOARD_SCREENSHOTS"])
    for name, path in (("overview", "/"), ("sample", "/runs?q=soil/S1")):
        browser.get(served.address + path)
        browser.set_window_size(1200, 1750 if name == "overview" else 1000)
        browser.save_screenshot(str(folder / f"dashboard-{name}.png"))
