"""What of a passage can be quoted: its sentences, each with the heading above it. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, filterfalse

from knowledge.documents import Passage
from knowledge.sentences import sentences

_SHORTEST = 15  # characters; what is shorter is a heading or a cell
_TO_MACHINES = re.compile(
    r"<[!@#]\w|\bsystem (?:notice|prompt|message)\b|\byour (?:instructions|system prompt)\b"
    r"|\b(?:ignore|disregard|forget)\b.{0,40}\b(?:instructions?|prompts?)\b"
    r"|\b(?:AI|automatic) (?:assistants?|models?|bots?)\b.{0,60}\b(?:must|should|ignore)\b"
    r"|\b(?:begin|start|end) your (?:answer|reply|response)\b",
    re.IGNORECASE,
)  # no defence, which is that text has no power; but not worth quoting either
_ANNOUNCES = re.compile(r"(?::|\b(?:if|when|where|unless|that|who|and|or|with|for|are|is))$")
_LIST_WORDS = 60  # of the lines that follow a sentence which announces them


@dataclass(frozen=True, slots=True)
class Statement:
    """What can be quoted: a sentence, and the nearest heading above it.

    Attributes:
        lines: Of the list that the sentence announces; the text ends with them.
    """

    heading: str
    text: str
    lines: tuple[str, ...] = ()


def statements(passage: Passage) -> list[Statement]:
    """Split a passage into what can be quoted.

    Headings are not, nor are lines that address a machine instead of a person; a sentence that
    announces a list takes its lines along.
    """
    found: list[Statement] = []
    heading = passage.crumb.rpartition(" > ")[2]
    for block in _blocks(passage.text):
        if block.startswith("# "):
            heading, _, block = block[2:].partition("\n")  # noqa: PLW2901  # what is below it
        parts = sentences("\n".join(filterfalse(_TO_MACHINES.search, block.splitlines())))
        for number, part in enumerate(parts):
            following = parts[number + 1 :] if _ANNOUNCES.search(part) else []
            if len(part) >= _SHORTEST or following:
                lines = _lines_within(following)
                found.append(Statement(heading, " ".join([part, *lines]), lines))
    return found


def _blocks(text: str) -> list[str]:
    """Split a passage before each heading."""
    return [block for block in re.split(r"^(?=# )", text, flags=re.MULTILINE) if block]


def _lines_within(lines: Sequence[str]) -> tuple[str, ...]:
    words = accumulate(len(line.split()) for line in lines)
    return tuple(line for line, so_far in zip(lines, words, strict=True) if so_far <= _LIST_WORDS)
