"""What the reader is trained on last: what it reads in production, windows of three sentences.

The sentence that is nearest to the question stands between its neighbours. Beside the questions of
squad as they are: the nearest window that does not answer, questions that were turned false, and
the examples that the house wrote for its voice.
"""

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import Match, SequenceMatcher

import numpy as np

from adapters.cross_encoder import laid_out
from adapters.heldout import Item as Written
from adapters.heldout import read_held_out, read_items
from adapters.reader_training import Row
from bench.corpora import ROOT, embedded, embedder
from bench.reader_rows import ABSENT, SEED, Item, lacks, mtrag_rows, span, squad, workarena_rows
from knowledge.judging import window
from knowledge.sentences import sentences

_WRONG_SHARE = 0.5  # of the questions with an answer are asked of a wrong window, too
_TURNED_SHARE = 0.75  # of the questions that can be turned false are asked so, too
_LEAST_COMMON = 8  # characters of an answer that stand in a fact
_PLAIN = frozenset({"single", "terse", "rambling", "injected"})  # where one fact answers
_NAME = re.compile(r"\b(?:[A-Z][\w'-]+(?: [A-Z][\w'-]+)*|\d[\d,.]*\d|\d)")
_PAIRS = (
    "first last|most least|before after|largest smallest|increase decrease|more less|more fewer"
    "|north south|northern southern|east west|eastern western|highest lowest|early late"
    "|oldest newest|began ended|start end|always never|with without|many few|higher lower"
    "|best worst|allowed forbidden|above below|minimum maximum|inside outside|same different"
    "|large small|public private|can cannot"
)
_OPPOSITES = {
    one: other
    for pair in _PAIRS.split("|")
    for one, other in (pair.split(), reversed(pair.split()))
}


def window_rows() -> list[Row]:
    """Return windows in an order that the seed gives, with questions that were turned false."""
    rows = [*_windows(squad(is_held_out=False)), *workarena_rows(), *mtrag_rows(), *_of_examples()]
    random.Random(SEED).shuffle(rows)  # noqa: S311  # an order, not a secret
    return rows


def _windows(items: Sequence[Item]) -> Iterator[Row]:
    dice = random.Random(SEED)  # noqa: S311  # an order, not a secret
    model = embedder()
    asked = embedded([item.question for item in items], model)
    split = {item.context: sentences(item.context) for item in items}
    flat = [part for parts in split.values() for part in parts]
    vectors = dict(zip(flat, embedded(flat, model), strict=True))
    names = _names_of(items)
    for item, vector in zip(items, asked, strict=True):
        parts = split[item.context]
        nearest = [int(i) for i in np.argsort([-(vectors[part] @ vector) for part in parts])]
        yield from _of_paragraph(item, parts, nearest, names[item.title], dice)


def _of_paragraph(
    item: Item,
    parts: Sequence[str],
    nearest: Sequence[int],
    names: Sequence[str],
    dice: random.Random,
) -> Iterator[Row]:
    """Yield the window that answers and the nearest that does not, or the nearest of all."""

    def around(place: int) -> str:
        return laid_out(item.title, [parts[i] for i in window(place, len(parts))]).text

    if not item.answers:
        yield Row(item.question, around(nearest[0]), *ABSENT, "window-impossible")
        return
    holding = [i for i in nearest if item.answers[0] in parts[i]]
    if not holding:
        return
    centres = [holding[0], holding[0], holding[0] - 1, holding[0] + 1]
    text = around(min(max(dice.choice(centres), 0), len(parts) - 1))
    yield Row(item.question, text, *span(text, item.answers[0], len(item.title)), "window")
    false = _turned(item.question, text, names, dice)
    if false and dice.random() < _TURNED_SHARE:
        yield Row(false, text, *ABSENT, "window-turned")
    for place in nearest:
        wrong = around(place)
        if lacks(wrong, item.answers):
            if dice.random() < _WRONG_SHARE:
                yield Row(item.question, wrong, *ABSENT, "window-other")
            return


def _names_of(items: Sequence[Item]) -> Mapping[str, Sequence[str]]:
    """Return the names and numbers that stand in the paragraphs of each article."""
    found = dict[str, dict[str, None]]()
    for item in items:
        found.setdefault(item.title, {}).update(dict.fromkeys(_NAME.findall(item.context)))
    return {title: list(names) for title, names in found.items()}


def _turned(question: str, text: str, names: Sequence[str], dice: random.Random) -> str:
    """Ask for what a text does not say: another name, another number, the opposite."""
    held = [
        one
        for one in _NAME.findall(question)
        if one in text and one != question.split(maxsplit=1)[0]
    ]
    if held:
        old = dice.choice(held)
        alike = [n for n in names if n[0].isdigit() == old[0].isdigit() and n not in text]
        if alike:
            return question.replace(old, dice.choice(alike))
    for word in question.split():
        if word in _OPPOSITES:
            return re.sub(rf"\b{word}\b", _OPPOSITES[word], question, count=1)
    return ""


def _of_examples() -> Iterator[Row]:
    """Yield the written examples of the house that one fact answers, or none."""
    folder = ROOT / "adapters" / "voices" / "house"
    aside = read_held_out(folder).companies
    for file in sorted((folder / "examples").glob("*.jsonl")):
        if file.stem not in aside:
            for item in read_items(file):
                yield from _of_example(item)


def _of_example(item: Written) -> Iterator[Row]:
    texts = [fact.text for fact in item.facts]
    if item.kind == "refusal":
        text = laid_out(item.facts[0].title, texts).text
        yield Row(item.question, text, *ABSENT, "written-other")
    elif item.kind in _PLAIN:
        title = max(item.facts, key=lambda fact: _common(fact.text, item.answer).size).title
        text = laid_out(title, texts).text
        run = _common(text, item.answer)
        if run.size >= _LEAST_COMMON:
            yield Row(item.question, text, run.a, run.a + run.size, "written")


def _common(text: str, answer: str) -> Match:
    return SequenceMatcher(None, text, answer, autojunk=False).find_longest_match()
