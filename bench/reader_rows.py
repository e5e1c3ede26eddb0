"""What the shipped reader is trained and measured on, from data of others; nothing of it is kept.

squad: a tenth of the articles is held out. workarena and mtrag: half of the articles and of the
conversations are, one half of them to tune on and one to test on; from the rest come negatives: a
question and the best other passage.
"""

import hashlib
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from adapters.cross_encoder import laid_out
from adapters.heldout import held_out_titles
from adapters.reader_training import Row
from bench.corpora import embedded, embedder, rows_of
from knowledge.sentences import sentences

SEED = 13
Part = Literal["train", "tune", "test"]
ABSENT = (-1, -1)
_LONGEST = 200  # words of a paragraph; of longer ones the end would be cut
_TASKS = "mtrag_un/tasks.jsonl"
_OTHER_SHARE = 0.1  # of the questions of squad are asked of a wrong passage, too


@dataclass(frozen=True, slots=True)
class Item:
    """One question of squad and its paragraph.

    Attributes:
        answers: Empty where the paragraph does not answer.
    """

    item_id: str
    title: str
    question: str
    context: str
    answers: tuple[str, ...]


def squad(*, is_held_out: bool) -> list[Item]:
    """Return the questions of the articles that are held out, or of all others."""
    rows = _squad_rows()
    aside = held_out_titles((row["title"] for row in rows), SEED)
    return [
        Item(
            row["id"],
            row["title"].replace("_", " "),
            row["question"],
            row["context"],
            () if row["is_impossible"] else tuple(dict.fromkeys(row["answers"])),
        )
        for row in rows
        if (row["title"] in aside) == is_held_out
    ]


def _squad_rows() -> list[dict[str, Any]]:
    files = ("squad2/train.jsonl", "squad2/extra_answerable.jsonl")
    return [row for file in files for row in rows_of(file)]


def training_rows() -> list[Row]:
    """Return all rows in an order that the seed gives."""
    rows = [*_of_squad(squad(is_held_out=False)), *workarena_rows(), *mtrag_rows()]
    random.Random(SEED).shuffle(rows)  # noqa: S311  # an order, not a secret
    return rows


def _of_squad(items: Sequence[Item]) -> Iterator[Row]:
    dice = random.Random(SEED)  # noqa: S311  # an order, not a secret
    items = [item for item in items if len(item.context.split()) <= _LONGEST]
    for item in items:
        text = laid_out(item.title, [item.context]).text
        start, end = span(text, item.answers[0], len(item.title)) if item.answers else ABSENT
        yield Row(item.question, text, start, end, "squad2")
        other = items[dice.randrange(len(items))]
        is_alike = other.title == item.title and other.context != item.context
        if is_alike or dice.random() < _OTHER_SHARE:
            wrong = laid_out(other.title, [other.context]).text
            if other.context != item.context:
                yield Row(item.question, wrong, *ABSENT, "squad2-other")


def workarena_rows() -> Iterator[Row]:
    """Yield questions with the piece that answers, and with the nearest that do not."""
    articles = {row["doc_id"]: row for row in rows_of("workarena_kb/articles.jsonl")}
    questions = rows_of("workarena_kb/questions.jsonl")
    asked = [row for row in questions if part_of(row["doc_id"], articles) == "train"]
    pieces = [(name, piece) for name, row in articles.items() for piece in _pieces(row["text"])]
    near = _nearest([row["question"] for row in asked], [text for _, text in pieces])
    for row, order in zip(asked, near, strict=True):
        values = [row["answer"], *row["alternative_answers"]]
        of_others = [pieces[i][1] for i in order if lacks(pieces[i][1], values)]
        for text in of_others[:2]:
            yield Row(row["question"], text, *ABSENT, "workarena-other")
        for name, text in pieces:
            if name == row["doc_id"] and row["answer"] in text:
                yield Row(row["question"], text, *span(text, row["answer"], 0), "workarena")
                break


def mtrag_rows() -> Iterator[Row]:
    """Yield last turns with the nearest passages that do not answer."""
    passages = {row["doc_id"]: row for row in rows_of("mtrag_un/passages.jsonl")}
    talks = {row["task_id"]: conversation(row["task_id"]) for row in rows_of(_TASKS)}
    tasks = [
        row for row in rows_of(_TASKS) if part_of(talks[row["task_id"]], talks.values()) == "train"
    ]
    texts = [f"{row['title'] or ''}: {row['text']}" for row in passages.values()]
    names = list(passages)
    near = _nearest([row["question"] for row in tasks], texts)
    for row, order in zip(tasks, near, strict=True):
        wrong = [i for i in order if names[i] not in row["context_ids"]]
        if row["answerability"] in {"UNANSWERABLE", "ANSWERABLE"}:
            for i in wrong[:3]:
                yield Row(row["question"], texts[i], *ABSENT, "mtrag-other")


def conversation(task_id: str) -> str:
    """Return the conversation that a turn of mtrag belongs to."""
    return task_id.partition("<")[0]


def squad_parts() -> dict[str, Part]:
    """Say what the articles of squad that are held out are there for."""
    titles = sorted(held_out_titles((row["title"] for row in _squad_rows()), SEED))
    return {title: "tune" if place % 2 else "test" for place, title in enumerate(titles)}


def part_of(name: str, names: Iterable[str]) -> Part:
    """Say what an article or a conversation, one of several, is there for."""
    ranked = sorted(set(names), key=lambda one: hashlib.sha256(f"{SEED}:{one}".encode()).digest())
    place, n = ranked.index(name), len(ranked)
    return "test" if place < n // 4 else "tune" if place < n // 2 else "train"


def _pieces(text: str) -> list[str]:
    """Cut an article before its headings."""
    title, *rest = text.split("\n### ")
    head = title.splitlines()[0].lstrip("# ")
    return [laid_out(head, sentences(part)).text for part in [title, *rest] if part.strip()]


def _nearest(questions: Sequence[str], texts: Sequence[str]) -> list[list[int]]:
    model = embedder()
    cosines = embedded(questions, model) @ embedded(texts, model).T
    return [[int(i) for i in np.argsort(-row)[:12]] for row in cosines]


def lacks(text: str, values: Sequence[str]) -> bool:
    """Tell whether no value stands in a text."""
    return not any(value.casefold() in text.casefold() for value in values)


def span(text: str, answer: str, begin: int) -> tuple[int, int]:
    """Say where an answer stands in a text, from some character on."""
    start = text.find(answer, begin)
    return (start, start + len(answer)) if start >= 0 else ABSENT
