"""Filtered hybrid search against exact NumPy and LanceDB's own hybrid, at three sizes.

    python -m bench.search [--sizes 1000,10000,100000] [--queries 100]

The corpus is made (``bench.synthetic``), so nothing is embedded: what is timed is all that a
question costs in the library but its embedding. NumPy searches vectors alone, all of them in
memory. LanceDB's own hybrid is a full-text index and reciprocal rank fusion, with the same
filter; its order changes with rows that the audience may not see. The three take turns.
"""

import argparse
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import lancedb
import numpy as np
from lancedb.index import FTS, BTree, IvfSq, LabelList
from lancedb.query import MatchQuery
from lancedb.rerankers import RRFReranker
from numpy.typing import NDArray

from bench.synthetic import DIM, VISIBLE, Query, Synthetic, audience, exact
from bench.timing import Stopwatch, print_table, timed
from knowledge.access import predicate
from knowledge.index import Index
from knowledge.pointer import IndexVersions
from knowledge.retrieval import HybridRetriever

_VERSIONS = IndexVersions("made", "made", "made")
_BATCH = 10_000  # chunks written at once; a multiple of the chunks of a document
_K = 10
_CUT = 50
_PEER_ANN_FROM = 50_000  # as ours
_PEER_EXACT = 20_000  # visible rows up to which LanceDB's own search is exact


def main(arguments: Sequence[str] | None = None) -> None:
    """Grow an index and measure it at each size."""
    chosen = _parser().parse_args(arguments)
    sizes = sorted(int(size) for size in chosen.sizes.split(","))
    made = Synthetic(sizes[-1])
    queries = made.queries(chosen.queries)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        grown = _Grown(Path(folder), made)
        for size in sizes:
            grown.grow(size)
            rows += [grown.measured(role, queries) for role in VISIBLE]
    print("Medians / 95th percentiles; recall of the vector half against exact search.")
    print_table(
        ["chunks", "visible", "ours, ms", f"recall@{_K}", "NumPy, ms", "LanceDB, ms", "ours / it"],
        rows,
    )


@dataclass
class _Asked:
    """An embedder that knows the vector of the question already."""

    vector: NDArray[np.float32]
    version: str = "made"
    dim: int = DIM

    def embed_query(self, text: str) -> NDArray[np.float32]:  # noqa: ARG002  # the port's
        return self.vector

    def embed_passages(self, texts: Sequence[str], on_progress: Any = None) -> Any:
        raise NotImplementedError

    def count_tokens(self, text: str) -> int:
        raise NotImplementedError


@dataclass
class _Grown:
    """One index that grows from size to size, and LanceDB's own beside it."""

    folder: Path
    made: Synthetic
    size: int = 0
    peer: Any = None
    _index: Index | None = field(default=None)

    def grow(self, size: int) -> None:
        """Write what is missing and say how long a new version keeps the first question."""
        index = Index.open_or_create(self.folder / "ours", _VERSIONS, DIM)
        while self.size < size:
            end = min(size, self.size - self.size % _BATCH + _BATCH)
            rows = list(self.made.rows(self.size, end))
            names = sorted({row.document.doc_id for row in rows})
            index.write(replaced=names, rows=rows)
            self.size = end
        index.publish()
        index.optimize()
        reader = Index.open_existing(self.folder / "ours", embedder="made", chunker="made")
        print(f"{size:,} chunks: first pin of a version {timed(reader.pin):.2f} s", flush=True)
        self._index = reader
        self.peer = _peer(self.folder)

    def measured(self, role: str, queries: Sequence[Query]) -> Sequence[object]:
        """Ask all questions of all three, in turns; the first one of each warms up."""
        visible = self.made.visible(role, self.size)
        vectors = self.made.vectors[: self.size]
        ours, numpy, peer = Stopwatch(), Stopwatch(), Stopwatch()
        recalls = []
        for query in [queries[0], *queries]:
            with ours.lap():
                self._search(query, role)
            with numpy.lap():
                nearest = exact(vectors, visible, query.vector, _K)
            with peer.lap():
                self._search_peer(query, role, n_visible=int(visible.sum()))
            recalls.append(self._recall(query, role, nearest))
        for watch in (ours, numpy, peer):
            watch.seconds.pop(0)
        ratio = f"{ours.median / peer.median:.2f}"
        seen = f"{visible.mean():.1%} ({visible.sum():,})"
        return f"{self.size:,}", seen, ours, f"{fmean(recalls):.3f}", numpy, peer, ratio

    @property
    def index(self) -> Index:
        """The reader of the last size."""
        if self._index is None:
            message = "nothing was written yet"
            raise RuntimeError(message)
        return self._index

    def _search(self, query: Query, role: str) -> None:
        retriever = HybridRetriever(self.index, _Asked(query.vector), _everything)
        retriever.search(" ".join(query.terms), audience(role))

    def _recall(self, query: Query, role: str, nearest: Sequence[int]) -> float:
        """Compare the vector half alone, without terms, with exact search."""
        hits = self.index.pin().search(audience(role), query.vector, [], cut=_CUT)
        best = sorted(hits, key=lambda hit: -hit.cosine)[:_K]
        right = {self.made.chunk_id(row) for row in nearest}
        return len(right & {hit.chunk_id for hit in best}) / len(right)

    def _search_peer(self, query: Query, role: str, *, n_visible: int) -> None:
        search = (
            self.peer.search(query_type="hybrid", vector_column_name="vector")
            .vector(query.vector)
            .text(MatchQuery(" ".join(query.terms), "text"))
            .rerank(RRFReranker())
            .distance_type("cosine")
            .where(predicate(audience(role)), prefilter=True)
            .select(["id", "doc_id", "title", "crumb", "text", "url", "roles"])
            .limit(_CUT)
        )
        (search.bypass_vector_index() if n_visible <= _PEER_EXACT else search).to_list()


def _peer(folder: Path) -> Any:
    """Copy the rows into a table with LanceDB's own full-text index."""
    ours = lancedb.connect(folder / "ours" / "lance")
    rows = ours.open_table(ours.list_tables().tables[0]).to_arrow()
    table = lancedb.connect(folder / "peer").create_table("chunks", rows, mode="overwrite")
    columns = (("roles", LabelList()), ("id", BTree()), ("text", FTS(with_position=False)))
    for column, config in columns:
        table.create_index(column, config=config)
    if len(rows) >= _PEER_ANN_FROM:
        table.create_index("vector", config=IvfSq(distance_type="cosine"))
    return table


def _everything(doc_ids: Iterable[str]) -> Mapping[str, frozenset[str]]:
    """Stand for the catalogue, whose answer the index has already."""
    return dict.fromkeys(doc_ids, frozenset(VISIBLE))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", default="1000,10000,100000", help="chunks, with commas")
    parser.add_argument("--queries", type=int, default=100)
    return parser


if __name__ == "__main__":
    main()
