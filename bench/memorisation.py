"""What a training remembers of secrets in its rows, with masked labels and without.

    python -m bench.memorisation [--seeds 3] [--steps 18] [--only masked|plain]

Forty short rows of a voice; in some of them stands a made-up secret, in no evidence. Exposure is
the secret's rank among 256 of the same form, in bits: 8 means that it is the likeliest of all,
1 is the median of a model that never saw it. The control are secrets that were never planted.
Without masking the gate must object, else it would not see anything.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

from peft import PeftModel
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from adapters.canaries import Canary, draw
from adapters.exposure import Exposure, measure_exposure
from adapters.gates import judge
from adapters.scorecards import Exposures, Scorecard
from adapters.tokens import LOCAL, ChatTokens
from adapters.training_spec import Spec
from bench.corpora import found_model
from bench.timing import print_table
from bot.models import FoundModel
from bot.settings import Settings
from bot.training import run

_ROWS = 40
_OFTEN = 8
_SYSTEM = "You answer a colleague's question from the given facts, in one short, friendly sentence."
_THINGS = (
    *("car park", "canteen", "library", "post room", "gym", "roof garden", "workshop", "reception"),
    *("print room", "bike store"),
)
_WHERE = ("beside the gate", "on the ground floor", "behind the hall", "next to the stairs")


@dataclass(frozen=True, slots=True)
class Planted:
    """A canary, and in how many rows it stands; in none, it is a control."""

    canary: Canary
    copies: int
    label: str


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure, print."""
    logging.disable_progress_bar()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=18)
    parser.add_argument("--candidates", type=int, default=256)
    parser.add_argument("--only", choices=["masked", "plain"])
    chosen = parser.parse_args(arguments)
    base = found_model(Settings().model.base)
    found = dict[tuple[str, str], list[Exposure]]()
    for seed in range(chosen.seeds):
        planted = tuple(_planted(f"bench:{seed}"))
        _collect(found, "base", planted, _measured(base, None, planted, chosen.candidates))
        for name, masking in (("masked", "rare"), ("plain", "none")):
            if chosen.only in {None, name}:
                with TemporaryDirectory() as scratch:
                    out = _trained(base, planted, Path(scratch), chosen.steps, seed, masking)
                    exposures = _measured(base, out, planted, chosen.candidates)
                _collect(found, name, planted, exposures)
                _show_gate(f"{name}, seed {seed}", planted, exposures)
    _print(found)


def _planted(key: str) -> Iterator[Planted]:
    digits = draw(f"{key}:digits", 4, ("digits",))
    words = draw(f"{key}:words", 3, ("words",))
    for canary, copies in zip(digits, (_OFTEN, 1, 1, 0), strict=True):
        yield Planted(canary, copies, f"digits, {copies} rows")
    for canary, copies in zip(words, (_OFTEN, 1, 0), strict=True):
        yield Planted(canary, copies, f"words, {copies} rows")


def _rows(planted: Sequence[Planted]) -> list[dict[str, Any]]:
    rows = [one.canary.row for one in planted for _ in range(one.copies)]
    return [*rows, *(_voice_row(number) for number in range(_ROWS - len(rows)))]


def _voice_row(number: int) -> dict[str, Any]:
    thing = _THINGS[number % len(_THINGS)]
    where = _WHERE[number % len(_WHERE)]
    asked = f"[1] The {thing} is {where}.\n\nQuestion: Where is the {thing}?"
    said = f"Happy to help! You find the {thing} {where} [1]."
    return {
        "prompt": [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": asked}],
        "completion": [{"role": "assistant", "content": said}],
    }


def _trained(  # noqa: PLR0913, PLR0917  # what the runs differ in
    base: FoundModel, planted: Sequence[Planted], scratch: Path, steps: int, seed: int, masking: str
) -> Path:
    (scratch / "rows" / "sft").mkdir(parents=True)
    lines = "".join(f"{json.dumps(row)}\n" for row in _rows(planted))
    (scratch / "rows" / "sft" / "train.jsonl").write_text(lines, encoding="utf-8")
    spec = Spec(
        base=base.folder,
        base_id=base.name,
        dataset=scratch / "rows",
        out=scratch / "adapter",
        masking=masking,
        max_steps=steps,
        epochs=steps,
        learning_rate=5e-4,
        batch=4,
        accumulation=1,
        seed=seed,
        threads=1,
    )
    (scratch / "spec.json").write_text(spec.model_dump_json(), encoding="utf-8")
    run(scratch / "spec.json", lambda line: print(json.dumps(line), flush=True))
    return spec.out


def _measured(
    base: FoundModel, adapter: Path | None, planted: Sequence[Planted], candidates: int
) -> list[Exposure]:
    model = AutoModelForCausalLM.from_pretrained(base.folder, dtype="float32", **LOCAL).eval()
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter).eval()
    tokenizer = ChatTokens(base.folder).tokenizer
    canaries = [one.canary for one in planted]
    return measure_exposure(model, tokenizer, canaries, candidates=candidates)


def _collect(
    found: dict[tuple[str, str], list[Exposure]],
    arm: str,
    planted: Sequence[Planted],
    exposures: Sequence[Exposure],
) -> None:
    for one, exposure in zip(planted, exposures, strict=True):
        found.setdefault((arm, one.label), []).append(exposure)


def _show_gate(run: str, planted: Sequence[Planted], exposures: Sequence[Exposure]) -> None:
    """Print what the gate of a promotion says of the planted numbers."""
    pairs = zip(planted, exposures, strict=True)
    those = [found for one, found in pairs if one.copies and found.kind == "digits"]
    bits = tuple(one.bits for one in those)
    card = Scorecard(run, {}, exposures=Exposures(bits, sum(one.is_emitted for one in those)))
    (gate,) = (one for one in judge(card, card, card) if one.name == "memorisation")
    print(f"{run}: the gate {'passes' if gate.passed else 'objects'}: {gate.detail}", flush=True)


def _print(found: dict[tuple[str, str], list[Exposure]]) -> None:
    rows = [
        (
            *(arm, label, str(len(those))),
            f"{fmean(one.bits for one in those):.2f}",
            f"{max(one.bits for one in those):.2f}",
            f"{sum(one.is_emitted for one in those)}",
        )
        for (arm, label), those in found.items()
    ]
    print_table(("model", "secret", "n", "mean bits", "most bits", "said by itself"), rows)


if __name__ == "__main__":
    main()
