"""The doctor's look at the index: is it there, does it fit, does the catalogue agree with it."""

from collections.abc import Iterator
from datetime import UTC, datetime

from adapters.errors import ModelError
from bot.database import open_engine
from bot.errors import BotError
from bot.findings import Finding, fail, ok, warn
from bot.models import open_shelf
from bot.settings import Settings
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.errors import IndexMissingError, KnowledgeError, StoredIndexError
from knowledge.index import Index
from knowledge.parsing import PARSER_VERSION


def examine_index(settings: Settings) -> Iterator[Finding]:
    """Open the index as the bot would, and compare it with the catalogue."""
    try:
        embedder = open_shelf(settings).find(settings.knowledge.embedder)
    except (BotError, ModelError):
        return  # the model has a finding of its own
    try:
        index = Index.open_existing(
            settings.index_folder,
            embedder=embedder.version if embedder else "",
            chunker=CHUNKER_VERSION,
        )
        yield ok("index", f"{index.version}, {index.count():,} chunks")
        yield _agreement(settings, index)
    except IndexMissingError as error:
        yield fail("index", f"none in {error.folder}", "Run `housevoice index`.")
    except StoredIndexError as error:
        seen = str(error).partition(": run `")[0]
        yield fail("index", seen, "Run `housevoice index --rebuild`.")


def _agreement(settings: Settings, index: Index) -> Finding:
    engine = open_engine(settings.store_url)
    try:
        catalogue = Catalogue(engine)
        state, documents = catalogue.state(), catalogue.count()
    except KnowledgeError as error:
        return fail("catalogue", str(error), "Run `housevoice index`: it makes the tables.")
    finally:
        engine.dispose()
    if state.indexed_at is None or state.index_version != index.version:
        seen = "the last run did not end, or the index is another one"
        return warn("catalogue", seen, "Run `housevoice index`: it looks at every file again.")
    if index.made_by.parser != PARSER_VERSION:
        seen = f"files were read by parser {index.made_by.parser}, this is {PARSER_VERSION}"
        return warn("catalogue", seen, "Run `housevoice index --rebuild` when it suits.")
    hours = (datetime.now(UTC) - state.indexed_at).total_seconds() / 3600
    return ok("catalogue", f"{documents:,} documents, last looked at {hours:.1f} hours ago")
