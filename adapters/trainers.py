"""TRL set up for one stage of a training; the only file that speaks TRL.

Knows what TRL does by default and should not: its precision, its cuts, its files and its prints.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import Sampler
from transformers import PrinterCallback, TrainerCallback
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from adapters.errors import TrainingFailedError
from adapters.masking import Masked
from adapters.training_rows import interleaved, like_lengths
from adapters.training_spec import Spec, Stage

Report = Callable[[dict[str, Any]], None]
_RATIO = 1.15
"""Weight of all ups over that of all downs; KTO wants 1 to 4/3."""


@dataclass(frozen=True, slots=True)
class Setting:
    """What every stage of a training shares."""

    spec: Spec
    tokenizer: Any
    report: Report

    def sft(self, model: Any, rows: Sequence[Masked], held_out: Sequence[Masked]) -> Any:
        """Set up supervised training on rows that are laid out in tokens already."""
        spec = self.spec
        common = self._common("sft", len(rows), spec.epochs, spec.accumulation)
        args = SFTConfig(**common, learning_rate=spec.learning_rate, max_length=None)
        held = Dataset.from_list(list(held_out)) if held_out else None
        made = Dataset.from_list(list(rows))
        return self._ready(_ByLengthSft, "sft", model, args, made, eval_dataset=held)

    def dpo(self, model: Any, rows: Sequence[dict[str, Any]]) -> Any:
        """Set up training on pairs, anchored on the adapter that the model comes with."""
        spec = self.spec
        common = self._common(
            "dpo", len(rows), spec.preference_epochs, spec.preference_accumulation
        )
        args = DPOConfig(
            **common, learning_rate=spec.preference_learning_rate, beta=spec.beta, max_length=None
        )
        return self._ready(DPOTrainer, "dpo", model, args, Dataset.from_list(list(rows)))

    def kto(self, model: Any, rows: Sequence[dict[str, Any]]) -> Any:
        """Set up training on votes, anchored on the adapter that the model comes with.

        A last batch that is not full would compare a row with itself; its rows are left out,
        which `left_out` counts.
        """
        spec = self.spec
        ordered = [rows[index] for index in interleaved([row["label"] for row in rows], spec.seed)]
        kept = ordered[: len(ordered) - left_out(len(rows), spec)]
        n_up = sum(row["label"] for row in kept)
        common = self._common(
            "kto", len(kept), spec.preference_epochs, spec.preference_accumulation
        )
        args = KTOConfig(
            **common,
            learning_rate=spec.preference_learning_rate,
            beta=spec.beta,
            max_length=None,
            undesirable_weight=n_up / ((len(kept) - n_up) * _RATIO),
        )
        return self._ready(KTOTrainer, "kto", model, args, Dataset.from_list(kept))

    def _common(self, stage: Stage, rows: int, epochs: float, accumulation: int) -> dict[str, Any]:
        spec, is_cpu = self.spec, not uses_gpu(self.spec)
        steps = -(-rows // (spec.batch * accumulation)) * epochs
        steps = min(steps, spec.max_steps) if spec.max_steps else steps
        return {
            "output_dir": str(spec.partial / stage),
            "use_cpu": is_cpu,
            "bf16": spec.dtype == "bfloat16",
            "activation_checkpointing": False,
            "num_train_epochs": epochs,
            "max_steps": spec.max_steps or -1,
            "per_device_train_batch_size": spec.batch,
            "per_device_eval_batch_size": spec.batch,
            "gradient_accumulation_steps": accumulation,
            "lr_scheduler_type": "cosine",
            "warmup_steps": round(spec.warmup * steps),
            "weight_decay": spec.weight_decay,
            "dataloader_pin_memory": not is_cpu,
            "logging_steps": spec.log_steps,
            "logging_first_step": True,
            "disable_tqdm": True,
            "report_to": "none",
            "save_strategy": "steps",
            "save_steps": spec.checkpoint_steps,
            "save_total_limit": 1,
            "seed": spec.seed,
            "data_seed": spec.seed,
        }

    def _ready(
        self, kind: Any, stage: Stage, model: Any, args: Any, rows: Dataset, **more: Any
    ) -> Any:
        trainer = kind(
            model,
            args=args,
            train_dataset=rows,
            processing_class=self.tokenizer,
            callbacks=[_Progress(stage, self.report)],
            **more,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.create_model_card = lambda **_: None  # it would hold a path of this machine
        if len(trainer.train_dataset) != len(rows):
            problem = f"{len(rows) - len(trainer.train_dataset)} rows were dropped"
            raise TrainingFailedError(problem)
        return trainer


def left_out(rows: int, spec: Spec) -> int:
    """Count the votes that do not fill a batch."""
    return rows % spec.batch


def uses_gpu(spec: Spec) -> bool:
    """Tell whether a training runs on a GPU."""
    return spec.device == "cuda" or (spec.device == "auto" and torch.cuda.is_available())


class _ByLength(Sampler[int]):
    """Rows of like length together; another order in each epoch, the same in each run."""

    def __init__(self, lengths: Sequence[int], batch: int, seed: int) -> None:
        self._lengths = lengths
        self._batch = batch
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch begins; an interrupted run goes on with a later one."""
        self._epoch = epoch

    def __iter__(self) -> Iterator[int]:
        return iter(like_lengths(self._lengths, self._batch, self._seed + self._epoch))

    def __len__(self) -> int:
        return len(self._lengths)


class _ByLengthSft(SFTTrainer):  # type: ignore[misc]  # ships no types
    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        rows = self.train_dataset if train_dataset is None else train_dataset
        lengths = [len(ids) for ids in rows["input_ids"]]
        return _ByLength(lengths, self.args.train_batch_size, self.args.seed)


class _Progress(TrainerCallback):  # type: ignore[misc]  # ships no types
    """Reports each logged step, with the seconds left at the pace so far."""

    def __init__(self, stage: Stage, report: Report) -> None:
        self._stage = stage
        self._report = report
        self._first, self._began = 0, 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Start the clock; a run that goes on starts it late."""
        del args, control
        self._first, self._began = state.global_step, time.monotonic()

    def on_log(self, args: Any, state: Any, control: Any, logs: Any, **_: Any) -> None:
        """Report one step."""
        del args, control
        if "loss" not in logs:
            return
        spent_s = time.monotonic() - self._began
        pace_s = spent_s / max(state.global_step - self._first, 1)
        line = {
            "stage": self._stage,
            "step": state.global_step,
            "steps": state.max_steps,
            "loss": round(logs["loss"], 4),
            "seconds_left": round(pace_s * (state.max_steps - state.global_step), 1),
        }
        if "num_tokens" in logs:
            line["tokens_per_s"] = round(logs["num_tokens"] / max(spent_s, 1e-9), 1)
        self._report(line)
