"""The form for a remark in the demo's page, in Chromium, with the real listeners behind it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browsing import enter, find, open_browser, say
from running_bot import Parts, running_bot
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import Select, WebDriverWait

from adapters import remarks
from bot.workspace.running import running_workspace
from bot.workspace.seed import SEED_EMPLOYEE, SEED_HELP, demo_seed

pytestmark = pytest.mark.browser

BETTER = "It is 27 days, since July."
RENAME = "ALTER TABLE {} RENAME TO {}"


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh Chromium."""
    with open_browser(tmp_path / "profile") as driver:
        yield driver


def test_a_visitor_says_why_an_answer_is_bad(browser: Chrome, tmp_path: Path) -> None:
    """Thumb, button, form; an error keeps what was typed, and the second try closes the form."""
    with running_workspace(demo_seed()) as slack, running_bot(slack, tmp_path, Parts()) as bot:
        enter(browser, slack.url, SEED_EMPLOYEE, SEED_HELP)
        say(browser, "@housevoice days off?")
        find(browser, "#thread .thumb-down").click()
        find(browser, "#thread .block-actions .button").click()
        Select(find(browser, "#modal select")).select_by_value("outdated")
        find(browser, "#modal textarea").send_keys(BETTER)

        with bot.engine.begin() as connection:
            connection.exec_driver_sql(RENAME.format("remarks", "gone"))
        find(browser, "#modal [type=submit]").click()
        assert "could not write that down" in find(browser, "#modal .modal-error").text
        assert find(browser, "#modal textarea").get_attribute("value") == BETTER

        with bot.engine.begin() as connection:
            connection.exec_driver_sql(RENAME.format("gone", "remarks"))
        find(browser, "#modal [type=submit]").click()
        form = browser.find_element(By.ID, "modal")
        WebDriverWait(browser, 10).until(lambda _: not form.is_displayed())
        with bot.engine.connect() as connection:
            (said,) = remarks.pending(connection)

    assert (said.author, said.reason, said.text) == (SEED_EMPLOYEE, "outdated", BETTER)
