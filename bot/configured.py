"""What an answer depends on, from settings and versions. Opens nothing."""

from collections.abc import Iterator
from importlib.metadata import version

from adapters.voice import Voice
from bot.answering import Limits
from bot.configuration import Configuration, Value
from bot.settings import Settings
from bot.voices import PROMOTED
from knowledge.chunking import CHUNKER_VERSION
from knowledge.reading import BEARING
from knowledge.retrieval import LEXICAL_WEIGHT

_OF_KNOWLEDGE = ("passages", "chunks_per_document", "floor")
_OF_MODEL = ("examples", "prompt_tokens", "evidence_sentences", "answer_tokens", "deadline_s")
_OF_SERVER = ("server_kind", "server_model")


def configuration_of(
    settings: Settings, *, base: str, embedder: str, voice: Voice, reader: str
) -> Configuration:
    """Name what answers depend on, but for documents, prompt and what is promoted.

    Args:
        settings: Of the house.
        base: Version of the model that speaks; empty without one.
        embedder: Its version.
        voice: As the prompt has it.
        reader: Version of the trained reader; empty without one.
    """
    knowledge, model = settings.knowledge, settings.model
    set_here = {
        **{f"knowledge.{name}": getattr(knowledge, name) for name in _OF_KNOWLEDGE},
        **{f"model.{name}": getattr(model, name) for name in _OF_MODEL},
        **dict(_where_set(settings)),
    }
    versions = {
        "base": base,
        "chunker": CHUNKER_VERSION,
        "contact": settings.slack.human_contact,
        "embedder": embedder,
        "fusion.lexical_weight": LEXICAL_WEIGHT,
        "housevoice": version("housevoice"),
        "reader": reader or f"similarity/{BEARING}",
        "voice": f"{voice.label}/{voice.sha256[:16]}",
    }
    return Configuration.from_values(set_here | versions)


def limits_of(settings: Settings) -> Limits:
    """Return the bounds of an answer."""
    model = settings.model
    return Limits(
        floor=settings.knowledge.floor,
        prompt_tokens=model.prompt_tokens,
        answer_tokens=model.answer_tokens,
        deadline_s=model.deadline_s,
    )


def _where_set(settings: Settings) -> Iterator[tuple[str, Value]]:
    """Yield what most houses leave as it is; left out, so that their names stay what they were."""
    model = settings.model
    if model.adapter != PROMOTED:
        yield "model.adapter", model.adapter
    if model.server_url:
        yield from ((f"model.{name}", getattr(model, name)) for name in _OF_SERVER)
