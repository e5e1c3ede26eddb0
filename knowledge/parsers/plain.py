"""Markdown, plain text and CSV; loads fast."""

import csv

from knowledge.parsers.front import opened
from knowledge.parsers.reading import Reading, UnreadableError, records

_DELIMITERS = ",;\t|"


def decoded(data: bytes) -> str:
    """Decode text: by its byte order mark, as UTF-8, else as Windows-1252.

    Raises:
        UnreadableError: If it is no text at all.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors="replace")
    if b"\0" in data:
        problem = "is not text"
        raise UnreadableError(problem)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def read_text(data: bytes) -> Reading:
    """Read Markdown or plain text; a first line ``---`` opens the front matter."""
    return opened(decoded(data))


def read_csv(data: bytes) -> Reading:
    """Read a table, one line for each row."""
    text = decoded(data)
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return Reading(records(csv.reader(text.splitlines(keepends=True), delimiter=delimiter)))
