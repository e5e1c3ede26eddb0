"""Which sentences bear on a question, and whether they answer it at all.

The default reader compares sentences with the question by embedding, with a little credit for
words they share; a trained reader can follow behind the same protocol. Knows no language model.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from knowledge.documents import Passage
from knowledge.embedding import Embedder
from knowledge.retrieval import Retrieved
from knowledge.sentences import sentences
from knowledge.terms import terms

BEARING = 0.545
"""Score below which the best sentence does not answer the question; see docs/log.md."""

_SHARED_CREDIT = 0.1  # most that shared words add to a sentence's similarity
_SHARED_FROM = 0.6  # share of the question's words, by rarity, from which credit starts
_MARGIN = 0.15  # what scores less than the best by more is another subject; see docs/log.md
_OUTDATED = 0.12  # taken from what stands in a document that another has superseded
_SHORTEST = 15  # characters; what is shorter is a heading or a cell
_LIST_WORDS = 60  # of the lines that follow a sentence ending in a colon
_REMEMBERED = 20_000  # sentence vectors kept: 30 MB


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence of a passage, as it stands there.

    Attributes:
        place: Of the passage among those retrieved, and of the sentence in the passage.
        score: How well it bears on the question [about 0..1.1, higher is better].
    """

    passage: Passage
    text: str
    place: tuple[int, int]
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the passages say about the question.

    Attributes:
        evidence: Best first.
        bearing: Score of the best sentence; 0 without any.
        is_answered: Whether that is enough to answer.
    """

    evidence: tuple[Evidence, ...]
    bearing: float
    is_answered: bool


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
        bearing: Threshold on the best sentence; belongs to the embedder.
    """

    embedder: Embedder
    limit: int = 4
    bearing: float = BEARING
    _vectors: OrderedDict[str, NDArray[np.float32]] = field(default_factory=OrderedDict)

    def read(self, retrieved: Retrieved) -> Reading:
        """Score each sentence of each passage and keep the best."""
        found = [
            (passage, number, text, (rank, number))
            for rank, passage in enumerate(retrieved.passages)
            for number, text in enumerate(readable(passage.text))
        ]
        if not found:
            return Reading((), 0.0, is_answered=False)
        cosines = self._embedded([text for _, _, text, _ in found]) @ retrieved.vector
        scored = [
            Evidence(passage, text, place, float(cosine) + _credit(text, passage, retrieved))
            for (passage, _, text, place), cosine in zip(found, cosines, strict=True)
        ]
        ranked = sorted(scored, key=lambda one: (-one.score, one.place))
        top = ranked[0].score
        near = [one for one in _distinct(ranked) if one.score >= top - _MARGIN]
        return Reading(tuple(near[: self.limit]), top, is_answered=top >= self.bearing)

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


def readable(text: str) -> list[str]:
    """Split a passage into what can be quoted; what announces a list takes its lines along."""
    parts = sentences(text)
    whole: list[str] = []
    for number, part in enumerate(parts):
        following = parts[number + 1 :] if part.endswith(":") else []
        if len(part) >= _SHORTEST or following:
            whole.append(_with_lines(part, following))
    return whole


def _with_lines(announcement: str, lines: Sequence[str]) -> str:
    taken, words = [announcement], 0
    for line in lines:
        words += len(line.split())
        if words > _LIST_WORDS:
            break
        taken.append(line)
    return " ".join(taken)


def _credit(text: str, passage: Passage, retrieved: Retrieved) -> float:
    """Credit shared rare words; debit an outdated document, unless its year is asked for."""
    held = set(terms(f"{passage.crumb}\n{text}"))
    idf = retrieved.idf
    total = sum(idf.values())
    share = sum(weight for term, weight in idf.items() if term in held) / total if total else 0.0
    credit = _SHARED_CREDIT * max(0.0, share - _SHARED_FROM) / (1 - _SHARED_FROM)
    return credit - (_OUTDATED if passage.is_superseded and not _asks_for(passage, idf) else 0.0)


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
