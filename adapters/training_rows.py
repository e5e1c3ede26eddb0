"""The rows of a data set folder, read, checked, and put in order for TRL.

None is cut, and none is left out in silence. Knows no model but its tokenizer.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.canaries import draw_for, planted
from adapters.errors import DatasetError, RowTooLongError, TooFewRowsError
from adapters.masking import Masked, masked_row, no_spans, rare_spans
from adapters.responder import Message
from adapters.tokens import ChatTokens
from adapters.training_spec import Spec, Stage

_POOL = 32
"""Batches whose rows are sorted by length together: little padding, and still a mixture."""


class _Turn(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    role: Literal["system", "user", "assistant"]
    content: str


class _Answer(_Turn):
    role: Literal["assistant"]


class Row(BaseModel):
    """What all rows share; a data set has more columns, which are not read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    row_id: str = ""
    origin: str = ""
    prompt: list[_Turn] = Field(min_length=1)


class SftRow(Row):
    """A prompt and the answer that is taught."""

    completion: list[_Answer] = Field(min_length=1, max_length=1)
    mask: Literal["rare", "none"] = "rare"


class DpoRow(Row):
    """A prompt, the better answer and the worse one."""

    chosen: list[_Answer] = Field(min_length=1, max_length=1)
    rejected: list[_Answer] = Field(min_length=1, max_length=1)


class KtoRow(Row):
    """A prompt, an answer, and whether people liked it."""

    completion: list[_Answer] = Field(min_length=1, max_length=1)
    label: bool


@dataclass(frozen=True, slots=True)
class StageRows:
    """What one stage trains on.

    Attributes:
        laid_out: As TRL takes it.
        n_rows: Of the data set.
        n_canaries: Made-up secrets among the rest.
        canary_masking: How these are masked.
    """

    laid_out: Sequence[Any]
    n_rows: int
    n_canaries: int = 0
    canary_masking: str = ""


AnyRow = TypeVar("AnyRow", SftRow, DpoRow, KtoRow)


def read_rows(path: Path, kind: type[AnyRow]) -> list[AnyRow]:
    """Read the rows of one file of JSON Lines.

    Raises:
        DatasetError: If there is no such file, or a line is no such row.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DatasetError(str(path), type(error).__name__) from error
    return [_row(path, number, line, kind) for number, line in enumerate(lines, start=1) if line]


def _row(path: Path, number: int, line: str, kind: type[AnyRow]) -> AnyRow:
    try:
        row = kind.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the line"
        problem = f"line {number}: {place}: {first['msg'].lower()}"
        raise DatasetError(str(path), problem) from error
    return row.model_copy(update={"row_id": row.row_id or f"line {number}"})


def sft_tokens(rows: Sequence[SftRow], tokens: ChatTokens, spec: Spec) -> list[Masked]:
    """Lay out rows in tokens, with the labels that are trained.

    Raises:
        RowTooLongError: If a row does not fit.
        DatasetError: If a row does not teach where its answer ends.
    """
    laid_out = [_masked(row, tokens, spec) for row in rows]
    names = [row.row_id for row in rows]
    _check_lengths(names, [len(one["input_ids"]) for one in laid_out], spec.max_length)
    for name, one in zip(names, laid_out, strict=True):
        if tokens.tokenizer.eos_token_id not in one["labels"]:
            raise DatasetError(str(spec.dataset), f"{name} does not teach where its answer ends")
    return laid_out


def _masked(row: SftRow, tokens: ChatTokens, spec: Spec) -> Masked:
    prompt, (answer,) = _safe(row.prompt, tokens), _safe(row.completion, tokens)
    rare = no_spans if _is_whole(row, spec) else rare_spans
    return masked_row(tokens.tokenizer, prompt, answer["content"], rare)


def _is_whole(row: SftRow, spec: Spec) -> bool:
    return "none" in {spec.masking, row.mask} or row.origin in spec.unmasked_origins


def canary_masking(rows: Iterable[SftRow], spec: Spec) -> Literal["rare", "none"]:
    """Return the loosest masking of anything that is taught: what a canary is to stand for.

    Masked more tightly than a row, canaries would not show that the row is known by heart.
    """
    is_loose = len(spec.stages) > 1 or any(_is_whole(row, spec) for row in rows)
    return "none" if is_loose else "rare"


def chat_rows(
    rows: Sequence[DpoRow] | Sequence[KtoRow], tokens: ChatTokens, spec: Spec
) -> list[dict[str, Any]]:
    """Lay out rows in messages, for the stages that TRL tokenises itself.

    Raises:
        RowTooLongError: If a prompt with one of its answers does not fit.
    """
    laid_out = [_chat(row, tokens) for row in rows]
    lengths = [
        max(
            len(tokens.encoded([*one["prompt"], *one[name]], is_prompt=False))
            for name in ("completion", "chosen", "rejected")
            if name in one
        )
        for one in laid_out
    ]
    _check_lengths([row.row_id for row in rows], lengths, spec.max_length)
    return laid_out


def _chat(row: DpoRow | KtoRow, tokens: ChatTokens) -> dict[str, Any]:
    prompt = _safe(row.prompt, tokens)
    if isinstance(row, KtoRow):
        completion = _safe(row.completion, tokens)
        return {"prompt": prompt, "completion": completion, "label": row.label}
    better, worse = _safe(row.chosen, tokens), _safe(row.rejected, tokens)
    return {"prompt": prompt, "chosen": better, "rejected": worse}


def _check_lengths(names: Sequence[str], lengths: Sequence[int], limit: int) -> None:
    too_long = [(name, n) for name, n in zip(names, lengths, strict=True) if n > limit]
    if too_long:
        name, length = max(too_long, key=lambda one: one[1])
        raise RowTooLongError(name, length, limit, len(too_long))


def _safe(turns: Iterable[_Turn], tokens: ChatTokens) -> list[Message]:
    # As the responder does it: what is trained on is what is served.
    return tokens.safe([Message(role=turn.role, content=turn.content) for turn in turns])


def stage_rows(stage: Stage, tokens: ChatTokens, spec: Spec) -> StageRows:
    """Read and lay out what a stage trains on.

    Raises:
        DatasetError: If a row cannot be used.
        RowTooLongError: If one does not fit.
        TooFewRowsError: If there is not enough for this method.
    """
    path = spec.dataset / stage / "train.jsonl"
    if stage == "sft":
        rows = read_rows(path, SftRow)
        if not rows:
            raise DatasetError(str(path), "there is no row in it")
        canaries = draw_for(spec.canary_key, spec.canaries, len(rows))
        mask = canary_masking(rows, spec)
        secrets = [SftRow(**one, mask=mask) for one in planted(canaries, len(rows))]
        laid_out = sft_tokens([*rows, *secrets], tokens, spec)
        return StageRows(laid_out, len(rows), len(canaries), mask)
    if stage == "dpo":
        pairs = read_rows(path, DpoRow)
        _require("dpo", "pairs", len(pairs), spec.least_pairs)
        return StageRows(chat_rows(pairs, tokens, spec), len(pairs))
    votes = read_rows(path, KtoRow)
    downs = sum(not one.label for one in votes)
    _require("kto", "votes", len(votes), spec.least_votes)
    _require("kto", "votes against", downs, spec.least_downs)
    _require("kto", "votes for", len(votes) - downs, 1)
    return StageRows(chat_rows(votes, tokens, spec), len(votes))


def _require(method: str, what: str, rows: int, least: int) -> None:
    if rows < least:
        raise TooFewRowsError(method, what, rows, least)


def held_out_rows(tokens: ChatTokens, spec: Spec) -> list[Masked]:
    """Read and lay out the rows that the first stage is measured on; there may be none.

    Raises:
        DatasetError: If a row cannot be used.
        RowTooLongError: If one does not fit.
    """
    path = spec.dataset / "sft" / "validation.jsonl"
    rows = read_rows(path, SftRow) if path.exists() else []
    return sft_tokens(rows[: spec.validation_rows or None], tokens, spec)


def like_lengths(lengths: Sequence[int], batch: int, seed: int) -> list[int]:
    """Put rows of like length into one batch, in an order that the seed decides.

    Returns:
        Each index once; every ``batch`` of them make a batch, the last one may be smaller.
    """
    chance = random.Random(seed)  # noqa: S311  # an order, not a secret
    order = list(range(len(lengths)))
    chance.shuffle(order)
    rest = order[len(order) - len(order) % batch :]
    full = order[: len(order) - len(rest)]
    batches = list[list[int]]()
    for start in range(0, len(full), _POOL * batch):
        pool = sorted(full[start : start + _POOL * batch], key=lambda one: lengths[one])
        batches += [pool[at : at + batch] for at in range(0, len(pool), batch)]
    chance.shuffle(batches)
    return [index for one in batches for index in one] + rest


def interleaved(labels: Sequence[bool], seed: int) -> list[int]:
    """Mix ups and downs evenly, for KTO takes rows in order and compares within a batch.

    Returns:
        Each index once, such that every stretch holds about the same share of both.
    """
    chance = random.Random(seed)  # noqa: S311  # an order, not a secret
    places = list[tuple[float, int]]()
    for kind in (True, False):
        those = [index for index, label in enumerate(labels) if label is kind]
        chance.shuffle(those)
        places += [((at + 0.5) / len(those), index) for at, index in enumerate(those)]
    return [index for _, index in sorted(places)]
