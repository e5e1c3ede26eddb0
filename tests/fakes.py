"""Fakes with behaviour, for the places where the real thing is slow."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from adapters.manifests import AdapterRef
from adapters.responder import Finish, Generate, Generated, Message
from knowledge.terms import terms


class HashingEmbedder:
    """Maps each word to a fixed direction; texts that share words are near each other.

    Attributes:
        embedded: Every text it was asked to embed, in order.
    """

    version = "hashing-1"
    dim = 32

    def __init__(self) -> None:
        self.embedded: list[str] = []

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one query: (dim,) float32, unit length."""
        return self._vector(text)

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one row per text, in order: (n, dim) float32, rows of unit length."""
        self.embedded += texts
        if on_progress:
            on_progress(len(texts))
        return np.stack([self._vector(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        """Count words."""
        return len(text.split())

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.full(self.dim, 1e-3, np.float32)
        for word in text.casefold().split():
            digest = hashlib.sha256(word.encode()).digest()
            vector[digest[0] % self.dim] += 1.0 if digest[1] % 2 else -1.0
        return vector / np.float32(np.linalg.norm(vector))


class WordsEmbedder:
    """Counts words that mean something: the cosine of two texts is what they share of them."""

    version = "words-1"
    dim = 1024

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one query: (dim,) float32, unit length."""
        return self._vector(text)

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one row per text, in order: (n, dim) float32, rows of unit length."""
        return np.stack([self._vector(text) for text in texts])

    def count_tokens(self, text: str) -> int:
        """Count words."""
        return len(text.split())

    def _vector(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(self.dim, np.float32)
        vector[-1] = 1e-3  # never zero, and never alike for want of words
        for term in set(terms(text)):
            vector[int(hashlib.sha256(term.encode()).hexdigest(), 16) % (self.dim - 1)] = 1.0
        return vector / np.float32(np.linalg.norm(vector))


@dataclass
class ScriptedResponder:
    """Says its text and remembers what it was shown.

    Attributes:
        text: What it says, or what makes that out of the request.
    """

    text: str | Callable[[Generate], str]
    finish: Finish = "stop"
    heard: list[Generate] = field(default_factory=list)
    base_id: str = "scripted-1"

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt."""
        self.heard.append(request)
        text = self.text if isinstance(self.text, str) else self.text(request)
        speaker = request.adapter.name if request.adapter else None
        return Generated(text, self.finish, self.base_id, speaker, "script", 7, 5, 0.0)

    def ensure(self, ref: AdapterRef) -> None:
        """Make an adapter ready: it says the same text."""

    def forget(self, ref: AdapterRef) -> None:
        """Let go of an adapter."""

    def warm_up(self, prefix: Sequence[Message], adapter: AdapterRef | None = None) -> None:
        """Read nothing."""

    def count_tokens(self, messages: Sequence[Message]) -> int:
        """Count words."""
        return sum(len(message["content"].split()) for message in messages)
