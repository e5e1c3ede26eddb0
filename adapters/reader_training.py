"""Training of a reader: LoRA on an encoder that sees question and passage together.

    python -m adapters.reader_training SPEC.json

It learns where in a passage the answer stands, or that it does not stand there, which is marked
at the first token. A process of its own: it takes all the memory and time it needs and can be
ended. Knows neither where rows come from nor who may read them.
"""

import json
import sys
import time
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from adapters.cross_encoder import shortened
from adapters.errors import DatasetError

LAYERS = ("dense", "key", "query", "value")
"""What of each block is adapted: all of its matrices."""


class Spec(BaseModel):
    """One run.

    Attributes:
        start: An adapter to go on from; None begins anew.
        base_id: What to call the base in the adapter's configuration, instead of its path.
        max_tokens: Of question and passage; of a longer passage only the start is read.
        pace: Peak learning rate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base: Path
    base_id: str
    start: Path | None = None
    rows: Path
    out: Path
    epochs: float = Field(default=3.0, gt=0)
    pace: float = Field(default=8e-4, gt=0)
    batch: int = Field(default=16, ge=1)
    rank: int = Field(default=32, ge=1, le=64)
    max_tokens: int = Field(default=320, ge=32, le=512)
    seed: int = 13
    threads: int = Field(default=1, ge=1)
    bfloat16: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A question, a passage, and where in it the answer stands.

    Attributes:
        passage: As `adapters.cross_encoder.laid_out` lays it out.
        start, end: Characters of the passage; both -1 where it does not answer.
        origin: Where the row comes from, for the record.
    """

    question: str
    passage: str
    start: int
    end: int
    origin: str


def read_rows(path: Path) -> list[Row]:
    """Read rows, one JSON object a line.

    Raises:
        DatasetError: If a line is none, or its answer does not stand in its passage.
    """
    rows = list[Row]()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            row = _ROW.validate_json(line)
        except ValueError as error:
            raise DatasetError(str(path), f"line {number} is no row") from error
        if not (row.start == row.end == -1 or 0 <= row.start < row.end <= len(row.passage)):
            raise DatasetError(str(path), f"line {number}: the answer is not in the passage")
        rows.append(row)
    return rows


_ROW = TypeAdapter(Row)


def encoded(rows: Sequence[Row], tokenizer: Any, spec: Spec) -> list[dict[str, Any]]:
    """Return tokens and labels; token 0 stands for "not here".

    Raises:
        DatasetError: If an answer stands where the passage is cut: it would be taught as absent.
    """
    laid = [_encoded(row, tokenizer, spec.max_tokens) for row in rows]
    for number, (row, one) in enumerate(zip(rows, laid, strict=True), start=1):
        if row.start >= 0 and not one["start_positions"]:
            problem = f"line {number}: the answer stands behind the first {spec.max_tokens} tokens"
            raise DatasetError(str(spec.rows), problem)
    return laid


def _encoded(row: Row, tokenizer: Any, max_tokens: int) -> dict[str, Any]:
    found = tokenizer(
        shortened(row.question, tokenizer),
        row.passage,
        truncation="only_second",
        max_length=max_tokens,
        return_offsets_mapping=True,
    )
    offsets = found.pop("offset_mapping")
    inside = [
        place
        for place, (begin, end) in enumerate(offsets)
        if found.sequence_ids()[place] == 1 and begin < row.end and end > row.start
    ]
    first, last = (inside[0], inside[-1]) if row.start >= 0 and inside else (0, 0)
    return dict(found) | {"start_positions": first, "end_positions": last}


def train(spec: Spec) -> dict[str, Any]:
    """Train, write weights and configuration, and return what is worth recording.

    Raises:
        DatasetError: If the rows cannot be used.
    """
    rows = read_rows(spec.rows)
    losses = _Losses()
    with warnings.catch_warnings():
        # transformers warns of itself whenever peft or a trainer looks at a model.
        warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")
        steps = _trained(spec, rows, losses)
    return {
        "rows": len(rows),
        "steps": steps,
        "losses": losses.seen,
        "seconds": losses.seconds,
        "versions": {name: version(name) for name in ("peft", "torch", "transformers")},
    }


def _trained(spec: Spec, rows: Sequence[Row], losses: "_Losses") -> int:
    """Train and save; return how many steps it took."""
    import torch  # noqa: PLC0415  torch and its kin load when a model does
    from transformers import (  # noqa: PLC0415
        AutoTokenizer,
        DataCollatorWithPadding,
        PrinterCallback,
        Trainer,
        set_seed,
    )
    from transformers.utils import logging  # noqa: PLC0415

    from adapters.lora import save  # noqa: PLC0415

    logging.set_verbosity_error()  # the head is not in the base, as it should not be
    logging.disable_progress_bar()
    torch.set_num_threads(spec.threads)
    set_seed(spec.seed)
    tokenizer = AutoTokenizer.from_pretrained(spec.base, local_files_only=True)
    model = _adapted(spec)
    trainer = Trainer(
        model=model,
        args=_arguments(spec, len(rows)),
        train_dataset=encoded(rows, tokenizer, spec),
        data_collator=DataCollatorWithPadding(tokenizer),
        callbacks=[_reporting(losses)],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    save(model, spec.out, spec.base_id)
    return int(trainer.state.global_step)


def _adapted(spec: Spec) -> Any:
    from peft import LoraConfig, PeftModel, get_peft_model  # noqa: PLC0415
    from transformers import AutoModelForQuestionAnswering  # noqa: PLC0415

    base = AutoModelForQuestionAnswering.from_pretrained(
        spec.base, local_files_only=True, use_safetensors=True
    )
    if spec.start:
        model = PeftModel.from_pretrained(base, str(spec.start), is_trainable=True)
        model.peft_config["default"].base_model_name_or_path = str(spec.base)  # peft looks there
        return model
    lora = LoraConfig(
        r=spec.rank,
        lora_alpha=2 * spec.rank,
        target_modules=list(LAYERS),
        task_type="QUESTION_ANS",
    )
    return get_peft_model(base, lora)


def _arguments(spec: Spec, n_rows: int) -> Any:
    from transformers import TrainingArguments  # noqa: PLC0415

    return TrainingArguments(
        output_dir=str(spec.out),
        use_cpu=True,
        bf16=spec.bfloat16,
        num_train_epochs=spec.epochs,
        per_device_train_batch_size=spec.batch,
        learning_rate=spec.pace,
        warmup_steps=round(0.06 * n_rows / spec.batch * spec.epochs),
        weight_decay=0.01,
        train_sampling_strategy="group_by_length",
        logging_steps=50,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=spec.seed,
        data_seed=spec.seed,
    )


class _Losses:
    """What was lost at each report, and since when."""

    def __init__(self) -> None:
        self.seen = list[float]()
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        return round(time.monotonic() - self._began, 1)

    def note(self, step: int, steps: int, loss: float) -> None:
        self.seen.append(round(loss, 4))
        left = self.seconds * (steps - step) / step
        told = {"step": step, "steps": steps, "loss": loss, "seconds_left": round(left)}
        sys.stdout.write(f"{json.dumps(told)}\n")
        sys.stdout.flush()


def _reporting(losses: _Losses) -> Any:
    from transformers import TrainerCallback  # noqa: PLC0415

    class _Report(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
        def on_log(self, _args: Any, state: Any, _control: Any, logs: Any, **_: Any) -> None:
            if "loss" in logs:
                losses.note(state.global_step, state.max_steps, float(logs["loss"]))

    return _Report()


def main(arguments: Iterable[str]) -> None:
    """Run what a file asks for, and write beside the weights how it went."""
    (path,) = arguments
    spec = Spec.model_validate_json(Path(path).read_text(encoding="utf-8"))
    result = train(spec)
    (spec.out / "result.json").write_text(f"{json.dumps(result, indent=2)}\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
