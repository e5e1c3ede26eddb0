"""What speaks: chat messages in, text out. Knows neither documents, audiences nor Slack.

The local engine is a transformers model in this process. It is not safe to share between
threads: the thread that generates first owns it.
"""

import re
import time
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, get_ident
from typing import Any, Literal, Protocol, TypedDict

from adapters.errors import GenerationError, ModelUnreadableError, WrongThreadError

Finish = Literal["stop", "length", "timeout", "repeat"]
"""Why a text ended: said what it wanted, too long, too late, or it went in circles."""

_CIRCLE_TOKENS = 12
"""So many tokens said twice are a circle, not a turn of phrase."""

_MEMORIES = 4
"""Prefixes remembered: one a voice, some 10 MB each for the small model."""


class Message(TypedDict):
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Generate:
    """What to say something to.

    Attributes:
        max_tokens: Longest text [tokens].
        timeout_s: Then what is there is returned [s].
    """

    messages: tuple[Message, ...]
    max_tokens: int = 72
    timeout_s: float = 30.0


@dataclass(frozen=True, slots=True)
class Generated:
    """What was said, and by which model.

    Attributes:
        adapter_name: None for the plain base model.
        engine: What ran it and in which precision.
        latency_s: From the request to the last token [s].
    """

    text: str
    finish: Finish
    base_id: str
    adapter_name: str | None
    engine: str
    prompt_tokens: int
    completion_tokens: int
    latency_s: float


class Responder(Protocol):
    """Says something to chat messages."""

    @property
    def base_id(self) -> str:
        """Which base model speaks; stands on every answer."""
        ...

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt."""
        ...

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], with all that the chat template adds."""
        ...


def defused(text: str, special: Iterable[str]) -> str:
    """Break the tokens that steer a model, so that a text cannot pose as a role.

    A space goes in after the first character of each; nothing is removed, since what is left
    after a removal may be a token again.
    """
    names = "|".join(sorted(map(re.escape, special), key=len, reverse=True))
    return re.sub(f"(?=(?:{names}))(.)", r"\1 ", text, flags=re.DOTALL) if names else text


class LocalResponder:
    """A model in this process, on the CPU: greedy, so that equal prompts get equal texts.

    Runs in bfloat16 where the CPU computes with it, else in float32.

    Args:
        folder: Safetensors weights with tokenizer and chat template; never looked up elsewhere.
        base_id: What to call the weights.
        threads: Of torch; 0 leaves it to torch, which takes all cores.
        clock: Seconds that only grow.

    Raises:
        ModelUnreadableError: If the folder does not hold a model.
    """

    def __init__(
        self,
        folder: Path,
        *,
        base_id: str,
        threads: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import torch  # noqa: PLC0415  # torch and its kin load when a model does
        import transformers  # noqa: PLC0415

        if threads:
            torch.set_num_threads(threads)
        dtype = torch.bfloat16 if _computes_bfloat16() else torch.float32
        self._tokenizer, self._model = _load(folder, dtype)
        self._torch, self._transformers = torch, transformers
        self._ends = _end_tokens(self._model, self._tokenizer)
        self._model.generation_config = transformers.GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._ends), pad_token_id=min(self._ends)
        )
        self._special = tuple(self._tokenizer.get_added_vocab())
        self._base_id = base_id
        self._engine = f"transformers/{str(dtype).removeprefix('torch.')}"
        self._clock = clock
        self._owner: int | None = None
        self._claim = Lock()
        self._memories: dict[tuple[int, ...], Any] = {}  # the model's state after each prefix

    @property
    def base_id(self) -> str:
        """Which base model speaks; stands on every answer."""
        return self._base_id

    def warm_up(self, prefix: Sequence[Message]) -> None:
        """Read what all prompts begin with, once, so that no question waits for it.

        Call it in the thread that will generate. Only fixed text belongs here: it stays in
        memory from one question to the next, the last few of them.

        Raises:
            WrongThreadError: If another thread owns the model.
        """
        self._own()
        tokens = tuple(self._encoded(prefix, is_prompt=False))
        if tokens not in self._memories:
            self._memories[tokens] = self._read(tokens)
        for oldest in [*self._memories][:-_MEMORIES]:
            del self._memories[oldest]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], with all that the chat template adds."""
        return len(self._encoded(messages, is_prompt=True))

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt.

        Raises:
            WrongThreadError: If another thread owns the model.
            GenerationError: If the model fails, as it does when memory runs out.
        """
        self._own()
        started = self._clock()
        prompt = self._encoded(request.messages, is_prompt=True)
        halt = _Halt(self._clock, started + request.timeout_s, len(prompt))
        try:
            said = self._continue(prompt, request.max_tokens, halt)
        except (RuntimeError, MemoryError) as error:
            raise GenerationError(type(error).__name__) from error
        finish: Finish = "stop" if said[-1] in self._ends else halt.reason
        kept = said[:-_CIRCLE_TOKENS] if finish == "repeat" else said
        return Generated(
            text=self._tokenizer.decode(kept, skip_special_tokens=True).strip(),
            finish=finish,
            base_id=self._base_id,
            adapter_name=None,
            engine=self._engine,
            prompt_tokens=len(prompt),
            completion_tokens=len(said),
            latency_s=self._clock() - started,
        )

    def _own(self) -> None:
        with self._claim:
            self._owner = self._owner or get_ident()
            if self._owner != get_ident():
                raise WrongThreadError

    def _encoded(self, messages: Sequence[Message], *, is_prompt: bool) -> list[int]:
        safe = [
            {"role": message["role"], "content": defused(message["content"], self._special)}
            for message in messages
        ]
        text = self._tokenizer.apply_chat_template(
            safe, tokenize=False, add_generation_prompt=is_prompt
        )
        return list(self._tokenizer.encode(text, add_special_tokens=False))

    def _continue(self, prompt: list[int], max_tokens: int, halt: "_Halt") -> list[int]:
        ids = self._torch.tensor([prompt])
        with self._torch.inference_mode():
            whole = self._model.generate(
                ids,
                attention_mask=self._torch.ones_like(ids),
                max_new_tokens=max_tokens,
                past_key_values=self._memory_for(prompt),
                stopping_criteria=self._transformers.StoppingCriteriaList([halt]),
            )
        return list(whole[0, len(prompt) :].tolist())

    def _memory_for(self, prompt: list[int]) -> Any:
        # A copy: generating writes into it. None where the prompt begins otherwise.
        known = [
            prefix
            for prefix in self._memories
            if 0 < len(prefix) < len(prompt) and tuple(prompt[: len(prefix)]) == prefix
        ]
        if not known:
            return None
        best = max(known, key=len)
        self._memories[best] = memory = self._memories.pop(best)  # the last to be given up
        return deepcopy(memory)

    def _read(self, prefix: tuple[int, ...]) -> Any:
        with self._torch.inference_mode():
            memory = self._transformers.DynamicCache(config=self._model.config)
            self._model(self._torch.tensor([prefix]), past_key_values=memory)
        return memory


class _Halt:
    """Ends a text that takes too long or goes in circles; says so instead of raising.

    An exception out of a generating model can leave it in a state that nobody sees.
    """

    def __init__(self, clock: Callable[[], float], deadline: float, prompt_tokens: int) -> None:
        self._clock = clock
        self._deadline = deadline
        self._prompt_tokens = prompt_tokens
        self.reason: Finish = "length"

    def __call__(self, ids: Any, *_: Any, **__: Any) -> Any:
        """Tell for each row of the batch whether it is done: (1,) bool."""
        if self._clock() >= self._deadline:
            self.reason = "timeout"
        elif goes_in_circles(ids[0, self._prompt_tokens :].tolist()):
            self.reason = "repeat"
        return ids.new_full((ids.shape[0],), self.reason != "length", dtype=bool)


def goes_in_circles(tokens: Sequence[int], span: int = _CIRCLE_TOKENS) -> bool:
    """Tell whether the last ``span`` tokens were said before, word for word."""
    last = list(tokens[-span:])
    earlier = range(len(tokens) - span)
    return any(list(tokens[start : start + span]) == last for start in earlier)


def _load(folder: Path, dtype: Any) -> tuple[Any, Any]:
    from safetensors import SafetensorError  # noqa: PLC0415
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    source = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **source)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=dtype, use_safetensors=True, **source
        )
    except (OSError, ValueError, LookupError, RuntimeError, SafetensorError) as error:
        raise ModelUnreadableError(str(folder), type(error).__name__) from error
    return tokenizer, model.eval()


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    named = model.generation_config.eos_token_id
    several = named if isinstance(named, list) else [named]
    return frozenset({*several, tokenizer.eos_token_id} - {None})


def _computes_bfloat16() -> bool:
    # Where the CPU only emulates it, bfloat16 is slower than float32.
    import torch  # noqa: PLC0415

    able = torch.cpu.get_capabilities()
    return any(able[name] is True for name in able if name.endswith("bf16"))
