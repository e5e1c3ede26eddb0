"""Markdown with its front matter, plain text and CSV; loads fast."""

import csv
import re
from typing import Any

import yaml

from knowledge.parsers.reading import Reading, UnreadableError, records

_FRONT_LIMIT = 16_384  # characters
_DEEPEST = 8  # levels of front matter
_FENCE = re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.MULTILINE)
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
    """Read plain text."""
    return Reading(decoded(data))


def read_markdown(data: bytes) -> Reading:
    """Read Markdown; a first line ``---`` opens the front matter."""
    text = decoded(data).replace("\r\n", "\n")
    opening = _FENCE.match(text)
    if not text.startswith("---") or opening is None:
        return Reading(text)
    closing = _FENCE.search(text, opening.end(), opening.end() + _FRONT_LIMIT)
    if closing is None:
        return Reading(text, front_problem="opens with --- but never closes it")
    front, problem = _front_matter(text[opening.end() : closing.start()])
    return Reading(text[closing.end() :], front=front, front_problem=problem)


def _front_matter(block: str) -> tuple[dict[str, Any], str]:
    try:
        if not _is_modest(block):
            return {}, "has aliases or is nested too deep"
        loaded = yaml.safe_load(block)
    except (yaml.YAMLError, ValueError) as error:
        return {}, f"is not YAML ({type(error).__name__})"
    if loaded is None:
        return {}, ""
    if not isinstance(loaded, dict):
        return {}, "is not a list of keys and values"
    return {str(key): value for key, value in loaded.items()}, ""


def _is_modest(block: str) -> bool:
    """Tell whether YAML stays small when loaded; stops at the first sign that it does not."""
    depth = 0
    for event in yaml.parse(block, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > _DEEPEST or isinstance(event, yaml.AliasEvent):
            return False
    return True


def read_csv(data: bytes) -> Reading:
    """Read a table, one line for each row."""
    text = decoded(data)
    first = text.lstrip().split("\n", 1)[0]
    delimiter = max(_DELIMITERS, key=first.count)
    return Reading(records(csv.reader(text.splitlines(keepends=True), delimiter=delimiter)))
