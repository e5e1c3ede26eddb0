"""Chunks a second of the whole ingestion against the bare model on the same chunks.

    python -m bench.indexing [--pages 30] [--rounds 3]

Ours reads, parses, chunks, embeds, writes and indexes; the bare model only embeds, with the
defaults of sentence-transformers, in the same process. Both models are loaded already; the two
take turns: A, B, A, B.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from bench.corpora import embedder, found_model
from bench.pages import copy_pages, open_library
from bench.timing import Stopwatch, print_table
from bot.settings import Settings
from knowledge.embedding import MiniLmEmbedder


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both rates and their ratio."""
    chosen = _parser().parse_args(arguments)
    ours, bare = Stopwatch(), Stopwatch()
    heard, model = _Listening(embedder()), _bare_model()
    with tempfile.TemporaryDirectory() as name:
        copy_pages(Path(name), chosen.pages)
        for number in range(chosen.rounds):
            with ours.lap():
                _ingest(Path(name), number, heard)
            with bare.lap():
                model.encode(heard.texts, batch_size=32, show_progress_bar=False)
    ratios = [b / o for b, o in zip(bare.seconds, ours.seconds, strict=True)]
    rates = [f"{len(heard.texts) / watch.median:.1f}" for watch in (ours, bare)]
    print_table(
        ["chunks", "ours, chunks/s", "bare encode, chunks/s", "ratio", "in each round"],
        [[len(heard.texts), *rates, f"{median(ratios):.2f}", [round(r, 2) for r in ratios]]],
    )


class _Listening:
    """The product's embedder, which remembers what it embedded last."""

    def __init__(self, inner: MiniLmEmbedder) -> None:
        self._inner = inner
        self.version, self.dim = inner.version, inner.dim
        self.texts: list[str] = []
        inner.embed_query("loads the model")

    def embed_query(self, text: str) -> NDArray[np.float32]:
        """Pass it on."""
        return self._inner.embed_query(text)

    def embed_passages(
        self, texts: Sequence[str], on_progress: Callable[[int], None] | None = None
    ) -> NDArray[np.float32]:
        """Remember the texts."""
        self.texts = list(texts)
        return self._inner.embed_passages(texts, on_progress)

    def count_tokens(self, text: str) -> int:
        """Pass it on."""
        return self._inner.count_tokens(text)


def _bare_model() -> Any:
    folder = found_model(Settings().knowledge.embedder).folder
    model = SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    model.encode(["loads the model"], show_progress_bar=False)
    return model


def _ingest(folder: Path, number: int, heard: _Listening) -> None:
    with open_library(folder, folder / f"data-{number}", heard) as library:
        library.ingest()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    return parser


if __name__ == "__main__":
    main()
