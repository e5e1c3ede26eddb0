"""The house without Slack: library and voice, loaded when they are first needed.

What is missing raises where it is needed, with a sentence that says what to do; the rest goes on
working. Models that speak or read for an answer belong to the thread that asks first.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import monotonic

import structlog
from sqlalchemy import Engine

from adapters import ledger, nominations, remarks
from adapters.errors import VoiceError
from adapters.registry import Registry
from adapters.responder import Responder
from adapters.voice import Voice
from bot import approvals, decisions, indexing, shadows
from bot.adapted import Adapted
from bot.answering import Answerer, Prices
from bot.configuration import Configuration
from bot.configured import configuration_of, limits_of
from bot.conversation import LIVE, Question
from bot.database import open_engine
from bot.indexing import Progress
from bot.loading import LoadedModels
from bot.models import FoundModel, find_embedder, open_shelf
from bot.prompt import fixed_messages, prompt_sha256
from bot.settings import Settings, overridden
from bot.speakers import Serving
from bot.speaking import read_voice
from bot.voices import Swap, Voices
from bot.worksheet import Working
from knowledge.catalogue import Catalogue
from knowledge.chunking import CHUNKER_VERSION
from knowledge.embedding import Embedder
from knowledge.errors import FilterBrokenError, StoredIndexError
from knowledge.index import Index
from knowledge.reporting import IndexReport
from knowledge.retrieval import HybridRetriever

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
        on_swap: Told when a version of the voice came into service, or could not.
    """

    settings: Settings
    engine: Engine
    models: LoadedModels = field(default_factory=LoadedModels)
    arm: str = LIVE
    may_speak: MaySpeak = lambda _team, _source: True
    on_configured: Callable[[Configuration], None] = lambda _: None
    on_distrust: Callable[[str], None] = lambda _: None
    on_swap: Callable[[Swap], None] = lambda _: None
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
        return find_embedder(self.settings)

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
    def written_voice(self) -> Voice:
        """The written voice with all its examples.

        Raises:
            VoiceError: If its file is missing or wrong.
        """
        return read_voice(self.settings.model.voice)

    @cached_property
    def voice(self) -> Voice:
        """The same with as many examples as the settings say."""
        written = self.written_voice
        return replace(written, examples=written.examples[: self.settings.model.examples])

    @cached_property
    def base_model(self) -> FoundModel | None:
        """Where the base model lies; None where there is none on this machine."""
        return open_shelf(self.settings).find(self.settings.model.base)

    @property
    def base_version(self) -> str:
        """What the base model is called on answers; empty where the bot only quotes."""
        model, found = self.settings.model, self.base_model
        return found.version if found else model.server_model if model.server_url else ""

    @cached_property
    def responder(self) -> Responder | None:
        """The model that speaks; None where the bot only quotes."""
        speaks = self.models.speaker(self.settings.model, self.base_model)
        if speaks is not None:
            speaks.warm_up(fixed_messages(self.voice))
        return speaks

    @cached_property
    def adapted(self) -> Adapted:
        """The adapters on top of the models."""
        try:
            rules = prompt_sha256(self.written_voice)
        except VoiceError:
            rules = ""  # whoever wants to speak is told; the registry can be looked at
        return Adapted(self.settings, self.models, self.embedder_model, self.base_model, rules)

    @property
    def registry(self) -> Registry:
        """The versions of adapters, and which of them are promoted.

        Raises:
            RegistryBrokenError: If somebody has edited it.
        """
        return self.adapted.registry

    @cached_property
    def voices(self) -> Voices | None:
        """Who speaks for each question; None where nobody does, or the base alone."""
        if self.responder is None:
            return None
        return self.adapted.voices(
            self.responder, self.voice, self.embedder.embed_query, self.on_swap
        )

    @property
    def serving(self) -> Serving | None:
        """What speaks; None where nothing does, or it is not loaded yet."""
        adapted: Adapted | None = self.__dict__.get("adapted")
        return adapted.serving(self.__dict__.get("voices")) if adapted else None

    @cached_property
    def answerer(self) -> Answerer:
        """The use case, with all its parts."""
        budget = self.settings.budget
        self.on_configured(self.configuration)
        return Answerer(
            retriever=self.retriever,
            reader=self.adapted.reader(self.embedder),
            responder=self.responder,
            voice=self.voice,
            voices=self.voices,
            contact=self.settings.slack.human_contact,
            clock=monotonic,
            limits=limits_of(self.settings),
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
        return configuration_of(
            self.settings,
            base=self.base_version,
            embedder=self.embedder_model.version,
            voice=self.voice,
            reader=judge.name if (judge := self.adapted.judge) else "",
        )

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
        """Bring the index up to date; see `indexing.ingest`."""
        return indexing.ingest(
            self.settings,
            self.engine,
            self.embedder_model,
            source=source,
            rebuild=rebuild,
            progress=progress,
        )


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
    engine, models = open_engine(settings.store_url), LoadedModels()
    try:
        Catalogue(engine).create()
        ledger.create_tables(engine)
        remarks.create_tables(engine)
        nominations.create_tables(engine)
        decisions.create_tables(engine)
        approvals.create_tables(engine)
        shadows.create_tables(engine)
        yield House(settings, engine, models)
    finally:
        models.hang_up()
        engine.dispose()
