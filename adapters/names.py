"""People's names in running text. Pure: what people are called comes in, and nothing is guessed."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise

_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff"
_MARKS = "\u0300-\u036f\u0900-\u0963\u0966-\u0eff"  # Python takes vowel signs for no letters
_WORD = re.compile(rf"[{_UNSPACED}]|(?:[^\W_{_UNSPACED}]|[{_MARKS}])+")
_BETWEEN = re.compile(r"[\s'\u2019,._-]{0,2}")
_SHORTEST = 2  # of a part in Latin script; in another one a letter may be a name
_ENDS = ("", ".", "!", "?", ":", ";", "\n", "\u2022", "-")
_WRAPPING = " \t\"'\u201c\u2018(*_>"

RULE = f"names-2 {_WORD.pattern} {_BETWEEN.pattern} {_SHORTEST}"
"""Names what follows; its number changes with the code below."""


class Names:
    """The people who may be spoken of.

    Args:
        names: Full names, names for display, handles; each counts however short it is, and so do
            its parts. A part of several names is a person of its own. One word alone is a name
            where it is written with a capital or an ``@``, or in a script without capitals:
            ``mark`` and ``Mark`` are not the same.
        never: Words that are no name when they stand alone, such as ``It`` or ``Will``.
        ordinary: Words that are none at the start of a sentence, such as ``Please``. A full name
            of such words alone is one where each has a capital.
    """

    def __init__(
        self, names: Iterable[str], never: Collection[str] = (), ordinary: Collection[str] = ()
    ) -> None:
        full = sorted({tuple(map(_folded, _WORD.findall(_composed(name)))) for name in names})
        full = [name for name in full if name]
        holders = Counter(part for name in full for part in set(name))
        self._person = {name: " ".join(name) for name in full}
        for name in full:
            for part in filter(_is_telling, name):
                alone = " ".join(name) if holders[part] == 1 else part
                self._person.setdefault((part,), alone)
        self._whole = frozenset(full)
        self._never, self._ordinary = frozenset(never), frozenset(ordinary)
        self._longest = max(map(len, full), default=0)

    def found(self, text: str) -> Iterator[tuple[tuple[int, int], str]]:
        """Yield where somebody is named, and who; the text is in Unicode's composed form."""
        words = list(_WORD.finditer(text))
        at = 0
        while at < len(words):
            length = self._named_at(text, words[at : at + self._longest])
            if length:
                start, end = words[at].start(), words[at + length - 1].end()
                named = tuple(_folded(one.group()) for one in words[at : at + length])
                yield (start - (text[start - 1 : start] == "@"), end), self._person[named]
            at += length or 1

    def _named_at(self, text: str, words: Sequence[re.Match[str]]) -> int:
        """Return how many of these words are the longest name that they begin with."""
        for length in range(len(words), 0, -1):
            some = words[:length]
            if tuple(_folded(one.group()) for one in some) in self._person:
                is_one = length == 1 and self._is_name(text, words[0])
                if is_one or (length > 1 and self._is_full_name(text, some)):
                    return length
        return 0

    def _is_full_name(self, text: str, words: Sequence[re.Match[str]]) -> bool:
        spelt = [one.group() for one in words]
        if {_folded(word) for word in spelt} <= self._never | self._ordinary:
            return _is_joined(text, words) and all(word != word.lower() for word in spelt)
        return _is_joined(text, words)

    def _is_name(self, text: str, found: re.Match[str]) -> bool:
        word, folded, before = found.group(), _folded(found.group()), text[: found.start()]
        if before.endswith("@"):
            return True
        if (
            folded.isdigit()
            or folded in self._never
            or (folded in self._ordinary and _is_start(before))
        ):
            return False
        is_abbreviation = len(word) == _SHORTEST and word == word.upper() != word.lower()
        if is_abbreviation and (folded,) not in self._whole:
            return False  # Jane of HR does not make every HR a person
        return word != word.lower() or word.lower() == word.upper()


def ordinary_words(texts: Iterable[str]) -> frozenset[str]:
    """Return the words that some texts write without a capital."""
    words = (word for text in texts for word in _WORD.findall(text))
    return frozenset(word for word in words if word == word.lower())


def _composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(word: str) -> str:
    return word.casefold()


def _is_telling(part: str) -> bool:
    """Tell whether a part of a name may stand for the whole of it."""
    if part.isdigit() or re.fullmatch(rf"[{_UNSPACED}]", part):
        return False  # a single ideograph is a word like any other
    return len(part) >= _SHORTEST or not part.isascii()


def _is_joined(text: str, words: Sequence[re.Match[str]]) -> bool:
    return all(_BETWEEN.fullmatch(text[a.end() : b.start()]) for a, b in pairwise(words))


def _is_start(before: str) -> bool:
    return before.rstrip(_WRAPPING)[-1:] in _ENDS
