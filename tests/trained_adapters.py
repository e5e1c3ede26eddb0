"""Adapters as a training leaves them, small and random, without torch."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from adapters.decision_lines import Decision
from adapters.gates import GateResult
from adapters.manifests import CONFIG, MANIFEST, WEIGHTS, Base, Data, Kind, Manifest, Training
from adapters.promotions import required
from adapters.registry import RECORD, Registry

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
BASE_ID = "tiny-llama"
PREFIX = "base_model.model.model.layers.0.self_attn"
THREE = {WEIGHTS, CONFIG, MANIFEST}


def opened(root: Path) -> Registry:
    """Open a registry in which it is always noon."""
    return Registry(root, lambda: NOON)


def all_gates(kind: Kind = "voice", *others: GateResult) -> tuple[GateResult, ...]:
    """Pass every gate that a version needs, but for those that a test gives."""
    given = {gate.name: gate for gate in others}
    names = sorted(required(kind, "another") | given.keys())
    passed = {name: GateResult(name, passed=True, value=0.97, limit=0.95, n=120) for name in names}
    return tuple((passed | given).values())


def yes(*others: GateResult, actor: str = "U0CHIEF") -> Decision:
    """Decide that a voice speaks which passed its gates, but for those that a test gives."""
    return Decision(actor, "better", all_gates("voice", *others))


def weights(seed: int, **more: np.ndarray) -> bytes:
    """Draw the matrices of one adapted module."""
    drawn = np.random.default_rng(seed).normal(size=(4, 8)).astype(np.float32)
    names = {f"{PREFIX}.q_proj.lora_A.weight": drawn, f"{PREFIX}.q_proj.lora_B.weight": drawn.T}
    return save({name: np.ascontiguousarray(one) for name, one in (names | more).items()})


def config(**changed: Any) -> bytes:
    """Write the config of plain LoRA, but for what a test changes."""
    plain = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": BASE_ID,
        "bias": "none",
        "r": 4,
        "lora_alpha": 8,
        "lora_dropout": 0.0,
        "target_modules": ["k_proj", "q_proj"],
        "use_dora": False,
        "modules_to_save": None,
        "trainable_token_indices": None,
        "auto_mapping": None,
        "megatron_core": "megatron.core",
        "peft_version": "0.21.2",
    }
    return json.dumps(plain | changed, sort_keys=True).encode()


def trained(
    folder: Path,
    seed: int = 1,
    *,
    domain: str = "default",
    parents: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
) -> Manifest:
    """Leave what a training leaves, and return the manifest that belongs to it."""
    folder.mkdir(parents=True)
    written = {WEIGHTS: weights(seed), CONFIG: config()} | dict(files or {})
    for name, data in written.items():
        (folder / name).write_bytes(data)
    return Manifest(
        kind="reader" if domain == "reader" else "voice",
        domain=domain,
        audience=("everyone",),
        base=Base(id=BASE_ID, sha256="a" * 64, tokenizer_sha256="b" * 64),
        dataset=Data(version="2026-11-21-abc", sha256="c" * 64, rows=200, policy="v1"),
        training=Training(method="sft", seed=seed, config={"r": 4}, versions={"peft": "0.21.2"}),
        parents=parents,
        files={name: sha256(data).hexdigest() for name, data in written.items()},
    )


def flip(path: Path, at: int = -1) -> None:
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def shipped(folder: Path, *gates: GateResult, seed: int = 1, **changed: Any) -> Manifest:
    """Lay out an adapter as the package brings it; its record says what a test changes."""
    manifest = trained(folder, seed)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2))
    told = [{name: getattr(gate, name) for name in GateResult.__slots__} for gate in gates]
    about = {"version": manifest.version, "domain": manifest.domain, "asked": 9, "of": 9}
    (folder / RECORD).write_text(json.dumps({"gates": told, "losses": [2.1]} | about | changed))
    return manifest
