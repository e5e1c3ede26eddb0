"""The adapters that come with the program: into the registry, once.

Knows neither what they are good at nor who decides otherwise later.
"""

from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

import adapters
from adapters.errors import AdaptersError
from adapters.manifests import MANIFEST, Manifest
from adapters.registry import Registry
from bot.tracing import note_failure

_HOUSE = Path(adapters.__file__).parent / "voices" / "house"
FOLDERS = (_HOUSE / "adapter", _HOUSE / "reader")
"""Each holds one adapter and the record of its gates."""


def open_registry(
    root: Path, bases: Collection[str], rules: str, folders: tuple[Path, ...] = FOLDERS
) -> Registry:
    """Open the registry, and register in it what is shipped.

    Args:
        root: Where the registry lies, or will.
        bases: SHA-256 of the weights of the models that are used here.
        rules: SHA-256 of what the prompts of a voice begin with; empty where none can be served.
        folders: Of the shipped adapters.

    Raises:
        RegistryBrokenError: If somebody has edited it.
    """
    registry = Registry(root, lambda: datetime.now(UTC))
    for folder in folders:
        try:
            _install(registry, folder, bases, rules)
        except (AdaptersError, OSError) as error:
            note_failure(error)
    return registry


def _install(registry: Registry, folder: Path, bases: Collection[str], rules: str) -> None:
    """Register what fits a base here; it speaks where nobody has decided anything yet.

    A voice of other rules is there to be looked at. What somebody has banned stays away.

    Raises:
        AdaptersError: If it cannot be registered; the bot answers without it.
    """
    if not (path := folder / MANIFEST).exists():
        return
    manifest = Manifest.from_json(path.read_bytes(), path=str(path))
    if manifest.base.sha256 in bases and manifest.version not in registry.tainted():
        registry.install(folder, may_speak=manifest.prompt_sha256 in {"", rules})
