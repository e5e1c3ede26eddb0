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
        StoredIndexError: If it still cannot be read; then everything is as it was, since what
            looks like damage may be a sick disk. Nothing is ever deleted.
    """
    aside: list[tuple[Path, Path]] = []
    while not _is_readable(open_table, table_folder):
        newest = min((table_folder / "_versions").glob("*.manifest"), default=None)
        if newest is None or len(aside) == _ROUNDS:  # the names count downwards
            for manifest, bad in aside:
                bad.rename(manifest)
            message = f"the index in {table_folder} is damaged: run `housevoice index --rebuild`"
            raise StoredIndexError(message)
        aside.append((newest, newest.with_suffix(".bad")))
        newest.rename(newest.with_suffix(".bad"))


def fsync_tree(root: Path, *, sync: Callable[[int], None] = os.fsync) -> None:
    """Bring every file and folder below ``root`` to the disk, by ``sync`` of a descriptor."""
    for folder, _, files in os.walk(root):
        for entry in [*files, "."]:
            try:
                descriptor = os.open(Path(folder) / entry, os.O_RDONLY)
            except FileNotFoundError:  # compacted away meanwhile
                continue
            try:
                sync(descriptor)
            finally:
                os.close(descriptor)


def _is_readable(open_table: Callable[[], Any], table_folder: Path) -> bool:
    try:
        table = open_table()
        table.checkout(table.version)  # a writer may commit between scan and count
        return _scan(table) == int(table.count_rows())
    except (RuntimeError, ValueError, OSError) as error:
        if _is_damage(error):
            return False
        message = f"the index in {table_folder} cannot be opened"
        raise StoredIndexError(message) from error


def _scan(table: Any) -> int:
    """Read every row and use every index: a scan alone does not notice an empty index file."""
    for probe in ("id >= ''", "doc_id >= ''", "array_has_any(roles, ['x'])"):
        table.count_rows(probe)
    direction = [1.0] * table.schema.field("vector").type.list_size
    table.search(direction, vector_column_name="vector").limit(1).select(["_distance"]).to_list()
    return sum(batch.num_rows for batch in table.search().select(["id", "text"]).to_batches())


def _is_damage(error: Exception) -> bool:
    """Tell damage from a full descriptor table or missing rights, which look alike."""
    other = ("permission", "too many open", "out of memory", "cannot allocate")
    return not any(words in str(error).lower() for words in other)
