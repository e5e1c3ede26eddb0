"""Replies as Block Kit: the only file that knows block limits. Knows nothing of the Web API.

Bodies are ``rich_text``, since rich text only ever replaces rich text, and are built from
literal text elements and from links that the index supplies. Too long is cut, never refused.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

from bot.conversation import Outcome, Reply, Sentence, Source
from bot.inert import cut, inert, safe_url

Block = dict[str, Any]
"""One block or element, as Slack's reference describes it."""

EVENT_TYPE = "housevoice_answer"
FEEDBACK_ACTION = "answer_feedback"
SAY_WHY_ACTION = "answer_say_why"

_BUDGET = 9_500  # text and URLs of all blocks; Slack refuses somewhere above 11,000
_MOST_SENTENCES = 40
_LONGEST_SENTENCE = 1_500
_SHORTEST_REST = 20
_MOST_SOURCES = 5
_LONGEST_TITLE = 150
_LONGEST_DETAIL = 80

_LABEL_SOURCED = "AI-generated answer: check the sources."
_LABEL_QUOTED = "Quotations found by an AI assistant: check the sources."
_LABEL_PLAIN = "Automatic message from an AI assistant."
_NOTHING = "There is nothing in this reply that I may show."
_FALLBACKS = {
    Outcome.ANSWERED: "I have an answer for you, with its sources.",
    Outcome.QUOTED: "I have found something for you, with its sources.",
    Outcome.DECLINED: "I have replied to your question.",
    Outcome.BUSY: "I am busy just now.",
    Outcome.FAILED: "Something went wrong.",
}
_VOTED_ON = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})


class Update(TypedDict):
    """Arguments of ``chat_update`` and ``chat_postEphemeral``, beside the place."""

    text: str
    blocks: list[Block]
    metadata: NotRequired[dict[str, Any]]


class NewMessage(Update):
    """Arguments of ``chat_postMessage``, beside the place; an update has no unfurl flags."""

    unfurl_links: bool
    unfurl_media: bool


@dataclass(frozen=True, slots=True)
class Post:
    """One message, whether it is new or takes the place of another.

    Attributes:
        text: For notifications and screen readers; fixed words, nothing from a source.
        ids: Opaque ids for the metadata, which every app of the workspace can read. Empty:
            an update leaves the metadata as they are.
    """

    text: str
    blocks: tuple[Block, ...]
    ids: Mapping[str, str]

    def as_post(self) -> NewMessage:
        """Return the arguments of a new message, which nothing may unfurl."""
        return {**self.as_update(), "unfurl_links": False, "unfurl_media": False}

    def as_update(self) -> Update:
        """Return the arguments that replace a message."""
        update: Update = {"text": self.text, "blocks": list(self.blocks)}
        if self.ids:
            update["metadata"] = {"event_type": EVENT_TYPE, "event_payload": dict(self.ids)}
        return update


def working_post(question_id: str) -> Post:
    """Build the placeholder; its metadata tell which question it waits for."""
    text = "Looking through our documents…"
    return Post(text, (_rich_text([_section([_text(text)])]),), {"question_id": question_id})


def reply_post(reply: Reply, answer_id: str, speaker: str = "") -> Post:
    """Build the reply: sentences, quotes, sources, the AI label and the feedback buttons.

    Args:
        reply: What to say.
        answer_id: For the buttons.
        speaker: Name of the adapter that was asked; told where the reply is in its words.

    Source:
        https://docs.slack.dev/reference/block-kit/blocks/rich-text-block; proven by
        ``tests/unit/test_hostile_model_blocks.py``.
    """
    sources = _sources(reply.sources[:_MOST_SOURCES])
    body = _body(reply, _BUDGET - _cost(sources))
    blocks = [_rich_text(body, f"body_{answer_id}")]
    if sources:
        blocks.append(_rich_text(sources, f"sources_{answer_id}"))
    label = _label(reply.outcome, has_sources=bool(sources))
    is_spoken = speaker and reply.outcome is Outcome.ANSWERED
    blocks.append(_context(f"{label} Voice: {speaker}." if is_spoken else label))
    if reply.outcome in _VOTED_ON:
        blocks.append(_feedback(answer_id))
    return Post(_FALLBACKS[reply.outcome], tuple(blocks), {"answer_id": answer_id})


def plain_post(text: str) -> Post:
    """Build a message of our own words: an error, a report, the progress of a job."""
    body = _section([_text(cut(inert(text), _LONGEST_SENTENCE) or _NOTHING)])
    return Post("I have a message for you.", (_rich_text([body]), _context(_LABEL_PLAIN)), {})


def thanks_post(text: str = "Thank you, I have noted that.") -> Post:
    """Build the thanks that only the voter sees."""
    return Post(text, (_rich_text([_section([_text(text)])]),), {})


def say_why_post(answer_id: str) -> Post:
    """Build the thanks for a thumb down, with a button to say why; only the voter sees it."""
    text = "Thank you, I have noted that. What was wrong with it?"
    button = {
        "type": "button",
        "action_id": SAY_WHY_ACTION,
        "text": {"type": "plain_text", "text": "Say why"},
        "value": f"v1:{answer_id}",
    }
    actions = {"type": "actions", "block_id": f"why_{answer_id}", "elements": [button]}
    return Post(text, (_rich_text([_section([_text(text)])]), actions), {})


def report_post(title: str, lines: Sequence[str], ids: Mapping[str, str]) -> Post:
    """Build a report in our own words: a title and lines; what does not fit is left out."""
    shown = cut(inert(title), _LONGEST_TITLE) or _NOTHING
    heading = _section([{"type": "text", "text": shown, "style": {"bold": True}}])
    body = [heading]
    for line in lines[:_MOST_SENTENCES]:
        section = _section([_text(cut(inert(line), _LONGEST_SENTENCE) or _NOTHING)])
        if _cost([*body, section]) <= _BUDGET:
            body.append(section)
    text = "I have an alert for the administrators."
    return Post(text, (_rich_text(body), _context(_LABEL_PLAIN)), ids)


def _label(outcome: Outcome, *, has_sources: bool) -> str:
    if not has_sources:
        return _LABEL_PLAIN
    return _LABEL_QUOTED if outcome is Outcome.QUOTED else _LABEL_SOURCED


def _body(reply: Reply, budget: int) -> list[Block]:
    table = {source.number: source for source in reversed(reply.sources)}
    spoken = list(_lines(reply.sentences, table, budget))
    quoted = list(_lines(reply.quotes, table, budget - sum(map(_cost, spoken))))
    body = [_section(list(_spaced(spoken)))] if spoken else []
    body += [{"type": "rich_text_quote", "elements": line} for line in quoted]
    return body or [_section([_text(_NOTHING)])]


def _lines(
    sentences: Sequence[Sentence], table: Mapping[int, Source], budget: int
) -> Iterator[list[Block]]:
    for sentence in sentences[:_MOST_SENTENCES]:
        citations = list(_citations(sentence, table))
        room = min(_LONGEST_SENTENCE, budget - _cost(citations) - 1)
        if room < _SHORTEST_REST:
            return
        if text := cut(inert(sentence.text), room):
            line = [_text(text), *citations]
            budget -= _cost(line) + 1
            yield line


def _citations(sentence: Sentence, table: Mapping[int, Source]) -> Iterator[Block]:
    for number in list(dict.fromkeys(sentence.sources))[:_MOST_SOURCES]:
        if number in table:
            yield _text(" ")
            yield _link(table[number].url, f"[{number}]")


def _spaced(lines: Iterable[list[Block]]) -> Iterator[Block]:
    for n, line in enumerate(lines):
        if n:
            yield _text(" ")
        yield from line


def _sources(sources: Sequence[Source]) -> list[Block]:
    if not sources:
        return []
    heading = _section([{"type": "text", "text": "Sources", "style": {"bold": True}}])
    return [heading, *map(_source, sources)]


def _source(source: Source) -> Block:
    title = cut(inert(source.title), _LONGEST_TITLE) or "Untitled"
    details = (cut(inert(one), _LONGEST_DETAIL) for one in (source.owner, source.updated))
    tail = "".join(f" · {detail}" for detail in details if detail)
    line = [_text(f"[{source.number}] "), _link(source.url, title)]
    return _section([*line, _text(tail)] if tail else line)


def _link(url: str, label: str) -> Block:
    safe = safe_url(url)
    return {"type": "link", "url": safe, "text": label} if safe else _text(label)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _section(elements: list[Block]) -> Block:
    return {"type": "rich_text_section", "elements": elements}


def _rich_text(elements: list[Block], block_id: str = "") -> Block:
    block = {"type": "rich_text", "elements": elements}
    return {**block, "block_id": block_id} if block_id else block


def _context(label: str) -> Block:
    return {"type": "context", "elements": [{"type": "plain_text", "text": label}]}


def _feedback(answer_id: str) -> Block:
    buttons = {
        "type": "feedback_buttons",
        "action_id": FEEDBACK_ACTION,
        "positive_button": _button("Good answer", "Mark as good", f"v1:{answer_id}:up"),
        "negative_button": _button("Bad answer", "Mark as bad", f"v1:{answer_id}:down"),
    }
    return {"type": "context_actions", "block_id": f"fb_{answer_id}", "elements": [buttons]}


def _button(text: str, label: str, value: str) -> Block:
    return {
        "text": {"type": "plain_text", "text": text},
        "accessibility_label": label,
        "value": value,
    }


def _cost(elements: Iterable[Block]) -> int:
    """Count the characters of elements and of those inside them."""
    return sum(
        len(one.get("text", "")) + len(one.get("url", "")) + _cost(one.get("elements", ()))
        for one in elements
    )
