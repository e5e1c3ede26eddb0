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
    MetaData,
    String,
    Table,
    Text,
    delete,
    select,
    update,
)

from bot.database import Writer, insert_once
from bot.inbox import KEPT_FOR

_METADATA = MetaData()

_COMMANDS = Table(
    "commands",
    _METADATA,
    Column("trigger_id", String(128), primary_key=True),
    Column("user", String(32), nullable=False),
    Column("words", Text, nullable=False),
    Column("is_done", Boolean, nullable=False),
    Column("received_s", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Errand:
    """A command that takes longer than its acknowledgement.

    Attributes:
        trigger_id: Slack's id of the one time it was typed.
        words: What was typed after the command.
    """

    trigger_id: str
    user: str
    words: tuple[str, ...]


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
        _METADATA.create_all(engine)

    def take(self, errand: Errand) -> bool:
        """Store a command before it is acknowledged; return False for a known one.

        Raises:
            StoreDownError: If it is not stored.
        """
        return self._writer.run(partial(self._take, errand=errand))

    def unfinished(self) -> list[Errand]:
        """List what a stop interrupted, oldest first."""
        is_open = select(_COMMANDS).where(_COMMANDS.c.is_done.is_(False))
        with self._engine.connect() as connection:
            rows = connection.execute(is_open.order_by(_COMMANDS.c.received_s)).mappings().all()
        return [
            Errand(row["trigger_id"], row["user"], tuple(json.loads(row["words"]))) for row in rows
        ]

    def mark_done(self, trigger_id: str) -> None:
        """Close a command, and forget those that nobody can repeat any more."""
        mine = _COMMANDS.c.trigger_id == trigger_id
        self._writer.execute(update(_COMMANDS).where(mine).values(is_done=True))
        before = int((self._now() - KEPT_FOR).timestamp())
        old = _COMMANDS.c.is_done & (_COMMANDS.c.received_s < before)
        self._writer.execute(delete(_COMMANDS).where(old))

    def _take(self, connection: Connection, errand: Errand) -> bool:
        return insert_once(
            connection,
            _COMMANDS,
            trigger_id=errand.trigger_id,
            user=errand.user,
            words=json.dumps(errand.words),
            is_done=False,
            received_s=int(self._now().timestamp()),
        )
