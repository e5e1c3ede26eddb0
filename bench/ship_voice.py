"""Lay out a voice that passed its gates as the program ships it.

    python -m bench.ship_voice VERSION [--data FOLDER] [--out FOLDER]

Weights, configuration and manifest from the registry, and a record: the gates, the figures of each
arm beside it, and the losses of its training. Nothing is written if a gate objects.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from adapters.gate_report import read_record
from adapters.manifests import CONFIG, MANIFEST, WEIGHTS, AdapterRef
from adapters.promotions import REQUIRED
from adapters.registry import RECORD
from bench.corpora import ROOT, SCRATCH
from bot.house import open_house
from bot.settings import Settings, overridden

_SHIPPED = ROOT / "adapters" / "voices" / "house" / "adapter"


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the folder, or say what stands against it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("version")
    parser.add_argument("--data", type=Path, default=SCRATCH / "voice" / "data")
    parser.add_argument("--out", type=Path, default=_SHIPPED)
    chosen = parser.parse_args(arguments)
    settings = overridden(Settings(), {"data": str(chosen.data)})
    with open_house(settings) as house:
        kept = house.registry.find(chosen.version)
        ref = house.registry.ref(kept.domain, kept.version)
    report = settings.adapters_folder / "gates" / ref.version / "report.json"
    found = read_record(report, ref.manifest)
    failed = sorted(one.name for one in found.gates if not one.passed)
    missing = sorted(REQUIRED["voice"] - {one.name for one in found.gates})
    if failed or missing or found.is_limited:
        sys.exit(f"not shipped: failed {failed}, not run {missing}, {found.asked} of {found.of}")
    losses = chosen.data / "training" / f"{ref.version}.json"
    record = _record(json.loads(report.read_text()), json.loads(losses.read_text()))
    _write(ref, record, chosen.out)
    print(f"{ref.version} in {chosen.out}")


def _record(report: dict[str, Any], training: dict[str, Any]) -> dict[str, Any]:
    """Leave out what each arm said, for the figures are enough, and seconds, for they vary."""
    arms = {name: arm["figures"] for name, arm in report.pop("arms").items()}
    del training["seconds"]
    return report | {"arms": arms, "training": training}


def _write(ref: AdapterRef, record: dict[str, Any], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in (WEIGHTS, CONFIG, MANIFEST):
        (folder / name).write_bytes((ref.folder / name).read_bytes())
    (folder / RECORD).write_text(f"{json.dumps(record, indent=1)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
