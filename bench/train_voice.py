"""Train the voice that is shipped, as adapters/voices/house/recipe.yaml says.

    python -m bench.train_voice [--threads N]

Makes the data set in scratch/voice, trains on it as `housevoice train` does, and prints the
version; `housevoice adapters gate VERSION --dataset FOLDER` comes next. What was interrupted goes
on. About 50 minutes on one free core.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bench.corpora import ROOT, SCRATCH
from bench.voice_rows import Row, squad_rows, written_rows
from bot.cli.training import Asked, train
from bot.house import open_house
from bot.settings import Settings, overridden

VOICE = ROOT / "adapters" / "voices" / "house"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data set and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args(arguments)
    recipe = yaml.safe_load((VOICE / "recipe.yaml").read_text(encoding="utf-8"))
    settings = overridden(Settings(), {"data": str(SCRATCH / "voice" / "data")})
    folder = write_dataset(settings, recipe)
    print(f"data set: {folder}", flush=True)
    options = recipe["training"] | {"threads": chosen.threads}
    train(settings, folder, Asked(domain="default", parent="", options=options, more=()))


def write_dataset(settings: Settings, recipe: Mapping[str, Any]) -> Path:
    """Write rows and manifest into a folder that is named by what it holds."""
    with open_house(settings) as house:
        voice = replace(house.voice, examples=())
    rows = [*written_rows(VOICE, voice), *squad_rows(voice, recipe["public_rows"])]
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    digest = hashlib.sha256(text.encode()).hexdigest()
    folder = SCRATCH / "voice" / f"house-{digest[:12]}"
    (folder / "sft").mkdir(parents=True, exist_ok=True)
    (folder / "sft" / "train.jsonl").write_text(text, encoding="utf-8")
    manifest = {
        "audience": ["everyone"],
        "policy": _policy(rows),
        "files": {"sft/train.jsonl": {"sha256": digest, "rows": len(rows)}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return folder


def _policy(rows: Sequence[Row]) -> dict[str, str | int]:
    origins = [row["origin"] for row in rows]
    counts = {f"rows of origin {name}": origins.count(name) for name in sorted(set(origins))}
    return counts | {"rule": "written or public; nothing that was typed in a workspace"}


if __name__ == "__main__":
    main()
