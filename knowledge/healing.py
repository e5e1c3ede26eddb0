"""What a power cut may have done to the index folder, undone.

LanceDB syncs nothing to disk: a killed process is harmless, a power cut may leave the newest
version cut short. Healing goes back to the version before; it can bring back old roles, which
is why every hit is checked against the catalogue before use. Local folders only.

Source: 64 crash states of one write, of which opening alone healed 52 and opening with a full
scan all (``tests/integration/test_healing.py`` replays the kinds).
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from knowledge.errors import StoredIndexError

_ROUNDS = 3  # more than that is no power cut: stop before good versions are set aside


def heal(open_table: Callable[[], Any], table_folder: Path) -> None:
    """Set aside damaged newest versions until the table opens and reads in full.

    Raises:
        StoredIndexError: If it still cannot be read; nothing is ever deleted.
    """
    for _ in range(_ROUNDS):
        try:
            table = open_table()
            if _scan(table) == table.count_rows():
                return
        except (RuntimeError, ValueError, OSError) as error:
            if not _is_damage(error):
                message = f"the index in {table_folder} cannot be opened"
                raise StoredIndexError(message) from error
        newest = sorted((table_folder / "_versions").glob("*.manifest"))[:1]  # counts downwards
        if not newest:
            break
        newest[0].rename(newest[0].with_suffix(".bad"))
    message = f"the index in {table_folder} is damaged: run `housevoice index --rebuild`"
    raise StoredIndexError(message)


def fsync_tree(root: Path) -> None:
    """Bring every file and folder below ``root`` to the disk."""
    for folder, _, files in os.walk(root):
        for entry in [*files, "."]:
            try:
                descriptor = os.open(Path(folder) / entry, os.O_RDONLY)
            except FileNotFoundError:  # compacted away meanwhile
                continue
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _scan(table: Any) -> int:
    return sum(batch.num_rows for batch in table.search().select(["id", "text"]).to_batches())


def _is_damage(error: Exception) -> bool:
    """Tell damage from a full descriptor table or missing rights, which look alike."""
    text = str(error).lower()
    return not any(word in text for word in ("permission", "too many open", "memory"))
