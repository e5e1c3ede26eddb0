"""What a tame message is: the judge of everything that leaves for Slack."""

import json
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

Message = dict[str, Any]
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


def violations(message: Message, urls: Collection[str]) -> set[str]:
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
