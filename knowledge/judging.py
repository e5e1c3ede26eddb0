"""A trained model that reads question and passage together: what it is given, what it says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

from knowledge.documents import Passage
from knowledge.statements import statements


@dataclass(frozen=True, slots=True)
class Sheet:
    """Sentences below a title, as a judge reads them."""

    title: str
    sentences: tuple[str, ...]

    @classmethod
    def of(cls, passage: Passage) -> Self:
        """Lay out a whole passage."""
        return cls(passage.crumb or passage.title, tuple(one.text for one in statements(passage)))


class Judge(Protocol):
    """A trained model that reads question and passage together."""

    def judge(self, question: str, passages: Sequence[Sheet]) -> Sequence[Sequence[float]]:
        """Return for each sentence of each passage the log-odds that the answer stands in it."""
        ...


def window(place: int, n: int) -> range:
    """Return which of n sentences a judge reads to judge one: it, and its neighbours."""
    return range(max(0, place - 1), min(n, place + 2))


def judged(
    judge: Judge, question: str, wanted: Iterable[tuple[Sheet, int]]
) -> dict[tuple[Sheet, int], float]:
    """Let a judge read some sentences, each between its neighbours.

    Args:
        judge: Reads them all at once.
        question: As it was searched for.
        wanted: Each a passage and which of its sentences.

    Returns:
        Log-odds that the answer stands in a sentence, by passage and place; of the neighbours, too.
    """
    windows = list(dict.fromkeys((s, window(at, len(s.sentences))) for s, at in wanted))
    parts = [Sheet(s.title, s.sentences[near.start : near.stop]) for s, near in windows]
    found = dict[tuple[Sheet, int], float]()
    for (sheet, near), values in zip(windows, judge.judge(question, parts), strict=True):
        for at, value in zip(near, values, strict=True):
            found[sheet, at] = max(value, found.get((sheet, at), value))
    return found
