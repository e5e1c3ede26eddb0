"""A sentence against passages: supported or not, and why.

Style may not change facts: what a sentence states in numbers, dates, money, codes, names and
links must stand together in one sentence of a passage it cites, under its heading, and its words
must be that sentence's. Pure: similarity comes in as a function. Knows no model and no voice,
and no meaning: two facts that one sentence of a passage holds may still be taken for each other.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.documents import Passage
from knowledge.statements import Statement, statements
from knowledge.terms import STOP_WORDS, terms

SIMILARITY = 0.70
"""Least cosine between a sentence and the one that supports it; see docs/log.md."""

_SHARED = 0.65  # least share of a sentence's words that stand in its passage
_CONDITION = re.compile(
    r"(?<=[\w,)]) (?:if|unless|except|provided|as long as|only (?:if|when))\b([^;]*)",
    re.IGNORECASE,
)
_TOLD = 0.75  # least share of a condition's words that stand in a sentence
_MARK = re.compile(r"\s*\[\s*(\d{1,2}(?:\s*,\s*\d{1,2})*)\s*\]")
_QUANTITY = re.compile(r"[$€£+-]*\d[\d.,]*")  # in contrast to a code
_TOKEN = re.compile(r"[\w%€£$°#@+./:,-]+")
_ADDRESS = re.compile(
    r"[a-z][a-z0-9+.-]*://\S+|www\.\S+|\S+@\S+|(?:[\w-]+[.\u3002])+[a-z]{2,}\S*|\]\(\S*",
    re.IGNORECASE,
)
_NAME = re.compile(r"[^\W\d_][\w'&-]+")
_NEGATION = re.compile(
    r"\b(?:no|not(?! only)|never|none|nor|neither|without|cannot|nobody|nothing|unable)\b|n't\b",
    re.IGNORECASE,
)
_OPENERS = frozenset(
    ["yes", "sure", "here", "hello", "hi", "thanks", "welcome", "note", "remember"]
)
_OPPOSITES = [
    *(("before", "after"), ("until", "from"), ("over", "under"), ("above", "below")),
    *(("least", "most"), ("more", "less"), ("more", "fewer"), ("minimum", "maximum")),
]
_UNDOING = re.compile(r"^(?:(?:un|non|dis)(?=\w{4})|(?:in|im)(?=\w{5}))")  # unpaid, paid
_UNITS = re.compile(
    r"(?:second|minute|hour|day|night|week|month|quarter|year|percent|euro|dollar|pound|franc|cent"
    r"|met(?:re|er)|kilometre|km|mile|gram|kilogram|kg|litre|tonne|gigabyte|gb|megabyte|mb)s?\W*",
    re.IGNORECASE,
)
_NEAR = 3  # words after a figure that may hold its unit: 5 more working days

_SMALL = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"
_SMALL += " sixteen seventeen eighteen nineteen"
_ORDINAL = "first second third fourth fifth sixth seventh eighth ninth tenth"
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
_FIGURES = {word: f"{value}" for value, word in enumerate(_SMALL.split(), start=1)} | {"zero": "0"}
_FIGURES |= {word: f"{value}0" for value, word in enumerate(_TENS.split(), start=2)}
_FIGURES |= {word: f"{value}th" for value, word in enumerate(_ORDINAL.split(), start=1)}
_FIGURES |= {"second": "2nd", "third": "3rd"}
_UNCOUNTED = {"one", "first"}  # mostly a pronoun, and a step
_SPELLED = re.compile(
    rf"\b(?:({'|'.join(_TENS.split())})[ -]({'|'.join(_SMALL.split()[:9])})"
    rf"|({'|'.join(sorted(_FIGURES.keys() - _UNCOUNTED, key=len, reverse=True))}))\b",
    re.IGNORECASE,
)
_SCALES = frozenset(["half", "twice", "double", "dozen", "hundred", "thousand", "million"])

_REASONS = ("", "similarity", "condition", "negation", "words", "name", "link", "number")
"""Nearest first."""

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
        ``words``, ``negation``, ``condition``, ``similarity`` or ``empty``.
    """
    text = _MARK.sub("", sentence).strip()
    if not terms(text):
        return Dropped("empty")
    cited = [int(n) - 1 for mark in _MARK.findall(sentence) for n in mark.split(",")]
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
    text = _plain(text)
    start = text.split(maxsplit=1)[0] if text.split() else ""
    first = {start.strip("\"'(").rstrip(",.:;")} if start[1:].islower() else set()
    names = {name.casefold() for name in set(_names(text)) - first}
    return _numbers(text) | _addresses(text) | names


def _objection(text: str, passage: Passage, similarity: Similarity) -> str:
    """Say why no sentence of a passage supports this one; empty if one does."""
    above = f"{passage.title}\n{passage.crumb}"
    reasons = [_mismatch(text, one, above, similarity) for one in statements(passage)]
    return min(reasons, key=_REASONS.index, default="words")


def _mismatch(sentence: str, statement: Statement, above: str, similarity: Similarity) -> str:
    """Say what a sentence states that one sentence under its headings does not."""
    if sentence == statement.text:
        return ""
    text, unit, heading = map(_plain, (sentence, statement.text, f"{above}\n{statement.heading}"))
    parts = map(_plain, _parts(statement)) if _numbers(text) else [unit]
    if untrue := min((_untrue(text, f"{heading}\n{p}") for p in parts), key=_REASONS.index):
        return untrue
    words, held = set(terms(text)), set(terms(f"{heading}\n{unit}"))
    if len(words & held) < _SHARED * len(words):
        return "words"
    if bool(_NEGATION.search(text)) != _is_negated_near(text, unit) or _is_opposite(text, unit):
        return "negation"
    if _is_cut(words, unit):
        return "condition"
    return "" if similarity(sentence, statement.text) >= SIMILARITY else "similarity"


def _parts(statement: Statement) -> Sequence[str]:
    """Take a list apart, so that the figures of one line are not given to another."""
    opening = statement.text.removesuffix(" ".join(statement.lines))
    return [opening + line for line in statement.lines] or [statement.text]


def _untrue(text: str, stated: str) -> str:
    """Say which kind of fact is not stated."""
    held = set(terms(stated))
    if not (_numbers(text) <= _numbers(stated) and _counts_alike(text, stated)):
        return "number"
    if not _addresses(text) <= _addresses(stated):
        return "link"
    are_held = all(set(terms(name)) <= held for name in (*_names(text), *_counted(text)))
    return "" if are_held and _disguised(text) <= set(_NAME.findall(stated)) else "name"


def _plain(text: str) -> str:
    """Return text as it will be read: nothing hidden inside of figures, and these as digits."""
    if not text.isascii():
        composed = unicodedata.normalize("NFC", text).replace("\u2019", "'").replace("\u2212", "-")
        text = "".join(map(_shown, composed))
    return _SPELLED.sub(_figure, text)


def _shown(char: str) -> str:
    if char.isspace():
        return char
    return "" if unicodedata.category(char)[0] in "CM" or char == "\u2800" else char


def _figure(word: re.Match[str]) -> str:
    tens, ones, alone = word.groups()
    if alone:
        return _FIGURES[alone.casefold()]
    return f"{int(_FIGURES[tens.casefold()]) + int(_FIGURES[ones.casefold()])}"


def _numbers(text: str) -> set[str]:
    """Return every figure, with all that is written in one with it: dates, money, codes."""
    found = {_bare(token) for token in _TOKEN.findall(text) if _is_figure(token)}
    return found | (_SCALES & set(re.findall(r"[a-z]+", text.casefold())))


def _is_figure(token: str) -> bool:
    return any(map(str.isnumeric, token))


def _bare(figure: str) -> str:
    """Drop what surrounds a figure: ``(1,200).`` and ``1200`` state the same."""
    inner = unicodedata.normalize("NFKC", figure).casefold().strip(".,:;/-+")
    sign = "-" if re.match(r"[^\w-]*-[^\w-]*\d", figure) else ""
    return sign + re.sub(r"(?<=\d),(?=\d{3})", "", inner)


def _addresses(text: str) -> set[str]:
    return {address.casefold().rstrip(".,;:)!?") for address in _ADDRESS.findall(text)}


def _names(text: str) -> list[str]:
    """Return words with a capital, but for an ordinary word that merely starts a sentence."""
    words = [word for word in _NAME.findall(text) if word != word.lower()]
    return [word for word in words if word.casefold() not in STOP_WORDS | _OPENERS]


def _disguised(text: str) -> set[str]:
    """Return names that look like stop words, such as IT, US and the month of May."""
    start = re.match(r"\W*\w+(?! \d)", text)  # but "May 5 is a holiday"
    rest = text[start.end() :] if start else text
    return {w for w in _NAME.findall(rest) if w != w.lower() and w.casefold() in STOP_WORDS}


def _counted(text: str) -> Iterator[str]:
    """Yield what figures count: ``days`` in ``25 days``, so that days do not become weeks."""
    for _, after in _after_figures(text):
        yield from (word for word in after[:1] if word.casefold() not in STOP_WORDS)
        yield from filter(_is_unit, after)


def _counts_alike(text: str, stated: str) -> bool:
    """Tell whether a figure that counts days there does not count weeks here."""
    units = dict[str, set[str]]()
    for figure, after in _after_figures(stated):
        units.setdefault(figure, set()).update(terms(" ".join(filter(_is_unit, after[:_NEAR]))))
    return all(
        set(terms(" ".join(filter(_is_unit, after)))) <= units[figure]
        for figure, after in _after_figures(text)
        if units.get(figure)
    )


def _after_figures(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each figure with the words after it, up to its unit or the next figure."""
    tokens = _TOKEN.findall(text)
    for place, token in enumerate(tokens):
        if _QUANTITY.fullmatch(token):
            after = list[str]()
            for word in tokens[place + 1 : place + 1 + _NEAR]:
                if _is_figure(word) or any(map(_is_unit, after)):
                    break
                after.append(word)
            yield _bare(token), after


def _is_unit(word: str) -> bool:
    return _UNITS.fullmatch(word) is not None


def _is_cut(words: set[str], unit: str) -> bool:
    """Tell whether a sentence leaves out on what condition it holds, or half of that."""
    conditions = (set(terms(found)) for found in _CONDITION.findall(unit))
    return any(len(words & one) < _TOLD * len(one) for one in conditions)


def _is_negated_near(text: str, unit: str) -> bool:
    """Tell whether the clause of a unit that shares most words with a sentence negates."""
    words = set(terms(text))
    parts = re.split(r"(?<=[.!?;,])\s+|\n", unit)
    nearest = max(parts, key=lambda part: len(words & set(terms(part))), default="")
    return bool(_NEGATION.search(nearest))


def _is_opposite(text: str, unit: str) -> bool:
    """Tell whether a sentence says at most for at least, or paid for unpaid."""
    words, held = (set(re.findall(r"[^\W\d_]+", one.casefold())) for one in (text, unit))
    new, left_out = words - held, held - words
    pairs = [*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)]
    undone = {_UNDOING.sub("", word) for word in new} & left_out
    done = {_UNDOING.sub("", word) for word in left_out} & new
    return bool(undone or done) or any(a in new and b in left_out for a, b in pairs)
