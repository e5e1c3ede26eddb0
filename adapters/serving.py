"""A model on a server that speaks the OpenAI protocol, with LoRA adapters by name.

vLLM first; SGLang and llama.cpp name adapters otherwise. What such a server is asked for it may
silently answer as the base, so an adapter is ready only once it has said something else. Any
thread may ask. Knows neither how a server is started nor where its adapters lie.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any, Literal, Protocol

from pydantic import BaseModel, Field, ValidationError

from adapters.errors import (
    AdapterNotLoadedError,
    AdapterRejectedError,
    GenerationError,
    ResponderUnavailableError,
    WrongVoiceError,
)
from adapters.manifests import AdapterRef
from adapters.naming import Naming
from adapters.responder import Finish, Generate, Generated, Message

_ASK_S = 5.0
"""To connect, and to be told what is there [s]."""

_REFUSED = frozenset({400, 413, 422})
"""The prompt is at fault, not the server."""

_PROBE_TOKENS = 24
_PROBE_S = 30.0
_PROBES = (
    "[1] The car park opens at 7:00.\n\nQuestion: When can I park?",
    "[1] Badges are made on Tuesdays.\n[2] Bring a photo.\n\nQuestion: How do I get a badge?",
    "Question: Who are you?",
)


class CountsTokens(Protocol):
    """Knows how long a prompt is, and what in a text would pose as a role."""

    def safe(self, messages: Sequence[Message]) -> list[Message]:
        """Return messages in which no text poses as a role."""
        ...

    def count(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], or can be at most."""
        ...


class _Said(BaseModel):
    content: str | None = None


class _Choice(BaseModel):
    message: _Said
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    model: str
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage = _Usage()


class RemoteResponder:
    """A model server: greedy, one request a question, never repeated.

    Args:
        url: Without ``/v1``.
        naming: How this kind of server is told who speaks.
        tokens: Of the base; without its tokenizer, an upper bound.
        base_id: What to call the base on answers.
        base_sha256: Of the base's weights where they are known; adapters of others are refused.
        key: What the server wants as a bearer token; empty: none.
        clock: Seconds that only grow.
    """

    def __init__(  # noqa: PLR0913  what a server is, and what it serves
        self,
        url: str,
        naming: Naming,
        tokens: CountsTokens,
        *,
        base_id: str,
        base_sha256: str = "",
        key: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        import httpx2  # noqa: PLC0415  only where a server speaks

        self._errors = httpx2
        # No proxy: prompts go to the server that the settings name, and nowhere else.
        self._http = httpx2.Client(
            base_url=url,
            trust_env=False,
            timeout=_ASK_S,
            headers={"Authorization": f"Bearer {key}"} if key else {},
        )
        self._server = url
        self._naming = naming
        self._tokens = tokens
        self._base_id, self._base_sha256 = base_id, base_sha256
        self._clock = clock
        self._ready = dict[str, int]()  # adapters that were probed, and their numbers there
        self._seen: Mapping[str, int] = {}  # what the server listed when they were

    @property
    def base_id(self) -> str:
        """Which base model speaks; stands on every answer."""
        return self._base_id

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def warm_up(self, prefix: Sequence[Message], adapter: AdapterRef | None = None) -> None:
        """Do nothing: a server keeps what prompts begin with by itself."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Return how long a prompt is [tokens], or can be at most."""
        return self._tokens.count(messages)

    def ensure(self, ref: AdapterRef) -> None:
        """See that the server has an adapter, and that it says something else than the base.

        Raises:
            AdapterRejectedError: If it was trained on another base.
            AdapterNotLoadedError: If the server does not list it, or answers as the base.
            ResponderUnavailableError: If the server does not answer.
        """
        self._recheck()
        if ref.name in self._ready:
            return
        if self._base_sha256 and ref.manifest.base.sha256 != self._base_sha256:
            problem = f"it was trained on {ref.manifest.base.id}, and {self._base_id} speaks"
            raise AdapterRejectedError(ref.name, problem)
        listed = self._look()
        if ref.name not in listed:
            raise AdapterNotLoadedError(ref.name, "the server does not list it")
        if not any(self._differs(ref.name, listed[ref.name], probe) for probe in _PROBES):
            raise AdapterNotLoadedError(ref.name, "the server answers as the base")
        self._ready[ref.name] = listed[ref.name]

    def forget(self, ref: AdapterRef) -> None:
        """Look for an adapter anew before it speaks again; the server keeps it."""
        self._ready.pop(ref.name, None)

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt.

        Raises:
            AdapterNotLoadedError: If the adapter was not found by `ensure`, or is gone.
            WrongVoiceError: If the server says that somebody else has spoken.
            GenerationError: If the server refuses the prompt.
            ResponderUnavailableError: If it does not answer, or not in time.
        """
        started = self._clock()
        name = request.adapter.name if request.adapter else ""
        told = self._said(name, self._number(name), request)
        choice = told.choices[0]
        finish: Finish = "stop" if choice.finish_reason == "stop" else "length"
        return Generated(
            text=(choice.message.content or "").strip(),
            finish=finish,
            base_id=self._base_id,
            adapter_name=name or None,
            engine=self._naming.kind,
            prompt_tokens=told.usage.prompt_tokens,
            completion_tokens=told.usage.completion_tokens,
            latency_s=self._clock() - started,
        )

    def _number(self, name: str) -> int:
        """Return the number of a speaker who is ready; the base has none."""
        if not name:
            return 0
        self._recheck()
        number = self._ready.get(name)
        if number is None:
            raise AdapterNotLoadedError(name)
        return number

    def _recheck(self) -> None:
        """Trust nobody any more once the server has others, if its answers would not show it."""
        if self._ready and not self._naming.tells:
            self._look()

    def _look(self) -> Mapping[str, int]:
        listed = self._listed()
        if listed != self._seen:
            self._ready.clear()
            self._seen = listed
        return listed

    def _said(self, name: str, number: int, request: Generate) -> _Completion:
        body: dict[str, Any] = {
            "messages": self._tokens.safe(request.messages),
            "max_tokens": request.max_tokens,
            "temperature": 0.0,
            "stream": False,
            **self._naming.asked(name, number),
        }
        answer = self._called("POST", "/v1/chat/completions", request.timeout_s, body, name)
        with self._reading():
            told = _Completion.model_validate_json(answer)
        if not self._naming.may_say(name, told.model):
            self._ready.pop(name, None)
            raise WrongVoiceError(name)
        return told

    def _listed(self) -> Mapping[str, int]:
        with self._reading():
            return self._naming.listed(self._called("GET", self._naming.listing, _ASK_S))

    def _differs(self, name: str, number: int, probe: str) -> bool:
        messages = (Message(role="system", content="Answer."), Message(role="user", content=probe))
        request = Generate(messages, max_tokens=_PROBE_TOKENS, timeout_s=_PROBE_S)
        base, adapted = (self._said(*who, request) for who in (("", 0), (name, number)))
        return base.choices[0].message.content != adapted.choices[0].message.content

    def _called(
        self,
        method: Literal["GET", "POST"],
        path: str,
        timeout_s: float,
        body: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> bytes:
        timeout = self._errors.Timeout(timeout_s, connect=min(timeout_s, _ASK_S))
        try:
            answer = self._http.request(method, path, json=body, timeout=timeout)
        except self._errors.HTTPError as error:
            if not isinstance(error, self._errors.ReadTimeout):
                self._ready.clear()  # what comes back may have been started otherwise
            raise ResponderUnavailableError(self._server, type(error).__name__) from error
        if name and answer.status_code in {400, 404} and self._is_gone(name):
            self._ready.pop(name, None)
            raise AdapterNotLoadedError(
                name, f"the server has it no more (HTTP {answer.status_code})"
            )
        problem = f"HTTP {answer.status_code}"
        if answer.status_code in _REFUSED:
            raise GenerationError(problem)
        if not answer.is_success:
            raise ResponderUnavailableError(self._server, problem)
        return bytes(answer.content)

    def _is_gone(self, name: str) -> bool:
        return name not in self._listed()

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (ValidationError, JSONDecodeError) as error:
            problem = "what it says is not what it should"
            raise ResponderUnavailableError(self._server, problem) from error
