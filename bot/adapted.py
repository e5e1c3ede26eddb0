"""The adapters of one house: who speaks, who reads, and what could not be put in service.

Whatever is wrong with the registry or a promoted version, questions are answered without it, and
health and status say so. Only what the settings name explicitly must be there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from adapters.errors import AdaptersError, RegistryError
from adapters.registry import Registry
from adapters.responder import Responder
from adapters.routing import Vector
from adapters.voice import Voice
from bot.judging import DOMAIN, TrainedJudge, wanted_reader
from bot.loading import LoadedModels
from bot.models import FoundModel
from bot.settings import Settings
from bot.shipped import open_registry
from bot.speakers import Failure, Serving
from bot.speaking import open_voices
from bot.tracing import note_failure
from bot.voices import NO_ADAPTER, PROMOTED, Swap, Voices
from knowledge.embedding import Embedder
from knowledge.reading import SentenceReader


@dataclass
class Adapted:
    """What is laid on top of the models.

    Attributes:
        encoder: The model that embeds; the trained reader was trained on it.
        base: The model that speaks; None where there is none in this process.
        rules: SHA-256 of what its prompts begin with; a voice is trained for these.
    """

    settings: Settings
    models: LoadedModels
    encoder: FoundModel
    base: FoundModel | None
    rules: str = ""
    _failed: dict[str, Failure] = field(default_factory=dict, init=False)

    @cached_property
    def registry(self) -> Registry:
        """The versions of adapters, shipped ones among them, and which of them are promoted.

        Raises:
            RegistryBrokenError: If somebody has edited it.
        """
        bases = [one.sha256 for one in (self.encoder, self.base) if one]
        rules = "" if self.settings.model.server_url else self.rules
        return open_registry(self.settings.adapters_folder, bases, rules)

    @cached_property
    def judge(self) -> TrainedJudge | None:
        """The trained reader; None where similarity alone reads.

        Raises:
            AdaptersError: If the settings name a version that cannot read.
        """
        setting = self.settings.model.reader
        if setting == NO_ADAPTER:
            return None
        try:
            ref = wanted_reader(setting, self.registry)
            return self.models.judge(ref, self.encoder, self.settings.model.threads)
        except (AdaptersError, OSError) as error:
            if setting != PROMOTED:
                raise
            self._note(DOMAIN, error)
            return None

    def reader(self, embedder: Embedder) -> SentenceReader:
        """Put together what chooses evidence."""
        plain = SentenceReader(
            embedder,
            limit=self.settings.model.evidence_sentences,
            per_document=self.settings.knowledge.chunks_per_document,
        )
        judge = self.judge
        if judge is None:
            return plain
        return replace(plain, judge=judge, trust=judge.trust, veto=judge.veto)

    def voices(
        self,
        responder: Responder,
        voice: Voice,
        embed: Callable[[str], Vector],
        on_swap: Callable[[Swap], None],
    ) -> Voices | None:
        """Follow who speaks; None where the registry cannot be read, and the base speaks.

        Raises:
            AdapterRejectedError: If the settings name a version that cannot speak.
            DomainsError: If the file of domains cannot be used.
        """
        model = self.settings.model
        try:
            registry = self.registry
        except (RegistryError, OSError) as error:
            if model.adapter not in {PROMOTED, NO_ADAPTER}:
                raise
            self._note("the registry", error)
            return None
        return open_voices(model, registry, responder, voice=voice, embed=embed, on_swap=on_swap)

    def serving(self, voices: Voices | None) -> Serving | None:
        """Say what speaks and what cannot; None where nothing does, or it is not loaded yet."""
        serving = voices.serving if voices else None
        if not self._failed:
            return serving
        known = serving or Serving()
        return replace(known, failed={**known.failed, **self._failed})

    def _note(self, what: str, error: Exception) -> None:
        note_failure(error)
        self._failed[what] = Failure("", type(error).__name__)
