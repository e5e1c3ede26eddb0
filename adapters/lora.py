"""LoRA on a base model: begun, opened again, and saved so that equal trainings give equal bytes.

Knows neither rows nor trainers.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors import SafetensorError
from safetensors.torch import load, save_file
from transformers import AutoModelForCausalLM
from transformers.utils import logging

from adapters.errors import ModelUnreadableError, TrainingFailedError
from adapters.manifests import CONFIG, WEIGHTS
from adapters.tokens import LOCAL
from adapters.training_spec import TARGETS, Spec


def begun(spec: Spec) -> Any:
    """Return the base with an adapter that says nothing yet, or the one to go on from.

    Raises:
        ModelUnreadableError: If there is no base.
        TrainingFailedError: If the adapter to go on from is of another size.
    """
    if spec.init_adapter is not None:
        return opened(spec, spec.init_adapter)
    config = LoraConfig(
        r=spec.r,
        lora_alpha=spec.alpha,
        lora_dropout=0.0,
        bias="none",
        task_type="CAUSAL_LM",
        target_modules=list(TARGETS),
    )
    return get_peft_model(_base(spec), config)


def opened(spec: Spec, folder: Path) -> Any:
    """Return the base with an adapter that can be trained further.

    Raises:
        ModelUnreadableError: If there is no base.
        TrainingFailedError: If the adapter is of another size than is asked for.
    """
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    if (config["r"], config["lora_alpha"]) != (spec.r, spec.alpha):
        problem = f"{folder} has r {config['r']} and alpha {config['lora_alpha']}: ask for the same"
        raise TrainingFailedError(problem)
    model = PeftModel.from_pretrained(_base(spec), folder.resolve(), is_trainable=True)
    model.peft_config["default"].base_model_name_or_path = str(spec.base)  # peft looks there
    return model


def _base(spec: Spec) -> Any:
    logging.disable_progress_bar()
    try:
        return AutoModelForCausalLM.from_pretrained(
            spec.base, dtype=getattr(torch, spec.dtype), use_safetensors=True, **LOCAL
        )
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        raise ModelUnreadableError(str(spec.base), type(error).__name__) from error


def save(model: Any, folder: Path, base_id: str, dtype: str = "float32") -> None:
    """Save an adapter: its weights, and a configuration without paths and in one order.

    Args:
        model: With the adapter on it.
        folder: Is emptied first.
        base_id: What the configuration calls the base.
        dtype: Of the weights in the file; that of the base, so that every machine serves the same.
    """
    shutil.rmtree(folder, ignore_errors=True)
    model.save_pretrained(folder, selected_adapters=["default"])  # not the frozen copy of DPO
    weights = load((folder / WEIGHTS).read_bytes())  # not mapped: the file is written anew
    rounded = {name: one.to(getattr(torch, dtype)) for name, one in weights.items()}
    save_file(rounded, folder / WEIGHTS, metadata={"format": "pt"})
    config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    config["base_model_name_or_path"] = base_id
    config["target_modules"] = sorted(config["target_modules"])
    if config["modules_to_save"]:  # peft names the head anew each time that it is loaded
        config["modules_to_save"] = sorted(set(config["modules_to_save"]))
    text = json.dumps(config, indent=2, sort_keys=True)
    (folder / CONFIG).write_text(f"{text}\n", encoding="utf-8")
    for file in folder.iterdir():
        if file.name not in {WEIGHTS, CONFIG}:
            file.unlink()
