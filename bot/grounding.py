"""A sentence against passages: supported or not, and why.

Style may not change facts: what a sentence states in numbers, dates, money, codes, names and
links must stand together in one sentence of a passage it cites, under its heading, and its words
must be that sentence's. Pure: similarity
comes in as a function. Knows no model and no voice.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from knowledge.documents import Passage
from knowledge.reading import readable
from knowledge.terms import STOP_WORDS, terms

SIMILARITY = 0.60
"""Least cosine between a sentence and the one that supports it; see docs/log.md."""

_SHARED = 0.6  # least share of a sentence's words that stand in its passage
_MARK = re.compile(r"\s*\[(\d{1,2})\]")
_NUMBER = re.compile(r"[\w$€£#@+./:,-]*\d[\w%€£$°+./:,-]*")  # also dates, money, codes
_COUNTED = re.compile(r"\d[\d.,]*\s+([a-zA-Z]+)")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+|(?:[\w-]+\.)+[a-z]{2,}\S*", re.IGNORECASE)
_NAME = re.compile(r"[^\W\d_][\w'&-]*[A-Z][\w'&-]*|[A-Z][\w'&-]+|[A-Z]{2,}")
_NEGATION = re.compile(
    r"\b(?:no|not(?! only)|never|none|nor|neither|without|cannot|nobody|nothing|unable)\b|n't\b",
    re.IGNORECASE,
)
_SPELLED = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
    " sixteen seventeen eighteen nineteen twenty"
)
_FIGURES = {word: str(value) for value, word in enumerate(_SPELLED.split())}
_FIGURES |= {"thirty": "30", "forty": "40", "fifty": "50", "sixty": "60", "ninety": "90"}
_UNCOUNTED = frozenset({"one"})  # mostly a pronoun

_REASONS = ("", "similarity", "negation", "words", "name", "link", "number")  # nearest first

Similarity = Callable[[str, str], float]


@dataclass(frozen=True, slots=True)
class Grounded:
    """A supported sentence, without its marks, and which passages support it."""

    text: str
    passages: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dropped:
    """A sentence that is not said, and the kind of reason; never its words."""

    reason: str


def ground(
    sentence: str, passages: Sequence[Passage], similarity: Similarity
) -> Grounded | Dropped:
    """Check one sentence of the model.

    Args:
        sentence: With or without marks like ``[1]``, which count from 1 into ``passages``.
        passages: What the model was shown, in the order of its numbers.
        similarity: Cosine [-1..1] between two sentences.

    Returns:
        The sentence with the passages that support it, at most two; those it cites if it
        cites any. Otherwise why it is dropped: ``citation``, ``number``, ``link``, ``name``,
        ``words``, ``negation``, ``similarity`` or ``empty``.
    """
    text = _MARK.sub("", sentence).strip()
    if not terms(text):
        return Dropped("empty")
    cited = [int(mark) - 1 for mark in _MARK.findall(sentence)]
    if any(not 0 <= place < len(passages) for place in cited):
        return Dropped("citation")
    places = list(dict.fromkeys(cited)) or list(range(len(passages)))
    reasons = {place: _objection(text, passages[place], similarity) for place in places}
    supporting = [place for place in places if not reasons[place]]
    if not supporting:
        return Dropped(reasons[places[0]] if places else "citation")
    return Grounded(text, tuple(supporting[: 2 if cited else 1]))


def facts(text: str) -> set[str]:
    """Return what a sentence states that style may not change: numbers, codes, links, names.

    A capitalised word that starts it is no name here, unless it is capitalised within, too.
    """
    start = text.split(maxsplit=1)[0] if text.split() else ""
    first = {start.strip("\"'(").rstrip(",.:;")} if start[1:].islower() else set()
    names = {name.casefold() for name in set(_names(text)) - first}
    return _numbers(text) | _addresses(text) | names


def _objection(text: str, passage: Passage, similarity: Similarity) -> str:
    """Say why no sentence of a passage supports this one; empty if one does."""
    heading = f"{passage.title}\n{passage.crumb}"
    reasons = [_mismatch(text, unit, heading, similarity) for unit in readable(passage.text)]
    return min(reasons, key=_REASONS.index, default="words")


def _mismatch(text: str, unit: str, heading: str, similarity: Similarity) -> str:
    """Say what a sentence states that one sentence under a heading does not."""
    stated = f"{heading}\n{unit}"
    words, held = set(terms(text)), set(terms(stated))
    if not _numbers(text) <= _numbers(stated):
        return "number"
    if not _addresses(text) <= _addresses(stated):
        return "link"
    if not all(set(terms(name)) <= held for name in (*_names(text), *_counted(text))):
        return "name"
    if len(words & held) < _SHARED * len(words):
        return "words"
    if bool(_NEGATION.search(text)) != _is_negated_near(text, unit):
        return "negation"
    return "" if similarity(text, unit) >= SIMILARITY else "similarity"


def _numbers(text: str) -> set[str]:
    found = {_bare(number) for number in _NUMBER.findall(text)}
    spelled = {word for word in re.findall(r"[a-z]+", text.casefold()) if word not in _UNCOUNTED}
    return found | {_FIGURES[word] for word in spelled & _FIGURES.keys()}


def _bare(number: str) -> str:
    """Drop what surrounds a figure: ``$1,200.`` and ``1200`` state the same digits."""
    inner = number.casefold().strip(".,:;/'-+")
    return re.sub(r"(?<=\d),(?=\d{3})", "", inner)


def _addresses(text: str) -> set[str]:
    return {address.casefold().rstrip(".,;:)!?") for address in _ADDRESS.findall(text)}


def _names(text: str) -> list[str]:
    """Return capitalised words, but for an ordinary word that merely starts a sentence."""
    return [name for name in _NAME.findall(text) if name.casefold() not in STOP_WORDS | _OPENERS]


_OPENERS = frozenset(
    ["yes", "sure", "here", "hello", "hi", "thanks", "welcome", "note", "remember"]
)


def _counted(text: str) -> list[str]:
    """Return what figures count: ``days`` in ``25 days``, so that days do not become weeks."""
    return [word for word in _COUNTED.findall(text) if word.casefold() not in STOP_WORDS]


def _is_negated_near(text: str, passage: str) -> bool:
    """Tell whether the clause of a passage that shares most words with a sentence negates."""
    words = set(terms(text))
    parts = re.split(r"(?<=[.!?;,])\s+|\n", passage)
    nearest = max(parts, key=lambda part: len(words & set(terms(part))), default="")
    return bool(_NEGATION.search(nearest))
