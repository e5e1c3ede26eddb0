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
    root: Path, bases: Collection[str], folders: tuple[Path, ...] = FOLDERS
) -> Registry:
    """Open the registry, and register in it what is shipped.

    Args:
        root: Where the registry lies, or will.
        bases: SHA-256 of the weights of the models that are used here.
        folders: Of the shipped adapters.

    Raises:
        RegistryBrokenError: If somebody has edited it.
    """
    registry = Registry(root, lambda: datetime.now(UTC))
    install(registry, bases, folders)
    return registry


def install(registry: Registry, bases: Collection[str], folders: tuple[Path, ...]) -> None:
    """Register what fits the bases here; it speaks where nobody has decided anything yet.

    What cannot be registered is logged and left out: the bot answers without it.

    Args:
        registry: Keeps them.
        bases: SHA-256 of the weights of the models that are used here.
        folders: Of the adapters.
    """
    for folder in folders:
        try:
            if (folder / MANIFEST).exists() and _base_of(folder) in bases:
                registry.install(folder)
        except (AdaptersError, OSError) as error:
            note_failure(error)


def _base_of(folder: Path) -> str:
    path = folder / MANIFEST
    return Manifest.from_json(path.read_bytes(), path=str(path)).base.sha256
