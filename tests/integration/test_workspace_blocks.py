"""Block Kit checks of the local workspace, with the codes that Slack gives."""

from collections.abc import Iterator
from typing import Any

import pytest
from scripted_bot import feedback_block, rich_text, web_client, words
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.workspace.running import running_workspace
from bot.workspace.seed import SEED_HELP, demo_seed


@pytest.fixture(scope="module")
def client() -> Iterator[WebClient]:
    """The bot's client; nothing here depends on what was posted before."""
    with running_workspace(demo_seed()) as workspace:
        yield web_client(workspace)


def refusal(client: WebClient, **args: Any) -> Any:
    """Post what is refused and return the answer."""
    with pytest.raises(SlackApiError) as caught:
        client.chat_postMessage(channel=SEED_HELP, **{"text": "x", **args})
    return caught.value.response


def section(text: str, **more: Any) -> dict[str, Any]:
    """Build a section of one text."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}, **more}


def test_what_the_bot_posts_is_accepted(client: WebClient) -> None:
    """Rich text with a list, a quote, a link, and feedback buttons (5.2, 8.1)."""
    link = {"type": "link", "url": "https://kb.example/a", "text": "1"}
    item = {"type": "rich_text_section", "elements": [link, words(" page")]}
    block = {
        "type": "rich_text",
        "elements": [
            {"type": "rich_text_section", "elements": [words("so")]},
            {"type": "rich_text_list", "style": "ordered", "elements": [item]},
            {"type": "rich_text_quote", "elements": [words("verbatim")]},
        ],
    }
    context = {"type": "context", "elements": [{"type": "mrkdwn", "text": "AI"}]}

    assert client.chat_postMessage(
        channel=SEED_HELP, text="x", blocks=[block, context, feedback_block()]
    )["ok"]


@pytest.mark.parametrize(
    ("blocks", "place"),
    [
        ([section("a")] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        (
            [section("a"), section("b" * 3001)],
            "must be less than 3001 characters [json-pointer:/blocks/1/text/text]",
        ),
        ([{"type": "nonsense"}], "unsupported type: nonsense [json-pointer:/blocks/0/type]"),
        (
            [{"type": "rich_text", "elements": []}],
            "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([rich_text(words(""))], "/blocks/0/elements/0/elements/0/text]"),
        ([rich_text({"type": "canvas"})], "/blocks/0/elements/0/elements/0/type]"),
        ([section("a", block_id="b" * 256)], "[json-pointer:/blocks/0/block_id]"),
        ([section("a", block_id="b"), section("c", block_id="b")], "[json-pointer:/blocks]"),
        (
            [{"type": "context", "elements": [{"type": "mrkdwn", "text": "a"}] * 11}],
            "no more than 10 items allowed [json-pointer:/blocks/0/elements]",
        ),
        ([{"type": "actions", "elements": [{"type": "feedback_buttons"}]}], "/elements/0/type]"),
        ([{"type": "input", "label": {"type": "plain_text", "text": "a"}}], "/blocks/0/type]"),
    ],
)
def test_broken_blocks_are_refused_with_their_place(
    client: WebClient, blocks: list[Any], place: str
) -> None:
    """``invalid_blocks`` with JSON pointers, twice (13.7, 3P)."""
    told = refusal(client, blocks=blocks)

    assert told["error"] == "invalid_blocks"
    assert place in told["errors"][0]
    assert told["response_metadata"]["messages"][0] == f"[ERROR] {told['errors'][0]}"


def test_a_button_value_may_not_be_too_long(client: WebClient) -> None:
    """2,000 characters (5.3, S)."""
    block = feedback_block()
    block["elements"][0]["positive_button"]["value"] = "v" * 2001

    assert "positive_button/value" in refusal(client, blocks=[block])["errors"][0]


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"text": ""}, "no_text"),
        ({"blocks": '{"not": "a list"}'}, "invalid_blocks_format"),
        ({"blocks": "[broken"}, "invalid_blocks_format"),
        ({"markdown_text": "x"}, "markdown_text_conflict"),
        ({"text": None, "markdown_text": "x" * 12_001}, "msg_too_long"),
        ({"blocks": [rich_text(words("x" * 11_001))]}, "msg_blocks_too_long"),
        ({"metadata": "[1]"}, "invalid_metadata_format"),
        ({"metadata": {"event_type": "a"}}, "invalid_metadata_schema"),
        (
            {"metadata": {"event_type": "a", "event_payload": {"b": "c" * 8000}}},
            "metadata_too_large",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:The top-level `text` argument is missing")
def test_other_limits_have_their_own_codes(
    client: WebClient, args: dict[str, Any], code: str
) -> None:
    """The table of slack.md 13.7 (D, 3P)."""
    assert refusal(client, **args)["error"] == code
