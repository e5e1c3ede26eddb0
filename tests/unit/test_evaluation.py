import math
from dataclasses import astuple

import pytest

from knowledge.evaluation import rank_metrics

LOG3 = math.log2(3)


@pytest.mark.parametrize(
    ("ranked", "recall", "mrr", "ndcg", "hit"),
    [
        (["a", "x", "c", "b"], 2 / 3, 1.0, (1 + 1 / 2) / (1 + 1 / LOG3 + 1 / 2), 1.0),
        (["x", "b"], 1 / 3, 1 / 2, (1 / LOG3) / (1 + 1 / LOG3 + 1 / 2), 1.0),
        (["z", "y", "x", "a"], 0.0, 0.0, 0.0, 0.0),
        ([], 0.0, 0.0, 0.0, 0.0),
    ],
)
def test_the_metrics_by_hand(
    ranked: list[str], recall: float, mrr: float, ndcg: float, hit: float
) -> None:
    """Of a, b and c the first three places count; each is worth 1 / log2(place + 1)."""
    scores = rank_metrics(ranked, {"a", "b", "c"}, 3)

    assert astuple(scores) == pytest.approx((recall, mrr, ndcg, hit))


def test_the_best_ranking_is_worth_one_however_much_is_to_be_found() -> None:
    """With five to be found and one place, ndcg is 1 and recall a fifth."""
    scores = rank_metrics(["a"], set("abcde"), 1)

    assert astuple(scores) == pytest.approx((1 / 5, 1.0, 1.0, 1.0))


def test_the_order_given_is_the_order_scored() -> None:
    """trec_eval sorts equal scores by id: the ids must not decide, whichever way they sort."""
    assert rank_metrics(["a", "b"], {"b"}, 10).mrr == 1 / 2
    assert rank_metrics(["b", "a"], {"a"}, 10).mrr == 1 / 2


def test_without_anything_to_find_nothing_is_scored() -> None:
    """A question that no document answers has no right ranking."""
    assert astuple(rank_metrics(["a"], set(), 10)) == (0.0, 0.0, 0.0, 0.0)
