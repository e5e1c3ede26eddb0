"""The first five minutes: `housevoice demo`, a browser, and what five people get to see."""

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from browsing import enter, find, open_browser, say
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_BOT,
    SEED_EMPLOYEE,
    SEED_GUEST,
    SEED_GUEST_CORNER,
    SEED_HELP,
    SEED_HR,
    SEED_PARTNER_ORCHARD,
    demo_seed,
    seed_dm,
)

pytestmark = [pytest.mark.browser, pytest.mark.model, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]
LEAVE = "@housevoice how many days of annual leave do I have?"
SALARY = "What is the salary range of band E3?"
REFUSED = "Sorry, I found nothing that I can use here to answer that."
PATIENCE_S = 90  # the first answer waits for the model to load


@dataclass
class Demo:
    """The demo as it runs, and what it leaves on the disk."""

    process: subprocess.Popen[str]
    url: str
    data: Path
    log: Path

    def votes(self) -> list[tuple[str, str]]:
        """Read who voted how, as another process would."""
        database = f"file:{self.data / 'demo' / 'housevoice.db'}?mode=ro"
        connection = sqlite3.connect(database, uri=True)
        try:
            return connection.execute("SELECT user, verdict FROM votes").fetchall()
        finally:
            connection.close()


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Demo]:
    """Start the command as a newcomer does, and wait until it names its address."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HOUSEVOICE_DATA", str(tmp_path / "data"))
    command = [str(Path(sys.executable).with_name("housevoice")), "demo", "--port", "0"]
    log = tmp_path / "demo.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(  # noqa: S603 - our own command
            command, stdout=subprocess.PIPE, stderr=errors, text=True
        ) as process,
    ):
        try:
            assert process.stdout is not None
            line = next((line for line in process.stdout if "Open http://" in line), "")
            assert line, log.read_text()
            url = next(word for word in line.split() if word.startswith("http://"))
            yield Demo(process, url, tmp_path / "data", log)
        finally:
            process.terminate()


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh Chromium."""
    with open_browser(tmp_path / "profile") as driver:
        yield driver


@dataclass
class Visitor:
    """Somebody with a browser."""

    browser: Chrome
    url: str

    def asks(self, user: str, channel: str, question: str) -> str:
        """Ask as a person in a channel, wait for the reply, and return all of it."""
        enter(self.browser, self.url, user, channel)
        say(self.browser, question)
        find(self.browser, "#thread .thumb-up", timeout_s=PATIENCE_S)
        return find(self.browser, f"#thread [data-author={SEED_BOT}]").text

    def opens_the_source(self) -> str:
        """Follow the first link of the reply into its own tab, and return what stands there."""
        here = self.browser.current_window_handle
        find(self.browser, "#thread .block-rich_text a[href*='/docs/']").click()
        WebDriverWait(self.browser, 10).until(lambda driver: len(driver.window_handles) == 2)
        other = next(one for one in self.browser.window_handles if one != here)
        self.browser.switch_to.window(other)
        find(self.browser, "h1")
        text = self.browser.find_element(By.TAG_NAME, "body").text
        self.browser.close()
        self.browser.switch_to.window(here)
        return text


def test_a_newcomer_tries_the_product(demo: Demo, browser: Chrome) -> None:
    """Answers with sources, refuses where others read along, takes a vote, tells its status."""
    visitor = Visitor(browser, demo.url)

    answer = visitor.asks(SEED_EMPLOYEE, SEED_HELP, LEAVE)
    assert "27 days" in answer
    find(browser, "#thread .thumb-up").click()
    find(browser, "#thread .thumb-up[aria-pressed=true]")
    WebDriverWait(browser, 10).until(lambda _: demo.votes())
    assert demo.votes() == [(SEED_EMPLOYEE, "up")]
    assert "27 days" in visitor.opens_the_source()

    for user, channel in ((SEED_GUEST, SEED_GUEST_CORNER), (SEED_EMPLOYEE, SEED_PARTNER_ORCHARD)):
        refusal = visitor.asks(user, channel, LEAVE)
        assert REFUSED in refusal
        assert "27 days" not in refusal
        assert "Sources" not in refusal

    assert "52,400" in visitor.asks(SEED_HR, seed_dm(SEED_HR), SALARY)
    declined = visitor.asks(SEED_HR, SEED_HELP, f"@housevoice {SALARY}")
    assert REFUSED in declined
    assert "52,400" not in declined

    enter(browser, demo.url, SEED_ADMIN, SEED_HELP)
    say(browser, "/housevoice status")
    status = find(browser, ".message-whisper").text
    assert "documents" in status
    assert "There is no index" not in status
    assert browser.get_log("browser") == []

    demo.process.send_signal(signal.SIGINT)
    assert demo.process.wait(timeout=40) == 0
    with pytest.raises(URLError):
        urlopen(demo.url, timeout=5)  # noqa: S310 - our own server
    shown = demo.log.read_text()
    assert '"event"' not in shown
    logged = shown + (demo.data / "demo" / "bot.log").read_text()
    assert '"event": "question"' in logged
    secrets = ("27 days", "52,400", "annual leave", demo_seed().app.bot_token)
    assert not [one for one in secrets if one in logged]
    assert "Traceback" not in logged
