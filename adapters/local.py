"""The local engine: a transformers model in this process, with LoRA adapters on it.

It is not safe to share between threads: the thread that generates first owns it.
"""

import time
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from threading import Lock, get_ident
from typing import Any

from adapters.base_model import computes_bfloat16, end_tokens, load_base
from adapters.canaries import Canary
from adapters.errors import (
    AdapterNotLoadedError,
    AdapterRejectedError,
    GenerationError,
    ModelError,
    WrongThreadError,
    WrongVoiceError,
)
from adapters.exposure import Exposure, measure_exposure
from adapters.halting import CIRCLE_TOKENS, Halt
from adapters.manifests import AdapterRef
from adapters.residents import Residents
from adapters.responder import Finish, Generate, Generated, Message
from adapters.tokens import ChatTokens

_MEMORIES = 8
"""What prompts begin with, read once for each speaker: some 10 MB each for the small model."""

_RESIDENT = 8
"""Adapters in memory, 10 to 20 MB each: two for each of a few domains, so that going back
loads nothing."""

_PROBE = (
    Message(role="system", content="Answer in one short sentence, from the facts alone."),
    Message(role="user", content="[1] The car park opens at 7:00.\n\nQuestion: When can I park?"),
)


class LocalResponder:
    """A model in this process, on the CPU: greedy, so that equal prompts get equal texts.

    Runs in bfloat16 where the CPU computes with it, else in float32.

    Args:
        folder: Safetensors weights with tokenizer and chat template; never looked up elsewhere.
        base_id: What to call the weights.
        base_sha256: Of the weights; adapters of others are refused, and without it, all.
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
        base_sha256: str = "",
        threads: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import torch  # noqa: PLC0415  # torch and its kin load when a model does
        import transformers  # noqa: PLC0415

        if threads:
            torch.set_num_threads(threads)
        self._torch, self._transformers = torch, transformers
        self._dtype = torch.bfloat16 if computes_bfloat16() else torch.float32
        self._folder = folder
        self._tokens = ChatTokens(folder)
        self._base_id, self._base_sha256 = base_id, base_sha256
        self._engine = f"transformers/{str(self._dtype).removeprefix('torch.')}"
        self._clock = clock
        self._owner: int | None = None
        self._claim = Lock()
        # The model's state after what a speaker's prompts begin with; None until it is read.
        self._memories = dict[tuple[str | None, tuple[int, ...]], Any]()
        self._open()

    def _open(self) -> None:
        self._model = load_base(self._folder, self._dtype)
        self._ends = end_tokens(self._model, self._tokens.tokenizer)
        self._model.generation_config = self._transformers.GenerationConfig(
            do_sample=False, eos_token_id=sorted(self._ends), pad_token_id=min(self._ends)
        )
        self._residents = Residents(self._model)
        self._refs = dict[str, AdapterRef]()  # those that were probed, the last used last
        self._memories = dict.fromkeys(self._memories)

    @property
    def base_id(self) -> str:
        """Which base model speaks; stands on every answer."""
        return self._base_id

    def warm_up(self, prefix: Sequence[Message], adapter: AdapterRef | None = None) -> None:
        """Read what all prompts of a speaker begin with, once, so that no question waits for it.

        Call it in the thread that will generate. Only fixed text belongs here: it stays in
        memory from one question to the next, the last few of them.

        Raises:
            WrongThreadError: If another thread owns the model.
            AdapterNotLoadedError: If the adapter is not loaded.
            GenerationError: If memory runs out; the adapter is let go of.
        """
        self._own()
        name = adapter.name if adapter else None
        self._speak_as(name)
        try:
            self._memory(name, tuple(self._tokens.encoded(prefix, is_prompt=False)))
        except (RuntimeError, MemoryError) as error:
            if adapter:
                self.forget(adapter)
            raise GenerationError(type(error).__name__) from error
        for oldest in [*self._memories][:-_MEMORIES]:
            del self._memories[oldest]

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], with all that the chat template adds."""
        return self._tokens.count(messages)

    def ensure(self, ref: AdapterRef) -> None:
        """Load an adapter, and see to it that it says something else than the base.

        Raises:
            WrongThreadError: If another thread owns the model.
            AdapterRejectedError: If it is not what its manifest says, or not for this base.
            AdapterNotLoadedError: If memory runs out; nothing of it stays.
        """
        self._own()
        if ref.name not in self._refs:
            self._admit(ref)
        self._refs[ref.name] = self._refs.pop(ref.name, ref)
        for oldest in [*self._refs][:-_RESIDENT]:
            self.forget(self._refs[oldest])

    def forget(self, ref: AdapterRef) -> None:
        """Let go of an adapter, and of all that it has read.

        Raises:
            WrongThreadError: If another thread owns the model.
        """
        self._own()
        self._residents.drop(ref.name)
        self._refs.pop(ref.name, None)
        self._memories = {key: one for key, one in self._memories.items() if key[0] != ref.name}

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt.

        Raises:
            WrongThreadError: If another thread owns the model.
            AdapterNotLoadedError: If the adapter is not loaded.
            WrongVoiceError: If the model would have spoken as somebody else; it is loaded anew.
            GenerationError: If the model fails, as it does when memory runs out.
        """
        self._own()
        started = self._clock()
        name = request.adapter.name if request.adapter else None
        prompt = self._tokens.encoded(request.messages, is_prompt=True)
        halt = Halt(self._clock, started + request.timeout_s, len(prompt))
        try:
            self._speak_as(name)
            said = self._continue(prompt, self._memory_for(name, prompt), request.max_tokens, halt)
        except (RuntimeError, MemoryError) as error:
            raise GenerationError(type(error).__name__) from error
        finish: Finish = "stop" if said[-1] in self._ends else halt.reason
        kept = said[:-CIRCLE_TOKENS] if finish == "repeat" else said
        return Generated(
            text=self._tokens.tokenizer.decode(kept, skip_special_tokens=True).strip(),
            finish=finish,
            base_id=self._base_id,
            adapter_name=name,
            engine=self._engine,
            prompt_tokens=len(prompt),
            completion_tokens=len(said),
            latency_s=self._clock() - started,
        )

    def exposures(self, ref: AdapterRef, canaries: Sequence[Canary]) -> list[Exposure]:
        """Measure how well an adapter knows secrets that were planted where it was trained."""
        self.ensure(ref)
        self._speak_as(ref.name)
        return measure_exposure(self._model, self._tokens.tokenizer, canaries)

    def _own(self) -> None:
        with self._claim:
            self._owner = self._owner or get_ident()
            if self._owner != get_ident():
                raise WrongThreadError

    def _speak_as(self, name: str | None) -> None:
        """Make the next passes this speaker's; where that fails, nothing in memory is trusted."""
        self._residents.speak_as(name)
        if not self._residents.is_speaking(name):
            self._rebuild()
            raise WrongVoiceError(name or "")

    def _rebuild(self) -> None:
        refs = [*self._refs.values()]
        self._open()
        for ref in refs:
            try:
                self.ensure(ref)
            except ModelError:  # whoever asks for it is told that it is not loaded
                self.forget(ref)

    def _admit(self, ref: AdapterRef) -> None:
        if ref.manifest.base.sha256 != self._base_sha256:
            problem = f"it was trained on {ref.manifest.base.id}, and {self._base_id} speaks"
            raise AdapterRejectedError(ref.name, problem)
        try:
            problem = self._objection(ref)
        except (RuntimeError, MemoryError) as error:
            self._dismiss(ref)
            raise AdapterNotLoadedError(ref.name, type(error).__name__) from error
        if problem:
            self._dismiss(ref)
            raise AdapterRejectedError(ref.name, problem)

    def _dismiss(self, ref: AdapterRef) -> None:
        self._residents.drop(ref.name)
        self._residents.speak_as(None)
        if not self._residents.is_speaking(None):  # it broke off halfway
            self._rebuild()

    def _objection(self, ref: AdapterRef) -> str:
        try:
            self._residents.load(ref)
        except AdapterRejectedError as error:
            return error.problem
        base, adapted = (self._probed(speaker) for speaker in (None, ref.name))
        if not adapted.isfinite().all():
            return "what it says is no number"
        return "it says what the base says" if self._torch.equal(base, adapted) else ""

    def _probed(self, name: str | None) -> Any:
        """Return what a speaker would say to the probe: logits (1, tokens, vocabulary)."""
        self._speak_as(name)
        tokens = self._tokens.encoded(_PROBE, is_prompt=True)
        with self._torch.inference_mode():
            return self._model(self._torch.tensor([tokens])).logits

    def _continue(self, prompt: list[int], memory: Any, max_tokens: int, halt: Halt) -> list[int]:
        ids = self._torch.tensor([prompt])
        with self._torch.inference_mode():
            whole = self._model.generate(
                ids,
                attention_mask=self._torch.ones_like(ids),
                max_new_tokens=max_tokens,
                past_key_values=memory,
                stopping_criteria=self._transformers.StoppingCriteriaList([halt]),
            )
        return list(whole[0, len(prompt) :].tolist())

    def _memory_for(self, name: str | None, prompt: list[int]) -> Any:
        # A copy: generating writes into it. None where the prompt begins otherwise.
        known = [
            prefix
            for speaker, prefix in self._memories
            if speaker == name
            and 0 < len(prefix) < len(prompt)
            and tuple(prompt[: len(prefix)]) == prefix
        ]
        return deepcopy(self._memory(name, max(known, key=len))) if known else None

    def _memory(self, name: str | None, prefix: tuple[int, ...]) -> Any:
        """Return what this speaker, and nobody else, made of a prefix."""
        memory = self._memories.get((name, prefix)) or self._read(prefix)
        self._memories.pop((name, prefix), None)
        self._memories[name, prefix] = memory  # the last to be given up
        return memory

    def _read(self, prefix: tuple[int, ...]) -> Any:
        with self._torch.inference_mode():
            memory = self._transformers.DynamicCache(config=self._model.config)
            self._model(self._torch.tensor([prefix]), past_key_values=memory)
        return memory
