"""Reads a question and a passage together, and says in which sentence the answer stands.

An encoder with a LoRA adapter (`adapters.reader_training`). Not safe to share between threads:
the one that asks first owns it. Knows neither documents nor who may read them.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.errors import AdapterRejectedError, ModelUnreadableError, WrongThreadError
from adapters.manifests import WEIGHTS

_LONGEST_ANSWER = 30  # tokens
_LONGEST_QUESTION = 96  # tokens; of a longer one the end counts, which was said last


@dataclass(frozen=True, slots=True)
class Laid:
    """A passage as the encoder sees it.

    Attributes:
        spans: Where each sentence stands in the text [characters].
    """

    text: str
    spans: tuple[tuple[int, int], ...]


def laid_out(title: str, sentences: Sequence[str]) -> Laid:
    """Put a passage on one line, below its title."""
    text, spans = f"{title}:", []
    for sentence in sentences:
        spans.append((len(text) + 1, len(text) + 1 + len(sentence)))
        text = f"{text} {sentence}"
    return Laid(text, tuple(spans))


def shortened(question: str, tokenizer: Any) -> str:
    """Cut a question that would leave no room for a passage, in training as in use."""
    tokens = tokenizer(question, add_special_tokens=False, verbose=False)["input_ids"]
    if len(tokens) <= _LONGEST_QUESTION:
        return question
    return str(tokenizer.decode(tokens[-_LONGEST_QUESTION:]))


class CrossEncoder:
    """A trained reader.

    Args:
        base: Folder of the encoder that the adapter was trained on; nothing is fetched.
        adapter: Folder with its weights and configuration, verified by the caller.
        threads: Of torch; 0 leaves it to torch.
        max_tokens: Of question and passage; of a longer passage the end is not read.

    Raises:
        ModelUnreadableError: If the base is no encoder.
        AdapterRejectedError: If the adapter does not fit it exactly.
    """

    def __init__(
        self, base: Path, adapter: Path, *, threads: int = 0, max_tokens: int = 320
    ) -> None:
        import torch  # noqa: PLC0415  # torch and its kin load when a model does

        if threads:
            torch.set_num_threads(threads)
        self._torch = torch
        self._max_tokens = max_tokens
        self._tokenizer, self._model = _load(base, adapter)
        self._owner: int | None = None
        self._claim = Lock()

    def _own(self) -> None:
        with self._claim:
            self._owner = self._owner or get_ident()
            if self._owner != get_ident():
                raise WrongThreadError

    def judge(self, question: str, passages: Sequence[Laid]) -> list[tuple[float, ...]]:
        """Say for each sentence of each passage how surely the answer stands in it.

        Returns:
            For each passage one log-odds a sentence, against "this passage does not answer":
            above 0 the answer is there sooner than not. The lowest float32 where a sentence was
            not read.

        Raises:
            WrongThreadError: If another thread asked first.
        """
        self._own()
        if not passages:
            return []
        found = self._tokenizer(
            [shortened(question, self._tokenizer)] * len(passages),
            [one.text for one in passages],
            truncation="only_second",
            max_length=self._max_tokens,
            padding=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )
        offsets = found.pop("offset_mapping").numpy()
        with self._torch.inference_mode():
            said = self._model(**found)
        starts, ends = said.start_logits.float().numpy(), said.end_logits.float().numpy()
        return [
            self._odds(one, starts[row], ends[row], offsets[row], found.sequence_ids(row))
            for row, one in enumerate(passages)
        ]

    def _odds(
        self,
        passage: Laid,
        starts: NDArray[np.float32],
        ends: NDArray[np.float32],
        offsets: NDArray[np.int64],
        sequence: Sequence[int | None],
    ) -> tuple[float, ...]:
        inside = np.array([one == 1 for one in sequence])
        nowhere = float(starts[0] + ends[0])
        return tuple(
            _best_span(starts, ends, inside & (offsets[:, 0] < end) & (offsets[:, 1] > start))
            - nowhere
            for start, end in passage.spans
        )


def _best_span(
    starts: NDArray[np.float32], ends: NDArray[np.float32], allowed: NDArray[np.bool_]
) -> float:
    """Return the score of the best answer that begins and ends among some tokens."""
    places = np.flatnonzero(allowed)
    if not len(places):
        return float(np.finfo(np.float32).min)
    pairs = starts[places][:, None] + ends[places][None, :]
    later = places[None, :] - places[:, None]
    return float(np.where((later >= 0) & (later < _LONGEST_ANSWER), pairs, -np.inf).max())


def _load(base: Path, adapter: Path) -> tuple[Any, Any]:
    from peft import PeftModel, get_peft_model_state_dict  # noqa: PLC0415
    from safetensors import SafetensorError  # noqa: PLC0415
    from safetensors.torch import load_file  # noqa: PLC0415
    from transformers import AutoModelForQuestionAnswering, AutoTokenizer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # the head is not in the base, as it should not be
    source = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(base, **source)
        plain = AutoModelForQuestionAnswering.from_pretrained(base, use_safetensors=True, **source)
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        raise ModelUnreadableError(str(base), type(error).__name__) from error
    try:
        want = load_file(adapter / WEIGHTS)
        with warnings.catch_warnings():
            # transformers warns of itself whenever peft looks at a model.
            warnings.filterwarnings("ignore", message=".*is_gradient_checkpointing.*")
            model = PeftModel.from_pretrained(plain, str(adapter), local_files_only=True)
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        raise AdapterRejectedError(str(adapter), type(error).__name__) from error
    have = get_peft_model_state_dict(model, save_embedding_layers=False)
    if want.keys() != have.keys() or any((want[key] != have[key]).any() for key in want):
        raise AdapterRejectedError(str(adapter), "its weights do not fit the base")
    return tokenizer, model.eval()
