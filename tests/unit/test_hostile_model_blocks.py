"""T3: whatever string the model, a document or its title holds, the JSON that leaves is tame."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile_strings import hostile_strings
from tame import Message, strings, text_problems, violations

from bot.blocks import Post, plain_post, reply_post
from bot.conversation import Outcome, Reply, Sentence, Source
from bot.workspace.blocks_check import block_problems

PUSH_TIER = 2_000
ATTACKS = Path(__file__).parents[3] / "shared" / "data" / "injection"

URLS = {"https://kb.example.test/vpn", "https://kb.example.test/wifi?x=1#guests"}
GOOD, OTHER = sorted(URLS)

Render = Callable[[Reply], Message]


def a_reply(hostile: str) -> Reply:
    """Put one string wherever a model or a document has a say."""
    sources = (
        Source(1, "VPN guide", GOOD, "kb:1", "Ana Ruiz", "2026-03-02"),
        Source(2, hostile, OTHER, "kb:2", hostile, hostile),
    )
    spoken = (Sentence(hostile, (1, 2, 99)), Sentence("Restart it.", (1,)), Sentence(hostile))
    return Reply(Outcome.ANSWERED, spoken, (Sentence(hostile, (2,)),) * 3, sources)


# --- the house, and the double -----------------------------------------------------------


def the_house(reply: Reply) -> Message:
    """Render as the bot does."""
    return dict(reply_post(reply, "a1b2c3").as_post())


def with_mrkdwn(reply: Reply) -> Message:
    """Bad: sections of mrkdwn, with what looks dangerous taken out by pattern."""
    said = " ".join(one.text for one in (*reply.sentences, *reply.quotes))
    for pattern in (
        r"<[!@#][^>]*>",
        r"\bhttps?://\S+",
        r"@(channel|here|everyone)\b",
        "[\u200b\u202e]",
    ):
        said = re.sub(pattern, "", said)
    listed = "\n".join(f"<{one.url}|{one.title}>" for one in reply.sources[:2])
    texts = [said[:3_000] or "-", listed[:3_000] or "-"]
    sections = [{"type": "section", "text": {"type": "mrkdwn", "text": text}} for text in texts]
    return {"text": "Done.", "blocks": sections, "unfurl_links": False, "unfurl_media": False}


def with_literal_elements(reply: Reply) -> Message:
    """Bad: rich text, but the words go in as they come."""
    said = [{"type": "text", "text": one.text} for one in reply.sentences]
    section = {"type": "rich_text_section", "elements": said}
    blocks = [{"type": "rich_text", "elements": [section]}]
    return {"text": "Done.", "blocks": blocks, "unfurl_links": False, "unfurl_media": False}


def with_links_of_the_model(reply: Reply) -> Message:
    """Bad: a link of the model is kept as a link."""
    message = the_house(reply)
    for url in re.findall(r"https?://[!-~]+", reply.sentences[0].text):
        message["blocks"][0]["elements"][0]["elements"].append({"type": "link", "url": url})
    return message


def push_tier() -> list[str]:
    """Take as many strings as the push tier has time for."""
    return [text for text, _ in zip(hostile_strings(), range(PUSH_TIER), strict=False)]


def first_violation(render: Render, texts: list[str]) -> tuple[str, set[str]] | None:
    """Find a string that a renderer does not tame."""
    for text in texts:
        if found := violations(render(a_reply(text)), URLS):
            return text, found
    return None


def all_violations(render: Render) -> set[str]:
    """Name everything that any string of the push tier gets through a renderer."""
    return {name for text in push_tier() for name in violations(render(a_reply(text)), URLS)}


def test_no_string_pings_links_hides_or_overflows() -> None:
    """Two thousand hostile strings, in sentences, quotes, titles, owners and addresses."""
    texts = push_tier()

    assert len(texts) == PUSH_TIER
    assert first_violation(the_house, texts) is None


def test_no_address_of_a_source_is_linked_unless_it_is_plain() -> None:
    """An index may hold anything; what is not a plain http(s) address becomes plain text."""
    for hostile in push_tier():
        source = Source(1, hostile, hostile, "kb:1")
        reply = Reply(Outcome.QUOTED, (), (Sentence("Yes.", (1,)),), (source,))

        assert not violations(the_house(reply), {hostile})


def test_slack_would_refuse_none_of_it() -> None:
    """The checks of the local workspace, which know every limit and every field."""
    for hostile in push_tier():
        assert not block_problems(the_house(a_reply(hostile))["blocks"])


def test_no_error_message_pings_links_hides_or_overflows() -> None:
    """A message of our own words passes through the same hands."""

    def plain(reply: Reply) -> Message:
        return dict(plain_post(reply.sentences[0].text).as_post())

    assert first_violation(plain, push_tier()) is None


def test_no_attack_string_of_the_collections_gets_through() -> None:
    """Published injections, in every place where a model or a document has a say."""
    if not ATTACKS.is_dir():
        pytest.skip(f"the attack strings are not at {ATTACKS}: see shared/data/README.md")
    texts = list(published_attacks())

    assert len(texts) > 100
    assert first_violation(the_house, texts) is None


def published_attacks() -> Iterator[str]:
    """Read every string of every row of the collections."""
    for path in sorted(ATTACKS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            yield from (value for value in json.loads(line).values() if isinstance(value, str))


def test_cleaning_mrkdwn_with_patterns_is_caught() -> None:
    """It is not only the block type that gives it away: pings and links get through."""
    assert {"type", "ping", "link in text", "hidden character"} <= all_violations(with_mrkdwn)


def test_words_that_go_in_as_they_come_are_caught() -> None:
    """Rich text alone neither strips hidden characters nor keeps to the limits."""
    found = all_violations(with_literal_elements)

    assert {"hidden character", "not composed", "empty text", "too much"} <= found


def test_a_link_that_the_model_made_up_is_caught() -> None:
    """Links come from the table of sources alone."""
    assert "foreign link" in all_violations(with_links_of_the_model)


def test_two_hostile_strings_cannot_join_hands() -> None:
    """What one element ends with and the next begins with does not add up to a link."""
    for head, tail in [
        ("https:", "//evil.com"),
        ("<", "!channel>"),
        ("@", "channel"),
        ("evil.", "com/"),
    ]:
        reply = Reply(Outcome.ANSWERED, (Sentence(head), Sentence(tail)))
        shown = "".join(strings(the_house(reply)["blocks"][0]))

        assert not list(text_problems(shown))


def test_a_message_is_the_same_every_time() -> None:
    """Rendering has no clock and no chance in it."""
    reply = a_reply("Restart the client.")

    assert isinstance(reply_post(reply, "a1"), Post)
    assert reply_post(reply, "a1") == reply_post(reply, "a1")
