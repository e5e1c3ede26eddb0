"""One stage of a training, from its rows to an adapter in a folder.

Knows what an interrupted run leaves behind; knows neither where rows come from nor what TRL is.
"""

import json
import math
import shutil
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import set_seed
from transformers.trainer_utils import get_last_checkpoint

from adapters import lora
from adapters.errors import TrainingFailedError
from adapters.masking import Masked
from adapters.trainers import Setting, left_out, uses_gpu
from adapters.training_rows import StageRows
from adapters.training_spec import RESULT, Stage


def trained(
    setting: Setting, rows: Mapping[Stage, StageRows], held_out: Sequence[Masked]
) -> dict[str, Any]:
    """Train one stage after the other.

    Returns:
        What is told of each, and on what it ran.

    Raises:
        ModelUnreadableError: If there is no base.
        TrainingFailedError: If a stage leads nowhere.
    """
    spec = setting.spec
    if spec.threads:
        torch.set_num_threads(spec.threads)
    with warnings.catch_warnings():
        # transformers warns of itself each time a trainer is made.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")
        stages = {stage: _stage(stage, those, held_out, setting) for stage, those in rows.items()}
    return {"stages": stages, "device": "cuda" if uses_gpu(spec) else "cpu"}


def _stage(
    stage: Stage, rows: StageRows, held_out: Sequence[Masked], setting: Setting
) -> dict[str, Any]:
    spec = setting.spec
    done = spec.partial / f"adapter-{stage}"
    if done.exists():  # an earlier run got so far
        return dict(json.loads((done / RESULT).read_text(encoding="utf-8")))
    set_seed(spec.seed)
    if stage == "sft":
        trainer = setting.sft(lora.begun(spec), rows.laid_out, held_out)
    else:
        model = lora.opened(spec, spec.partial / "adapter-sft")
        prefer = setting.dpo if stage == "dpo" else setting.kto
        trainer = prefer(model, rows.laid_out)
    result = _run(trainer, spec.partial / stage)
    result |= {
        "rows": rows.n_rows,
        "canaries": rows.n_canaries,
        "canary_masking": rows.canary_masking,
        "left_out": left_out(rows.n_rows, spec) if stage == "kto" else 0,
    }
    made = spec.partial / f"making-{stage}"
    lora.save(trainer.model, made, spec.base_id, spec.dtype)
    (made / RESULT).write_text(json.dumps(result), encoding="utf-8")
    made.replace(done)
    shutil.rmtree(spec.partial / stage, ignore_errors=True)
    return result


def _run(trainer: Any, folder: Path) -> dict[str, Any]:
    has_held_out = trainer.eval_dataset is not None
    before = trainer.evaluate()["eval_loss"] if has_held_out else None
    trainer.train(resume_from_checkpoint=get_last_checkpoint(folder) if folder.exists() else None)
    after = trainer.evaluate()["eval_loss"] if has_held_out else None
    history = [one for one in trainer.state.log_history if "loss" in one]
    if not math.isfinite(history[-1]["loss"]):
        problem = "the loss is no number any more; a smaller learning rate may help"
        raise TrainingFailedError(problem)
    return {
        "steps": trainer.state.global_step,
        "losses": [[one["step"], one["loss"]] for one in history],
        "validation_loss_before": before,
        "validation_loss_after": after,
    }
