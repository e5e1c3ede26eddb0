"""Markdown to the plain text that is searched and quoted.

One line per paragraph, list item or table row, so that each can be quoted alone. Knows
nothing of chunks; not a Markdown renderer.
"""

import re
from collections.abc import Iterator

_IMAGE = re.compile(r"!\[([^\]]*)\]\([^)]*\)")
_LINK = re.compile(r"\[([^\]]+)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_REFERENCE = re.compile(r"\[([^\]]+)\]\[[^\]]*\]")
_AUTOLINK = re.compile(r"<(https?://[^>\s]+)>")
_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^<>]*>", re.DOTALL)
_ANCHOR = re.compile(r"\{[#.:%][^}]*\}")
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")
_ITALIC = re.compile(r"(?<![\w*])[*_](?=\S)([^*_\n]+?)(?<=\S)[*_](?![\w*])")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d{1,3}[.)])\s+(?:\[[ xX]\]\s+)?")
_RULE = re.compile(r"^\s*(?:[-*_]\s*){3,}$")
_DIVIDER = re.compile(r"^\s*\|?\s*:?-{2,}:?\s*(\|\s*:?-{2,}:?\s*)*\|?\s*$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_SPACE = re.compile(r"[ \t\u00a0]+")


def plain(markdown: str) -> str:
    """Return the text of a piece of Markdown, without marks, link targets and tags."""
    lines = [_SPACE.sub(" ", line).strip() for line in _paragraphs(_inline(markdown))]
    return "\n".join(line for line in lines if line)


def _inline(markdown: str) -> str:
    text = _TAG.sub(" ", _AUTOLINK.sub(r"\1", _IMAGE.sub(r"\1", markdown)))
    for pattern in (_LINK, _REFERENCE):
        text = pattern.sub(r"\1", text)
    text = _ITALIC.sub(r"\1", _EMPHASIS.sub(r"\2", _ANCHOR.sub("", text)))
    return text.replace("`", "")


def _paragraphs(text: str) -> Iterator[str]:
    """Join wrapped lines; keep headings, items and rows apart."""
    paragraph: list[str] = []
    header: list[str] = []
    lines = text.splitlines()
    for number, line in enumerate(lines):
        cells = _cells(line)
        starts_alone = bool(cells) or bool(_HEADING.match(line)) or not line.strip()
        if starts_alone or _ITEM.match(line) or _RULE.match(line) or _FENCE.match(line):
            yield " ".join(paragraph)
            paragraph = []
        if not cells:
            header = []
            if not (_RULE.match(line) or _FENCE.match(line)):
                paragraph.append(_unmarked(line))
            if starts_alone:
                yield " ".join(paragraph)
                paragraph = []
        elif number + 1 < len(lines) and _DIVIDER.match(lines[number + 1]):
            header = cells
        elif not _DIVIDER.match(line):
            yield _row(header, cells)
    yield " ".join(paragraph)


def _unmarked(line: str) -> str:
    if heading := _HEADING.match(line):
        return heading[1]
    return _ITEM.sub("", line.strip().removeprefix("> "))


def _cells(line: str) -> list[str]:
    stripped = line.strip()
    if not (stripped.startswith("|") and stripped.count("|") > 1):
        return []
    return [cell.strip() for cell in stripped.strip("|").split("|")]


def _row(header: list[str], cells: list[str]) -> str:
    if len(header) != len(cells):
        return "; ".join(filter(None, cells))
    pairs = zip(header, cells, strict=True)
    return "; ".join(f"{name}: {cell}" if name else cell for name, cell in pairs if cell)
