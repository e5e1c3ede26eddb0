"""The LanceDB table of chunks. The only file that speaks LanceDB.

Readers pin one version per question (``Index.pin``) and can only search with an audience;
there is no public way to an unfiltered search. The lexical half is scored in memory over the
rows that LanceDB's own prefilter lets through (docs/adr/0004). Knows nothing of files or models.

Source: the traps of LanceDB 0.40 that this file guards against are tests in
``tests/integration/test_index.py``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from knowledge.access import RESERVED
from knowledge.errors import IndexMismatchError, IndexMissingError, StoredIndexError
from knowledge.healing import fsync_tree, heal
from knowledge.pointer import IndexVersions, Pointer
from knowledge.rows import NOBODY, IndexedChunk, as_row, schema
from knowledge.snapshot import Lexicon, Snapshot

_ANN_FROM_ROWS = 50_000  # below, exact search is fast and its order tells nothing of hidden rows
_HELD = ["doc_id", "roles", "crumb", "text"]
_KEEP_VERSIONS = timedelta(hours=1)  # above the longest pinned question


@dataclass(frozen=True, slots=True)
class HeldText:
    """What a chunk says, and who may read it by the index alone."""

    doc_id: str
    roles: frozenset[str]
    text: str


class Index:
    """The chunks of a corpus, searchable for an audience.

    Safe to read from several threads; written by one process at a time (the caller holds the
    lock). Open it with ``Index.open_existing`` or ``Index.open_or_create``.
    """

    def __init__(self, folder: Path, pointer: Pointer) -> None:
        import lancedb  # noqa: PLC0415  over a second; most commands open no index

        self._folder = folder
        self._pointer = pointer
        session = lancedb.Session(
            index_cache_size_bytes=256 << 20, metadata_cache_size_bytes=64 << 20
        )
        self._database = lancedb.connect(
            str(folder / "lance"), read_consistency_interval=timedelta(0), session=session
        )
        self._lexicon: Lexicon | None = None
        self._lock = Lock()

    @classmethod
    def open_existing(cls, folder: Path, *, embedder: str, chunker: str) -> "Index":
        """Open an index for reading.

        Raises:
            IndexMissingError: If nothing was indexed yet.
            IndexMismatchError: If another embedder or chunker made it.
            StoredIndexError: If it is damaged beyond healing.
        """
        pointer = Pointer.read(folder / "index.json")
        if pointer is None:
            raise IndexMissingError(str(folder))
        _same("embedder", pointer.versions.embedder, embedder)
        _same("chunker", pointer.versions.chunker, chunker)
        index = cls(folder, pointer)
        heal(index._open, folder / "lance" / f"{pointer.table}.lance")
        return index

    @staticmethod
    def stored_dim(folder: Path) -> int | None:
        """Return the length of the vectors in the index that serves; None without one."""
        served = Pointer.read(folder / "index.json")
        return served.dim if served else None

    @classmethod
    def open_or_create(
        cls, folder: Path, versions: IndexVersions, dim: int, *, rebuild: bool = False
    ) -> "Index":
        """Open an index for writing; a missing or to-be-rebuilt one starts empty and unseen.

        A new table serves readers only after ``publish``.

        Raises:
            IndexMismatchError: If other versions made it and ``rebuild`` is not asked for.
        """
        folder.mkdir(parents=True, exist_ok=True)
        served = Pointer.read(folder / "index.json")
        if served is None or rebuild:
            index = cls(folder, Pointer("", dim, versions, token_hex(4)))
            index._create()
            return index
        for what in ("embedder", "chunker", "parser"):
            _same(what, getattr(served.versions, what), getattr(versions, what))
        index = cls(folder, served)
        heal(index._open, folder / "lance" / f"{served.table}.lance")
        return index

    @property
    def version(self) -> str:
        """The table and its version, as on every answer: ``chunks_v1.ab12cd34@7``."""
        table = self._open()
        return f"{self._pointer.name}@{table.version}"

    @property
    def made_by(self) -> IndexVersions:
        """What made the rows."""
        return self._pointer.versions

    def count(self) -> int:
        """Return the number of chunks, without the planted one."""
        return int(self._open().count_rows(f"doc_id NOT LIKE '{RESERVED}:%'"))

    def pin(self, version: str = "") -> Snapshot:
        """Return a view of one version, for one question; never keep it.

        Args:
            version: As on an answer; by default the newest. Older ones are kept for an hour or
                so, and what the catalogue says of today counts for them as well.

        Raises:
            StoredIndexError: If it cannot be read, or is not there any more.
        """
        try:
            table = self._open_at(version)
            return Snapshot(table, self._lexicon_of(table), f"{self._pointer.name}@{table.version}")
        except (RuntimeError, ValueError, OSError) as error:
            message = f"the index in {self._folder} cannot be read"
            raise StoredIndexError(message) from error

    def doc_ids(self, version: str = "") -> frozenset[str]:
        """Return which documents have chunks here, whoever may read them; for maintenance."""
        found = self._open_at(version).search().select(["doc_id"]).to_arrow()
        return frozenset(pc.unique(found["doc_id"]).to_pylist())

    def held(self, doc_ids: Iterable[str], version: str = "") -> list[HeldText]:
        """Return all chunks of some documents, whoever may read them; for evaluation."""
        names = sorted(set(doc_ids))
        if not names:
            return []
        table = self._open_at(version)
        found = table.search().where(_in("doc_id", names)).select(_HELD).to_arrow()
        return [
            HeldText(row["doc_id"], frozenset(row["roles"]), f"{row['crumb']}\n{row['text']}")
            for row in found.to_pylist()
        ]

    def vectors_of(self, doc_ids: Iterable[str]) -> dict[str, NDArray[np.float32]]:
        """Return the vectors of some documents' chunks, by the text that was embedded."""
        names = sorted(set(doc_ids))
        if not names:
            return {}
        found = (
            self._open()
            .search()
            .where(_in("doc_id", names))
            .select(["crumb", "text", "vector"])
            .to_arrow()
        )
        flat = found["vector"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
        rows = flat.reshape(-1, self._pointer.dim)
        pairs = zip(found["crumb"].to_pylist(), found["text"].to_pylist(), strict=True)
        texts = [f"{crumb}\n{text}" for crumb, text in pairs]
        return dict(zip(texts, rows, strict=True))

    def write(self, *, replaced: Sequence[str], rows: Sequence[IndexedChunk]) -> str:
        """Give some documents exactly these chunks, in one commit: upsert and delete.

        Args:
            replaced: Documents that end with just their chunks in ``rows``, or with none.
            rows: The chunks; each belongs to a document in ``replaced``.

        Returns:
            The new version; the old one if there was nothing to do.
        """
        names = sorted(set(replaced))
        if names:
            table = self._open()
            unique = {row.chunk.chunk_id: row for row in rows}
            batch = pa.Table.from_pylist(
                [as_row(row) for row in unique.values()], schema=schema(self._pointer.dim)
            )
            (
                table.merge_insert("id")
                .when_matched_update_all()
                .when_not_matched_insert_all()
                .when_not_matched_by_source_delete(_in("doc_id", names))
                .execute(batch)
            )
            fsync_tree(self._folder)
        return self.version

    def set_roles(self, roles: Mapping[str, frozenset[str]]) -> str:
        """Change who may read some documents, without embedding anything again."""
        by_roles: dict[frozenset[str], list[str]] = {}
        for doc_id, names in roles.items():
            by_roles.setdefault(names, []).append(doc_id)
        table = self._open()
        for names, doc_ids in by_roles.items():
            values = {"roles": sorted(names) or [NOBODY]}
            table.update(where=_in("doc_id", sorted(doc_ids)), values=values)
        fsync_tree(self._folder)
        return self.version

    def publish(self) -> None:
        """Let readers use this table from their next question on."""
        self._pointer.write(self._folder / "index.json")
        fsync_tree(self._folder)

    def optimize(self, *, ann_from_rows: int = _ANN_FROM_ROWS) -> None:
        """Compact, index what is new, and drop versions and tables that nobody reads.

        Args:
            ann_from_rows: From so many chunks on, vectors are searched through an index.
        """
        from lancedb.index import IvfSq  # noqa: PLC0415  see the constructor

        table = self._open()
        if table.count_rows() >= ann_from_rows and "vector" not in _indexed(table):
            table.create_index("vector", config=IvfSq(distance_type="cosine"))
        table.optimize(cleanup_older_than=_KEEP_VERSIONS)
        served = Pointer.read(self._folder / "index.json")
        if served and served.table == self._pointer.table:
            for name in self._database.list_tables().tables:
                if name != served.table:
                    self._database.drop_table(name)
        fsync_tree(self._folder)

    def _open(self) -> Any:
        served = Pointer.read(self._folder / "index.json")
        if served and served.versions == self._pointer.versions:
            # what was published meanwhile; a table of one's own that is still unseen is newer
            self._pointer = max(served, self._pointer, key=lambda one: _number(one.table))
        return self._database.open_table(self._pointer.table)

    def _open_at(self, version: str) -> Any:
        """Open one version; the newest, and then nothing newer, where none is named."""
        table = self._open()
        if version and version.rpartition("@")[0] != self._pointer.name:
            message = f"the index has no version {version} any more"
            raise StoredIndexError(message)
        table.checkout(int(version.rpartition("@")[2]) if version else table.version)
        return table

    def _create(self) -> None:
        from lancedb.index import BTree, LabelList  # noqa: PLC0415  see the constructor

        number = 1 + max(map(_number, self._database.list_tables().tables), default=0)
        self._pointer = replace(self._pointer, table=f"chunks_v{number}")
        table = self._database.create_table(self._pointer.table, schema=schema(self._pointer.dim))
        table.set_unenforced_primary_key("id")
        for column, config in (("roles", LabelList()), ("id", BTree()), ("doc_id", BTree())):
            table.create_index(column, config=config)

    def _lexicon_of(self, table: Any) -> Lexicon:
        key = f"{self._pointer.name}@{table.version}"
        with self._lock:
            if self._lexicon is None or self._lexicon.key != key:
                self._lexicon = Lexicon.load(table, key)
            return self._lexicon


def _number(table: str) -> int:
    return int(table.rpartition("v")[2])


def _same(what: str, indexed: str, configured: str) -> None:
    if indexed != configured:
        raise IndexMismatchError(what, indexed, configured)


def _indexed(table: Any) -> set[str]:
    return {column for index in table.list_indices() for column in index.columns}


def _in(column: str, names: Sequence[str]) -> str:
    quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in names)
    return f"{column} IN ({quoted})"
