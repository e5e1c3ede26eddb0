"""Train the reader on data of others, as `bench/reader_rows.py` chooses and holds out.

    python -m bench.train_reader [--threads N]

Writes rows, weights and losses to scratch/reader; `python -m bench.reader scratch/reader/adapter`
measures it against the rules without one. About an hour on one free core.
"""

import argparse
import dataclasses
import json
from collections import Counter
from collections.abc import Sequence

from adapters.reader_training import Spec, train
from bench.corpora import SCRATCH
from bench.reader_rows import training_rows
from bot.models import find_embedder
from bot.settings import Settings

FOLDER = SCRATCH / "reader"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the rows and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args(arguments)
    rows = training_rows()
    print(f"{len(rows)} rows: {dict(Counter(row.origin for row in rows))}", flush=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    lines = (json.dumps(dataclasses.asdict(row), ensure_ascii=False) for row in rows)
    (FOLDER / "rows.jsonl").write_text("".join(f"{one}\n" for one in lines), encoding="utf-8")
    base = find_embedder(Settings())
    spec = Spec(
        base=base.folder,
        base_id=base.name,
        rows=FOLDER / "rows.jsonl",
        out=FOLDER / "adapter",
        epochs=2,
        pace=1e-3,
        threads=chosen.threads,
    )
    result = train(spec)
    (FOLDER / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
