"""Text from a model or a document, made inert: it cannot ping, link, hide or reorder.

The text stands in literal elements anyway; this is for clients that make links of their own.
Knows nothing of blocks. Each step replaces what it takes out by a space or a look-alike and
never joins what stood apart, so that no step can put together what an earlier one took apart.
"""

import re
import unicodedata
from urllib.parse import SplitResult, urlsplit

import idna

LONGEST = 10_000
"""Characters that are looked at; whatever a model says beyond is not posted."""

LONGEST_URL = 1_000

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs"})
# Default-ignorable code points, and one that looks empty, in categories that are visible else.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\uffa0\ufe00-\ufe0f"
    "\U000e0000-\U000e0fff]"
)
_MARKDOWN_LINK = re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)")
_ANGLE_TOKEN = re.compile(r"<(?:[!@#][^<>]*|[^<>]*(?:://|mailto:|\|)[^<>]*)>", re.IGNORECASE)
_DOT = r"[.\u3002\uff0e\uff61]"
_LABELS = rf"(?:[\w-]{{1,63}}{_DOT}){{1,8}}"
_TOP_LEVEL = "com|net|org|edu|gov|int|io|ai|app|dev|co|uk|de|eu|us|ru|cn|info|biz|me|xyz|top|link"
_ACTIVE = re.compile(
    r"(?P<mail>(?<![\w.+-])[a-z0-9][a-z0-9._+-]{0,63}@(?!channel|here|everyone)"
    r"(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}(?![\w@/:?#-]|\.\w))"
    r"|(?:[a-z][a-z0-9+.-]{0,30})?://\S*"
    r"|(?:javascript|vbscript|data|file|mailto|tel|sms|slack|blob|callto):\S+"
    rf"|www{_DOT}\S*"
    rf"|{_LABELS}(?:xn--[\w-]+|[^\W\d_]{{2,24}}){_DOT}?(?::\d{{1,5}})?[/?\\#]\S*"
    rf"|(?P<host>{_LABELS}(?:{_TOP_LEVEL}|xn--[\w-]+)(?!\w))"
    r"|[@\uff20\ufe6b]",
    re.IGNORECASE,
)


def inert(text: str) -> str:
    """Return text on one line that is only text.

    Control, invisible and bidirectional characters, URLs of any scheme, link markup and each
    ``@`` outside an e-mail address are taken out; a bare host becomes ``acme[.]com``; the
    rest is NFC.

    Source:
        Section 5 of the invariants; proven by ``tests/unit/test_hostile_model_blocks.py``.
    """
    plain = unicodedata.normalize("NFC", _visible(text[:LONGEST]))
    unlinked = _MARKDOWN_LINK.sub(r"\1", plain).replace("](", "] (")
    unmarked = _ANGLE_TOKEN.sub(_label, unlinked)
    literal = re.sub(r"<(?=[!@#])", "\u2039", unmarked)
    return " ".join(_ACTIVE.sub(_disarmed, literal).split())


def cut(text: str, limit: int) -> str:
    """Return text of at most ``limit`` characters, cut at a word, with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: max(limit - 1, 0)]
    at_word = head.rsplit(" ", 1)[0] if " " in head else head
    return f"{at_word.rstrip()}…"[:limit]


def safe_url(url: str) -> str | None:
    """Return a URL that may stand behind a link, or None.

    It is http(s), names a host that IDNA leaves as it is, and holds no credentials, no
    control or invisible character, no space and no backslash.
    """
    if len(url) > LONGEST_URL or _visible(url) != url or set(url) & set(' "<>\\^`{|}'):
        return None
    try:
        parts = urlsplit(url)
        is_fine = parts.scheme in {"http", "https"} and _names_a_plain_host(parts)
    except ValueError:  # idna.IDNAError is one
        return None
    return url if is_fine else None


def _names_a_plain_host(parts: SplitResult) -> bool:
    host = parts.hostname or ""
    is_port_fine = parts.port is None or parts.port > 0
    return is_port_fine and "@" not in parts.netloc and idna.encode(host).decode() == host


def _visible(text: str) -> str:
    return _INVISIBLE.sub("", "".join(map(_visible_or_space, text)))


def _visible_or_space(char: str) -> str:
    if " " <= char <= "~":
        return char
    if char.isspace():
        return " "
    return "" if unicodedata.category(char) in _INVISIBLE_CATEGORIES else char


def _label(token: re.Match[str]) -> str:
    inside = token.group()[1:-1]
    is_ping = inside.startswith(("!", "@", "#"))
    return " " if is_ping or "|" not in inside else f" {inside.rsplit('|', 1)[1]} "


def _disarmed(token: re.Match[str]) -> str:
    if token["host"]:
        return re.sub(_DOT, "[.]", token["host"])
    return token["mail"] or " "
