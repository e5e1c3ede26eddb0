"""Markdown to the plain text that is searched and quoted.

One line per paragraph, list item or table row, so that each can be quoted alone. Knows
nothing of chunks; not a Markdown renderer.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"\[([^\]]+)\]\[[^\]]*\]")
_AUTOLINK = re.compile(r"<(https?://[^>\s]+)>")
_TAGS = """
a abbr b blockquote body br center code col dd del details div dl dt em figcaption figure font h1 h2
h3 h4 h5 h6 head hr html i iframe img ins kbd li link mark meta object ol p param picture pre q s
script section small source span strong style sub summary sup svg table tbody td tfoot th thead tr
track tt u ul video
"""  # no others: <name> in a command is a word that counts
_TAG = re.compile(
    rf"<!--.*?-->|</?(?:{'|'.join(_TAGS.split())})(?:\s[^<>]*|/)?>", re.DOTALL | re.IGNORECASE
)
_ANCHOR = re.compile(r"\{[#.:%][^}]*\}")
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])[*_](?=\S)([^*_\n]+?)(?<=\S)[*_](?![\w*])")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_BORDER = re.compile(r"(?<!\\)\|")
_FENCE = re.compile(r"^[ \t]*(?:`{3,}[^`\n]*|~{3,}[^\n]*)$", re.MULTILINE)
_SPACE = re.compile(r"[ \t\u00a0]+")


def plain(markdown: str) -> str:
    """Return the text of a piece of Markdown, without marks, link targets and tags."""
    lines = [_SPACE.sub(" ", line).strip() for line in _paragraphs(_inline(markdown))]
    return "\n".join(line for line in lines if line)


def _inline(markdown: str) -> str:
    text = _IMAGE.sub(r"\1", _FENCE.sub("", markdown))
    text = _TAG.sub(" ", _AUTOLINK.sub(r"\1", text))
    for pattern in (_LINK, _REFERENCE):
        text = pattern.sub(r"\1", text)
    text = _ITALIC.sub(r"\1", _EMPHASIS.sub(r"\2", _ANCHOR.sub("", text)))
    return text.replace("`", "")


def _paragraphs(text: str) -> Iterator[str]:
    for is_table, block in groupby(text.splitlines(), key=lambda line: bool(_cells(line))):
        lines = list(block)
        yield from _rows(lines) if is_table else _prose(lines)


def _prose(lines: Iterable[str]) -> Iterator[str]:
    """Join wrapped lines; keep headings and items apart."""
    paragraph: list[str] = []
    for line in lines:
        stands_alone = bool(_HEADING.match(line)) or not line.strip()
        if stands_alone or _ITEM.match(line) or _RULE.match(line):
            yield " ".join(paragraph)
            paragraph = []
        if not _RULE.match(line):
            paragraph.append(_unmarked(line))
        if stands_alone:
            yield " ".join(paragraph)
            paragraph = []
    yield " ".join(paragraph)


def _rows(lines: list[str]) -> Iterator[str]:
    """Name the cells of each row by the header, if there is one and a row below it."""
    rows = [_cells(line) for line in lines if not _DIVIDER.match(line)]
    is_named = bool(rows[1:] and _DIVIDER.match(lines[1]))
    header = rows.pop(0) if is_named else []
    for cells in rows:
        yield _row(header, cells)


def _unmarked(line: str) -> str:
    if heading := _HEADING.match(line):
        return f"# {heading[1]}"  # so that a reader can tell it from a sentence
    return _ITEM.sub("", line.strip().removeprefix("> "))


def _cells(line: str) -> list[str]:
    stripped = line.strip()
    if not (stripped.startswith("|") and stripped.count("|") > 1):
        return []
    cells = _BORDER.split(stripped[1:].removesuffix("|"))
    return [cell.replace("\\|", "|").strip() for cell in cells]


def _row(header: list[str], cells: list[str]) -> str:
    if len(header) != len(cells):
        return "; ".join(filter(None, cells))
    pairs = zip(header, cells, strict=True)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
