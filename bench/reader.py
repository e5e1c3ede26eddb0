"""A trained reader against the rules without one, on questions that it was never trained on.

    python -m bench.reader ADAPTER [--limit N]

Questions on a tenth of squad's articles: is the paragraph an answer at all (area under the ROC
curve), and which of its sentences holds it. The reader reads as in production: the sentences that
are nearest to the question, each between its neighbours. Rules: cosine of question and paragraph,
of question and best sentence, BM25, shared words by rarity, and all of them in a logistic
regression that was fitted on other articles.
"""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adapters.cross_encoder import CrossEncoder
from adapters.statistics import wilson
from bench.corpora import embedded, embedder, found_model
from bench.reader_rows import Item, squad
from bot.judging import TrainedJudge
from bot.settings import Settings
from knowledge.judging import Sheet, judged
from knowledge.sentences import sentences
from knowledge.terms import terms

_FITTED_ON = 2_000  # questions of other articles
READ_AT_ONCE = 6
"""Sentences read for one question, as in production."""

READER = "the trained reader"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured; of each method a value with its 95 % interval.

    Attributes:
        auroc: Area under the curve of "is it answered at all".
        right_sentence: Share of answers that stand in the sentence it takes.
        ms_per_question: Of the reader, at the median, on one thread.
        timed: So many questions were.
    """

    questions: int
    answerable: int
    articles: list[str]
    auroc: dict[str, dict[str, float]]
    right_sentence: dict[str, dict[str, float]]
    ms_per_question: float
    timed: int


@dataclass(frozen=True, slots=True)
class Scored:
    """What one method says of each question.

    Attributes:
        answers: (n,) how sure it is that the paragraph answers.
        places: (n,) which sentence it takes; empty where it chooses none.
    """

    name: str
    answers: NDArray[np.float64]
    places: Sequence[int]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("--limit", type=int, default=0)
    chosen = parser.parse_args(arguments)
    items = squad(is_held_out=True)[: chosen.limit or None]
    print(json.dumps(asdict(measured(items, opened(chosen.adapter))), indent=2))


def opened(adapter: Path) -> TrainedJudge:
    """Load an adapter that nobody has calibrated yet."""
    base = found_model(Settings().knowledge.embedder).folder
    return TrainedJudge("reader", 0.0, 0.0, CrossEncoder(base, adapter, threads=1))


def measured(items: Sequence[Item], judge: TrainedJudge) -> Figures:
    """Return areas, shares of right sentences and milliseconds, side by side."""
    sheets = [Sheet(item.title, tuple(sentences(item.context))) for item in items]
    split = [sheet.sentences for sheet in sheets]
    columns, orders = _features(items, split)
    rules = _rules(columns, [order[0] for order in orders])
    trained = _trained(items, sheets, orders, judge)
    truth = np.array([bool(item.answers) for item in items])
    everyone = [*rules, trained]
    seconds = _seconds(items, sheets, orders, judge)
    return Figures(
        questions=len(items),
        answerable=int(truth.sum()),
        articles=sorted({item.title for item in items}),
        auroc={one.name: _area(truth, one.answers) for one in everyone},
        right_sentence={
            one.name: _right(items, split, one.places) for one in everyone if len(one.places)
        },
        ms_per_question=round(1000 * median(seconds), 1),
        timed=len(seconds),
    )


def _trained(
    items: Sequence[Item],
    sheets: Sequence[Sheet],
    orders: Sequence[Sequence[int]],
    judge: TrainedJudge,
) -> Scored:
    odds = [
        {
            place: value
            for (_, place), value in judged(
                judge, item.question, [(sheet, at) for at in order[:READ_AT_ONCE]]
            ).items()
        }
        for item, sheet, order in zip(items, sheets, orders, strict=True)
    ]
    return Scored(
        READER,
        np.array([max(one.values()) for one in odds]),
        [max(one, key=one.__getitem__) for one in odds],
    )


def _rules(columns: NDArray[np.float64], places: Sequence[int]) -> list[Scored]:
    """Score by what retrieval knows; the best of these is what a reader has to beat."""
    others = squad(is_held_out=False)[:_FITTED_ON]
    known, _ = _features(others, [sentences(item.context) for item in others])
    model = LogisticRegression(max_iter=1000)
    model.fit(known, [bool(item.answers) for item in others])
    fitted = Scored("all rules, fitted", model.predict_proba(columns)[:, 1], ())
    names = ("cosine of the paragraph", "cosine of the best sentence", "BM25", "shared words")
    single = [
        Scored(name, columns[:, number], places if number == 1 else ())
        for number, name in enumerate(names)
    ]
    return [*single, fitted]


def _features(
    items: Sequence[Item], split: Sequence[Sequence[str]]
) -> tuple[NDArray[np.float64], list[list[int]]]:
    """Return (n, 4) float64, a column for each rule, and the sentences, nearest first."""
    model = embedder()
    asked = embedded([item.question for item in items], model)
    whole = embedded([item.context for item in items], model)
    flat = embedded([part for parts in split for part in parts], model)
    ends = np.cumsum([len(parts) for parts in split])
    cosines = [
        flat[end - len(parts) : end] @ vector
        for end, parts, vector in zip(ends, split, asked, strict=True)
    ]
    rarity = _rarity([item.context for item in items])
    lexical = [_lexical(item, rarity) for item in items]
    columns = np.column_stack(
        [(asked * whole).sum(axis=1), [one.max() for one in cosines], np.array(lexical)]
    )
    return columns.astype(np.float64), [[int(i) for i in np.argsort(-one)] for one in cosines]


def _rarity(texts: Sequence[str]) -> Callable[[str], float]:
    paragraphs = {text: set(terms(text)) for text in set(texts)}
    held = Counter(term for words in paragraphs.values() for term in words)
    return lambda term: math.log(1 + (len(paragraphs) - held[term] + 0.5) / (held[term] + 0.5))


def _lexical(item: Item, rarity: Callable[[str], float]) -> tuple[float, float]:
    """Return BM25 of the paragraph (k1 0.9, b 0.4), and the share of the question's words."""
    counts, asked = Counter(terms(item.context)), set(terms(item.question))
    length = 0.6 + 0.4 * counts.total() / 70
    bm25 = sum(rarity(t) * counts[t] * 1.9 / (counts[t] + 0.9 * length) for t in asked)
    total = sum(map(rarity, asked))
    shared = sum(rarity(term) for term in asked if counts[term])
    return bm25, shared / total if total else 0.0


def _area(truth: NDArray[np.bool_], scores: NDArray[np.float64]) -> dict[str, float]:
    """Return the area under the ROC curve with its 95 % interval over resampled questions."""
    dice = np.random.default_rng(0)
    drawn = [dice.integers(0, len(truth), len(truth)) for _ in range(500)]
    areas = [roc_auc_score(truth[rows], scores[rows]) for rows in drawn]
    low, high = np.percentile(areas, [2.5, 97.5])
    whole = roc_auc_score(truth, scores)
    return {"value": round(whole, 3), "low": round(low, 3), "high": round(high, 3)}


def _right(
    items: Sequence[Item], split: Sequence[Sequence[str]], places: Sequence[int]
) -> dict[str, float]:
    hits = [
        any(answer in parts[place] for answer in item.answers)
        for item, parts, place in zip(items, split, places, strict=True)
        if item.answers
    ]
    bounds = wilson(sum(hits), len(hits))
    share = sum(hits) / len(hits)
    return {"value": round(share, 3), "low": round(bounds.low, 3), "high": round(bounds.high, 3)}


def _seconds(
    items: Sequence[Item],
    sheets: Sequence[Sheet],
    orders: Sequence[Sequence[int]],
    judge: TrainedJudge,
) -> list[float]:
    """Time the reading of as many sentences as one question has in production."""
    near = [(sheet, order[0]) for sheet, order in zip(sheets, orders, strict=True)]
    apart = list(dict.fromkeys(near))  # windows of one paragraph would be read once
    seconds = list[float]()
    for number in range(0, min(len(apart), 180) - READ_AT_ONCE + 1, READ_AT_ONCE):
        began = time.perf_counter()
        judged(judge, items[number].question, apart[number : number + READ_AT_ONCE])
        seconds.append(time.perf_counter() - began)
    return seconds


if __name__ == "__main__":
    main()
