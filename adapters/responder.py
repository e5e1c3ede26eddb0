"""What speaks: chat messages in, text out. Knows neither documents, audiences nor Slack.

The engines behind it are `adapters.local`, a model in this process, and `adapters.serving`, one
on a server.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypedDict

from adapters.manifests import AdapterRef

Finish = Literal["stop", "length", "timeout", "repeat"]
"""Why a text ended: said what it wanted, too long, too late, or it went in circles."""


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
        adapter: Who speaks; None is the base model.
    """

    messages: tuple[Message, ...]
    max_tokens: int = 72
    timeout_s: float = 30.0
    adapter: AdapterRef | None = None


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

    def ensure(self, ref: AdapterRef) -> None:
        """Make an adapter ready to speak; quick if it is.

        Raises:
            AdapterRejectedError: If it is not what it must be, or does not fit the base.
            AdapterNotLoadedError: If it is not there.
            ResponderUnavailableError: If the server does not answer.
        """
        ...

    def forget(self, ref: AdapterRef) -> None:
        """Let go of an adapter; asked to speak, it is not loaded."""
        ...

    def warm_up(self, prefix: Sequence[Message], adapter: AdapterRef | None = None) -> None:
        """Read what all prompts of a speaker begin with, so that no question waits for it."""
        ...

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt, as the adapter it names and as no other.

        Raises:
            AdapterNotLoadedError: If the adapter is not ready; the base never speaks for it.
            WrongVoiceError: If somebody else would have spoken, or has.
            GenerationError: If the model fails.
            ResponderUnavailableError: If the server does not answer.
        """
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
