"""Question in, passages out: embed, search both halves, fuse, check access, cut.

Knows the index and the catalogue's veto; knows neither Slack nor any language model.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from knowledge.access import Audience
from knowledge.documents import Passage
from knowledge.embedding import Embedder
from knowledge.index import Index
from knowledge.snapshot import Hit
from knowledge.terms import terms

LEXICAL_WEIGHT = 0.35
"""Weight of the lexical half in the fused score [0..1]; chosen in docs/log.md."""

_CUT = 50  # rows taken from each half before fusing
_LONGEST = 2_000  # characters of a query that count

RolesOf = Callable[[Iterable[str]], Mapping[str, frozenset[str]]]


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What one question found, for one audience, in one version.

    Attributes:
        query: What was searched.
        vector: (dim,) float32, the query's; the reader compares sentences with it.
        passages: Best first.
        top_cosine: Highest similarity among everything the audience may read [-1..1].
        idf: How rare each term of the query is among what the audience may read.
    """

    query: str
    version: str
    vector: NDArray[np.float32]
    passages: tuple[Passage, ...]
    top_cosine: float
    idf: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class HybridRetriever:
    """Searches the index for an audience.

    Attributes:
        roles_of: The catalogue's present truth; a document it does not know, or whose roles
            the audience lacks, is left out although the index still holds it.
        limit: Passages returned.
        per_document: Of those, from one document.
        version: Of the index; empty for the newest.
    """

    index: Index
    embedder: Embedder
    roles_of: RolesOf
    limit: int = 12
    per_document: int = 4
    version: str = ""

    def search(self, text: str, audience: Audience) -> Retrieved:
        """Find what everyone in the audience may read and what bears on the text.

        Raises:
            StoredIndexError: If the index cannot be searched.
        """
        text = text.encode("utf-8", "replace").decode()[:_LONGEST]
        vector = self.embedder.embed_query(text)
        query = sorted(set(terms(text)))
        snapshot = self.index.pin(self.version)
        hits = self._permitted(snapshot.search(audience, vector, query, cut=_CUT), audience)
        best = _cut(fused(hits), self.limit, self.per_document)
        return Retrieved(
            query=text,
            version=snapshot.version,
            vector=vector,
            passages=tuple(snapshot.passages(audience, best)),
            top_cosine=max((hit.cosine for hit in hits), default=-1.0),
            idf=snapshot.idf(audience, query),
        )

    def _permitted(self, hits: Sequence[Hit], audience: Audience) -> list[Hit]:
        """Keep what the catalogue allows now; a revocation may not have reached the index."""
        roles = self.roles_of({hit.doc_id for hit in hits})
        return [h for h in hits if h.doc_id in roles and audience.may_read(roles[h.doc_id])]


def fused(hits: Iterable[Hit]) -> list[tuple[Hit, float]]:
    """Rank hits by a weighted sum of both scores, best first, ties by id.

    Both scores are absolute: the cosine as it is, the lexical score as a share of what the
    query could reach. So nothing depends on which other rows were found.

    Source:
        Bruch et al., An Analysis of Fusion Functions for Hybrid Retrieval (2023); measured
        beside reciprocal rank fusion in docs/log.md.
    """
    scored = [(h, (1 - LEXICAL_WEIGHT) * h.cosine + LEXICAL_WEIGHT * h.share) for h in hits]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0].chunk_id))


def _cut(
    ranked: Sequence[tuple[Hit, float]], limit: int, per_document: int
) -> list[tuple[Hit, float]]:
    taken: Counter[str] = Counter()
    best: list[tuple[Hit, float]] = []
    for hit, score in ranked:
        if taken[hit.doc_id] < per_document and len(best) < limit:
            taken[hit.doc_id] += 1
            best.append((hit, score))
    return best
