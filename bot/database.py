"""The database: how it is opened, and the one thread that writes.

Knows no table. SQLite is opened so that what was committed survives a loss of power;
PostgreSQL, by URL, is left as its administrators set it up.
"""

import queue
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from threading import Lock, Thread
from typing import Any, Generic, TypeVar

from sqlalchemy import Connection, Engine, Insert, Table, UpdateBase, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    InterfaceError,
    InternalError,
    OperationalError,
    SQLAlchemyError,
)

from bot.errors import StoreDownError

_PATIENCE = "PRAGMA busy_timeout=5000"
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    _PATIENCE,
    "PRAGMA foreign_keys=ON",
    "PRAGMA secure_delete=ON",
)
T = TypeVar("T")

_STORE_IS_DOWN = (OperationalError, InterfaceError, InternalError)
_BATCH = 256


def open_engine(url: str) -> Engine:
    """Open the database; nothing is connected to before the first use."""
    engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", _begin)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # or sqlite3 would begin by itself, and too late
    for pragma in _PRAGMAS:
        connection.execute(pragma)


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # A writer takes its lock at once: a reader that upgrades later may fail instead of wait.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def truncate_log(engine: Engine) -> bool:
    """Empty SQLite's write-ahead log, which keeps deleted texts until then.

    Returns:
        Whether it is empty; a reader of an older state may be in the way. PostgreSQL's own log
        is its administrator's.
    """
    if engine.dialect.name != "sqlite":
        return True
    with closing(engine.raw_connection()) as connection:  # outside of any transaction
        cursor = connection.cursor()
        cursor.execute("PRAGMA busy_timeout=200")  # nobody can write while it waits
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (is_busy, *_) = cursor.fetchone() or (1,)
        cursor.execute(_PATIENCE)
    return not is_busy


def insert_once(connection: Connection, table: Table, **values: Any) -> bool:
    """Insert a row unless one with its key is there; return whether it was inserted."""
    statement = _insert_once(connection.dialect.name, table)
    return connection.execute(statement, values).rowcount > 0


@cache  # building it costs more than running it
def _insert_once(dialect: str, table: Table) -> Insert:
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    return insert(table).on_conflict_do_nothing()


@dataclass(frozen=True, slots=True)
class _Write(Generic[T]):
    job: Callable[[Connection], T]
    done: Future[T] = field(default_factory=Future)


class Writer:
    """The one thread that writes, many jobs to a commit.

    Args:
        bound: Writes that may wait; more are refused, not queued.
        on_refused: Told how many writes the database did not take.

    Attributes:
        is_refusing: Whether the database did not take the last write.

    Source:
        A hundred clients on connections of their own had to wait 6.2 s at p99, one writer
        with group commit 53 ms; ``tests/integration/test_votes_survive_kill.py`` kills it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        bound: int = 2000,
        on_refused: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.is_refusing = False
        self._on_refused = on_refused
        self._writing = engine.execution_options(writes=True)
        self._waiting: queue.Queue[_Write[Any] | None] = queue.Queue()
        self._bound = bound
        self._lock = Lock()
        self._is_open = True
        self._thread = Thread(target=self._write_until_closed, name="writer", daemon=True)
        self._thread.start()

    def run(self, job: Callable[[Connection], T]) -> T:
        """Run a job in a transaction and return what it returned, once that is committed.

        Args:
            job: Does nothing but write, for it is run again if another one spoils the commit.

        Raises:
            StoreDownError: If the database refuses, too much waits, or the writer is closed.
        """
        write = _Write(job)
        with self._lock:
            if not self._is_open or self._waiting.qsize() >= self._bound:
                raise StoreDownError
            self._waiting.put(write)
        return write.done.result()

    def execute(self, statement: UpdateBase) -> int:
        """Run one statement, and return how many rows it touched.

        Raises:
            StoreDownError: As for `run`.
        """
        return self.run(lambda connection: connection.execute(statement).rowcount)

    def close(self) -> None:
        """Write what was accepted, then end; accept no more."""
        with self._lock:
            if self._is_open:
                self._is_open = False
                self._waiting.put(None)
        self._thread.join()

    def _write_until_closed(self) -> None:
        is_last = False
        while not is_last:
            batch, is_last = self._next_batch()
            self._commit(batch)

    def _next_batch(self) -> tuple[list[_Write[Any]], bool]:
        batch = list[_Write[Any]]()
        write = self._waiting.get()
        while write is not None:
            batch.append(write)
            if len(batch) == _BATCH or self._waiting.empty():
                return batch, False
            write = self._waiting.get()
        return batch, True

    def _commit(self, batch: list[_Write[Any]]) -> None:
        try:
            with self._writing.begin() as connection:
                results = [write.job(connection) for write in batch]
        except _STORE_IS_DOWN:
            self._refuse(batch, StoreDownError())
        except Exception as error:  # noqa: BLE001  the end of a job: its caller hears of it
            if len(batch) == 1:
                is_store = isinstance(error, SQLAlchemyError)
                self._refuse(batch, StoreDownError() if is_store else error)
            else:  # nothing of it is stored: one by one, so that one job spoils no other
                for write in batch:
                    self._commit([write])
        else:
            self.is_refusing = False
            for write, result in zip(batch, results, strict=True):
                write.done.set_result(result)  # only now: it is on the disk

    def _refuse(self, batch: list[_Write[Any]], error: Exception) -> None:
        if isinstance(error, StoreDownError):
            self.is_refusing = True
            self._on_refused(len(batch))
        for write in batch:
            write.done.set_exception(error)
