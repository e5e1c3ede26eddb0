"""PDF: the text of its pages, in lines as long as a person would read them."""

import re
from io import BytesIO
from itertools import pairwise

from pypdf import PdfReader

from knowledge.parsers.reading import Reading, UnreadableError

_HYPHEN = re.compile(r"(?<=[a-z]{2})-\n(?=[a-z]{2})")
_FOOTER = re.compile(r"^\s*page \d+(?: (?:of|/) \d+)?\s*$\n?", re.IGNORECASE | re.MULTILINE)
_FULL = 0.75  # of the longest line: such a line was broken by the margin, not by its author


def read_pdf(data: bytes) -> Reading:
    """Read the text of a PDF; its pictures are not read.

    Raises:
        UnreadableError: If it is encrypted, or holds pictures only.
    """
    reader = PdfReader(BytesIO(data), strict=False)
    if reader.is_encrypted:
        problem = "is encrypted"
        raise UnreadableError(problem)
    pages = [unwrapped(page.extract_text()) for page in reader.pages]
    if not any(pages):
        problem = "has no text: are its pages pictures?"
        raise UnreadableError(problem)
    title = reader.metadata.title if reader.metadata else None
    return Reading("\n\n".join(filter(None, pages)), title=title or "")


def unwrapped(page: str) -> str:
    """Join the lines that only the margin broke; part those that their author ended."""
    lines = [line.strip() for line in _HYPHEN.sub("", _FOOTER.sub("", page)).split("\n")]
    longest = max(map(len, lines))
    joined = lines[:1]
    for before, line in pairwise(lines):
        if _goes_on(before, line, longest):
            joined[-1] = f"{joined[-1]} {line}"
        else:
            joined.append(line)
    return "\n\n".join(filter(None, joined))


def _goes_on(line: str, following: str, longest: int) -> bool:
    if not line or not following or line.endswith((".", ":", ";", "!", "?")):
        return False
    is_full = len(line) >= _FULL * longest
    return following[0].islower() or (is_full and following[0].isalnum())
