"""Corpora and questions of others, for measuring; nothing of them is in the repository.

They are looked for in ``../shared/data``. Vectors are kept in ``scratch/`` by the hash of their
text, so that a second run embeds nothing.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.errors import ModelMissingError
from bot.models import FoundModel, open_shelf
from bot.settings import Settings
from knowledge.chunking import CHUNKER_VERSION, chunk_document, embedding_text
from knowledge.documents import Chunk, Document
from knowledge.embedding import MiniLmEmbedder
from knowledge.index import Index
from knowledge.pointer import IndexVersions
from knowledge.rows import IndexedChunk

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
SCRATCH = ROOT / "scratch"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Documents, and questions with the ids of the documents that answer them."""

    name: str
    documents: tuple[Document, ...]
    questions: tuple[tuple[str, frozenset[str]], ...]


def found_model(reference: str) -> FoundModel:
    """Return where a model of the settings lies.

    Raises:
        ModelMissingError: If it is switched off.
    """
    found = open_shelf(Settings()).find(reference)
    if found is None:
        raise ModelMissingError(reference, "name a model in the settings")
    return found


def embedder() -> MiniLmEmbedder:
    """Return the embedder of the settings."""
    found = found_model(Settings().knowledge.embedder)
    return MiniLmEmbedder(found.folder, found.version)


def rows_of(path: str) -> list[dict[str, Any]]:
    """Read a file of JSON lines below the data folder."""
    with (DATA / path).open() as file:
        return [json.loads(line) for line in file]


def a_document(name: str, title: str, text: str, roles: Iterable[str] = ()) -> Document:
    """Make a document that everyone may read, and whoever else is named."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    may_read = frozenset({"everyone", *roles})
    safe = safe_name(name)
    return Document(safe, "outside", title, f"https://kb.example/{safe}", may_read, text, digest)


def handbook() -> Corpus:
    """853 pages of a company's handbook and 685 questions of its staff."""
    pages = DATA / "handbook" / "pages"
    documents = tuple(
        a_document(row["doc_id"], row["title"], (pages / row["path"]).read_text())
        for row in rows_of("handbook/pages.jsonl")
    )
    asked = rows_of("handbook/faq_questions.jsonl")
    questions = tuple(_pair(row["question"], [row["doc_id"]]) for row in asked)
    return Corpus("handbook FAQ", documents, questions)


def workarena() -> Corpus:
    """50 articles with invented facts and 500 questions; each article has a role of its own."""
    documents = tuple(
        a_document(row["doc_id"], _heading(row["text"]), row["text"], [row["doc_id"]])
        for row in rows_of("workarena_kb/articles.jsonl")
    )
    asked = rows_of("workarena_kb/questions.jsonl")
    questions = tuple(_pair(row["question"], [row["doc_id"]]) for row in asked)
    return Corpus("workarena_kb", documents, questions)


def mtrag() -> Corpus:
    """747 passages and the last turns of those conversations that some passage answers."""
    documents = tuple(
        a_document(row["doc_id"], row["title"] or "", row["text"])
        for row in rows_of("mtrag_un/passages.jsonl")
    )
    asked = [task for task in rows_of("mtrag_un/tasks.jsonl") if task["context_ids"]]
    questions = tuple(_pair(task["question"], task["context_ids"]) for task in asked)
    return Corpus("mtrag_un, last turn", documents, questions)


def scifact() -> Corpus:
    """5,183 abstracts and 809 claims."""
    documents = tuple(
        a_document(row["doc_id"], row["title"], row["text"])
        for row in rows_of("scifact/corpus.jsonl")
    )
    relevant: dict[str, list[str]] = {}
    for row in rows_of("scifact/qrels_train.jsonl"):
        relevant.setdefault(row["qid"], []).append(row["doc_id"])
    asked = [row for row in rows_of("scifact/queries_train.jsonl") if row["qid"] in relevant]
    questions = tuple(_pair(row["text"], relevant[row["qid"]]) for row in asked)
    return Corpus("scifact train", documents, questions)


def chunked(corpus: Corpus, model: MiniLmEmbedder) -> list[Chunk]:
    """Return the chunks of all documents, made by the product's own chunker."""
    return [c for d in corpus.documents for c in chunk_document(d, model.count_tokens)]


def build(corpus: Corpus, folder: Path, model: MiniLmEmbedder) -> Index:
    """Index a corpus with the product's own chunker, embedder and table."""
    by_id = {document.doc_id: document for document in corpus.documents}
    chunks = chunked(corpus, model)
    vectors = embedded([embedding_text(chunk) for chunk in chunks], model)
    versions = IndexVersions(model.version, CHUNKER_VERSION, "outside")
    index = Index.open_or_create(folder, versions, model.dim)
    pairs = zip(chunks, vectors, strict=True)
    index.write(replaced=list(by_id), rows=[IndexedChunk(c, by_id[c.doc_id], v) for c, v in pairs])
    index.publish()
    index.optimize()
    return index


def embedded(texts: Sequence[str], model: MiniLmEmbedder) -> NDArray[np.float32]:
    """Embed texts: (n, dim) float32; those of earlier runs come from the scratch folder."""
    path = SCRATCH / f"vectors-{model.version}.npz"
    known = _kept(path)
    keys = [hashlib.sha256(text.encode()).hexdigest()[:40] for text in texts]
    new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if new:
        rows = model.embed_passages(
            list(new.values()), lambda n: print(f"  embedded {n} of {len(new)}", end="\r")
        )
        known |= dict(zip(new, rows, strict=True))
        SCRATCH.mkdir(exist_ok=True)
        np.savez(path, keys=np.array(list(known)), rows=np.stack(list(known.values())))
    return np.stack([known[key] for key in keys])


def _kept(path: Path) -> dict[str, NDArray[np.float32]]:
    if not path.exists():
        return {}
    with np.load(path) as kept:
        return dict(zip(kept["keys"].tolist(), kept["rows"], strict=True))


def _pair(question: str, doc_ids: Iterable[str]) -> tuple[str, frozenset[str]]:
    return question, frozenset(map(safe_name, doc_ids))


def safe_name(name: str) -> str:
    """Return a name that can be part of a document's id."""
    return re.sub(r"[^A-Za-z0-9_.:/#@-]", "_", name)


def _heading(text: str) -> str:
    found = re.search(r"^#+\s+(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else ""
