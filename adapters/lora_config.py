"""What the config of an adapter may say: plain LoRA, and nothing that alters the base. Pure.

What is not named here must be off, so that a feature of a later peft is refused, not ignored.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from adapters.manifests import Kind

MOST_RANK = 64
_LONGEST = 80  # characters of a value in a sentence

_Rule = Callable[[Any], bool]
_TASKS: Mapping[Kind, frozenset[str | None]] = {
    "voice": frozenset({"CAUSAL_LM"}),
    "reader": frozenset({"FEATURE_EXTRACTION", "QUESTION_ANS", None}),
}
_TARGETS: Mapping[Kind, frozenset[str]] = {
    "voice": frozenset(
        {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
    ),
    "reader": frozenset({"query", "key", "value", "dense"}),
}
_HEADS: Mapping[Kind, tuple[object, ...]] = {
    "voice": (None,),
    "reader": (None, ["qa_outputs"]),  # where an answer begins and ends; the encoder has none
}
_OFF: tuple[object, ...] = (None, False, {}, [])
_OF_NO_EFFECT = ("inference_mode", "peft_version", "qalora_group_size", "revision")


def config_objection(text: bytes, kind: Kind, base_id: str) -> str:
    """Say what is wrong with an adapter's config; empty if nothing is.

    Args:
        text: ``adapter_config.json``.
        kind: Of the adapter.
        base_id: Of the base in its manifest.
    """
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return "its config is no JSON"
    if not isinstance(config, dict):
        return "its config is no JSON object"
    rules = _rules(kind, base_id)
    wrong = [name for name, is_right in rules.items() if not is_right(config.get(name))]
    wrong += [name for name in sorted(config.keys() - rules.keys()) if config[name] not in _OFF]
    told = "; ".join(json.dumps({name: config.get(name)})[1:-1][:_LONGEST] for name in wrong)
    return f"its config may not say {told}" if wrong else ""


def _rules(kind: Kind, base_id: str) -> Mapping[str, _Rule]:
    return {
        "peft_type": lambda value: value == "LORA",
        "task_type": lambda value: isinstance(value, str | None) and value in _TASKS[kind],
        "base_model_name_or_path": lambda value: value == base_id,
        "bias": lambda value: value == "none",
        "r": lambda value: type(value) is int and 1 <= value <= MOST_RANK,
        "lora_alpha": lambda value: _is_number(value) and value > 0,
        "lora_dropout": lambda value: _is_number(value) and 0 <= value < 1,
        "modules_to_save": lambda value: value in _HEADS[kind],
        "target_modules": lambda value: _are_targets(value, _TARGETS[kind]),
        "init_lora_weights": lambda value: isinstance(value, bool | None),
        "use_rslora": lambda value: isinstance(value, bool | None),
        # peft imports the module of that name, if ever
        "megatron_core": lambda value: value in (None, "megatron.core"),
        **dict.fromkeys(_OF_NO_EFFECT, lambda _: True),
    }


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _are_targets(value: Any, known: frozenset[str]) -> bool:
    # Sorted, since peft writes a set, and the same training must give the same bytes.
    return (
        isinstance(value, list)
        and all(isinstance(name, str) and name.rpartition(".")[2] in known for name in value)
        and value == sorted(set(value))
        and bool(value)
    )
