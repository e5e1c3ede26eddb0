"""How much a trained reader is worth beside similarity, and when that is enough to answer.

Each set of questions is searched once; then the reader's weight and the threshold are chosen that
gain most over similarity alone, on answering and on declining alike.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.outside import Made
from bot.conversation import Question, exchange, latest
from bot.house import open_house
from bot.settings import overridden
from knowledge.documents import path_of
from knowledge.golden import GoldenCase, load_golden
from knowledge.judging import Judge, Sheet
from knowledge.reading import BEARING, SentenceReader
from knowledge.retrieval import Retrieved

_TRUSTS = (0.1, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2)
_STEPS = 60  # thresholds tried for each weight


@dataclass(frozen=True, slots=True)
class Found:
    """A question, what was found for it, and what of that answers.

    Attributes:
        values: Any of these is an answer; none: any sentence of a source is.
    """

    retrieved: Retrieved
    is_answerable: bool
    values: tuple[str, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rates:
    """What becomes of the questions of one set [shares]."""

    answered: float
    declined: float


@dataclass(frozen=True, slots=True)
class Tuned:
    """The weight and threshold that gained most, and what they gave."""

    trust: float
    bearing: float
    before: Mapping[str, Rates]
    after: Mapping[str, Rates]


def searched(made: Made, tag: str) -> list[Found]:
    """Search for the questions of a set that carry a tag; none of them is answered."""
    quoting = overridden(made.settings, {"model.base": "none", "model.reader": "none"})
    cases = [one for one in load_golden(made.golden).cases if tag in one.tags]
    with open_house(quoting) as house:
        worked = [(case, house.work(_question(case)).retrieved) for case in cases]
    return [
        Found(retrieved, case.expect == "answer", tuple(case.answers), tuple(case.sources))
        for case, retrieved in worked
        if retrieved is not None
    ]


def tuned(sets: Mapping[str, Sequence[Found]], reader: SentenceReader, judge: Judge) -> Tuned:
    """Choose by the smaller of the two gains, on the mean over the sets."""
    before = {name: _rates(_read(found, reader), BEARING) for name, found in sets.items()}
    reader.judge, best = _Remembering(judge), None
    for trust in _TRUSTS:
        reader.trust = trust
        read = {name: _read(found, reader) for name, found in sets.items()}
        tops = [top for one in read.values() for top, *_ in one]
        for bearing in np.quantile(tops, np.linspace(0.02, 0.9, _STEPS)):
            after = {name: _rates(one, float(bearing)) for name, one in read.items()}
            gain = np.mean([_gain(before[name], after[name]) for name in sets])
            if best is None or gain > best[0]:
                best = (gain, Tuned(trust, round(float(bearing), 3), before, after))
    if best is None:
        raise ValueError
    return best[1]


def _gain(before: Rates, after: Rates) -> float:
    gains = (after.answered - before.answered, after.declined - before.declined)
    return min(gains) + 0.1 * sum(gains)


_Read = tuple[float, bool, bool]


def _read(found: Iterable[Found], reader: SentenceReader) -> list[_Read]:
    """Return for each question the best score, whether it is right, and whether it can be."""
    results = list[_Read]()
    for one in found:
        reading = reader.read(one.retrieved)
        is_right = any(
            any(value in evidence.text for value in one.values)
            if one.values
            else path_of(evidence.passage.doc_id) in one.sources
            for evidence in reading.evidence
        )
        results.append((reading.bearing, is_right, one.is_answerable))
    return results


def _rates(read: Sequence[_Read], bearing: float) -> Rates:
    said = [is_right and top >= bearing for top, is_right, can_be in read if can_be]
    kept = [top < bearing for top, _, can_be in read if not can_be]
    return Rates(float(np.mean(said)), float(np.mean(kept)))


def _question(case: GoldenCase) -> Question:
    turns = [t for one in case.history for t in exchange(one.asked, one.answered or "")]
    return Question(case.id, case.question, case.audience, latest(turns))


@dataclass
class _Remembering:
    """A judge that is asked the same only once."""

    judge_of: Judge
    known: dict[tuple[str, Sheet], Sequence[float]] = field(default_factory=dict)

    def judge(self, question: str, passages: Sequence[Sheet]) -> Sequence[Sequence[float]]:
        new = [one for one in dict.fromkeys(passages) if (question, one) not in self.known]
        for sheet, odds in zip(new, self.judge_of.judge(question, new), strict=True):
            self.known[question, sheet] = odds
        return [self.known[question, one] for one in passages]
