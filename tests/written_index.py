"""Rows and indexes for tests that need the real table but no files and no model."""

from collections.abc import Iterable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from fakes import HashingEmbedder
from numpy.typing import NDArray

from knowledge.access import Audience
from knowledge.chunking import embedding_text
from knowledge.documents import Chunk, Document
from knowledge.index import Index
from knowledge.pointer import IndexVersions
from knowledge.rows import IndexedChunk

VERSIONS = IndexVersions(embedder="hashing-1", chunker="headings", parser="plain")
EMBEDDER = HashingEmbedder()


def a_row(
    name: str,
    text: str = "The wifi code is on the door.",
    *,
    roles: Iterable[str] = ("everyone",),
    number: int = 0,
    vector: NDArray | None = None,
) -> IndexedChunk:
    """Build one chunk of a document, embedded by its words unless a vector is given."""
    doc_id = f"wiki:{name}.md"
    document = Document(
        doc_id, "wiki", name, f"https://wiki.example/{name}", frozenset(roles), text, f"h-{text}"
    )
    chunk = Chunk(f"{doc_id}#{number:05d}", doc_id, number, name, "", text, 0, len(text))
    if vector is None:
        vector = EMBEDDER.embed_query(embedding_text(chunk))
    return IndexedChunk(chunk, document, vector)


def an_index(folder: Path, rows: Sequence[IndexedChunk] = ()) -> Index:
    """Open an index that serves, with these rows."""
    index = Index.open_or_create(folder, VERSIONS, EMBEDDER.dim)
    index.publish()
    put(index, rows)
    return index


def reopened(folder: Path) -> Index:
    """Open an index as another process would."""
    return Index.open_existing(folder, embedder=VERSIONS.embedder, chunker=VERSIONS.chunker)


def put(index: Index, rows: Sequence[IndexedChunk]) -> None:
    """Write rows; their documents hold nothing else afterwards."""
    index.write(replaced=[row.document.doc_id for row in rows], rows=rows)


def texts(index: Index, *readers: Iterable[str], question: str = "wifi code") -> list[str]:
    """Return what a room can read of everything, sorted."""
    audience = Audience.from_role_sets(readers or [{"everyone"}])
    snapshot = index.pin()
    hits = snapshot.search(audience, EMBEDDER.embed_query(question), [], cut=1_000)
    return sorted(p.text for p in snapshot.passages(audience, [(hit, 0.0) for hit in hits]))


def write_until_killed(folder: Path, pipe: Connection) -> None:
    """Replace all rows by the next revision again and again, and report each that is done."""
    index = Index.open_or_create(folder, VERSIONS, EMBEDDER.dim)
    revision = 1 + max((int(text.split()[-1]) for text in texts(index)), default=0)
    while True:
        put(index, [a_row(f"page{n}", f"wifi revision {revision}") for n in range(40)])
        pipe.send(revision)
        revision += 1
