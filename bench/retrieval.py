"""Retrieval on questions of others: both halves, plain reciprocal rank fusion, and our fusion.

    python -m bench.retrieval [--only NAME ...]

One run over the same chunks. A document scores as its best chunk. The first run embeds some
25,000 chunks, which takes a quarter of an hour; later ones take the vectors from ``scratch/``.
"""

import argparse
import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from bench.corpora import (
    DATA,
    Corpus,
    build,
    embedded,
    embedder,
    handbook,
    mtrag,
    scifact,
    workarena,
)
from bench.timing import print_table
from knowledge.access import Audience
from knowledge.embedding import MiniLmEmbedder
from knowledge.evaluation import rank_metrics
from knowledge.index import Index
from knowledge.retrieval import fused
from knowledge.snapshot import Hit
from knowledge.terms import terms

CORPORA: dict[str, Callable[[], Corpus]] = {
    "handbook": handbook,
    "workarena": workarena,
    "mtrag": mtrag,
    "scifact": scifact,
}
_CUT = 50  # rows of each half, as in the product
_K = 10
_RRF = 60
_EVERYBODY = Audience.from_role_sets([["everyone"]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Print nDCG@10 of the four rankings on each corpus."""
    chosen = _parser().parse_args(arguments)
    if not DATA.is_dir():
        print(f"skipped: no data in {DATA}")
        return
    model = embedder()
    rows = [_measured(CORPORA[name](), model) for name in chosen.only or CORPORA]
    rankings = [ranking.name for ranking in _RANKINGS]
    print_table(["nDCG@10", "questions", "chunks", *rankings], rows)


@dataclass(frozen=True, slots=True)
class _Ranking:
    name: str
    order: Callable[[Sequence[Hit]], list[Hit]]


def _lexical(hits: Sequence[Hit]) -> list[Hit]:
    holding = [hit for hit in hits if hit.lexical > 0]
    return sorted(holding, key=lambda hit: (-hit.lexical, hit.chunk_id))[:_CUT]


def _vector(hits: Sequence[Hit]) -> list[Hit]:
    return sorted(hits, key=lambda hit: (-hit.cosine, hit.chunk_id))[:_CUT]


def _reciprocal(hits: Sequence[Hit]) -> list[Hit]:
    scores = dict.fromkeys((hit.chunk_id for hit in hits), 0.0)
    for half in (_lexical(hits), _vector(hits)):
        for rank, hit in enumerate(half, start=1):
            scores[hit.chunk_id] += 1 / (_RRF + rank)
    return sorted(hits, key=lambda hit: (-scores[hit.chunk_id], hit.chunk_id))


_RANKINGS = (
    _Ranking("BM25", _lexical),
    _Ranking("vectors", _vector),
    _Ranking("RRF", _reciprocal),
    _Ranking("ours", lambda hits: [hit for hit, _ in fused(hits)]),
)


def _measured(corpus: Corpus, model: MiniLmEmbedder) -> Sequence[object]:
    with tempfile.TemporaryDirectory() as folder:
        index = build(corpus, Path(folder), model)
        vectors = embedded([text for text, _ in corpus.questions], model)
        scores = [
            [rank_metrics(_documents(ranking.order(hits)), right, _K).ndcg for ranking in _RANKINGS]
            for hits, right in _searched(index, corpus, vectors)
        ]
        chunks = index.count()
    means = [f"{fmean(column):.3f}" for column in zip(*scores, strict=True)]
    return corpus.name, len(corpus.questions), chunks, *means


def _searched(
    index: Index, corpus: Corpus, vectors: NDArray[np.float32]
) -> Iterable[tuple[list[Hit], frozenset[str]]]:
    snapshot = index.pin()
    for (text, right), vector in zip(corpus.questions, vectors, strict=True):
        query = sorted(set(terms(text)))
        yield snapshot.search(_EVERYBODY, vector, query, cut=_CUT), right


def _documents(ranked: Sequence[Hit]) -> list[str]:
    return list(dict.fromkeys(hit.doc_id for hit in ranked))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=sorted(CORPORA))
    return parser


if __name__ == "__main__":
    main()
