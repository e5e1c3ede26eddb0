"""A trained reader against the rules without one, on questions that it was never trained on.

    python -m bench.reader ADAPTER [--limit N]

Questions on a tenth of squad's articles: is the paragraph an answer at all (area under the ROC
curve), and which of its sentences holds it. Rules: cosine of question and paragraph, of question
and best sentence, BM25, shared words by rarity, and all of them in a logistic regression that was
fitted on other articles.
"""

import argparse
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from adapters.cross_encoder import CrossEncoder, laid_out
from adapters.statistics import wilson
from bench.corpora import embedded, embedder, found_model
from bench.reader_rows import Item, squad
from bot.settings import Settings
from knowledge.sentences import sentences
from knowledge.terms import terms

_FITTED_ON = 2_000  # questions of other articles
_READ_AT_ONCE = 6  # passages for one question, as in production


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
    base = found_model(Settings().knowledge.embedder).folder
    reader = CrossEncoder(base, chosen.adapter, threads=1)
    figures = measured(items, reader)
    print(json.dumps(figures, indent=2))


def measured(items: Sequence[Item], reader: CrossEncoder) -> dict[str, object]:
    """Return areas, shares of right sentences and milliseconds, side by side."""
    split = [sentences(item.context) for item in items]
    rules = _rules(items, split)
    trained = _trained(items, split, reader)
    truth = np.array([bool(item.answers) for item in items])
    areas = {one.name: _area(truth, one.answers) for one in [*rules, trained]}
    right = {
        one.name: _right(items, split, one.places) for one in [*rules, trained] if len(one.places)
    }
    return {
        "questions": len(items),
        "answerable": int(truth.sum()),
        "articles": sorted({item.title for item in items}),
        "auroc": areas,
        "right_sentence": right,
        "ms_per_question": _latency_ms(items, split, reader),
    }


def _trained(items: Sequence[Item], split: Sequence[Sequence[str]], reader: CrossEncoder) -> Scored:
    odds = [
        reader.judge(item.question, [laid_out(item.title, parts)])[0]
        for item, parts in zip(items, split, strict=True)
    ]
    return Scored(
        "reader", np.array([max(one) for one in odds]), [int(np.argmax(one)) for one in odds]
    )


def _rules(items: Sequence[Item], split: Sequence[Sequence[str]]) -> list[Scored]:
    """Score by what retrieval knows; the best of these is what a reader has to beat."""
    columns, places = _features(items, split)
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
) -> tuple[NDArray[np.float64], list[int]]:
    """Return (n, 4) float64, one column a rule, and the sentence nearest to each question."""
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
    return columns.astype(np.float64), [int(one.argmax()) for one in cosines]


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


def _latency_ms(
    items: Sequence[Item], split: Sequence[Sequence[str]], reader: CrossEncoder
) -> float:
    """Return the median time to read as many passages as one question has in production."""
    laid = [laid_out(item.title, parts) for item, parts in zip(items, split, strict=True)]
    seconds = list[float]()
    for number in range(0, min(len(laid), 180) - _READ_AT_ONCE, _READ_AT_ONCE):
        began = time.perf_counter()
        reader.judge(items[number].question, laid[number : number + _READ_AT_ONCE])
        seconds.append(time.perf_counter() - began)
    return round(1000 * median(seconds), 1)


if __name__ == "__main__":
    main()
