"""A fresh Chromium, and how a visitor of the local workspace finds the way about in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import Select, WebDriverWait

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1280,820",
)


@contextmanager
def open_browser(profile: Path) -> Iterator[Chrome]:
    """Run Debian's Chromium with a profile of its own."""
    options = ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = Chrome(options=options, service=Service("/usr/bin/chromedriver"))
    try:
        yield driver
    finally:
        driver.quit()


def find(browser: Chrome, selector: str, *, timeout_s: float = 30) -> WebElement:
    """Wait for an element and return it."""

    def there(driver: Chrome) -> WebElement | None:
        found = driver.find_elements(By.CSS_SELECTOR, selector)
        return next((one for one in found if one.is_displayed()), None)

    stale = [StaleElementReferenceException]  # it was just drawn anew
    found = WebDriverWait(browser, timeout_s, ignored_exceptions=stale).until(there)
    assert found is not None
    return found


def gone(browser: Chrome, selector: str) -> None:
    """Wait until an element is gone."""
    WebDriverWait(browser, 10).until(lambda b: not b.find_elements(By.CSS_SELECTOR, selector))


def become(browser: Chrome, user: str) -> None:
    """Switch to another person."""
    Select(find(browser, "#person")).select_by_value(user)


def enter(browser: Chrome, url: str, user: str, channel: str) -> None:
    """Come in by the door as somebody, and go to a channel."""
    browser.switch_to.new_window("tab")  # a new tab remembers nobody
    new = browser.current_window_handle
    for old in browser.window_handles:
        if old != new:
            browser.switch_to.window(old)
            browser.close()
    browser.switch_to.window(new)
    browser.get(url)
    find(browser, f"[data-person={user}]").click()
    find(browser, f"[data-channel={channel}]").click()
    find(browser, f"[data-channel={channel}][aria-current=page]")


def say(browser: Chrome, text: str) -> None:
    """Write a message and send it."""
    find(browser, "#composer textarea:enabled").send_keys(f"{text}\n")
