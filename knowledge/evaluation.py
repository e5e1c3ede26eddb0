"""One ranking measured: recall@k, mrr@k, ndcg@k, hit@k.

Knows ids alone; which ranking of which question it is, ``bot/evaluation`` knows.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RankScores:
    """Scores of one ranking at ``k`` [0..1, higher is better]."""

    recall: float
    mrr: float
    ndcg: float
    hit: float


def rank_metrics(ranked: Sequence[str], relevant: Collection[str], k: int) -> RankScores:
    """Score one ranking by its first k, by trec_eval.

    Args:
        ranked: Ids, best first, none twice.
        relevant: Ids of what was to be found; without any all scores are 0.
        k: Depth.

    Source:
        trec_eval's ``recall``, ``recip_rank``, ``ndcg_cut`` and ``success``.
    """
    import pytrec_eval  # noqa: PLC0415  # brings numpy along; only who measures waits for it

    if not relevant:
        return RankScores(0.0, 0.0, 0.0, 0.0)
    names = [f"recall_{k}", "recip_rank", f"ndcg_cut_{k}", f"success_{k}"]
    # It sorts by score and, where two are equal, by id: so no two are.
    run = {doc_id: float(-rank) for rank, doc_id in enumerate(ranked[:k])}
    judge = pytrec_eval.RelevanceEvaluator({"q": dict.fromkeys(relevant, 1)}, set(names))
    measured = judge.evaluate({"q": run})["q"]
    return RankScores(*(measured[name] for name in names))
