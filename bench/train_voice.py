"""Train the voice that is shipped, as adapters/voices/house/recipe.yaml says.

    python -m bench.train_voice [--threads N]

Makes the data sets in scratch/voice, trains on one after the other as `housevoice train` does, and
registers the end of it as one training on the rows of both; `housevoice adapters gate VERSION
--dataset FOLDER` comes next. What was interrupted goes on, and what is done is not done again.
About an hour and a half on one free core.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from adapters.manifests import AdapterRef
from bench.corpora import ROOT, SCRATCH
from bench.voice_rows import Row, finishing_rows, squad_rows, written_rows
from bot.cli.training import Asked, train
from bot.house import open_house
from bot.settings import Settings, overridden
from bot.training_data import DataSet

VOICE = ROOT / "adapters" / "voices" / "house"


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the data sets, train twice, and register the result as one training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=1)
    chosen = parser.parse_args(arguments)
    recipe = yaml.safe_load((VOICE / "recipe.yaml").read_text(encoding="utf-8"))
    settings = overridden(Settings(), {"data": str(SCRATCH / "voice" / "data")})
    with open_house(settings) as house:
        voice = replace(house.voice, examples=())
    rows = [*written_rows(VOICE, voice), *squad_rows(voice, recipe["public_rows"])]
    last = finishing_rows(VOICE, voice, recipe["finishing"]["rows"])
    options = recipe["training"] | {"threads": chosen.threads}
    first = _trained(settings, write_dataset(rows), options)
    options |= recipe["finishing"]["training"]
    second = _trained(settings, write_dataset(last), options, parent=first.version)
    whole = write_dataset([*rows, *last])
    ref = _joined(settings, first, second, whole)
    print(f"{ref.version}: now `housevoice adapters gate {ref.version} --dataset {whole}`")


def _trained(
    settings: Settings, folder: Path, options: Mapping[str, Any], parent: str = ""
) -> AdapterRef:
    """Train on a data set, unless just that was done before."""
    if not (found := _done(settings, folder, options, parent)):
        print(f"data set: {folder}", flush=True)
        train(settings, folder, Asked(domain="default", parent=parent, options=options, more=()))
        found = _done(settings, folder, options, parent)
    return found[0]


def _done(
    settings: Settings, folder: Path, options: Mapping[str, Any], parent: str
) -> list[AdapterRef]:
    """Return the versions that were trained so; a list stands in a manifest as one text."""
    sha256, parents = DataSet.from_folder(folder).sha256, (parent,) if parent else ()
    asked = {k: ",".join(v) if isinstance(v, list) else v for k, v in options.items()}
    with open_house(settings) as house:
        refs = [house.registry.ref(one.domain, one.version) for one in house.registry.versions()]
    return [
        one
        for one in refs
        if (one.manifest.dataset.sha256, one.manifest.parents) == (sha256, parents)
        and asked.items()
        <= {**one.manifest.training.config, "seed": one.manifest.training.seed}.items()
    ]


def _joined(settings: Settings, first: AdapterRef, second: AdapterRef, whole: Path) -> AdapterRef:
    """Register the second adapter as the result of both trainings, on the rows of both."""
    before, after = first.manifest, second.manifest
    changed = {
        f"finishing_{name}": value
        for name, value in after.training.config.items()
        if value != before.training.config[name]
    }
    training = after.training.model_copy(update={"config": before.training.config | changed})
    rows = before.dataset.rows + after.dataset.rows
    manifest = after.model_copy(
        update={
            "parents": (),
            "dataset": DataSet.from_folder(whole).data(rows),
            "training": training,
        }
    )
    losses = settings.data / "training"
    told = [json.loads((losses / f"{one.version}.json").read_text()) for one in (first, second)]
    stages = {"sft": told[0]["stages"]["sft"], "finishing": told[1]["stages"]["sft"]}
    with open_house(settings) as house:
        ref = house.registry.register(second.folder, manifest)
    text = json.dumps(told[0] | {"stages": stages}, indent=2)
    (losses / f"{ref.version}.json").write_text(text, encoding="utf-8")
    return ref


def write_dataset(rows: Sequence[Row]) -> Path:
    """Write rows and manifest into a folder that is named by what it holds."""
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
