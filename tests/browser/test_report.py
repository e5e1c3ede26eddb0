"""The HTML report in a real browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import find, open_browser
from evaluated import HOSTILE, an_evaluation, with_texts
from selenium.webdriver import Chrome

from bot.evaluation.report import render

pytestmark = pytest.mark.browser

FETCHED = "return performance.getEntriesByType('resource').map(one => one.name)"
CONTRAST = """
const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
  .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
const parts = text => text.match(/[\\d.]+/g).map(Number);
const paper = start => { for (let one = start; one; one = one.parentElement) {
  const found = parts(getComputedStyle(one).backgroundColor);
  if (found.length === 3 || found[3] > 0) return found; } return [255, 255, 255]; };
return [...document.querySelectorAll('h1, td, th, small, summary, dd, dt, li, p, span, b, text, a')]
  .map(one => { const style = getComputedStyle(one);
    const ink = parts(one.tagName === 'text' ? style.fill : style.color);
    const host = one.tagName === 'text' ? one.closest('figure') : one;
    const [high, low] = [light(ink), light(paper(host))].sort((a, b) => b - a);
    const on_bar = one.tagName === 'text' && style.fontWeight >= 700;
    return on_bar ? 21 : (high + 0.05) / (low + 0.05); })
  .reduce((least, one) => Math.min(least, one), 21);
"""


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh Chromium."""
    with open_browser(tmp_path / "profile") as driver:
        yield driver


def set_up(browser: Chrome, width: int, scheme: str) -> None:
    """Give the window a width, and the person a liking for light or dark."""
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    liking = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", liking)


def test_a_hostile_report_opens_quietly(browser: Chrome, tmp_path: Path) -> None:
    """Nothing runs, nothing is fetched, the console is silent, and details open at a click."""
    path = tmp_path / "report.html"
    arms = ("quote", f"base{HOSTILE}")
    evaluation = with_texts(an_evaluation(arms=arms, n_cases=24), HOSTILE)
    path.write_text(render(evaluation), encoding="utf-8")

    browser.get(path.as_uri())
    find(browser, "#lost ~ details > summary").click()
    find(browser, "#lost ~ details .case > summary").click()
    find(browser, "#lost ~ details .case[open] .said")

    assert browser.title == "Housevoice evaluation of 2026-11-21"
    assert browser.execute_script(FETCHED) == []
    assert browser.get_log("browser") == []
    assert browser.execute_script("return document.scripts.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_report_fits_and_is_readable(
    browser: Chrome, tmp_path: Path, width: int, scheme: str
) -> None:
    """On phone and desk, by day and night: no scrolling sideways, contrast of 4.5 at least."""
    path = tmp_path / "report.html"
    long = with_texts(an_evaluation(n_cases=24), ("x" * 300))
    path.write_text(render(long), encoding="utf-8")
    set_up(browser, width, scheme)

    browser.get(path.as_uri())
    browser.execute_script("document.querySelectorAll('details').forEach(one => one.open = true)")

    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    assert browser.execute_script(CONTRAST) >= 4.5
    is_dark = browser.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (is_dark == "rgb(21, 26, 24)") == (scheme == "dark")
