"""How much a trained reader is worth beside similarity, and when it vetoes an answer.

Each set of questions is searched once; then the reader's weight and its veto are chosen that lose
least against similarity alone, on answering and on declining alike, and gain most. The threshold on
similarity stays as it is: another one trades answering for declining, with any reader.
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

_TRUSTS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4)
_VETOES = (0.0, 0.001, 0.003, 0.01, 0.02, 0.03, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5)


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
    """The weight and veto that gained most, and what they gave."""

    trust: float
    veto: float
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
    """Choose what loses least where it loses most, and of that what gains most in all."""
    before = {name: _rates(_read(found, reader), 0.0) for name, found in sets.items()}
    reader.judge, best = _Remembering(judge), list[tuple[tuple[float, float], Tuned]]()
    for trust in _TRUSTS:
        reader.trust = trust
        read = {name: _read(found, reader) for name, found in sets.items()}
        for veto in _VETOES:
            after = {name: _rates(one, veto) for name, one in read.items()}
            gains = [
                gain
                for name in sets
                for gain in (
                    after[name].answered - before[name].answered,
                    after[name].declined - before[name].declined,
                )
            ]
            rank = (min(0.0, *gains), sum(gains))
            best.append((rank, Tuned(trust, veto, before, after)))
    return max(best, key=lambda one: one[0])[1]


_Read = tuple[float, float, bool, bool]


def _read(found: Iterable[Found], reader: SentenceReader) -> list[_Read]:
    """Return for each question both scores, whether it is right, and whether it can be."""
    results = list[_Read]()
    for one in found:
        reading = reader.read(one.retrieved)
        is_right = any(
            any(value in evidence.text for value in one.values)
            if one.values
            else path_of(evidence.passage.doc_id) in one.sources
            for evidence in reading.evidence
        )
        results.append((reading.bearing, reading.surest, is_right, one.is_answerable))
    return results


def _rates(read: Sequence[_Read], veto: float) -> Rates:
    is_spoken = [top >= BEARING and sure >= veto for top, sure, *_ in read]
    said, kept = list[bool](), list[bool]()
    for spoken, (*_, is_right, can_be) in zip(is_spoken, read, strict=True):
        (said if can_be else kept).append(spoken and is_right if can_be else not spoken)
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
