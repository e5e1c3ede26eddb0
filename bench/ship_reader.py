"""Tune a trained reader, hold it against the rules, and lay it out as the program ships it.

    python -m bench.ship_reader [--out FOLDER]

Its weight and veto are tuned on questions that it was not trained on; its gates are held on
articles that it has never seen. Nothing is written if a gate fails.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from adapters.gates import GateResult
from adapters.manifests import CONFIG, MANIFEST, WEIGHTS, Base, Data, Manifest, Training
from adapters.registry import RECORD
from bench.corpora import ROOT, embedder
from bench.outside import indexed
from bench.reader import READER, Figures, measured, opened
from bench.reader_rows import squad
from bench.train_reader import STAGES
from bench.tuning import Tuned, searched, tuned
from bot.judging import DOMAIN
from bot.model_files import file_sha256
from bot.models import FoundModel, find_embedder
from bot.settings import Settings
from knowledge.reading import SentenceReader

_SETS = {"workarena": 1, "mtrag": 1, "squad": 3}  # each so many-th question is tuned on
_SHIPPED = ROOT / "adapters" / "voices" / "house" / "reader"
_MAX_TOKENS = 320
_RIGHT = 0.80  # of the sentences that it takes
_SLOWEST_MS = 500.0  # for one question, on one thread


def main(arguments: Sequence[str] | None = None) -> None:
    """Tune, measure, and write if all gates pass."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=_SHIPPED)
    chosen = parser.parse_args(arguments)
    adapter = STAGES[-1]
    judge = opened(adapter)
    figures = measured(squad(is_held_out=True), judge)
    found = tuned(
        {name: searched(indexed(name), "tune")[::step] for name, step in _SETS.items()},
        SentenceReader(embedder()),
        judge,
    )
    gates = _gates(figures)
    for one in gates:
        print(f"{one.name}: {'passed' if one.passed else 'failed'}; {one.detail}")
    if not all(one.passed for one in gates):
        sys.exit("nothing is written: a gate failed")
    _write(adapter, chosen.out, figures, found)


def _write(adapter: Path, out: Path, figures: Figures, found: Tuned) -> None:
    """Write weights, configuration, manifest and record."""
    manifest = _manifest(find_embedder(Settings()), adapter, found)
    record = _record(manifest, figures, found, _gates(figures))
    out.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CONFIG):
        (out / name).write_bytes((adapter / name).read_bytes())
    (out / MANIFEST).write_bytes(manifest.canonical)
    text = json.dumps(record, indent=2, default=str)
    (out / RECORD).write_text(f"{text}\n", encoding="utf-8")


def _gates(figures: Figures) -> tuple[GateResult, ...]:
    """Hold the reader against the best rule without one, and against what is bearable."""
    area, rule = _beside(figures.auroc)
    right, nearest = _beside(figures.right_sentence)
    told = f"area {area['value']} ({area['low']}-{area['high']}), best rule {rule['value']}"
    shown = f"right sentence {right['value']}, the nearest one {nearest['value']}"
    n, n_right = figures.questions, figures.answerable
    least = max(_RIGHT, nearest["value"])
    took = figures.ms_per_question
    return (
        _gate("integrity", 0.0, 0.0, 1, "loaded as written", is_passed=True),
        _gate(
            "answerable",
            area["value"],
            rule["value"],
            n,
            told,
            is_passed=area["low"] > rule["value"],
        ),
        _gate("evidence", right["value"], least, n_right, shown, is_passed=right["low"] > least),
        _gate(
            "latency", took, _SLOWEST_MS, figures.timed, f"{took} ms", is_passed=took <= _SLOWEST_MS
        ),
    )


def _gate(  # noqa: PLR0913  a result has as many parts
    name: str, value: float, limit: float, n: int, detail: str, *, is_passed: bool
) -> GateResult:
    return GateResult(name, is_passed, value, limit, n, detail)


def _beside(values: Mapping[str, Mapping[str, float]]) -> tuple[Mapping[str, float], ...]:
    rules = [value for name, value in values.items() if name != READER]
    return values[READER], max(rules, key=lambda one: one["value"])


def _manifest(base: FoundModel, adapter: Path, found: Tuned) -> Manifest:
    results = [json.loads((stage / "result.json").read_text()) for stage in STAGES]
    rows = [stage.with_suffix(".jsonl").read_bytes() for stage in STAGES]
    if [one["rows"] for one in results] != [len(one.splitlines()) for one in rows]:
        sys.exit(f"the rows beside {', '.join(map(str, STAGES))} are not what was trained on")
    return Manifest(
        kind="reader",
        domain=DOMAIN,
        audience=("everyone",),
        base=Base(
            id=base.name,
            sha256=base.sha256,
            tokenizer_sha256=file_sha256(base.folder / "tokenizer.json"),
        ),
        dataset=Data(
            version="+".join(stage.name for stage in STAGES),
            sha256=hashlib.sha256(b"".join(rows)).hexdigest(),
            rows=sum(len(one.splitlines()) for one in rows),
            policy="public questions and written examples; nothing that was typed in a workspace",
        ),
        training=Training(
            method="cross-encoder",
            seed=13,
            config={
                "trust": found.trust,
                "veto": found.veto,
                "max_tokens": _MAX_TOKENS,
                "steps": sum(one["steps"] for one in results),
            },
            versions=results[-1]["versions"],
        ),
        files={name: file_sha256(adapter / name) for name in (WEIGHTS, CONFIG)},
    )


def _record(
    manifest: Manifest, figures: Figures, found: Tuned, gates: Sequence[GateResult]
) -> dict[str, Any]:
    """Write down what the gates found, and how the weights came about."""
    results = [json.loads((stage / "result.json").read_text()) for stage in STAGES]
    return {
        "version": manifest.version,
        "domain": manifest.domain,
        "at": datetime.now(UTC),
        "compared_with": "",
        "asked": figures.questions,
        "of": figures.questions,
        "gates": [asdict(one) for one in gates],
        "figures": asdict(figures),
        "tuning": asdict(found),
        "losses": {stage.name: one["losses"] for stage, one in zip(STAGES, results, strict=True)},
    }


if __name__ == "__main__":
    main()
