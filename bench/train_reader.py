"""Train the reader on data of others, as `bench/reader_rows.py` chooses and holds out.

    python -m bench.train_reader [--threads N]

First on whole paragraphs, then on the windows that are read in production. Writes rows, weights
and losses to scratch/reader; a stage that is there already is not trained again. `python -m
bench.reader scratch/reader/windows` measures it against the rules without one. About two hours on
one free core.
"""

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from adapters.reader_training import Row, Spec, train
from bench.corpora import SCRATCH
from bench.reader_rows import training_rows
from bench.window_rows import window_rows
from bot.models import find_embedder
from bot.settings import Settings

FOLDER = SCRATCH / "reader"
STAGES = (FOLDER / "paragraphs", FOLDER / "windows")
"""Where each stage leaves its weights; its rows lie beside it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the rows and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args(arguments).threads
    whole, windows = STAGES
    _stage(whole, training_rows, epochs=2, pace=1e-3, threads=threads)
    _stage(windows, window_rows, start=whole, epochs=2, pace=8e-4, threads=threads)


def _stage(out: Path, rows_of: Callable[[], list[Row]], **options: Any) -> None:
    if (out / "result.json").exists():
        return
    rows = rows_of()
    print(f"{out.name}: {len(rows)} rows: {dict(Counter(row.origin for row in rows))}", flush=True)
    out.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(dataclasses.asdict(row), ensure_ascii=False) for row in rows)
    file = out.with_suffix(".jsonl")
    file.write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    base = find_embedder(Settings())
    spec = Spec(base=base.folder, base_id=base.name, rows=file, out=out, max_tokens=512, **options)
    (out / "result.json").write_text(json.dumps(train(spec), indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
