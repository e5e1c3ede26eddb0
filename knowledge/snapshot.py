"""One version of the index, searched for one question.

The vector half is LanceDB's, with the audience's predicate as prefilter. The lexical half is
BM25 over the same visible rows, scored in memory, because LanceDB's own scores and order
change with rows that the audience may not see. Every row that comes back is checked again.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from knowledge.access import Audience, predicate
from knowledge.documents import Passage
from knowledge.errors import FilterBrokenError, StoredIndexError
from knowledge.lexical import Postings

_TIMEOUT = timedelta(seconds=10)
_EXACT_SHARE = 0.02  # of the rows visible at most: a vector index would lose recall
_MASKS = 32  # audiences whose visible rows are kept per version


@dataclass(frozen=True, slots=True)
class Hit:
    """A row that either half found; scores as in ``Passage``.

    Attributes:
        row: Its place in the lexicon of the same version.
        share: Lexical score as a share of what the query could reach; may pass 1.
    """

    row: int
    chunk_id: str
    doc_id: str
    cosine: float
    lexical: float
    share: float


@dataclass
class Lexicon:
    """What the lexical half needs of one version, in memory.

    About 0.5 kB per chunk. ``row_ids`` are LanceDB's, ascending; the other arrays follow them.
    """

    key: str
    row_ids: NDArray[np.uint64]
    chunk_ids: list[str]
    doc_ids: list[str]
    postings: Postings
    _visible: OrderedDict[str, NDArray[np.bool_]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    @classmethod
    def load(cls, table: Any, key: str) -> "Lexicon":
        """Read one pinned version."""
        columns = ["id", "doc_id", "terms"]
        rows = table.search().select(columns).with_row_id(True).to_arrow()  # noqa: FBT003
        row_ids = rows["_rowid"].to_numpy()
        order = np.argsort(row_ids)  # a scan comes in any order
        names = rows.select(["id", "doc_id"]).take(order)
        return cls(
            key=key,
            row_ids=row_ids[order],
            chunk_ids=names["id"].to_pylist(),
            doc_ids=names["doc_id"].to_pylist(),
            postings=Postings.from_lists(rows["terms"].combine_chunks(), np.argsort(order)),
        )

    def visible(self, table: Any, where: str) -> NDArray[np.bool_]:
        """Return which rows LanceDB's filter lets through: (n_rows,) bool."""
        with self._lock:
            if where in self._visible:
                self._visible.move_to_end(where)
                return self._visible[where]
        found = (
            table.search()
            .where(where, prefilter=True)
            .select(["ord"])
            .with_row_id(True)  # noqa: FBT003  # LanceDB's own signature
            .to_arrow(timeout=_TIMEOUT)
        )
        mask = np.zeros(len(self.row_ids), np.bool_)
        mask[self.places(found)] = True
        with self._lock:
            self._visible[where] = mask
            while len(self._visible) > _MASKS:
                self._visible.popitem(last=False)
        return mask

    def places(self, found: Any) -> NDArray[np.intp]:
        """Return where the rows of a result of the same version stand here."""
        places: NDArray[np.intp] = np.searchsorted(self.row_ids, found["_rowid"].to_numpy())
        return places


class Snapshot:
    """A pinned table and its lexicon.

    Args:
        table: A LanceDB table, checked out at one version.
        lexicon: Of the same version.
        version: As shown on answers.
    """

    def __init__(self, table: Any, lexicon: Lexicon, version: str) -> None:
        self._table = table
        self._lexicon = lexicon
        self.version = version

    def search(
        self, audience: Audience, vector: NDArray[np.float32], query: Sequence[str], *, cut: int
    ) -> list[Hit]:
        """Find the best rows of both halves that the whole audience may read.

        Args:
            audience: Who can read the reply.
            vector: (dim,) float32, unit length.
            query: Terms; empty when the question has only stop words.
            cut: Rows taken from each half.

        Returns:
            At most ``2 * cut`` hits with both scores each, unordered.

        Raises:
            FilterBrokenError: If a row came back against the filter.
            StoredIndexError: If LanceDB fails.
        """
        _check_vector(vector)
        where = predicate(audience)
        with self._translated():
            visible = self._lexicon.visible(self._table, where)
            if not visible.any():
                return []
            near = self._nearest(vector, where, cut, n_visible=int(visible.sum()))
            best, scores, ceiling = self._matching(query, visible, cut)
            cosines = self._cosines(vector, audience, sorted(near.union(best)))
        return [
            self._hit(row, cosine, float(scores[row]), ceiling) for row, cosine in cosines.items()
        ]

    def passages(self, audience: Audience, hits: Sequence[tuple[Hit, float]]) -> list[Passage]:
        """Read the text of some hits, each with its fused score, in the order given.

        Raises:
            FilterBrokenError: If a row came back against the filter.
            StoredIndexError: If LanceDB fails.
        """
        if not hits:
            return []
        columns = ["id", "doc_id", "title", "crumb", "text", "url", "owner", "updated"]
        columns += ["is_superseded", "roles"]
        with self._translated():
            rows = self._fetch([hit.row for hit, _ in hits], audience, columns)
        found = {row["id"]: row for row in rows.to_pylist()}
        return [_passage(found[h.chunk_id], h, score) for h, score in hits if h.chunk_id in found]

    def idf(self, audience: Audience, query: Sequence[str]) -> dict[str, float]:
        """Return how rare each term is among what the audience may read."""
        with self._translated():
            visible = self._lexicon.visible(self._table, predicate(audience))
        return {term: self._lexicon.postings.idf(term, visible) for term in query}

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (RuntimeError, OSError, ValueError) as error:
            message = f"the search in {self.version} failed"
            raise StoredIndexError(message) from error

    def _nearest(
        self, vector: NDArray[np.float32], where: str, cut: int, *, n_visible: int
    ) -> set[int]:
        """Return the nearest rows; which of equally near ones, their ids decide."""
        near = self._scanned(vector, where, cut + 1, n_visible=n_visible)
        if len(near) > cut and near[cut - 1][0] == near[cut][0]:  # LanceDB's choice: see them all
            near = self._scanned(vector, where, n_visible, n_visible=n_visible)
        return {row for _, _, row in near[:cut]}

    def _scanned(
        self, vector: NDArray[np.float32], where: str, limit: int, *, n_visible: int
    ) -> list[tuple[float, str, int]]:
        query = (
            self._table.search(vector, query_type="vector", vector_column_name="vector")
            .distance_type("cosine")
            .where(where, prefilter=True)
            .select(["_distance"])  # of another scale once there is a vector index: only for order
            .with_row_id(True)  # noqa: FBT003  # LanceDB's own signature
            .limit(limit)
        )
        if n_visible <= _EXACT_SHARE * len(self._lexicon.row_ids):
            query = query.bypass_vector_index()
        found = query.to_arrow(timeout=_TIMEOUT)
        ids, rows = self._lexicon.chunk_ids, self._lexicon.places(found).tolist()
        distances = found["_distance"].to_pylist()
        return sorted((d, ids[row], row) for d, row in zip(distances, rows, strict=True))

    def _matching(
        self, query: Sequence[str], visible: NDArray[np.bool_], cut: int
    ) -> tuple[list[int], NDArray[np.float32], float]:
        scores, ceiling = self._lexicon.postings.scores(query, visible)
        holding = np.flatnonzero(scores)
        if len(holding) > cut:
            floor = np.partition(scores[holding], -cut)[-cut]
            holding = holding[scores[holding] >= floor]
        ids = self._lexicon.chunk_ids
        best = sorted(holding.tolist(), key=lambda row: (-scores[row], ids[row]))
        return best[:cut], scores, ceiling

    def _cosines(
        self, vector: NDArray[np.float32], audience: Audience, rows: Sequence[int]
    ) -> dict[int, float]:
        """Return the similarity of each row, from its vector as written."""
        found = self._fetch(rows, audience, ["id", "roles", "vector"])
        flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        cosines = (flat.reshape(-1, len(vector)) * vector).sum(axis=1)  # each row by itself
        return dict(zip(self._lexicon.places(found).tolist(), cosines.tolist(), strict=True))

    def _fetch(self, rows: Sequence[int], audience: Audience, columns: list[str]) -> Any:
        """Read some rows, through the filter, and check who may read what came back."""
        names = ", ".join(str(self._lexicon.row_ids[row]) for row in rows)
        found = (
            self._table.search()
            .where(f"_rowid IN ({names}) AND {predicate(audience)}", prefilter=True)
            .select(columns)
            .with_row_id(True)  # noqa: FBT003  # LanceDB's own signature
            .to_arrow(timeout=_TIMEOUT)
        )
        for row in found.select(["id", "roles"]).to_pylist():
            if not audience.may_read(frozenset(row["roles"])):
                raise FilterBrokenError(str(row["id"]))
        return found

    def _hit(self, row: int, cosine: float, lexical: float, ceiling: float) -> Hit:
        share = lexical / ceiling if ceiling else 0.0
        lexicon = self._lexicon
        return Hit(row, lexicon.chunk_ids[row], lexicon.doc_ids[row], cosine, lexical, share)


def _check_vector(vector: NDArray[np.float32]) -> None:
    """Refuse what LanceDB would answer with nonsense instead of an error."""
    norm = float(np.linalg.norm(vector))
    if not np.isfinite(norm) or abs(norm - 1.0) > 0.01:  # noqa: PLR2004  # unit length
        message = f"a query vector must have length 1, not {norm}"
        raise StoredIndexError(message)


def _passage(row: dict[str, Any], hit: Hit, score: float) -> Passage:
    return Passage(
        chunk_id=row["id"],
        doc_id=row["doc_id"],
        title=row["title"],
        crumb=row["crumb"],
        text=row["text"],
        url=row["url"],
        roles=frozenset(row["roles"]),
        cosine=hit.cosine,
        lexical=hit.lexical,
        score=score,
        owner=row["owner"],
        updated=date.fromisoformat(row["updated"]) if row["updated"] else None,
        is_superseded=row["is_superseded"],
    )
