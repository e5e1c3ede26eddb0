"""One run over the sources of a house: what it reads with, and where it is recorded."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine

from bot.models import FoundModel
from bot.monitoring.milestones import IndexRun
from bot.settings import Settings
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.embedding import MiniLmEmbedder
from knowledge.index import Index
from knowledge.ingestion import Ingestion
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions as Versions
from knowledge.reporting import IndexReport
from knowledge.rules import load_rules

Progress = Callable[[str, int, int], None]


def ingest(  # noqa: PLR0913  where things stand, and what of them to read
    settings: Settings,
    engine: Engine,
    found: FoundModel,
    *,
    source: str | None = None,
    rebuild: bool = False,
    progress: Progress = lambda *_: None,
) -> IndexReport:
    """Bring the index up to date, with an embedder of its own.

    Raises:
        IndexBusyError: If another run is going on.
        IndexMismatchError: If other versions made the index and no rebuild is asked for.
        AccessRulesError: If ``access.yaml`` cannot be used.
    """
    knowledge, folder = settings.knowledge, settings.index_folder
    rules = load_rules(knowledge.folder / "access.yaml", base_url=knowledge.documents_url)
    embedder = MiniLmEmbedder(found.folder, found.version)  # a run has a thread of its own
    versions = Versions(embedder.version, CHUNKER_VERSION, PARSER_VERSION)

    def open_index() -> Index:
        known = None if rebuild else Index.stored_dim(folder)  # spares loading the model
        dim = known or embedder.dim
        return Index.open_or_create(folder, versions, dim, rebuild=rebuild)

    catalogue = Catalogue(engine)
    catalogue.create()
    run = Ingestion(catalogue, open_index, embedder, folder / "run.lock", lambda: datetime.now(UTC))
    recorded = IndexRun(rules, catalogue.state(), source or "", is_rebuild=rebuild)
    job = partial(run.run, rules, only=source, on_progress=progress)
    return recorded.carried_out(job, engine, run.now)
