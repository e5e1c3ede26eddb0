"""What a visitor of the local workspace sees, in Chromium, with a tiny scripted bot."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from browsing import become, enter, find, gone, open_browser, say
from scripted_bot import ScriptedBot, connected, feedback_block, rich_text, web_client, words
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_EMPLOYEE, SEED_GUEST, SEED_HELP, SEED_HR, demo_seed

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=alert(1)> <!channel>"


class Answerer(ScriptedBot):
    """Posts a placeholder, then the answer with its source and buttons."""

    def answer(self, event: dict[str, Any], source: str) -> None:
        """Answer one mention."""
        channel = event["channel"]
        placeholder = self.client.chat_postMessage(
            channel=channel,
            thread_ts=event["ts"],
            text="One moment",
            blocks=[rich_text(words("Looking that up."))],
            unfurl_links=False,
            unfurl_media=False,
        )
        link = {"type": "link", "url": source, "text": "Parental leave"}
        bold = {"type": "text", "text": "16 weeks", "style": {"bold": True}}
        quote = {"type": "rich_text_quote", "elements": [words("Take 16 weeks.")]}
        answer = rich_text(words("You can take "), bold, words(f". {HOSTILE} "), link)
        answer["elements"].append(quote)
        label = {"type": "context", "elements": [{"type": "mrkdwn", "text": "AI-generated"}]}
        self.client.chat_update(
            channel=channel,
            ts=placeholder["ts"],
            text="Answer",
            blocks=[answer, label, feedback_block()],
        )


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[RunningWorkspace]:
    """Larkfield with one document, and the bot in it."""
    (tmp_path / "leave.md").write_text("---\nroles: [everyone]\n---\n# Parental leave\n\n16 weeks.")
    with running_workspace(demo_seed(), documents=tmp_path) as running:
        bot = Answerer(web_client(running))
        bot.on_mention = lambda event, _: bot.answer(event, f"{running.url}/docs/leave.md")
        with connected(running, bot):
            yield running


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Chrome]:
    """A fresh Chromium."""
    with open_browser(tmp_path / "profile") as driver:
        yield driver


def test_each_new_question_opens_its_own_thread(
    workspace: RunningWorkspace, browser: Chrome
) -> None:
    """Also when the thread of an earlier one stands in the right pane."""
    enter(browser, workspace.url, SEED_EMPLOYEE, SEED_HELP)
    for question in ("how long is parental leave?", "and in summer?"):
        say(browser, f"@housevoice {question}")
        WebDriverWait(browser, 10, ignored_exceptions=[StaleElementReferenceException]).until(
            lambda _, asked=question: asked in find(browser, "#thread article").text
        )


def test_a_visitor_asks_and_votes_and_a_guest_sees_none_of_it(
    workspace: RunningWorkspace, browser: Chrome
) -> None:
    """From the door over the answer and its source to the guest's empty world."""
    browser.get(workspace.url)
    find(browser, f"[data-person={SEED_EMPLOYEE}]").click()
    find(browser, f"[data-channel={SEED_HELP}]").click()
    field = find(browser, "#composer textarea")
    field.send_keys("@hous")
    find(browser, ".suggestions [role=option]")
    field.send_keys("\n")
    field.send_keys("how long is parental leave?\n")

    link = find(browser, "#thread .block-rich_text a")
    answer = find(browser, "#thread [data-author=U0HOUSEVOICE] .block-rich_text")
    assert link.text == "Parental leave"
    assert (link.get_attribute("target"), link.get_attribute("rel")) == (
        "_blank",
        "noopener noreferrer",
    )
    assert HOSTILE in answer.text
    assert answer.find_elements(By.TAG_NAME, "img") == []
    assert find(browser, "#thread .block-context").text == "AI-generated"

    find(browser, "#thread .thumb-up").click()
    find(browser, "#thread .thumb-up[aria-pressed=true]")
    assert find(browser, "#thread .thumb-down").get_attribute("aria-pressed") == "false"

    find(browser, "#composer textarea").send_keys("/housevoice status\n")
    assert "Only visible to you" in find(browser, ".message-whisper").text

    become(browser, SEED_HR)
    find(browser, f"[data-channel={SEED_HELP}]")
    find(browser, "#thread .thumb-up[aria-pressed=false]")
    gone(browser, ".message-whisper")

    become(browser, SEED_GUEST)
    gone(browser, f"[data-channel={SEED_HELP}]")
    gone(browser, "#thread article")
    assert "parental" not in browser.find_element(By.TAG_NAME, "body").text

    browser.get(f"{workspace.url}/docs/leave.md")
    assert find(browser, "h1").text == "Parental leave"
    assert "everyone" in find(browser, ".facts").text
    assert browser.get_log("browser") == []
