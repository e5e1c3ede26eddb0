import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from knowledge.lexical import MEAN_LENGTH, Postings

ROWS = [["wifi", "code", "wifi"], ["code"], [], ["floor", "code"], ["wifi"]]
ROW = st.lists(st.sampled_from("abcdef"), max_size=6)


def term_lists(rows: list[list[str]]) -> pa.ListArray:
    """Return term lists as the column of a table."""
    return pa.array(rows, pa.list_(pa.string()))


def seen(rows: str) -> NDArray[np.bool_]:
    """Return which rows may be read: ``x`` stands for one that may."""
    return np.array([row == "x" for row in rows], np.bool_)


def plain_bm25(query: set[str], rows: list[list[str]]) -> list[float]:
    """Score rows by the formula, one word at a time."""
    scores = []
    for row in rows:
        score = 0.0
        for term in query:
            n_holding = sum(term in other for other in rows)
            idf = math.log(1 + (len(rows) - n_holding + 0.5) / (n_holding + 0.5))
            tf = row.count(term)
            norm = 1.2 * (0.25 + 0.75 * len(row) / MEAN_LENGTH)
            score += idf * tf * 2.2 / (tf + norm)
        scores.append(score)
    return scores


@settings(deadline=None)
@given(st.lists(st.tuples(ROW, st.booleans()), max_size=12), ROW)
def test_scores_are_bm25_over_the_visible_rows_alone(
    rows: list[tuple[list[str], bool]], query: list[str]
) -> None:
    """Hidden rows count neither in the scores nor in the statistics behind them."""
    postings = Postings.from_lists(term_lists([row for row, _ in rows]))
    visible = np.array([is_seen for _, is_seen in rows], np.bool_)

    scores, _ = postings.scores(query, visible)

    expected = plain_bm25(set(query), [row for row, is_seen in rows if is_seen])
    assert scores[visible].tolist() == pytest.approx(expected, rel=1e-5)
    assert not scores[~visible].any()


@settings(deadline=None)
@given(st.lists(ROW, min_size=1, max_size=6), st.lists(ROW, max_size=6), ROW)
def test_hidden_rows_change_no_bit(
    visible: list[list[str]], hidden: list[list[str]], query: list[str]
) -> None:
    """Scores, ceiling and rarity are the same to the last bit with and without hidden rows."""
    alone = Postings.from_lists(term_lists(visible))
    among = Postings.from_lists(term_lists([*hidden, *visible]))
    may_read = np.arange(len(visible))

    scores, ceiling = alone.scores(query, may_read >= 0)
    mask = np.arange(len(hidden) + len(visible)) >= len(hidden)
    scores_among, ceiling_among = among.scores(query, mask)

    assert scores_among[mask].tobytes() == scores.tobytes()
    assert ceiling_among == ceiling
    assert [among.idf(t, mask) for t in query] == [alone.idf(t, may_read >= 0) for t in query]


def test_a_repeated_word_of_the_query_counts_once() -> None:
    """``password`` said three thousand times is a question about passwords."""
    postings = Postings.from_lists(term_lists(ROWS))
    everything = seen("xxxxx")

    once, many = (postings.scores(["code"] * n, everything)[0] for n in (1, 3_000))

    assert once.tolist() == many.tolist()


def test_the_ceiling_counts_words_that_no_row_holds() -> None:
    """A row with half of the question's words does not look like a full match."""
    postings = Postings.from_lists(term_lists(ROWS))
    everything = seen("xxxxx")

    _, known = postings.scores(["wifi"], everything)
    _, with_unknown = postings.scores(["wifi", "zebra"], everything)

    assert with_unknown > 2 * known


def test_a_word_only_hidden_rows_hold_is_a_word_nobody_holds() -> None:
    """Its rarity does not tell that a hidden document speaks of it."""
    postings = Postings.from_lists(term_lists(ROWS))
    mask = seen("-xxx-")

    assert postings.idf("wifi", mask) == postings.idf("zebra", mask)
    assert postings.scores(["wifi"], mask)[1] == postings.scores(["zebra"], mask)[1]


def test_a_column_cut_out_of_a_longer_one_has_its_own_rows_only() -> None:
    """A sliced array keeps the offsets of the whole; the postings must not."""
    whole = Postings.from_lists(term_lists(ROWS[1:4]))
    cut = Postings.from_lists(term_lists(ROWS).slice(1, 3))
    mask = seen("xxx")

    assert cut.lengths.tolist() == [1.0, 0.0, 2.0]
    for term in ("code", "floor", "wifi"):
        assert cut.scores([term], mask)[0].tolist() == whole.scores([term], mask)[0].tolist()


def test_an_empty_table_scores_nothing() -> None:
    """The first question may come before the first document."""
    postings = Postings.from_lists(term_lists([]))

    scores, _ = postings.scores(["wifi"], seen(""))

    assert scores.shape == (0,)
