"""Documents, chunks and passages: the values that the library passes around."""

import re
from dataclasses import dataclass
from datetime import date

_SUPERSEDED = re.compile(
    r"^[>*_\s]*(?:(?:this|the) \w+ (?:is|was|has been) )?(?:superseded|replaced) by\b",
    re.IGNORECASE | re.MULTILINE,
)
_OPENING = 600  # characters in which a page says so, if it does


@dataclass(frozen=True, slots=True)
class Document:
    """One document as parsed, with who may read it.

    Attributes:
        doc_id: ``<source>:<path>``, matching ``[A-Za-z0-9][A-Za-z0-9_.:/#@-]{0,255}``.
        source: Name of the source in ``access.yaml``.
        title: As people call it.
        url: Where a person opens it; made from the source's link template or front matter.
        roles: Who may read it; never empty.
        text: Markdown, without front matter. Offsets of chunks count in this string.
        owner: Who keeps it up to date; empty when unknown.
        updated: Day of the last change, where known.
        content_hash: SHA-256 over all of the above but ``roles``; access changes alone do
            not change it.
    """

    doc_id: str
    source: str
    title: str
    url: str
    roles: frozenset[str]
    text: str
    content_hash: str
    owner: str = ""
    updated: date | None = None

    @property
    def is_superseded(self) -> bool:
        """Whether its first lines say that it was superseded, or replaced, by another."""
        return bool(_SUPERSEDED.search(self.text[:_OPENING]))


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of one document, small enough for the embedder.

    Attributes:
        chunk_id: ``<doc_id>#00012``.
        crumb: Breadcrumb ``title > h1 > h2``; embedded and searched with the text.
        anchor: Slug of the nearest heading; empty above the first one.
        text: What is quoted; plain text without link targets.
        start, end: Offsets [characters] of the piece in ``Document.text``.
    """

    chunk_id: str
    doc_id: str
    ord: int
    crumb: str
    anchor: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as retrieved for one question and one audience.

    Attributes:
        cosine: Similarity of query and chunk [-1..1, higher is better].
        lexical: BM25 over the rows this audience may read; 0 without a shared term.
        score: Fused score that the rank follows; comparable within one question only.
        is_superseded: Whether the document says that another has taken its place.
    """

    chunk_id: str
    doc_id: str
    title: str
    crumb: str
    text: str
    url: str
    roles: frozenset[str]
    cosine: float = 0.0
    lexical: float = 0.0
    score: float = 0.0
    owner: str = ""
    updated: date | None = None
    is_superseded: bool = False


def path_of(doc_id: str) -> str:
    """Return where a document stands in its source."""
    return doc_id.partition(":")[2]
