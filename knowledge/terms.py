"""The lexical view of a text: folded, stemmed words without stop words.

One analyser for all that compares words: the lexical half of retrieval, the reader and the
grounding. It knows English stop words and Snowball's English stemmer; other languages are
folded and kept, but not stemmed well.
"""

import re
import unicodedata
from functools import lru_cache

from snowballstemmer import stemmer

_STEMMER = stemmer("english")
_WORD = re.compile(r"[^\W_]+(?:[._/@#&+'-]+[^\W_]+)*")
_PART = re.compile(r"[^\W_]+")

_STOP_WORDS = """
a about after all also am an and any are as at be because been before being but by can could
did do does doing done each else for from get give given go got had has have having he her
here him his how i if in into is it its just let like made make many may me might more most
much must my no not of off on once only or other our out over own per please provide s same
shall she should so some such t tell than that the their them then there these they this those
through to too under until up upon us very was we were what when where which while who whom
whose why will with within would you your yours
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
"""English words that say nothing about what a text is about."""

_LONGEST_WORD = 40  # what is longer is no English word: not stemmed


def terms(text: str) -> list[str]:
    """Return the stems of a text in order, repeated words repeated.

    A word with digits and joints (``A-561``, ``ERR-4012``, ``Office456_WiFi``) stands for its
    parts and once more for the whole, so that a code matches as a code.

    Args:
        text: Any text; at most the first 100,000 characters count.
    """
    found: list[str] = []
    for word in _WORD.findall(_folded(text[:100_000])):
        parts = _PART.findall(word)
        found += [_stem(part) for part in parts if part not in STOP_WORDS]
        if len(parts) > 1 and any(map(str.isdigit, word)):
            found.append("".join(parts))
    return found


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.encode("utf-8", "replace").decode())
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    return str(_STEMMER.stemWord(word)) if len(word) < _LONGEST_WORD else word
