"""Secrets and personal data out of the texts of one row.

A secret rules the row out; personal data becomes a placeholder, the same for the same thing
throughout the row. Pure: the finders of a library and the names of people come in.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from ipaddress import ip_address
from math import log2

from adapters.names import RULE, Names

Span = tuple[int, int]

_VALUE = (
    r"(?:[\"'\u201c\u2018`][^\s\"'\u201d\u2019`][^\"'\u201d\u2019`]*[\"'\u201d\u2019`]"  # quoted
    r"|(?=\S*[\d&#$%^*!@~+=_]|\S*\?\S)(?!\[\d)\S{3,}"  # a word with a digit or a sign in it
    r"|\d[\d -]*\d)"
)
_SECRETS = {
    "private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    "token": re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.?[\w-]*"),
    "password in an address": re.compile(
        r"\b[a-z][a-z0-9+.-]*://[^/\s:@]+:[^/\s@]+@", re.IGNORECASE
    ),
    "stated secret": re.compile(
        r"(?:\b|_)(?:password|passwd|passphrase|passcode|pin|secret|token|credentials?|code"
        r"|api[ _-]?key)"
        rf"\b(?:\s+\w+){{0,4}}?(?:\s+(?:is|was|are)\b(?:\s+now)?\s*:?|\s*[:=])\s*{_VALUE}",
        re.IGNORECASE,
    ),
    "assigned password": re.compile(
        r"(?:\b|_)(?:password|passwd|passphrase|passcode)(?:[^\S\n]+\w+){0,4}?"
        r"[^\S\n]*[:=][^\S\n]*(?!\[\d)\S{3,}",
        re.IGNORECASE,
    ),
    "code of a lock": re.compile(
        r"\b(?:vault|safe|door|alarm|gate|entry|access|security)\s+(?:code|pin|number)"
        r"\s+\d[\d -]{2,}\d",
        re.IGNORECASE,
    ),
    "stated password": re.compile(
        r"\b(?:password|passphrase|passcode)(?:\s+\w+){0,4}?\s+(?:is|was)\s+"
        r"(?!(?:re)?set\b|\w+ed\b|\w+(?:able|ible|ory|ary|ing)\b|case-|(?:not|your|the|only)\b"
        r"|(?:wrong|correct|valid|invalid|unique|different|too|long|short|strong|weak|stored|kept"
        r"|lost|missing|safe|secure|optional|public|personal|yours|secret|hidden|empty)\b)"
        r"[\w-]{4,}(?=[.!?,;]?(?:\s*$|\s+(?-i:[A-Z])))",
        re.IGNORECASE,
    ),
}
_LONG_TOKEN = re.compile(r"(?<![\w+/=-])[A-Za-z0-9+/=_-]{20,}(?![\w+/=-])")
_HEX = re.compile(r"[0-9a-f]+|[0-9A-F]+")
_HEX_BITS, _BASE64_BITS = 3.0, 4.2  # per character; real digests measure 3.7 of at most 4.0

_EMAIL = re.compile(r"(?:<?mailto:)?[\w.+%-]+@[\w-]+(?:\.[\w-]+)+(?:\|[^<>\s]*>)?")
_MENTION = re.compile(
    r"<@[UW][A-Z0-9]+(?:\|[^<>]*)?>|(?<![\w-])(?=[A-Z]*\d)[UW][A-Z0-9]{7,11}(?![\w-])"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_IP = re.compile(
    r"(?<![\w.:])(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7})"
)
_PHONE = re.compile(r"(?<![\w+])\+\d[\d ()/.-]{6,}\d(?!\w)")
_PLACE = re.compile(
    r"<#[CDG][A-Z0-9]+(?:\|[^<>]*)?>"
    r"|(?<![\w-])(?=[A-Z]*\d)[CDG][A-Z0-9]{7,11}(?![\w-])"
    r"|https?://[\w.-]+\.slack\.com/[^\s<>|]*"
)
_GROUP = re.compile(
    r"<!subteam\^[A-Z0-9]+(?:\|[^<>]*)?>|(?<![\w-])(?=[A-Z]*\d)S[A-Z0-9]{7,11}(?![\w-])"
)
_ID = re.compile(r"[UWCDGS][A-Z0-9]+")
_PLACEHOLDER = re.compile(r"<[A-Z]+_\d+>")


@dataclass(frozen=True, slots=True)
class Scrubbed:
    """The texts of a row as they may be written.

    Attributes:
        hits: Different things that were replaced, by kind.
        secret: Kind of the secret that rules the row out; empty if there is none.
    """

    texts: tuple[str, ...]
    hits: Mapping[str, int] = field(default_factory=dict)
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Scrubber:
    """Cleans rows.

    Attributes:
        known_secret: Names the kind of a secret in a text; empty if there is none.
        phones: Finds telephone numbers.
        ours: Texts that nobody typed, such as the rules of the voice: they stay as they are.
    """

    names: Names
    known_secret: Callable[[str], str]
    phones: Callable[[str], Sequence[Span]]
    ours: frozenset[str] = frozenset()

    def scrub(self, texts: Sequence[str]) -> Scrubbed:
        """Clean the texts of one row."""
        for text in texts:
            if secret := self.secret_in(text):
                return Scrubbed((), {}, secret)
        book = _Placeholders()
        cleaned = tuple(self._cleaned(text, book) for text in texts)
        return Scrubbed(cleaned, Counter(kind for kind, _ in book.numbers))

    def secret_in(self, text: str) -> str:
        """Name the kind of the first secret in a text; empty if there is none."""
        if text in self.ours:
            return ""
        stated = (kind for kind, pattern in _SECRETS.items() if pattern.search(text))
        return next(stated, "") or _random_token(text) or self.known_secret(text)

    def _cleaned(self, text: str, book: "_Placeholders") -> str:
        if text in self.ours:
            return text
        text = unicodedata.normalize("NFC", text)
        finders: tuple[tuple[str, Callable[[str], Iterable[tuple[Span, str]]]], ...] = (
            ("EMAIL", lambda text: _matches(_EMAIL, text, _address)),
            ("PERSON", lambda text: _matches(_MENTION, text, _id)),
            ("CHANNEL", lambda text: _matches(_PLACE, text, _id)),
            ("GROUP", lambda text: _matches(_GROUP, text, _id)),
            ("IBAN", lambda text: _matches(_IBAN, text, _iban)),
            ("CARD", lambda text: _matches(_CARD, text, _card)),
            ("IP", lambda text: _matches(_IP, text, _ip)),
            ("PHONE", self._phones),
            ("PERSON", self._named),
        )
        for kind, find in finders:
            text = _replaced(text, kind, sorted(find(text)), book)
        return text

    def _named(self, text: str) -> Iterator[tuple[Span, str]]:
        taken = [match.span() for match in _PLACEHOLDER.finditer(text)]
        for (start, end), who in self.names.found(text):
            if not any(start < last and first < end for first, last in taken):
                yield (start, end), who

    def _phones(self, text: str) -> Iterator[tuple[Span, str]]:
        spans = {*self.phones(text), *(match.span() for match in _PHONE.finditer(text))}
        last = 0
        for start, end in sorted(spans):
            if start >= last:  # two finders may see one number
                yield (start, end), re.sub(r"\D", "", text[start:end])
                last = end


@dataclass(frozen=True, slots=True)
class _Placeholders:
    """Which number each thing of a row has."""

    numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def of(self, kind: str, thing: str) -> str:
        known = sum(1 for one, _ in self.numbers if one == kind)
        return f"<{kind}_{self.numbers.setdefault((kind, thing), known + 1)}>"


def rules_sha256(*others: str) -> str:
    """Name the rules, so that an export says which ones it went through.

    Args:
        others: What the finders of a library were told.
    """
    personal = (_EMAIL, _MENTION, _PLACE, _GROUP, _IBAN, _CARD, _IP, _PHONE)
    rules = [one.pattern for one in (*_SECRETS.values(), _LONG_TOKEN, _HEX, *personal)]
    named = [*rules, f"{_HEX_BITS} {_BASE64_BITS}", RULE, *others]
    return sha256("\n".join(named).encode()).hexdigest()


def _replaced(text: str, kind: str, found: Sequence[tuple[Span, str]], book: _Placeholders) -> str:
    parts, at = list[str](), 0
    for (start, end), thing in found:
        parts += [text[at:start], book.of(kind, thing)]
        at = end
    return "".join([*parts, text[at:]])


def _matches(
    pattern: re.Pattern[str], text: str, thing: Callable[[str], str] = str
) -> Iterator[tuple[Span, str]]:
    for match in pattern.finditer(text):
        if named := thing(match.group()):
            yield match.span(), named


def _id(text: str) -> str:
    found = _ID.search(text) if text.startswith("<") else None
    return found.group() if found else text


def _address(text: str) -> str:
    return text.removeprefix("<").removeprefix("mailto:").partition("|")[0].casefold()


def _iban(text: str) -> str:
    """Return an IBAN without spaces; empty if its check digits are wrong."""
    bare = text.replace(" ", "")
    turned = "".join(str(int(char, 36)) for char in bare[4:] + bare[:4])
    return bare if int(turned) % 97 == 1 else ""


def _card(text: str) -> str:
    """Return the digits of a card number; empty if Luhn's check fails."""
    digits = re.sub(r"\D", "", text)
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return digits if (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0 else ""


def _ip(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        return ""


def _random_token(text: str) -> str:
    return "random token" if any(map(_is_random, _LONG_TOKEN.findall(text))) else ""


def _is_random(token: str) -> bool:
    if _HEX.fullmatch(token):
        return _bits(token) >= _HEX_BITS and not token.isdigit() and not token.isalpha()
    kinds = (str.isupper, str.islower, str.isdigit)
    return all(any(map(kind, token)) for kind in kinds) and _bits(token) >= _BASE64_BITS


def _bits(token: str) -> float:
    """Return the entropy of a token [bits per character]."""
    shares = [count / len(token) for count in Counter(token).values()]
    return -sum(share * log2(share) for share in shares)
