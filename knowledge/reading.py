"""Which sentences bear on a question, and whether they answer it at all.

The default reader compares sentences with the question by embedding, alone and below their
heading, with some credit for shared words and for how well the passage was found; a trained
reader can follow behind the same protocol. Knows no language model.
"""

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.documents import Passage
from knowledge.embedding import Embedder
from knowledge.judging import Judge, Sheet, judged
from knowledge.retrieval import Retrieved
from knowledge.statements import Statement, statements
from knowledge.terms import terms

BEARING = 0.70
"""Score below which the best sentence does not answer the question; see docs/log.md."""

_SHARED = 0.1  # weight of the question's words, by rarity, that stand in or above a sentence
_FOUND = 0.3  # weight of the fused score of its passage
_MARGIN = 0.15  # what scores less than the best by more is another subject; see docs/log.md
_OUTDATED = 0.12  # taken from what stands in a document that another has superseded
_HOW_TO = re.compile(
    r"\bhow (?:do|does|can|could|should|to)\b|\bwhat (?:do|should|must|can) (?:i|we|you) do\b"
    r"|\bwhat to do\b|\bsteps\b",
    re.IGNORECASE,
)
_JUDGED = 6  # sentences that a judge reads for one question, and their neighbours
_READ = 24  # sentences embedded for one question; more did not help, see docs/log.md
_REMEMBERED = 20_000  # sentence vectors kept: 30 MB


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a passage, as it stands there.

    Attributes:
        place: Of the passage among those retrieved, and of the sentence in the passage.
        heading: The nearest above it.
        score: How well it bears on the question [about 0..1.4, higher is better].
    """

    passage: Passage
    heading: str
    text: str
    place: tuple[int, int]
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the passages say about the question.

    Attributes:
        evidence: Best first; where a how-to is asked, its steps in their order come first.
        n_steps: So many of the first are the steps of a how-to, in order; 0 if none was asked.
        bearing: Similarity score of the best sentence; 0 without any.
        is_answered: Whether that is enough to answer.
        surest: How sure a judge is of any sentence [0..1]; 1 without a judge.
    """

    evidence: tuple[Evidence, ...]
    bearing: float
    is_answered: bool
    n_steps: int = 0
    surest: float = 1.0


_Place = tuple[Passage, Statement, tuple[int, int]]


class Reader(Protocol):
    """Chooses evidence and judges whether it answers."""

    def read(self, retrieved: Retrieved) -> Reading:
        """Read the passages that were retrieved for a question."""
        ...


@dataclass
class SentenceReader:
    """Reads by similarity; not safe for threads, as it belongs to the worker.

    Attributes:
        limit: Sentences chosen.
        per_document: Chunks of one document that they may come from.
        bearing: Threshold on the best sentence by similarity; belongs to the embedder.
        judge: Reads the most promising sentences once more; None: similarity alone decides.
        trust: Weight of its judgement where sentences are chosen.
        veto: How sure it must be of one sentence; else the question is declined.
    """

    embedder: Embedder
    limit: int = 4
    per_document: int = 2
    bearing: float = BEARING
    judge: Judge | None = None
    trust: float = 0.0
    veto: float = 0.0
    _vectors: OrderedDict[str, NDArray[np.float32]] = field(default_factory=OrderedDict)

    def read(self, retrieved: Retrieved) -> Reading:
        """Score each sentence of each passage and keep the best."""
        scored = self._scored(_exact(_found(retrieved), retrieved), retrieved)
        if not scored:
            return Reading((), 0.0, is_answered=False)
        similar = _in_force(_ranked(scored), retrieved)
        bearing, sure = similar[0].score, self._judged(similar, retrieved.query)
        surest = max(sure.values(), default=1.0)
        ranked = _ranked(
            replace(one, score=one.score + self.trust * sure.get(one.place, 0.0)) for one in similar
        )
        best, top = ranked[0], ranked[0].score
        near = [one for one in _distinct(ranked) if one.score >= top - _MARGIN]
        steps = _steps(best) if _HOW_TO.search(retrieved.query) else []
        chosen = _spread(_distinct(near), self.per_document)[: self.limit]
        if len(steps) > 1:
            chosen = [*steps, *(one for one in chosen if one.text not in {s.text for s in steps})]
        n_steps = len(steps) if len(steps) > 1 else 0
        is_answered = bearing >= self.bearing and surest >= self.veto
        return Reading(tuple(chosen), bearing, is_answered, n_steps, surest)

    def _scored(self, found: Sequence[_Place], retrieved: Retrieved) -> list[Evidence]:
        """Embed the most promising sentences and score them."""
        if not found:
            return []
        prior = sorted(found, key=lambda one: (-_prior(one[1], one[0], retrieved), one[2]))[:_READ]
        alone = self._embedded([s.text for _, s, _ in prior]) @ retrieved.vector
        headed = self._embedded([f"{s.heading}: {s.text}" for _, s, _ in prior]) @ retrieved.vector
        return [
            Evidence(
                passage, s.heading, s.text, place, float(cosine) + _credit(s, passage, retrieved)
            )
            for (passage, s, place), cosine in zip(prior, np.maximum(alone, headed), strict=True)
        ]

    def _judged(self, ranked: Sequence[Evidence], question: str) -> dict[tuple[int, int], float]:
        """Return how surely the answer stands in the best sentences, and near them [0..1]."""
        if self.judge is None:
            return {}
        sheets = {one.place[0]: Sheet.of(one.passage) for one in ranked}
        wanted = [(sheets[one.place[0]], one.place[1]) for one in ranked[:_JUDGED]]
        odds = judged(self.judge, question, wanted)
        return {
            (rank, at): _surety(odds[sheet, at])
            for rank, sheet in sheets.items()
            for at in range(len(sheet.sentences))
            if (sheet, at) in odds
        }

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine between two sentences [-1..1]."""
        rows = self._embedded([one, other])
        return float(rows[0] @ rows[1])

    def _embedded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        if new:
            self._vectors.update(zip(new, self.embedder.embed_passages(new), strict=True))
        for text in texts:
            self._vectors.move_to_end(text)
        rows = np.stack([self._vectors[text] for text in texts])
        while len(self._vectors) > _REMEMBERED:
            self._vectors.popitem(last=False)
        return rows


def _surety(log_odds: float) -> float:
    """Return a probability [0..1]; far from 0 the odds say no more than near it."""
    return 1.0 / (1.0 + float(np.exp(-np.clip(log_odds, -30, 30))))


def _credit(statement: Statement, passage: Passage, retrieved: Retrieved) -> float:
    """Credit shared words and a well-found passage; debit what another has superseded."""
    share = _share(statement, passage, retrieved.idf)
    is_outdated = passage.is_superseded and not _asks_for(passage, retrieved.idf)
    return _SHARED * share + _FOUND * passage.score - (_OUTDATED if is_outdated else 0.0)


def _prior(statement: Statement, passage: Passage, retrieved: Retrieved) -> float:
    """Say how promising a sentence is before it is embedded."""
    return _share(statement, passage, retrieved.idf) + passage.score


def _share(statement: Statement, passage: Passage, idf: Mapping[str, float]) -> float:
    """Return the share of a question's words, by rarity, in a sentence and its headings."""
    held = set(terms(f"{passage.crumb}\n{statement.heading}\n{statement.text}"))
    total = sum(idf.values())
    return sum(weight for term, weight in idf.items() if term in held) / total if total else 0.0


def _asks_for(passage: Passage, idf: Mapping[str, float]) -> bool:
    """Tell whether a question names the year that stands in a document's title."""
    return any(term.isdigit() and term in idf for term in terms(passage.title))


def _distinct(ranked: Sequence[Evidence]) -> list[Evidence]:
    """Drop a sentence that a better one already contains."""
    kept: list[Evidence] = []
    for one in ranked:
        if not any(one.text in other.text or other.text in one.text for other in kept):
            kept.append(one)
    return kept


def _found(retrieved: Retrieved) -> list[_Place]:
    return [
        (passage, statement, (rank, number))
        for rank, passage in enumerate(retrieved.passages)
        for number, statement in enumerate(statements(passage))
    ]


def _exact(found: Sequence[_Place], retrieved: Retrieved) -> Sequence[_Place]:
    """Keep what holds the codes of the question, like ``TP-412``, if anything does."""
    codes = {term for term in retrieved.idf if term.isalnum() and not term.isalpha()}
    codes = {code for code in codes if not code.isdigit()}
    holding = [
        (passage, one, place)
        for passage, one, place in found
        if codes <= set(terms(f"{passage.crumb}\n{one.heading}\n{one.text}"))
    ]
    return holding or found


def _ranked(scored: Iterable[Evidence]) -> list[Evidence]:
    return sorted(scored, key=lambda one: (-one.score, one.place))


def _in_force(ranked: Sequence[Evidence], retrieved: Retrieved) -> list[Evidence]:
    """Leave out what was superseded where something in force is nearly as good."""
    current = [one for one in ranked if not one.passage.is_superseded]
    asks_for_old = any(_asks_for(one.passage, retrieved.idf) for one in ranked)
    is_enough = bool(current) and current[0].score >= ranked[0].score - _OUTDATED
    return current if is_enough and not asks_for_old else list(ranked)


def _steps(best: Evidence) -> list[Evidence]:
    """Return all that stands with the best sentence under its heading, in order."""
    block = [one for one in statements(best.passage) if one.heading == best.heading]
    rank = best.place[0]
    return [
        Evidence(best.passage, one.heading, one.text, (rank, number), best.score)
        for number, one in enumerate(block)
    ]


def _spread(ranked: Sequence[Evidence], per_document: int) -> list[Evidence]:
    """Keep the sentences of at most so many passages of one document."""
    passages: dict[str, set[str]] = {}
    kept: list[Evidence] = []
    for one in ranked:
        seen = passages.setdefault(one.passage.doc_id, set())
        if one.passage.chunk_id in seen or len(seen) < per_document:
            seen.add(one.passage.chunk_id)
            kept.append(one)
    return kept
