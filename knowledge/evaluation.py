"""Retrieval measured on a golden set: recall@k, mrr@k, ndcg@k, hit@k.

Knows questions, who asks, and which documents answer; knows no answers' wording, no Slack.
"""

import hashlib
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from knowledge.access import Audience
from knowledge.errors import AccessError, GoldenSetError

_CLOSED = ConfigDict(extra="forbid", frozen=True)


class GoldenCase(BaseModel):
    """One question, who asks it, and what a right answer rests on.

    Attributes:
        roles: Of the one person who reads the reply.
        sources: Paths of the documents that answer; none where the bot must decline.
        facts: Strings of which each must stand in the answer.
    """

    model_config = _CLOSED

    id: str = Field(min_length=1)
    question: str = Field(min_length=1)
    roles: tuple[str, ...] = Field(min_length=1)
    sources: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    expect: Literal["answer", "decline"] = "answer"
    tags: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _answers_have_sources(self) -> "GoldenCase":
        if (self.expect == "answer") != bool(self.sources):
            message = "an answer needs sources, a decline has none"
            raise ValueError(message)
        return self

    @property
    def audience(self) -> Audience:
        """The one reader."""
        return Audience.from_role_sets([self.roles])


class _GoldenFile(BaseModel):
    model_config = _CLOSED

    version: Literal[1]
    cases: tuple[GoldenCase, ...] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The cases of one file, and the hash of its bytes."""

    cases: tuple[GoldenCase, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class Scores:
    """Means over the cases [0..1, higher is better].

    Attributes:
        n: Cases that have sources.
        recall, mrr, ndcg, hit: At ``k`` documents.
    """

    n: int
    k: int
    recall: float
    mrr: float
    ndcg: float
    hit: float


@dataclass(frozen=True, slots=True)
class Found:
    """What one case found.

    Attributes:
        ranked: Documents, best first, at most ``k``.
        rank: Of the first right one, from 1; 0 if none was found.
    """

    case: GoldenCase
    ranked: tuple[str, ...]
    rank: int


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Scores in all and by tag, and what each case found."""

    scores: Scores
    by_tag: tuple[tuple[str, Scores], ...]
    found: tuple[Found, ...]


def load_golden(path: Path) -> GoldenSet:
    """Read a golden set.

    Raises:
        GoldenSetError: If it is missing, is no YAML, or has a wrong or doubled case.
    """
    try:
        raw = path.read_bytes()
        cases = _GoldenFile.model_validate(yaml.safe_load(raw)).cases
        _ = [case.audience for case in cases]
    except OSError as error:
        raise GoldenSetError(str(path), "it cannot be read: check the path") from error
    except yaml.YAMLError as error:
        raise GoldenSetError(str(path), "it is not YAML") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise GoldenSetError(str(path), f"{place}: {first['msg']}") from error
    except AccessError as error:
        raise GoldenSetError(str(path), str(error)) from error
    names = [case.id for case in cases]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise GoldenSetError(str(path), f"ids stand twice: {', '.join(doubled)}")
    return GoldenSet(cases, hashlib.sha256(raw).hexdigest())


def evaluate(
    golden: GoldenSet,
    search: Callable[[str, Audience], Sequence[str]],
    *,
    k: int = 10,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Run every case that has sources.

    Args:
        golden: The cases.
        search: Question and audience to ids of documents, best first, repeats allowed.
        k: Depth of the metrics.
        on_progress: Called with the number of cases done.
    """
    found: list[Found] = []
    for case in golden.cases:
        if case.sources:
            ranked = tuple(dict.fromkeys(search(case.question, case.audience)))[:k]
            relevant = _relevance(ranked, case.sources)
            found.append(Found(case, ranked, relevant.index(True) + 1 if any(relevant) else 0))
        on_progress(len(found))
    tags = sorted({tag for one in found for tag in one.case.tags})
    by_tag = tuple((tag, _scores([f for f in found if tag in f.case.tags], k)) for tag in tags)
    return Evaluation(_scores(found, k), by_tag, tuple(found))


def recall_at(relevant: Sequence[bool], n_relevant: int, k: int) -> float:
    """Return the share of the relevant documents among the first k."""
    return sum(relevant[:k]) / n_relevant


def reciprocal_rank_at(relevant: Sequence[bool], k: int) -> float:
    """Return one over the rank of the first relevant document; 0 beyond k."""
    return next((1 / rank for rank, hit in enumerate(relevant[:k], start=1) if hit), 0.0)


def ndcg_at(relevant: Sequence[bool], n_relevant: int, k: int) -> float:
    """Return the normalised discounted cumulative gain with binary relevance.

    Source:
        Järvelin and Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques (2002).
    """
    gain = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(relevant[:k], start=1) if hit)
    return gain / sum(1 / math.log2(rank + 1) for rank in range(1, min(n_relevant, k) + 1))


def _scores(found: Sequence[Found], k: int) -> Scores:
    marked = [(_relevance(f.ranked, f.case.sources), set(f.case.sources)) for f in found]
    return Scores(
        n=len(found),
        k=k,
        recall=_mean(recall_at(relevant, len(sources), k) for relevant, sources in marked),
        mrr=_mean(reciprocal_rank_at(relevant, k) for relevant, _ in marked),
        ndcg=_mean(ndcg_at(relevant, len(sources), k) for relevant, sources in marked),
        hit=_mean(float(any(relevant)) for relevant, _ in marked),
    )


def _relevance(ranked: Sequence[str], sources: Sequence[str]) -> list[bool]:
    """Mark the right documents; a path that stands in two sources of the corpus counts once."""
    paths = [doc_id.partition(":")[2] for doc_id in ranked]
    return [path in sources and path not in paths[:i] for i, path in enumerate(paths)]


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return fmean(listed) if listed else 0.0
