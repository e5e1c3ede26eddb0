"""What a row of the chunk table looks like. Knows the columns, not the table."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from knowledge.chunking import embedding_text
from knowledge.documents import Chunk, Document
from knowledge.terms import terms

NOBODY = "__nobody__"
"""Stands for "no role": LanceDB refuses to write an empty list, and no role can be called so."""


@dataclass(frozen=True, slots=True)
class IndexedChunk:
    """One row to be: a chunk, its document and its vector ((dim,) float32, unit length)."""

    chunk: Chunk
    document: Document
    vector: NDArray[np.float32]


def schema(dim: int) -> pa.Schema:
    """Return the columns of a chunk table; null neither in keys nor in roles."""
    text = pa.string()
    names = pa.list_(pa.field("item", text, nullable=False))
    return pa.schema(
        [
            pa.field("id", text, nullable=False),  # non-null, or the key does nothing
            pa.field("doc_id", text, nullable=False),
            pa.field("ord", pa.int32(), nullable=False),
            pa.field("title", text, nullable=False),
            pa.field("crumb", text, nullable=False),
            pa.field("text", text, nullable=False),
            pa.field("terms", names, nullable=False),
            pa.field("url", text, nullable=False),
            pa.field("owner", text, nullable=False),
            pa.field("updated", text, nullable=False),
            pa.field("is_superseded", pa.bool_(), nullable=False),
            pa.field("doc_hash", text, nullable=False),
            pa.field("start", pa.int32(), nullable=False),
            pa.field("end", pa.int32(), nullable=False),
            pa.field("roles", names, nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dim), nullable=False),
        ]
    )


def as_row(row: IndexedChunk) -> dict[str, Any]:
    """Lay out one chunk as a row; its link gets the anchor of the nearest heading."""
    chunk, document = row.chunk, row.document
    anchor = f"#{chunk.anchor}" if chunk.anchor and "#" not in document.url else ""
    return {
        "id": chunk.chunk_id,
        "doc_id": document.doc_id,
        "ord": chunk.ord,
        "title": document.title,
        "crumb": chunk.crumb,
        "text": chunk.text,
        "terms": terms(embedding_text(chunk)),
        "url": document.url + anchor,
        "owner": document.owner,
        "updated": _iso(document.updated),
        "is_superseded": document.is_superseded,
        "doc_hash": document.content_hash,
        "start": chunk.start,
        "end": chunk.end,
        "roles": sorted(document.roles) or [NOBODY],
        "vector": row.vector,
    }


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
