"""Commands that were acknowledged and are not finished; a restart takes them up again."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    inspect,
    select,
    text,
    update,
)

from bot.database import Writer, insert_once
from bot.inbox import KEPT_FOR

REINDEX, EXPORT = "reindex", "export"
"""What can be asked for."""

_METADATA = MetaData()

_ERRANDS = Table(
    "errands",
    _METADATA,
    Column("trigger_id", String(128), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("words", Text, nullable=False),
    Column("verb", String(16), nullable=False),
    Column("is_done", Boolean, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("received_s", BigInteger, nullable=False),
)


_ADD_VERB = f"ALTER TABLE errands ADD COLUMN verb VARCHAR(16) NOT NULL DEFAULT '{REINDEX}'"


@dataclass(frozen=True, slots=True)
class Errand:
    """A command that takes longer than its acknowledgement.

    Attributes:
        trigger_id: Slack's id of the one time it was typed.
        words: What was typed after the command.
        attempts: How often carrying it out has been begun.
        verb: What is to be done.
    """

    trigger_id: str
    user: str
    words: tuple[str, ...]
    attempts: int = 0
    verb: str = REINDEX


class Errands:
    """The commands in the database.

    Args:
        engine: To read with; writes go through the writer.
        now: The time of day, for pruning alone.
    """

    def __init__(self, engine: Engine, writer: Writer, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._writer = writer
        self._now = now
        _create_tables(engine)

    def take(self, errand: Errand) -> bool:
        """Store a command before it is acknowledged; return False for a known one.

        Raises:
            StoreDownError: If it is not stored.
        """
        return self._writer.run(partial(self._take, errand=errand))

    def unfinished(self) -> list[Errand]:
        """List what a stop interrupted, oldest first."""
        is_open = select(_ERRANDS).where(_ERRANDS.c.is_done.is_(False))
        with self._engine.connect() as connection:
            rows = connection.execute(is_open.order_by(_ERRANDS.c.received_s)).mappings().all()
        return [_errand(row) for row in rows]

    def mark_attempt(self, trigger_id: str) -> None:
        """Count that it begins, before it can take the process down."""
        mine = _ERRANDS.c.trigger_id == trigger_id
        counted = update(_ERRANDS).where(mine).values(attempts=_ERRANDS.c.attempts + 1)
        self._writer.execute(counted)

    def mark_done(self, trigger_id: str) -> None:
        """Close a command, and forget those that nobody can repeat any more."""
        mine = _ERRANDS.c.trigger_id == trigger_id
        self._writer.execute(update(_ERRANDS).where(mine).values(is_done=True))
        before = int((self._now() - KEPT_FOR).timestamp())
        old = _ERRANDS.c.is_done & (_ERRANDS.c.received_s < before)
        self._writer.execute(delete(_ERRANDS).where(old))

    def _take(self, connection: Connection, errand: Errand) -> bool:
        return insert_once(
            connection,
            _ERRANDS,
            trigger_id=errand.trigger_id,
            user=errand.user,
            words=json.dumps(errand.words),
            verb=errand.verb,
            is_done=False,
            attempts=0,
            received_s=int(self._now().timestamp()),
        )


def _errand(row: RowMapping) -> Errand:
    words = tuple(json.loads(row["words"]))
    return Errand(row["trigger_id"], row["user"], words, row["attempts"], row["verb"])


def _create_tables(engine: Engine) -> None:
    """Make the table, or bring that of an earlier version up to date: it knew reindexes alone."""
    _METADATA.create_all(engine)
    if _has_verbs(engine):
        return
    with engine.execution_options(writes=True).begin() as connection:
        if not _has_verbs(connection):  # or another process was quicker
            connection.execute(text(_ADD_VERB))


def _has_verbs(bind: Engine | Connection) -> bool:
    return any(column["name"] == "verb" for column in inspect(bind).get_columns(_ERRANDS.name))
