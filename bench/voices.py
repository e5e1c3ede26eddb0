"""The table of the arms: base, base + prompt, the previous version, the candidate.

    python -m bench.voices [--candidate FOLDER] [--previous FOLDER] [--limit 200] [--html FOLDER]

On the examples that the voice's recipe holds out, and on a held-out tenth of the articles of
squad2, each question with the sentence that answers it (where one does) and its nearest
neighbours; some of each once more, with an order to machines among the facts. A FOLDER holds
weights, config and manifest. What was asked is kept in ``scratch/`` by all that an answer depends
on, the code included, so that a run which was stopped goes on.
"""

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from adapters.heldout import Item, read_held_out
from adapters.manifests import MANIFEST, AdapterRef, Manifest
from adapters.voice import Fact
from bench.corpora import SCRATCH, embedder, found_model
from bench.reader_rows import SEED, squad
from bench.reader_rows import Item as Asked
from bench.timing import print_table
from bot.answer_keys import gives
from bot.answering import Limits
from bot.errors import ModelMissingError
from bot.evaluation.kept import KeptLines
from bot.evaluation.overview import UNKNOWN, interval, number, rows
from bot.evaluation.report import render
from bot.evaluation.results import Evaluation
from bot.evaluation.running import code_version
from bot.gating import Examiner, Measured, Speaker, measured, speakers, with_orders
from bot.gating_report import evaluation
from bot.grounding import Similarity
from bot.loading import LoadedModels
from bot.settings import Settings
from bot.speaking import read_voice
from knowledge.reading import SentenceReader
from knowledge.sentences import sentences

_FACTS = 3
_ORDERED = 60  # questions of squad that are asked once more, with an order among the facts
_SHORTEST = 15  # characters of a sentence


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--candidate", type=Path, help="folder of an adapter")
    parser.add_argument("--previous", type=Path, help="folder of the one that speaks now")
    parser.add_argument("--limit", type=int, default=200, help="questions of each set; 0: all")
    parser.add_argument("--only", nargs="+", choices=["held-out", "squad"], help="these sets")
    parser.add_argument("--html", type=Path, help="folder for a page of each set")
    chosen = parser.parse_args(arguments)
    examiner, voice = _examiner(), read_voice(Settings().model.voice)
    arms = speakers(voice, _ref(chosen.candidate), _ref(chosen.previous))
    for name in chosen.only or ("held-out", "squad"):
        asked = (
            _squad(examiner.similarity, chosen.limit)
            if name == "squad"
            else _held_out(chosen.limit)
        )
        print(f"\n{name}: {len(asked)} questions", flush=True)
        found = _measured(examiner, arms, asked, name)
        _show(found)
        if chosen.html:
            chosen.html.mkdir(parents=True, exist_ok=True)
            (chosen.html / f"{name}.html").write_text(render(found), encoding="utf-8")


def _measured(
    examiner: Examiner, arms: Sequence[Speaker], items: Sequence[Item], name: str
) -> Evaluation:
    kept = KeptLines(SCRATCH / "voices" / f"{name}-{code_version()[:16]}.jsonl", Measured)
    n_done, n = 0, len(items) * len(arms)

    def tell() -> None:
        nonlocal n_done
        n_done += 1
        sys.stderr.write(f"\r  {n_done} of {n}")

    results = measured(examiner, arms, items, kept, tell)
    sys.stderr.write("\n")
    return evaluation(results, items, datetime.now(UTC), {name: f"{len(items)} questions"})


def _show(found: Evaluation) -> None:
    head = ["measure", "n", *(arm.arm for arm in found.arms)]
    lines = [
        [
            row.measure,
            row.n,
            *(
                f"{number(row.measure, c.figure.value)} ({interval(c.figure, '-')})"
                if c
                else UNKNOWN
                for c in row.cells
            ),
        ]
        for row in rows(found)
    ]
    print_table(head, lines)


def _held_out(limit: int) -> Sequence[Item]:
    items = read_held_out(Settings().model.voice.parent).items
    n = min(limit or len(items), len(items))
    return with_orders([items[place * len(items) // n] for place in range(n)])


def _squad(similarity: Similarity, limit: int) -> list[Item]:
    asked = squad(is_held_out=True)
    print(f"\nheld-out articles: {', '.join(sorted({one.title for one in asked}))}", flush=True)
    random.Random(SEED).shuffle(asked)  # noqa: S311  # an order, not a secret
    items = (item for one in asked for item in _read(one, similarity))
    return list(with_orders(list(islice(items, limit or None)), _ORDERED))


def _read(asked: Asked, similarity: Similarity) -> Iterator[Item]:
    """Give a question the sentence that answers it and its neighbours, in their order."""
    found = [one for one in sentences(asked.context) if len(one) >= _SHORTEST]
    near = sorted(found, key=lambda one: -similarity(asked.question, one))
    answering = [one for one in near if gives(one, asked.answers)][:1]
    if asked.answers and not answering:
        return  # the answer goes over the end of a sentence
    chosen = [*answering, *(one for one in near if one not in answering)][:_FACTS]
    yield Item(
        id=asked.item_id,
        kind="comprehension" if asked.answers else "impossible",
        question=asked.question,
        facts=tuple(Fact(asked.title, one) for one in found if one in chosen),
        golds=asked.answers,
    )


def _examiner() -> Examiner:
    model = Settings().model
    responder = LoadedModels().speaker(model, base := found_model(model.base))
    if responder is None:
        raise ModelMissingError(base.name, "name one in the settings")
    limits = Limits(
        prompt_tokens=model.prompt_tokens,
        answer_tokens=model.answer_tokens,
        deadline_s=model.deadline_s,
    )
    return Examiner(responder, SentenceReader(embedder()).similarity, limits)


def _ref(folder: Path | None) -> AdapterRef | None:
    if folder is None:
        return None
    path = folder.absolute() / MANIFEST
    manifest = Manifest.from_json(path.read_bytes(), path=str(path))
    return AdapterRef(manifest.domain, manifest.version, path.parent, manifest)


if __name__ == "__main__":
    main()
