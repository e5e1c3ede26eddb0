import math
from collections.abc import Sequence
from pathlib import Path

import pytest

from knowledge.access import Audience
from knowledge.errors import GoldenSetError
from knowledge.evaluation import (
    GoldenCase,
    GoldenSet,
    evaluate,
    load_golden,
    ndcg_at,
    recall_at,
    reciprocal_rank_at,
)

TWO_CASES = """
version: 1
cases:
- {id: wifi, question: 'Where is the code?', roles: [everyone], sources: [it/wifi.md], tags: [it]}
- {id: pay, question: 'What does Ann earn?', roles: [everyone], expect: decline}
"""


def a_case(name: str, *sources: str, tags: tuple[str, ...] = ()) -> GoldenCase:
    """Build a case that these documents answer."""
    return GoldenCase(id=name, question=name, roles=("everyone",), sources=sources, tags=tags)


def loaded(folder: Path, text: str) -> GoldenSet:
    """Write a golden set and load it."""
    path = folder / "golden.yaml"
    path.write_text(text)
    return load_golden(path)


def test_recall_is_the_share_of_what_was_to_be_found() -> None:
    """Two of three documents among the first three."""
    assert recall_at([True, False, True, True], 3, 3) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("relevant", "rank"),
    [([False, True, True], 1 / 2), ([True], 1.0), ([False, False, True], 0.0), ([], 0.0)],
)
def test_reciprocal_rank_is_that_of_the_first_right_one(relevant: list[bool], rank: float) -> None:
    """The second place is worth a half; below k nothing counts."""
    assert reciprocal_rank_at(relevant, 2) == rank


def test_ndcg_by_hand() -> None:
    """Right at 1 and 3 of two to be found: (1 + 1/2) over (1 + 1/log2 3)."""
    expected = (1 + 1 / math.log2(4)) / (1 + 1 / math.log2(3))

    assert ndcg_at([True, False, True], 2, 10) == pytest.approx(expected)
    assert ndcg_at([True, True], 2, 10) == pytest.approx(1.0)
    assert ndcg_at([True], 5, 1) == pytest.approx(1.0)
    assert ndcg_at([False], 1, 10) == 0.0


def test_scores_are_means_over_the_cases_and_by_tag() -> None:
    """One case found first, one found second with half of its documents, one not at all."""
    answers = {
        "first": ["w:a.md", "w:z.md"],
        "second": ["w:z.md", "w:b.md", "w:b.md"],
        "never": ["w:z.md"],
    }
    golden = GoldenSet(
        (
            a_case("first", "a.md", tags=("it", "new")),
            a_case("second", "b.md", "c.md", tags=("it",)),
            a_case("never", "d.md"),
        ),
        sha256="",
    )

    result = evaluate(golden, lambda question, _: answers[question], k=2)

    assert [found.rank for found in result.found] == [1, 2, 0]
    assert result.found[1].ranked == ("w:z.md", "w:b.md")
    assert result.scores.n == 3
    assert result.scores.recall == pytest.approx((1 + 0.5 + 0) / 3)
    assert result.scores.mrr == pytest.approx((1 + 0.5 + 0) / 3)
    assert result.scores.hit == pytest.approx(2 / 3)
    second = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert result.scores.ndcg == pytest.approx((1 + second) / 3)
    by_tag = dict(result.by_tag)
    assert list(by_tag) == ["it", "new"]
    assert (by_tag["it"].n, by_tag["it"].hit) == (2, 1.0)
    assert by_tag["new"].ndcg == pytest.approx(1.0)


def test_one_path_in_two_sources_counts_once() -> None:
    """No score passes 1 because a document was indexed twice."""
    golden = GoldenSet((a_case("first", "a.md"),), sha256="")

    scores = evaluate(golden, lambda _q, _a: ["wiki:a.md", "old:a.md"]).scores

    assert (scores.recall, scores.ndcg, scores.mrr, scores.hit) == (1.0, 1.0, 1.0, 1.0)


def test_a_case_is_searched_for_its_own_reader_and_a_decline_is_not_scored(tmp_path: Path) -> None:
    """Retrieval cannot be right about a question that has no documents."""
    asked: list[tuple[str, Audience]] = []
    done: list[int] = []

    def search(question: str, audience: Audience) -> Sequence[str]:
        asked.append((question, audience))
        return []

    result = evaluate(loaded(tmp_path, TWO_CASES), search, on_progress=done.append)

    assert asked == [("Where is the code?", Audience.from_role_sets([{"everyone"}]))]
    assert result.scores.n == 1
    assert result.scores.recall == 0.0
    assert done == [1, 1]


def test_a_set_without_scored_cases_scores_zero() -> None:
    """Nothing asked is no division by zero."""
    decline = GoldenCase(id="a", question="a", roles=("hr",), expect="decline")

    assert evaluate(GoldenSet((decline,), ""), lambda _q, _a: []).scores.ndcg == 0.0


def test_a_golden_set_is_known_by_the_hash_of_its_bytes(tmp_path: Path) -> None:
    """Two runs on different questions are never taken for the same."""
    one = loaded(tmp_path, TWO_CASES)
    other = loaded(tmp_path, TWO_CASES + "\n")

    assert [case.id for case in one.cases] == ["wifi", "pay"]
    assert one.cases == other.cases
    assert len(one.sha256) == 64
    assert one.sha256 != other.sha256


CASE = "- {id: a, question: q, roles: [everyone], "


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("version: 1\ncases: [", "not YAML"),
        ("\x00", "not YAML"),
        ("", "Input should be"),
        ("version: 2\ncases:\n" + CASE + "sources: [a]}\n", "Input should be 1"),
        ("version: 1\ncases: []\n", "at least 1 item"),
        (f"version: 1\ncases:\n{CASE}sources: [a]}}\n{CASE}sources: [b]}}\n", "twice: a"),
        (f"version: 1\ncases:\n{CASE}sources: [a], expect: decline}}\n", "a decline has none"),
        (f"version: 1\ncases:\n{CASE}tags: [x]}}\n", "an answer needs sources"),
        (f"version: 1\ncases:\n{CASE}sources: [a], source: b}}\n", "Extra inputs"),
        ("version: 1\ncases:\n- {id: a, question: q, roles: [Eng], sources: [a]}\n", "'Eng'"),
        ("version: 1\ncases:\n- {id: a, question: q, roles: [], sources: [a]}\n", "at least 1"),
    ],
)
def test_a_wrong_golden_set_is_refused_with_its_problem(
    tmp_path: Path, text: str, problem: str
) -> None:
    """One sentence says what to mend, and in which file."""
    with pytest.raises(GoldenSetError, match=problem) as caught:
        loaded(tmp_path, text)

    assert caught.value.path == str(tmp_path / "golden.yaml")
    assert "\n" not in str(caught.value)


def test_a_missing_golden_set_is_named(tmp_path: Path) -> None:
    """A wrong path is the likeliest mistake."""
    with pytest.raises(GoldenSetError, match="it cannot be read"):
        load_golden(tmp_path / "none.yaml")
