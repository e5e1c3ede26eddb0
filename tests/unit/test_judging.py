"""What a judge is given of a passage: sentences between their neighbours, each window once."""

from collections.abc import Sequence

import pytest
from asking import a_passage

from knowledge.judging import Sheet, judged, window

GUIDE = Sheet("Guide", ("One.", "Two.", "Three.", "Four.", "Five."))


class LengthJudge:
    """Is the surer the fewer sentences it is shown."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.shown: list[tuple[str, ...]] = []

    def judge(self, question: str, passages: Sequence[Sheet]) -> Sequence[Sequence[float]]:
        """Return the same odds for each sentence of a window."""
        assert question == "which?"
        self.shown += [one.sentences for one in passages]
        return [[-float(len(one.sentences))] * len(one.sentences) for one in passages]


@pytest.mark.parametrize(
    ("place", "n", "places"),
    [(0, 5, [0, 1]), (2, 5, [1, 2, 3]), (4, 5, [3, 4]), (0, 1, [0])],
)
def test_a_window_is_a_sentence_and_its_neighbours(place: int, n: int, places: list[int]) -> None:
    """At the ends there is one neighbour less."""
    assert list(window(place, n)) == places


def test_each_window_is_read_once_and_the_surest_word_counts() -> None:
    """The first sentence stands in two windows, and the shorter one is surer."""
    judge = LengthJudge()

    odds = judged(judge, "which?", [(GUIDE, 0), (GUIDE, 1), (GUIDE, 0)])

    assert judge.shown == [("One.", "Two."), ("One.", "Two.", "Three.")]
    assert odds == {(GUIDE, 0): -2.0, (GUIDE, 1): -2.0, (GUIDE, 2): -3.0}


def test_a_passage_is_laid_out_below_its_headings() -> None:
    """They say what its sentences are about."""
    passage = a_passage("The wifi code is on the door. Lunch is at noon.")

    assert Sheet.of(passage) == Sheet(
        passage.crumb, ("The wifi code is on the door.", "Lunch is at noon.")
    )
