"""Who speaks for a house, put together from its settings."""

from collections.abc import Callable
from pathlib import Path

from adapters.errors import DomainsError, VoiceError
from adapters.manifests import AdapterRef
from adapters.registry import Registry
from adapters.responder import Responder
from adapters.routing import Domains, Router, Vector
from adapters.voice import Voice
from bot.settings import ModelSettings
from bot.voices import NO_ADAPTER, PROMOTED, Swap, Voices


def open_voices(  # noqa: PLR0913  what is followed, what loads it, what chooses
    model: ModelSettings,
    registry: Registry,
    responder: Responder,
    *,
    voice: Voice,
    embed: Callable[[str], Vector],
    on_swap: Callable[[Swap], None],
) -> Voices:
    """Load what is to speak.

    Args:
        model: Names it.
        registry: Holds it.
        responder: Loads it.
        voice: The written one.
        embed: As retrieval embeds a question.
        on_swap: Told when a version came into service, or could not.

    Raises:
        AdapterRejectedError: If the settings name a version that cannot speak.
        DomainsError: If the file of domains cannot be used.
    """
    return Voices(
        registry,
        responder,
        voice,
        Router.from_domains(read_domains(model.domains), embed),
        pinned=pinned_version(registry, model.adapter),
        follows=model.adapter == PROMOTED,
        on_swap=on_swap,
    )


def read_voice(path: Path) -> Voice:
    """Read the written voice.

    Raises:
        VoiceError: If its file is missing or wrong.
    """
    try:
        return Voice.from_yaml(path.read_text(encoding="utf-8"), path=str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise VoiceError(str(path), "it cannot be read") from error


def read_domains(path: str) -> Domains:
    """Read the file of domains; the empty path describes none.

    Raises:
        DomainsError: If it cannot be used.
    """
    if not path:
        return Domains()
    try:
        return Domains.from_yaml(Path(path).read_text(encoding="utf-8"), path=path)
    except (OSError, UnicodeDecodeError) as error:
        raise DomainsError(path, "it cannot be read") from error


def pinned_version(registry: Registry, setting: str) -> AdapterRef | None:
    """Return the one version that ``model.adapter`` names; None where it names none.

    Args:
        registry: Holds it.
        setting: ``promoted``, ``none``, or a version, with or without its domain.

    Raises:
        AdapterRejectedError: If there is no such version, or it may not be loaded.
    """
    if setting in {PROMOTED, NO_ADAPTER}:
        return None
    kept = registry.find(setting.rpartition("-")[2])
    return registry.ref(kept.domain, kept.version)
