"""A large corpus without a model: Zipf words, clustered vectors, four audiences. Pure arrays.

Relevance means nothing here; sizes, document frequencies and selectivities do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.access import Audience
from knowledge.documents import Chunk, Document
from knowledge.rows import IndexedChunk

DIM = 384
VISIBLE: Mapping[str, float] = {"most": 0.65, "tenth": 0.1, "hundredth": 0.01, "thousandth": 0.001}
"""Role and the share of documents that it may read."""

_VOCABULARY = 30_000
_WORDS = 90  # per chunk
_PER_DOCUMENT = 8  # chunks
_FLATTENED = 10.0  # the commonest words of English are stop words, so Zipf starts later
_RARE = (150, 8_000)  # ranks of words that a twentieth to a thousandth of the chunks hold
_COMMON = (20, 150)
_AREAS, _TOPICS = 30, 1_000
_CHUNK_NOISE, _QUERY_NOISE = 0.7, 1.2


@dataclass(frozen=True, slots=True)
class Query:
    """Terms and a vector, as a question would give them."""

    terms: tuple[str, ...]
    vector: NDArray[np.float32]


class Synthetic:
    """Makes chunks and queries, the same ones for the same seed."""

    def __init__(self, n_chunks: int, seed: int = 7) -> None:
        self._rng = np.random.default_rng(seed)
        n_documents = -(-n_chunks // _PER_DOCUMENT)
        self._clusters = _Clusters(n_documents, self._rng)
        of_chunks = np.repeat(np.arange(n_documents), _PER_DOCUMENT)[:n_chunks]
        self.vectors = self._clusters.near(of_chunks, _CHUNK_NOISE, self._rng)
        draws = {role: self._rng.random(n_documents) < share for role, share in VISIBLE.items()}
        for may_read in draws.values():
            may_read[0] = True  # nobody sees nothing, however small the corpus
        self._may_read = draws

    def visible(self, role: str, n_chunks: int) -> NDArray[np.bool_]:
        """Return which of the first chunks a role may read: (n_chunks,) bool."""
        return np.repeat(self._may_read[role], _PER_DOCUMENT)[:n_chunks]

    @staticmethod
    def chunk_id(number: int) -> str:
        """Return the name of a chunk."""
        place, order = divmod(number, _PER_DOCUMENT)
        return f"made:{place:06d}#{order:05d}"

    def rows(self, start: int, end: int) -> Iterator[IndexedChunk]:
        """Yield the chunks from ``start`` up to ``end``; both at the border of a document."""
        ranks = np.arange(_VOCABULARY)
        share = 1.0 / (ranks + _FLATTENED)
        words = self._rng.choice(ranks, (end - start, _WORDS), p=share / share.sum())
        names = np.array([f"w{rank}" for rank in ranks])
        for number, line in zip(range(start, end), names[words], strict=True):
            yield self._row(number, " ".join(line))

    def _row(self, number: int, text: str) -> IndexedChunk:
        place, order = divmod(number, _PER_DOCUMENT)
        roles = frozenset(role for role, may_read in self._may_read.items() if may_read[place])
        name = f"made:{place:06d}"
        document = Document(
            name, "made", f"Page {place}", f"https://kb.example/{place}", roles, "", ""
        )
        chunk = Chunk(self.chunk_id(number), name, order, document.title, "", text, 0, len(text))
        return IndexedChunk(chunk, document, self.vectors[number])

    def queries(self, n: int) -> list[Query]:
        """Return questions of five to ten words, most of them in 0.1 to 5 % of the chunks."""
        asked_of = self._rng.integers(0, len(self._may_read["most"]), n)
        vectors = self._clusters.near(asked_of, _QUERY_NOISE, self._rng)
        return [Query(self._terms(), vector) for vector in vectors]

    def _terms(self) -> tuple[str, ...]:
        n = int(self._rng.integers(5, 11))
        spans = [_COMMON if self._rng.random() < 0.15 else _RARE for _ in range(n)]  # noqa: PLR2004  # share of common words
        ranks = {int(np.exp(self._rng.uniform(*np.log(span)))) for span in spans}
        return tuple(sorted(f"w{rank}" for rank in ranks))


class _Clusters:
    """Unit vectors of areas, topics, documents and chunks, spread like sentence vectors."""

    def __init__(self, n_documents: int, rng: np.random.Generator) -> None:
        self._spread = (1.0 / np.sqrt(1.0 + np.arange(DIM) / 8.0)).astype(np.float32)
        self._turn = np.linalg.qr(rng.standard_normal((DIM, DIM)))[0].astype(np.float32)
        areas = self._noise(_AREAS, rng)
        topics = areas[rng.integers(0, _AREAS, _TOPICS)] + self._noise(_TOPICS, rng)
        parents = topics[rng.integers(0, _TOPICS, n_documents)]
        self._documents = _unit(parents + self._noise(n_documents, rng))

    def near(
        self, documents: NDArray[np.int64], noise: float, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return one vector near each of some documents: (n, DIM) float32."""
        return _unit(self._documents[documents] + noise * self._noise(len(documents), rng))

    def _noise(self, n: int, rng: np.random.Generator) -> NDArray[np.float32]:
        raw = rng.standard_normal((n, DIM)).astype(np.float32) * self._spread
        return np.asarray(_unit(raw) @ self._turn, np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def audience(role: str) -> Audience:
    """Return one reader with one role."""
    return Audience.from_role_sets([[role]])


def exact(
    vectors: NDArray[np.float32], visible: NDArray[np.bool_], query: NDArray[np.float32], k: int
) -> Sequence[int]:
    """Return the k nearest visible rows by exact search, whichever way of masking is faster."""
    rows = np.flatnonzero(visible)
    is_dense = 2 * len(rows) > len(visible)
    scores = (vectors @ query)[rows] if is_dense else vectors[rows] @ query
    best = np.argpartition(scores, -k)[-k:] if len(rows) > k else np.arange(len(rows))
    found: list[int] = rows[best[np.argsort(-scores[best])]].tolist()
    return found
