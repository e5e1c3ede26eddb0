"""What the shipped voice is trained on, as the prompts of production: written examples, and squad.

The written ones teach how the house speaks; questions on squad's paragraphs teach to find the
sentence that answers among others, and to copy it. Few rows refuse, and each in its own words: a
voice that often refuses in training soon refuses everything (docs/log.md).
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from adapters.heldout import Item, read_held_out, read_items
from adapters.voice import Fact, Voice
from bench.reader_rows import SEED, squad
from bot.conversation import Turn
from bot.prompt import PromptEvidence, build_messages
from knowledge.sentences import sentences

Row = dict[str, Any]
_WORDS = range(5, 31)  # of a sentence that is worth copying
_OTHERS = 3  # sentences beside the one that answers, at most


def written_rows(folder: Path, voice: Voice) -> list[Row]:
    """Render the examples of all companies that are not held out."""
    aside = set(read_held_out(folder).companies)
    files = sorted(f for f in (folder / "examples").glob("*.jsonl") if f.stem not in aside)
    return [rendered(one, voice, "hand") for file in files for one in read_items(file)]


def squad_rows(voice: Voice, most: int) -> list[Row]:
    """Render questions whose answer stands in one sentence of fair length."""
    dice = random.Random(SEED)  # noqa: S311  # an order, not a secret
    found = list(_items(dice))
    dice.shuffle(found)
    return [rendered(one, voice, "public") for one in found[:most]]


def rendered(item: Item, voice: Voice, origin: str) -> Row:
    """Lay out one example as the model will meet it."""
    evidence = [
        PromptEvidence(number, fact.title, fact.text)
        for number, fact in enumerate(item.facts, start=1)
    ]
    history = [Turn(turn.role, turn.text) for turn in item.history]
    prompt = build_messages(
        item.question, evidence, history, voice, count_tokens=lambda _: 0, budget_tokens=900
    )
    return {
        "row_id": item.id,
        "group": item.id.rpartition("-")[0],
        "origin": origin,
        "prompt": list(prompt.messages),
        "completion": [{"role": "assistant", "content": item.answer}],
    }


def _items(dice: random.Random) -> Iterator[Item]:
    for one in squad(is_held_out=False):
        parts = sentences(one.context)
        holding = [part for part in parts if one.answers and one.answers[0] in part]
        if len(holding) != 1 or len(holding[0].split()) not in _WORDS:
            continue
        facts = [Fact(one.title, text) for text in _beside(holding[0], parts, dice)]
        yield Item(one.item_id, "comprehension", one.question, tuple(facts), holding[0])


def _beside(deciding: str, parts: Sequence[str], dice: random.Random) -> list[str]:
    """Put other sentences of a paragraph beside the one that answers, in any order."""
    others = [part for part in parts if part != deciding and len(part.split()) in _WORDS]
    chosen = [deciding, *dice.sample(others, min(len(others), dice.randrange(_OTHERS + 1)))]
    dice.shuffle(chosen)
    return chosen
