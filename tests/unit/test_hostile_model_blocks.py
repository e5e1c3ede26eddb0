"""T3: whatever string the model, a document or its title holds, the JSON that leaves is tame."""

import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_strings import hostile_strings

from bot.blocks import Post, plain_post, reply_post
from bot.conversation import Outcome, Reply, Sentence, Source
from bot.workspace.blocks_check import block_problems

PUSH_TIER = 2_000
ATTACKS = Path(__file__).parents[3] / "shared" / "data" / "injection"

URLS = {"https://kb.example.test/vpn", "https://kb.example.test/wifi?x=1#guests"}
GOOD, OTHER = sorted(URLS)

Message = dict[str, Any]
Render = Callable[[Reply], Message]


def a_reply(hostile: str) -> Reply:
    """Put one string wherever a model or a document has a say."""
    sources = (
        Source(1, "VPN guide", GOOD, "kb:1", "Ana Ruiz", "2026-03-02"),
        Source(2, hostile, OTHER, "kb:2", hostile, hostile),
    )
    spoken = (Sentence(hostile, (1, 2, 99)), Sentence("Restart it.", (1,)), Sentence(hostile))
    return Reply(Outcome.ANSWERED, spoken, (Sentence(hostile, (2,)),) * 3, sources)


# --- what is tame ------------------------------------------------------------------------

TYPES = {
    *("rich_text", "rich_text_section", "rich_text_quote", "text", "link"),
    *("context", "plain_text", "context_actions", "feedback_buttons"),
}
MAIL = re.compile(r"(?i)(?<![\w.+-])[\w.+-]+@(?!channel|here|everyone)[\w-]+(\.[\w-]+)+")
LINKING = re.compile(
    r"(?i)://|www\.|(javascript|data|vbscript|file|mailto|tel|slack):[\w/]|\]\("
    r"|[\w-]\.[^\W\d_]{2,}(:\d+)?[/?]\S|[\w-][.\u3002\uff0e](com|net|org|io|dev|xyz|co|uk)\b"
)
PLAIN_URL = re.compile(r"(?i)https?://[a-z0-9.-]+(:\d+)?([/?#][^\s\\<>\u200b-\u206f]*)?")
PINGING = re.compile(r"(?i)<[!@#]|[@\uff20]")
HIDING = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)


def parts(value: Any) -> Iterator[Message]:
    """Yield every object of a message, at any depth."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from parts(inner)


def strings(value: Any) -> Iterator[str]:
    """Yield every text that a person is shown."""
    for part in parts(value):
        yield from (part[name] for name in ("text", "alt_text") if isinstance(part.get(name), str))


def violations(message: Message, urls: Collection[str] = URLS) -> set[str]:
    """Name every way in which a message is not tame; it is judged as the JSON that leaves."""
    sent = json.loads(json.dumps(message).encode("utf-8"))
    found = {name for text in strings(sent["blocks"]) for name in text_problems(text)}
    found |= {name for part in parts(sent["blocks"]) for name in part_problems(part, urls)}
    found |= set(size_problems(sent["blocks"]))
    if sent.get("unfurl_links") is not False or sent.get("unfurl_media") is not False:
        found.add("unfurls")
    if list(text_problems(sent["text"])) or "SECRET" in sent["text"] or len(sent["text"]) > 100:
        found.add("notification")
    return found


def text_problems(text: str) -> Iterator[str]:
    """Go through what a text must not hold."""
    if LINKING.search(MAIL.sub("", text)):
        yield "link in text"
    if PINGING.search(MAIL.sub("", text)):
        yield "ping"
    is_hidden = any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Cn"} for char in text)
    if is_hidden or HIDING.search(text):
        yield "hidden character"
    if unicodedata.normalize("NFC", text) != text:
        yield "not composed"
    if not text:
        yield "empty text"


def part_problems(part: Message, urls: Collection[str]) -> Iterator[str]:
    """Go through what an object must not be."""
    kind = part.get("type")
    if kind is not None and kind not in TYPES:
        yield "type"
    if kind == "link" and not (part["url"] in urls and PLAIN_URL.fullmatch(part["url"])):
        yield "foreign link"
    if kind in {"rich_text", "rich_text_section", "rich_text_quote"} and not part["elements"]:
        yield "empty element"
    if len(part.get("value", "")) > 2_000 or len(part.get("accessibility_label", "")) > 75:
        yield "too long"


def size_problems(blocks: list[Message]) -> Iterator[str]:
    """Measure a message against the limits of Slack."""
    shown = sum(map(len, strings(blocks))) + sum(len(one.get("url", "")) for one in parts(blocks))
    ids = [one["block_id"] for one in blocks if "block_id" in one]
    if len(blocks) > 50 or shown >= 10_000:
        yield "too much"
    if len(set(ids)) < len(ids) or any(len(one) > 255 for one in ids):
        yield "block ids"
    if any(len(one.get("elements", ())) > 10 for one in blocks if one["type"] == "context"):
        yield "too many elements"


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
        if found := violations(render(a_reply(text))):
            return text, found
    return None


def all_violations(render: Render) -> set[str]:
    """Name everything that any string of the push tier gets through a renderer."""
    return {name for text in push_tier() for name in violations(render(a_reply(text)))}


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
