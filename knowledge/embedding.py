"""Text to vectors. The only file that speaks sentence-transformers."""

from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

_SLICE = 256  # texts between two reports of progress


class Embedder(Protocol):
    """Maps text to vectors; two methods, because models prefix queries and passages.

    Attributes:
        version: Name and hash of the weights; the index refuses to mix versions.
    """

    version: str

    @property
    def dim(self) -> int:
        """Length of a vector."""
        ...

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one query: (dim,) float32, unit length."""
        ...

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one row per text, in order: (n, dim) float32, rows of unit length.

        Args:
            texts: What to embed.
            on_progress: Called with the number of texts done so far.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model would read, special ones included."""
        ...


class MiniLmEmbedder:
    """A sentence-transformers model from a folder on this machine, loaded when it is first used.

    Args:
        folder: Holds the model; nothing is fetched.
        version: Its identity, for the index.
    """

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self.version = version

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415  # loads torch
        from transformers.utils.logging import disable_progress_bar  # noqa: PLC0415

        disable_progress_bar()  # of loading weights; it would stand on every command
        return SentenceTransformer(str(self._folder), device="cpu", local_files_only=True)

    @cached_property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Return the vector of one query: (dim,) float32, unit length."""
        vector: NDArray[np.float32] = self._encode([text])[0]
        return vector

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Return one row per text, in order: (n, dim) float32, rows of unit length."""
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))
        vectors = np.zeros((len(texts), self.dim), np.float32)
        for start in range(0, len(order), _SLICE):
            rows = order[start : start + _SLICE]
            vectors[rows] = self._encode([texts[row] for row in rows])
            if on_progress:
                on_progress(start + len(rows))
        return vectors

    def count_tokens(self, text: str) -> int:
        """Return how many tokens the model would read, special ones included."""
        return len(self._model.tokenizer(text, truncation=False, verbose=False)["input_ids"])

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        rows = self._model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(rows, np.float32)
