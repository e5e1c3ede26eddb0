"""Documents into chunks: by heading, bounded in tokens, with offsets and breadcrumbs.

Knows Markdown headings and a token counter; knows no model and no index.

Source: the comparison of chunkers on 110 handbook pages with 238 questions that decided for
headings, 900 characters and a breadcrumb in both halves (docs/log.md).
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from knowledge.documents import Chunk, Document
from knowledge.markup import plain

CHUNKER_VERSION = "headings-4"
"""Recorded in the index; a change here needs a rebuild."""

LIMIT = 900
"""Longest piece [characters]; about 200 tokens of English."""

LIMIT_TOKENS = 230
"""Longest chunk with its breadcrumb [tokens]; MiniLM silently cuts what passes 256."""

_SHORT = 200  # a shorter piece joins a neighbour below the same parent
_ATX = re.compile(r"^ {0,3}(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE = re.compile(r"^\s*(`{3,}(?=[^`]*$)|~{3,})")
_TABLE = re.compile(r"^(\|[^\n]{1,200}\n\|[-:| \t]{1,200}\n)(?:\|[^\n]*(?:\n|\Z))+", re.MULTILINE)
_BREAKS = (re.compile(r"\n\s*\n"), re.compile(r"\n"), re.compile(r"[.!?]\s"), re.compile(r"\s"))

_Shown = Callable[[int, int], str]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A stretch of the document under one stack of headings."""

    path: tuple[str, ...]
    head: int  # where its own heading line starts; equals `start` below the first cut
    start: int
    end: int


def embedding_text(chunk: Chunk) -> str:
    """Return what both halves of the search see: the breadcrumb and the text."""
    return f"{chunk.crumb}\n{chunk.text}"


def chunk_document(document: Document, count_tokens: Callable[[str], int]) -> list[Chunk]:
    """Cut one document at its headings.

    Args:
        document: Its ``text`` is Markdown; offsets of the chunks count in it.
        count_tokens: The embedder's own count, so that nothing is cut off unseen.

    Returns:
        Chunks in order; none is longer than ``LIMIT`` or ``LIMIT_TOKENS``, except where one
        word alone is.
    """
    pieces = _joined([part for piece in _sections(document.text) for part in _cut(piece, document)])
    shown = _shown(document.text)
    chunks: list[Chunk] = []
    for piece in pieces:
        for fitted in _fitted(_chunk(document, piece, shown), document, shown, count_tokens):
            number = len(chunks)
            name = f"{document.doc_id}#{number:05d}"
            chunks.append(replace(fitted, chunk_id=name, ord=number))
    return chunks


def _sections(text: str) -> Iterator[_Piece]:
    """Yield the stretches between headings, code fences honoured."""
    stack: list[tuple[int, str]] = []
    head = start = position = 0
    fence = ""
    for line in text.splitlines(keepends=True):
        fence = _fence_after(fence, line)
        heading = None if fence else _ATX.match(line.rstrip("\n"))
        if heading:
            yield _Piece(tuple(name for _, name in stack), head, start, position)
            level = len(heading[1])
            stack = [entry for entry in stack if entry[0] < level]
            stack.append((level, plain(heading[2])))
            head, start = position, position + len(line)
        position += len(line)
    yield _Piece(tuple(name for _, name in stack), head, start, position)


def _fence_after(fence: str, line: str) -> str:
    """Return the mark of the code block that is open after a line; empty outside of one."""
    mark = _FENCE.match(line)
    if not mark:
        return fence
    is_closing = line.strip() == mark[1] and mark[1].startswith(fence)
    return mark[1] if not fence else "" if is_closing else fence


def _cut(piece: _Piece, document: Document) -> Iterator[_Piece]:
    """Split what is too long at blank lines, then lines, sentences, words."""
    while (length := piece.end - piece.start) > LIMIT:
        window = min(LIMIT, length - _SHORT)  # so that no crumb is left over
        at = piece.start + _break(document.text[piece.start : piece.start + window])
        yield replace(piece, end=at)
        piece = replace(piece, head=at, start=at)
    if document.text[piece.start : piece.end].strip() or len(piece.path) > 1:
        yield piece


def _break(text: str) -> int:
    """Return where to cut: the last break of the best kind past a third of the text."""
    for kind in _BREAKS:
        ends = [found.end() for found in kind.finditer(text) if found.end() > len(text) // 3]
        if ends:
            return ends[-1]
    return len(text)


def _joined(pieces: list[_Piece]) -> list[_Piece]:
    """Join a short piece to its neighbour below the same parent."""
    joined: list[_Piece] = []
    for piece in pieces:
        if joined and _belong(joined[-1], piece):
            before = joined.pop()
            path = _common(before.path, piece.path)
            start = before.start if path == before.path else before.head
            piece = _Piece(path, before.head, start, piece.end)  # noqa: PLW2901  # grows in place
        joined.append(piece)
    return joined


def _belong(before: _Piece, after: _Piece) -> bool:
    is_short = min(before.end - before.start, after.end - after.start) < _SHORT
    common = _common(before.path, after.path)
    are_near = len(common) >= max(len(before.path), len(after.path)) - 1
    return is_short and are_near and bool(common) and after.end - before.head <= LIMIT


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    same = [a for a, b in zip(one, other, strict=False) if a == b]
    return tuple(same) if one[: len(same)] == other[: len(same)] == tuple(same) else ()


def _shown(text: str) -> _Shown:
    """Return what gives the plain text of a stretch; rows cut off from their header keep it."""
    tables = list(_TABLE.finditer(text))
    rows = [table.end(1) for table in tables]

    def shown(start: int, end: int) -> str:
        number = bisect_right(rows, start) - 1
        is_cut = number >= 0 and start < tables[number].end() and text[start - 1] == "\n"
        return plain((tables[number][1] if is_cut else "") + text[start:end])

    return shown


def _fitted(
    chunk: Chunk, document: Document, shown: _Shown, count: Callable[[str], int]
) -> Iterator[Chunk]:
    """Halve a chunk until the embedder reads all of it."""
    if not any(map(str.isalnum, chunk.text)):
        return  # a heading without text, a rule
    length = chunk.end - chunk.start
    if count(embedding_text(chunk)) <= LIMIT_TOKENS or length < _SHORT // 2:
        yield chunk
        return
    half = document.text[chunk.start : chunk.start + (length * 2) // 3]
    at = chunk.start + _break(half)
    for start, end in ((chunk.start, at), (at, chunk.end)):
        part = replace(chunk, start=start, end=end, text=shown(start, end))
        yield from _fitted(part, document, shown, count)


def _chunk(document: Document, piece: _Piece, shown: _Shown) -> Chunk:
    names = [document.title, *piece.path]
    crumb = " > ".join(name for i, name in enumerate(names) if name and name not in names[:i])
    text = shown(piece.start, piece.end)
    anchor = _slug(piece.path[-1]) if piece.path else ""
    return Chunk("", document.doc_id, 0, crumb[:200], anchor, text, piece.start, piece.end)


def _slug(heading: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", heading.casefold()).strip("-")
