"""The truth about documents: which there are, and who may read them now.

The index is a copy that may be old or restored. What it returns counts only where this table
agrees, which changes first when access narrows. Ingestion writes it, and remembers here what
it has done. Knows no texts and no vectors.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    Executable,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    Update,
    bindparam,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from knowledge.access import RESERVED
from knowledge.errors import CatalogueDownError

_METADATA = MetaData()
_DOCUMENTS = Table(
    "documents",
    _METADATA,
    Column("doc_id", String(255), primary_key=True),
    Column("source", String(32), nullable=False),
    Column("path", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("updated", Date),
    Column("roles", JSON, nullable=False),
    Column("asked_roles", JSON, nullable=False),
    Column("has_own_url", Boolean, nullable=False),
    Column("content_hash", String(64), nullable=False),
    Column("raw_hash", String(64), nullable=False),
    Column("parser", String(64), nullable=False),
    Column("deleted", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("indexed_at", Float, nullable=False),  # UTC [s since 1970]: SQLite knows no zones
)
_STATE = Table(
    "catalogue_state",
    _METADATA,
    Column("id", Integer, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("index_version", String(255), nullable=False),
    Column("indexed_at", Float, nullable=False),
)
_PRESENT = ~_DOCUMENTS.c.deleted
_PLANTED = _PRESENT & (_DOCUMENTS.c.source == RESERVED)
_LONGEST_IN = 500  # ids in one query
_SLICE = 1_000  # documents in one transaction: about 50 ms in which nobody else writes


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known of one document.

    Attributes:
        path: Within its source.
        roles: Who may read it now.
        asked_roles: Roles of its front matter; empty where it names none.
        has_own_url: The link stands in its front matter.
        content_hash: As of ``Document``.
        raw_hash: SHA-256 of the file.
        parser: Version of the parser that read the file.
    """

    doc_id: str
    source: str
    path: str
    title: str
    url: str
    owner: str
    updated: date | None
    roles: frozenset[str]
    asked_roles: frozenset[str]
    has_own_url: bool
    content_hash: str
    raw_hash: str
    parser: str


@dataclass(frozen=True, slots=True)
class State:
    """Where the catalogue stands.

    Attributes:
        revision: Rises with every change of roles, and every document that comes or goes.
        index_version: That the catalogue agrees with; empty while a run is going on, and after
            one that did not end.
        indexed_at: End of the last run; None before the first.
    """

    revision: int
    index_version: str
    indexed_at: datetime | None


class Catalogue:
    """The table of documents; safe from several threads and processes.

    Args:
        engine: SQLite or PostgreSQL. Every transaction here writes first, so that two writers
            wait for each other and none is told to start over.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self) -> None:
        """Create the tables where they are missing."""
        start = select(literal(1), literal(0), literal(""), literal(0.0))
        first = start.where(~exists(select(_STATE.c.id)))
        steps: list[Executable] = [
            CreateTable(table, if_not_exists=True) for table in _METADATA.sorted_tables
        ]
        for step in [*steps, insert(_STATE).from_select(_STATE.c.keys(), first)]:
            with self._transaction() as connection:  # each its own: none reads before it writes
                connection.execute(step)

    def known(self) -> dict[str, Entry]:
        """Return all documents that are there, by id."""
        with self._transaction() as connection:
            rows = connection.execute(select(_DOCUMENTS).where(~_DOCUMENTS.c.deleted)).mappings()
            return {row["doc_id"]: _entry(row) for row in rows}

    def tombstones(self) -> frozenset[str]:
        """Return the ids of all documents that were there once."""
        with self._transaction() as connection:
            query = select(_DOCUMENTS.c.doc_id).where(_DOCUMENTS.c.deleted)
            return frozenset(connection.execute(query).scalars())

    def roles_of(self, doc_ids: Iterable[str]) -> dict[str, frozenset[str]]:
        """Return who may read some documents; unknown and deleted ones are absent.

        Raises:
            CatalogueDownError: If that cannot be told: then nobody may.
        """
        return {name: frozenset(roles) for name, roles in self._column("roles", doc_ids)}

    def count(self) -> int:
        """Return how many documents are there, without the planted one."""
        with self._transaction() as connection:
            real = _PRESENT & (_DOCUMENTS.c.source != RESERVED)
            query = select(func.count()).select_from(_DOCUMENTS).where(real)
            return int(connection.execute(query).scalar_one())

    def canary(self) -> str | None:
        """Return the id of the planted document; None in a catalogue that was made without one."""
        with self._transaction() as connection:
            return connection.scalar(select(_DOCUMENTS.c.doc_id).where(_PLANTED))

    @property
    def revision(self) -> int:
        """The access epoch: whoever has seen another one must ask again."""
        return self.state().revision

    def state(self) -> State:
        """Return where the catalogue stands."""
        with self._transaction() as connection:
            row = connection.execute(select(_STATE)).mappings().one()
        seconds = row["indexed_at"]
        moment = datetime.fromtimestamp(seconds, UTC) if seconds else None
        return State(row["revision"], row["index_version"], moment)

    def begin(self, *, narrowed: Mapping[str, frozenset[str]], removed: Sequence[str]) -> None:
        """Take access away, in one transaction, before the index changes.

        Until ``finish`` the index counts as in doubt.

        Args:
            narrowed: Roles that some documents are left with.
            removed: Documents that are gone.
        """
        left = [{"name": name, "new": sorted(roles)} for name, roles in narrowed.items()]
        gone = [{"name": name, "new": True} for name in removed]
        with self._transaction() as connection:
            revision = _moved(connection, index_version="")
            for column, rows in (("roles", left), ("deleted", gone)):
                if rows:
                    connection.execute(_set(column, revision), rows)

    def finish(self, entries: Sequence[Entry], *, index_version: str, at: datetime) -> None:
        """Record what the index now holds; access may widen here.

        In slices, so that others can write in between; the state comes with the last, so that a
        run that stops here leaves the index in doubt.

        Args:
            entries: New and changed documents.
            index_version: That holds them.
            at: End of the run.
        """
        seconds = at.timestamp()
        rows = [_row(entry, seconds) for entry in entries]
        early = max(len(rows) - 1, 0) // _SLICE * _SLICE
        for start in range(0, early, _SLICE):
            with self._transaction() as connection:
                _put(connection, rows[start : start + _SLICE], _moved(connection))
        with self._transaction() as connection:
            revision = _moved(connection, index_version=index_version, indexed_at=seconds)
            if rows:
                _put(connection, rows[early:], revision)

    def confirm(self, *, at: datetime) -> None:
        """Record a run that found nothing to do."""
        with self._transaction() as connection:
            connection.execute(update(_STATE).values(indexed_at=at.timestamp()))

    def _column(self, name: str, doc_ids: Iterable[str]) -> Iterator[tuple[str, Any]]:
        names = sorted(set(doc_ids))
        table = _DOCUMENTS.c
        with self._transaction() as connection:
            for start in range(0, len(names), _LONGEST_IN):
                some = table.doc_id.in_(names[start : start + _LONGEST_IN])
                query = select(table.doc_id, table[name]).where(some, ~table.deleted)
                yield from (tuple(row) for row in connection.execute(query))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise CatalogueDownError from error


def _moved(connection: Connection, **values: Any) -> int:
    """Take the write lock and the next revision."""
    connection.execute(update(_STATE).values(revision=_STATE.c.revision + 1, **values))
    return int(connection.execute(select(_STATE.c.revision)).scalar_one())


def _put(connection: Connection, rows: Sequence[dict[str, Any]], revision: int) -> None:
    """Write some documents, whatever was known of them."""
    gone = delete(_DOCUMENTS).where(_DOCUMENTS.c.doc_id == bindparam("name"))
    connection.execute(gone, [{"name": row["doc_id"]} for row in rows])
    connection.execute(insert(_DOCUMENTS), [row | {"revision": revision} for row in rows])


def _set(column: str, revision: int) -> Update:
    """Change one column of many documents; values are bound as ``name`` and ``new``."""
    named = update(_DOCUMENTS).where(_DOCUMENTS.c.doc_id == bindparam("name"))
    return named.values({"revision": revision, column: bindparam("new")})


def _row(entry: Entry, seconds: float) -> dict[str, Any]:
    return asdict(entry) | {
        "roles": sorted(entry.roles),
        "asked_roles": sorted(entry.asked_roles),
        "deleted": False,
        "indexed_at": seconds,
    }


def _entry(row: Mapping[Any, Any]) -> Entry:
    values = {name: row[name] for name in Entry.__dataclass_fields__}
    sets = {name: frozenset(row[name]) for name in ("roles", "asked_roles")}
    return Entry(**values | sets)
