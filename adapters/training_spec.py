"""What a training is asked to do, in one file of JSON. Loads no library that trains."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, field_validator, model_validator

Method = Literal["sft", "sft+dpo", "sft+kto"]
Stage = Literal["sft", "dpo", "kto"]
RESULT = "result.json"
"""What a training leaves beside the adapter: losses, rows, seconds, versions."""

TARGETS = ("down_proj", "gate_proj", "k_proj", "o_proj", "q_proj", "up_proj", "v_proj")
"""Every linear layer but the head; attention alone learns less at equal size."""


class Spec(BaseModel, frozen=True, extra="forbid"):
    """One training, start to end.

    Attributes:
        base: Folder of the model that is adapted.
        base_id: What to call it in the adapter's configuration.
        dataset: Folder with ``sft/train.jsonl`` and, if there is any, ``sft/validation.jsonl``;
            the same under ``dpo`` and ``kto`` for those methods.
        out: Appears when all is done; work goes on in ``<out>.partial``.
        init_adapter: Goes on from this adapter; None: from the plain base.
        device: ``auto`` takes a GPU where there is one.
        dtype: Of the base; the adapter itself is always float32.
        max_length: Of prompt and answer together [tokens]; longer rows are refused.
        batch: Rows in memory at once.
        accumulation: Batches per step.
        warmup: Share of the steps in which the rate grows.
        max_steps: Ends each stage early; 0: the epochs decide.
        masking: Whether rare strings of the answers are taught; a row's column ``mask`` overrides.
        unmasked_origins: Origins whose rows teach copying, rare strings included.
        least_pairs, least_votes, least_downs: Below them DPO and KTO refuse to begin.
        canaries: Made-up secrets to plant, at most; a gate looks for them. They are masked as
            loosely as the loosest row, and not at all where a second stage cannot mask.
        canary_key: What they follow from, unlike that of any other data set.
        validation_rows: At most so many are measured before and after; 0: all.
        checkpoint_steps: What an interrupted run loses at most.
        threads: Of torch; 0: as many as there are cores.
    """

    base: Path
    base_id: str
    dataset: Path
    out: Path
    method: Method = "sft"
    init_adapter: Path | None = None
    seed: int = 13
    device: Literal["auto", "cpu", "cuda"] = "auto"
    dtype: Literal["float32", "bfloat16"] = "float32"
    threads: int = Field(default=0, ge=0)

    epochs: float = Field(default=2.0, gt=0)
    max_steps: int = Field(default=0, ge=0)
    learning_rate: float = Field(default=2e-4, gt=0)
    batch: int = Field(default=4, ge=1)
    accumulation: int = Field(default=2, ge=1)
    max_length: int = Field(default=1024, ge=16)
    r: int = Field(default=16, ge=1, le=64)
    alpha: int = Field(default=32, ge=1)
    warmup: float = Field(default=0.05, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)

    masking: Literal["rare", "none"] = "rare"
    unmasked_origins: tuple[str, ...] = ()

    preference_epochs: float = Field(default=1.0, gt=0)
    preference_accumulation: int = Field(default=4, ge=1)
    preference_learning_rate: float = Field(default=5e-6, gt=0)
    beta: float = Field(default=0.1, gt=0)
    least_pairs: int = Field(default=200, ge=1)
    least_votes: int = Field(default=500, ge=4)
    least_downs: int = Field(default=150, ge=1)

    canaries: int = Field(default=0, ge=0, le=20)
    canary_key: str = ""

    validation_rows: int = Field(default=200, ge=0)
    log_steps: int = Field(default=5, ge=1)
    checkpoint_steps: int = Field(default=50, ge=1)

    @field_validator("unmasked_origins", mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        return tuple(filter(None, value.split(","))) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _compares_votes(self) -> "Spec":
        if self.method == "sft+kto" and self.batch == 1:
            problem = "kto compares the rows of a batch: batch must be 2 or more, better 4"
            raise ValueError(problem)
        return self

    @property
    def partial(self) -> Path:
        """Where the work goes on."""
        return self.out.with_name(f"{self.out.name}.partial")

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The parts of the method, in order."""
        second = self.method.removeprefix("sft").removeprefix("+")
        return ("sft", second) if second else ("sft",)  # type: ignore[return-value]  # by its type
