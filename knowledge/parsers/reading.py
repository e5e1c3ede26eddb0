"""Values of one parse, and the last touch every text gets; knows no file format."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

_BREAKS = re.compile("\r\n?|[\u0085\u2028\u2029]")
_SPACES = re.compile("[\u00a0\u202f\u3000]")
# Controls, soft hyphens, lone surrogates, and what hides or reorders text; and tag characters
# and variation selectors, which carry text that nobody sees.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufe00-\ufe0f"
    "\ufeff\ud800-\udfff\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
)
_BLANK_LINES = re.compile(r"\n[ \t]*\n(?:[ \t]*\n)+")


class UnreadableError(Exception):
    """A file gives no text, for a reason that may be told without quoting it."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(problem)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one file says.

    Attributes:
        text: Markdown.
        title: As the format itself states it; empty where it does not.
        front: The front matter as loaded; Markdown, plain text and HTML may have one.
        front_problem: Why the front matter cannot be used; empty where it can.
    """

    text: str
    title: str = ""
    front: dict[str, Any] = field(default_factory=dict)
    front_problem: str = ""


def cleaned(text: str, *, form: str = "NFC") -> str:
    """Keep what a person would see: no controls, no invisible or reordering characters.

    Args:
        text: As a parser gave it.
        form: ``NFKC`` for PDFs, whose ligatures hide words from the search.
    """
    text = _SPACES.sub(" ", _BREAKS.sub("\n", text))
    text = _UNSEEN.sub("", text)
    if not unicodedata.is_normalized(form, text):  # type: ignore[arg-type]  # one of two constants
        text = unicodedata.normalize(form, text)  # type: ignore[arg-type]  # as above
    return _BLANK_LINES.sub("\n\n", text).strip()


def one_line(text: str) -> str:
    """Fold all white space."""
    return " ".join(text.split())


def table(rows: Iterable[Sequence[str]]) -> str:
    """Lay out a Markdown table, its first row as the header; empty rows fall out."""
    cells = [[one_line(cell).replace("|", "\\|") for cell in row] for row in rows]
    cells = [row for row in cells if any(row)]
    if not cells:
        return ""
    width = max(map(len, cells))
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in cells]
    return "\n".join([lines[0], "|" + " --- |" * width, *lines[1:]])


def records(rows: Iterable[Sequence[str]]) -> str:
    """Write each row as an item ``- Header: value; Header: value``, to be quoted alone."""
    cells = ([one_line(cell) for cell in row] for row in rows)
    filled = (row for row in cells if any(row))
    header = next(filled, [])
    lines = [_record(header, row) for row in filled]
    lines = lines or ["; ".join(filter(None, header))]
    return "\n".join(f"- {line}" for line in lines if line)


def _record(header: Sequence[str], row: Sequence[str]) -> str:
    names = [*header, *[""] * (len(row) - len(header))]
    pairs = zip(names, row, strict=False)  # a row may be shorter than its header
    return "; ".join(f"{name}: {value}" if name else value for name, value in pairs if value)
