"""The house without Slack: library and voice, loaded when they are first needed.

What is missing raises where it is needed, with a sentence that says what to do; the rest goes on
working. Models that speak or read for an answer belong to the thread that asks first.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property, partial
from importlib.metadata import version
from time import monotonic

import structlog
from sqlalchemy import Engine

from adapters import ledger, remarks
from adapters.errors import VoiceError
from adapters.responder import Responder
from adapters.voice import Voice
from bot import decisions, shadows
from bot.answering import Answerer, Limits, Prices
from bot.configuration import Configuration
from bot.conversation import LIVE, Question
from bot.database import open_engine
from bot.errors import ModelMissingError
from bot.loading import LoadedModels
from bot.models import FoundModel, open_shelf
from bot.monitoring.milestones import IndexRun
from bot.prompt import fixed_messages
from bot.settings import Settings, overridden
from bot.worksheet import Working
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.embedding import Embedder, MiniLmEmbedder
from knowledge.errors import FilterBrokenError, StoredIndexError
from knowledge.index import Index
from knowledge.ingestion import Ingestion
from knowledge.parsing import PARSER_VERSION
from knowledge.pointer import IndexVersions as Versions
from knowledge.reading import BEARING, SentenceReader
from knowledge.reporting import IndexReport
from knowledge.retrieval import LEXICAL_WEIGHT, HybridRetriever
from knowledge.rules import load_rules

_OF_KNOWLEDGE = ("passages", "chunks_per_document", "floor")
_OF_MODEL = ("examples", "prompt_tokens", "evidence_sentences", "answer_tokens", "deadline_s")

Progress = Callable[[str, int, int], None]
MaySpeak = Callable[[str, str], bool]


@dataclass
class House:
    """Everything that answers, but Slack.

    Attributes:
        settings: As read at the start.
        engine: The database of catalogue, inbox and ledger.
        models: What is loaded already.
        arm: Its name on each answer.
        may_speak: Whether the budget lets the model speak, for a team and a source.
        on_configured: Told what answers depend on, before the first one.
        on_distrust: Told what was found that its filter forbids; never raises.
    """

    settings: Settings
    engine: Engine
    models: LoadedModels = field(default_factory=LoadedModels)
    arm: str = LIVE
    may_speak: MaySpeak = lambda _team, _source: True
    on_configured: Callable[[Configuration], None] = lambda _: None
    on_distrust: Callable[[str], None] = lambda _: None
    _doubt: FilterBrokenError | None = field(default=None, init=False)

    @cached_property
    def catalogue(self) -> Catalogue:
        """The truth about who may read which document."""
        return Catalogue(self.engine)

    @cached_property
    def embedder(self) -> Embedder:
        """The embedder of questions and sentences."""
        return self.models.embedder(self.embedder_model)

    @cached_property
    def index(self) -> Index:
        """The index, for reading.

        Raises:
            StoredIndexError: If there is none, or another embedder or chunker made it.
        """
        folder, embedder = self.settings.index_folder, self.embedder_model.version
        return Index.open_existing(folder, embedder=embedder, chunker=CHUNKER_VERSION)

    def chunks_loaded(self) -> int | None:
        """Count the chunks of the index, if it is open; opening it would take too long here."""
        index: Index | None = self.__dict__.get("index")
        try:
            return index.count() if index is not None else None
        except StoredIndexError:
            return None

    @cached_property
    def embedder_model(self) -> FoundModel:
        """Where the embedder lies."""
        return _found(self.settings, self.settings.knowledge.embedder)

    @cached_property
    def retriever(self) -> HybridRetriever:
        """The search over what an audience may read."""
        knowledge = self.settings.knowledge
        return HybridRetriever(
            index=self.index,
            embedder=self.embedder,
            roles_of=self.catalogue.roles_of,
            limit=knowledge.passages,
            per_document=2 * knowledge.chunks_per_document,
            version=knowledge.index_version,
        )

    @cached_property
    def voice(self) -> Voice:
        """The written voice.

        Raises:
            VoiceError: If its file is missing or wrong.
        """
        path, most = self.settings.model.voice, self.settings.model.examples
        try:
            written = Voice.from_yaml(path.read_text(encoding="utf-8"), path=str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise VoiceError(str(path), "it cannot be read") from error
        return replace(written, examples=written.examples[:most])

    @cached_property
    def responder(self) -> Responder | None:
        """The model that speaks; None where the bot only quotes."""
        model = self.settings.model
        found = open_shelf(self.settings).find(model.base)
        if found is None:
            return None
        local = self.models.responder(found, model.threads)
        local.warm_up(fixed_messages(self.voice))
        return local

    @cached_property
    def answerer(self) -> Answerer:
        """The use case, with all its parts."""
        model, budget = self.settings.model, self.settings.budget
        self.on_configured(self.configuration)
        return Answerer(
            retriever=self.retriever,
            reader=SentenceReader(
                self.embedder,
                limit=model.evidence_sentences,
                per_document=self.settings.knowledge.chunks_per_document,
            ),
            responder=self.responder,
            voice=self.voice,
            contact=self.settings.slack.human_contact,
            clock=monotonic,
            limits=Limits(
                floor=self.settings.knowledge.floor,
                prompt_tokens=model.prompt_tokens,
                answer_tokens=model.answer_tokens,
                deadline_s=model.deadline_s,
            ),
            embedder=self.embedder_model.version,
            may_speak=self.may_speak,
            prices=Prices(budget.prompt_price, budget.completion_price),
            configuration=self.configuration.sha256,
            arm=self.arm,
        )

    @cached_property
    def configuration(self) -> Configuration:
        """What an answer depends on, but for documents and prompt.

        Raises:
            ModelMissingError: If a model that the settings name is not there.
            VoiceError: If the voice cannot be read.
        """
        knowledge, model = self.settings.knowledge, self.settings.model
        base = open_shelf(self.settings).find(model.base)
        set_here = {
            **{f"knowledge.{name}": getattr(knowledge, name) for name in _OF_KNOWLEDGE},
            **{f"model.{name}": getattr(model, name) for name in _OF_MODEL},
        }
        versions = {
            "base": base.version if base else "",
            "chunker": CHUNKER_VERSION,
            "contact": self.settings.slack.human_contact,
            "embedder": self.embedder_model.version,
            "fusion.lexical_weight": LEXICAL_WEIGHT,
            "housevoice": version("housevoice"),
            "reader.bearing": BEARING,
            "voice": f"{self.voice.label}/{self.voice.sha256[:16]}",
        }
        return Configuration.from_values(set_here | versions)

    def work(self, question: Question) -> Working:
        """Answer one question; always call it from the same thread.

        Raises:
            FilterBrokenError: If the index has ever returned what its filter forbids: from then
                on for every question, until the index is rebuilt and the bot started again.
        """
        if self._doubt is not None:
            raise FilterBrokenError(self._doubt.chunk_id)
        try:
            return self.answerer.work(question)
        except FilterBrokenError as error:
            self.distrust(error.chunk_id)
            raise

    @property
    def is_trusted(self) -> bool:
        """Whether nothing was ever found that its filter forbids."""
        return self._doubt is None

    def distrust(self, chunk_id: str) -> None:
        """Stop answering, since something was found that its filter forbids."""
        self._doubt = FilterBrokenError(chunk_id)
        structlog.get_logger().error("stopped answering", failed=type(self._doubt).__name__)
        self.on_distrust(chunk_id)

    def ingest(
        self,
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
        knowledge, folder = self.settings.knowledge, self.settings.index_folder
        rules = load_rules(knowledge.folder / "access.yaml", base_url=knowledge.documents_url)
        found = self.embedder_model
        embedder = MiniLmEmbedder(found.folder, found.version)  # a run has a thread of its own
        versions = Versions(embedder.version, CHUNKER_VERSION, PARSER_VERSION)

        def open_index() -> Index:
            known = None if rebuild else Index.stored_dim(folder)  # spares loading the model
            dim = known or embedder.dim
            return Index.open_or_create(folder, versions, dim, rebuild=rebuild)

        self.catalogue.create()
        run = Ingestion(
            self.catalogue, open_index, embedder, folder / "run.lock", lambda: datetime.now(UTC)
        )
        recorded = IndexRun(rules, self.catalogue.state(), source or "", is_rebuild=rebuild)
        job = partial(run.run, rules, only=source, on_progress=progress)
        return recorded.carried_out(job, self.engine, run.now)


@contextmanager
def open_variant(house: House, arm: str, values: Mapping[str, str]) -> Iterator[House]:
    """Open a house with some settings changed, named like ``knowledge.floor``.

    It shares the models, and the database where that is the same one.

    Raises:
        SettingsError: If there is no such setting, or it cannot have that value.
    """
    settings = overridden(house.settings, values)
    with ExitStack() as stack:
        is_elsewhere = settings.store_url != house.settings.store_url
        engine = stack.enter_context(open_house(settings)).engine if is_elsewhere else house.engine
        yield replace(house, settings=settings, engine=engine, arm=arm)


@contextmanager
def open_house(settings: Settings) -> Iterator[House]:
    """Open the database; models and index load when they are first needed."""
    settings.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(settings.store_url)
    try:
        Catalogue(engine).create()
        ledger.create_tables(engine)
        remarks.create_tables(engine)
        decisions.create_tables(engine)
        shadows.create_tables(engine)
        yield House(settings, engine)
    finally:
        engine.dispose()


def _found(settings: Settings, reference: str) -> FoundModel:
    found = open_shelf(settings).find(reference)
    if found is None:
        what, remedy = "an embedder", "set HOUSEVOICE_KNOWLEDGE__EMBEDDER to one"
        raise ModelMissingError(what, remedy)
    return found
