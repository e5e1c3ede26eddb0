"""A folder of pages to index: another company's handbook, or else the sample company."""

import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.corpora import DATA, ROOT
from bot.database import open_engine
from knowledge.access import EVERYONE
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.embedding import Embedder
from knowledge.index import Index
from knowledge.ingestion import Ingestion, Progress, silent
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions
from knowledge.reporting import IndexReport
from knowledge.rules import load_rules

_ACCESS = f"""
version: 1
sources:
  - name: pages
    folder: pages
    link: "{{base}}/{{path}}"
    rules: [{{match: "**", roles: [{EVERYONE}]}}]
"""


def copy_pages(folder: Path, n: int | None) -> list[Path]:
    """Copy some pages below a folder, chosen by chance and always the same; None for all."""
    handbook = DATA / "handbook" / "pages"
    origin = handbook if handbook.is_dir() else ROOT / "knowledge" / "sample" / "documents"
    files = sorted(origin.rglob("*.md"))
    chosen = files if n is None else random.Random(7).sample(files, min(n, len(files)))  # noqa: S311  # no secret
    pages = [folder / "pages" / file.relative_to(origin) for file in chosen]
    for file, page in zip(chosen, pages, strict=True):
        page.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, page)
    (folder / "access.yaml").write_text(_ACCESS)
    return pages


@dataclass(frozen=True, slots=True)
class Library:
    """An index of the pages in a folder."""

    folder: Path
    data: Path
    embedder: Embedder
    catalogue: Catalogue

    @property
    def versions(self) -> IndexVersions:
        """What makes its rows."""
        return IndexVersions(self.embedder.version, CHUNKER_VERSION, PARSER_VERSION)

    def open_index(self) -> Index:
        """Open the index for writing."""
        return Index.open_or_create(self.data, self.versions, self.embedder.dim)

    def ingest(self, progress: Progress = silent) -> IndexReport:
        """Bring the index up to date."""
        rules = load_rules(self.folder / "access.yaml", base_url="https://kb.example")
        run = Ingestion(self.catalogue, self.open_index, self.embedder, self.data / "lock", _now)
        return run.run(rules, on_progress=progress)


@contextmanager
def open_library(folder: Path, data: Path, embedder: Embedder) -> Iterator[Library]:
    """Open an index of the pages in a folder; an empty one where there is none yet."""
    data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(f"sqlite:///{data / 'catalogue.db'}")
    try:
        catalogue = Catalogue(engine)
        catalogue.create()
        yield Library(folder, data, embedder, catalogue)
    finally:
        engine.dispose()


def _now() -> datetime:
    return datetime.now(UTC)
