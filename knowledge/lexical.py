"""BM25 over the rows that an audience may see; pure arrays, no table.

Statistics (N, document frequency) are those of the visible rows alone, and the mean length is
a constant, so that two corpora that differ only in hidden rows score alike. Knows no roles:
the caller says which rows are visible.

Source: Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009);
``tests/integration/test_non_interference.py``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

K1 = 1.2
B = 0.75
MEAN_LENGTH = 70.0  # terms per chunk; a mean of the table would count hidden rows


@dataclass(frozen=True, slots=True)
class Postings:
    """Which rows hold which term, and how often.

    Attributes:
        codes: Term to its place in ``offsets``.
        offsets: (n_terms + 1,) int64; the postings of term ``t`` are
            ``rows[offsets[t]:offsets[t + 1]]``.
        rows: (n_postings,) int32, ascending within a term.
        counts: (n_postings,) float32, occurrences of the term in the row.
        lengths: (n_rows,) float32, terms per row.
    """

    codes: dict[str, int]
    offsets: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[np.float32]
    lengths: NDArray[np.float32]

    @classmethod
    def from_lists(cls, column: pa.ListArray, places: NDArray[np.intp] | None = None) -> Self:
        """Build the postings of a column of term lists, one list per row.

        Args:
            column: The lists.
            places: Number of the row that each list belongs to; as they come by default.
        """
        found = np.diff(column.offsets.to_numpy())
        places = np.arange(len(found)) if places is None else places
        lengths = np.zeros(len(found), np.float32)
        lengths[places] = found
        encoded = column.flatten().dictionary_encode()
        vocabulary = encoded.dictionary.to_pylist()
        # Term and row in one number, so that one sort brings equal pairs together.
        shift = len(lengths).bit_length()
        pairs = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        pairs <<= shift
        pairs |= np.repeat(places.astype(np.int32), found)
        pairs.sort()
        firsts = np.flatnonzero(np.append(True, pairs[1:] != pairs[:-1])[: len(pairs)])
        return cls(
            codes={name: number for number, name in enumerate(vocabulary)},
            offsets=np.searchsorted(pairs[firsts], np.arange(len(vocabulary) + 1) << shift),
            rows=(pairs[firsts] & ((1 << shift) - 1)).astype(np.int32),
            counts=np.diff(firsts, append=len(pairs)).astype(np.float32),
            lengths=lengths,
        )

    def scores(
        self, query: Sequence[str], visible: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float32], float]:
        """Score every visible row for a query.

        Args:
            query: Terms as ``knowledge.terms`` makes them; repeats count once.
            visible: (n_rows,) bool, the rows that may be read.

        Returns:
            Scores (n_rows,) float32, 0 where hidden or without a shared term; and the score
            that a row of mean length holding each known term once would get, by which scores
            of different queries compare.
        """
        total = np.zeros(len(self.lengths), np.float32)
        n_visible = int(visible.sum())
        ceiling = 0.0
        for term in sorted(set(query)):
            weight, rows, gains = self._gains(term, visible, n_visible)
            total[rows] += weight * gains
            ceiling += weight
        return total, ceiling

    def _gains(
        self, term: str, visible: NDArray[np.bool_], n_visible: int
    ) -> tuple[float, NDArray[np.int32], NDArray[np.float32]]:
        """Return a term's idf, its visible rows and their saturated counts."""
        code = self.codes.get(term)
        if code is None:
            return _idf(n_visible, 0), np.empty(0, np.int32), np.empty(0, np.float32)
        span = slice(self.offsets[code], self.offsets[code + 1])
        keep = visible[self.rows[span]]
        rows, counts = self.rows[span][keep], self.counts[span][keep]
        norm = K1 * (1 - B + B * self.lengths[rows] / MEAN_LENGTH)
        gains = (counts * (K1 + 1) / (counts + norm)).astype(np.float32)
        return _idf(n_visible, len(rows)), rows, gains

    def idf(self, term: str, visible: NDArray[np.bool_]) -> float:
        """Return how rare a term is among the visible rows; highest where none holds it."""
        return self._gains(term, visible, int(visible.sum()))[0]


def _idf(n_rows: int, n_holding: int) -> float:
    return float(np.log1p((n_rows - n_holding + 0.5) / (n_holding + 0.5)))
