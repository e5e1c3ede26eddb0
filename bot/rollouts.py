"""Rollouts: which candidate is tried instead of the settings, where, since when, how that ended.

One at a time, in the database, so that a running bot notices what is decided at the command
line. Knows neither models nor answers nor votes.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    insert,
    select,
    update,
)

from bot import decisions
from bot.conversation import LIVE
from bot.database import Writer
from bot.decisions import JSON, Kind
from bot.errors import CandidateError, NoRolloutError, RolloutOpenError

WHOLE = 100  # per cent
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_METADATA = MetaData()

_ROLLOUTS = Table(
    "rollouts",
    _METADATA,
    Column("rollout_id", String(32), primary_key=True),
    Column("name", String(32), nullable=False),
    Column("settings", Text, nullable=False),
    Column("share", Integer, nullable=False),
    Column("configuration", String(64), nullable=False),
    Column("started_us", BigInteger, nullable=False, index=True),
    Column("ended_us", BigInteger),
    Column("ending", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    # 1 while it is open, else NULL: the database itself sees to it that one is open at most
    Column("is_open", Integer, unique=True),
)


class Ending(StrEnum):
    """How a rollout ended."""

    STOPPED = "stopped"
    PROMOTED = "promoted"
    ROLLED_BACK = "rolled back"
    FAILED = "failed"


_BY_ITSELF = frozenset({Ending.ROLLED_BACK, Ending.FAILED})


@dataclass(frozen=True, slots=True)
class Rollout:
    """One candidate on trial.

    Attributes:
        name: Stands as arm on each of its answers.
        settings: What it has different, such as ``knowledge.floor`` and ``0.35``.
        share: Of the channels that it answers in [per cent]; 0: in the shadow alone.
        configuration: SHA-256 of all settings that its answers depend on.
        ending: Empty while it goes on.
        reason: For its end, without any text of a person or a document.
        attempts: How often it has been opened since it last answered.
    """

    rollout_id: str
    name: str
    settings: Mapping[str, str]
    share: int
    configuration: str
    started_at: datetime
    ended_at: datetime | None = None
    ending: str = ""
    reason: str = ""
    attempts: int = 0

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name) or self.name == LIVE:
            problem = "a name is made of a-z, 0-9 and -, at most 32 of them, and is not live"
            raise CandidateError(self.name, problem)
        if not 0 <= self.share <= WHOLE:
            raise CandidateError(self.name, f"its share is from 0 to {WHOLE} per cent")

    @property
    def is_in_shadow(self) -> bool:
        """Whether nobody is shown what it answers."""
        return self.share == 0

    def takes(self, channel: str) -> bool:
        """Tell whether it answers in a channel; a larger share only adds channels."""
        digest = hashlib.sha256(f"{self.rollout_id}{channel}".encode()).hexdigest()
        return bool(channel) and int(digest, 16) % WHOLE < self.share


OnEnd = Callable[[Connection, Rollout], Callable[[], None]]


def _nothing() -> None:
    pass


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet."""
    _METADATA.create_all(engine)


class Rollouts:
    """The rollouts in the database, and each change of one in the decision log.

    Args:
        engine: To read with; writes go through the writer.
        now: The time of day.

    Attributes:
        on_end: Told of one that ended by itself, of failure or of votes, within the transaction
            of its end; returns what is to be done once that is stored.
    """

    def __init__(self, engine: Engine, writer: Writer, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._writer = writer
        self._now = now
        self.on_end: OnEnd = lambda _connection, _rollout: _nothing
        create_tables(engine)
        decisions.create_tables(engine)

    def current(self) -> Rollout | None:
        """Return the one that goes on; quick enough for each question."""
        with self._engine.connect() as connection:
            return _open_one(connection)

    def latest(self) -> Rollout | None:
        """Return the one that was started last."""
        newest = select(_ROLLOUTS).order_by(_ROLLOUTS.c.started_us.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(newest).mappings().first()
        return None if row is None else _rollout(row)

    def start(self, rollout: Rollout) -> None:
        """Begin a rollout.

        Raises:
            RolloutOpenError: If another one goes on.
            StoreDownError: If it is not stored.
        """
        self._writer.run(partial(_start, rollout=rollout))

    def share(self, percent: int) -> Rollout:
        """Change in how many of the channels the candidate answers; 0: in none, in the shadow.

        Raises:
            NoRolloutError: If none goes on.
            CandidateError: If it is no percentage.
            StoreDownError: If it is not stored.
        """
        return self._writer.run(partial(_share, percent=percent, at=self._now()))

    def mark_attempt(self, rollout_id: str) -> None:
        """Count that its candidate is opened, before that can take the process down."""
        mine = _ROLLOUTS.c.rollout_id == rollout_id
        self._writer.execute(
            update(_ROLLOUTS).where(mine).values(attempts=_ROLLOUTS.c.attempts + 1)
        )

    def mark_working(self, rollout_id: str) -> None:
        """Forget the attempts: its candidate has answered."""
        mine = _ROLLOUTS.c.rollout_id == rollout_id
        self._writer.execute(update(_ROLLOUTS).where(mine).values(attempts=0))

    def end(self, rollout_id: str, ending: Ending, reason: str) -> Rollout | None:
        """End a rollout; return it, or None if it had ended before.

        Raises:
            StoreDownError: If it is not stored.
        """
        job = partial(_end, rollout_id=rollout_id, ending=ending, reason=reason, at=self._now())
        ended, then = self._writer.run(partial(self._ended, job=job))
        then()
        return ended

    def _ended(
        self, connection: Connection, job: Callable[[Connection], Rollout | None]
    ) -> tuple[Rollout | None, Callable[[], None]]:
        ended = job(connection)
        if ended is None or ended.ending not in _BY_ITSELF:
            return ended, _nothing
        return ended, self.on_end(connection, ended)


def is_open(connection: Connection, rollout_id: str) -> bool:
    """Tell whether a rollout goes on."""
    current = _open_one(connection)
    return current is not None and current.rollout_id == rollout_id


def _open_one(connection: Connection) -> Rollout | None:
    row = connection.execute(select(_ROLLOUTS).where(_ROLLOUTS.c.is_open == 1)).mappings().first()
    return None if row is None else _rollout(row)


def _start(connection: Connection, rollout: Rollout) -> None:
    if (other := _open_one(connection)) is not None:
        raise RolloutOpenError(other.name)
    values = {
        "rollout_id": rollout.rollout_id,
        "name": rollout.name,
        "settings": json.dumps(dict(rollout.settings)),
        "share": rollout.share,
        "configuration": rollout.configuration,
        "started_us": _micros(rollout.started_at),
        "ending": "",
        "reason": "",
        "attempts": 0,
        "is_open": 1,
    }
    connection.execute(insert(_ROLLOUTS).values(values))
    told: dict[str, JSON] = {"settings": rollout.settings, "configuration": rollout.configuration}
    _log(connection, rollout, "started", rollout.started_at, told)


def _share(connection: Connection, percent: int, at: datetime) -> Rollout:
    current = _open_one(connection)
    if current is None:
        raise NoRolloutError
    changed = replace(current, share=percent)
    _change(connection, current.rollout_id, share=percent)
    _log(connection, changed, "shared", at, {"share_before": current.share})
    return changed


def _end(
    connection: Connection, rollout_id: str, ending: Ending, reason: str, at: datetime
) -> Rollout | None:
    current = _open_one(connection)
    if current is None or current.rollout_id != rollout_id:
        return None
    ended = replace(current, ended_at=at, ending=ending, reason=reason)
    _change(
        connection, rollout_id, ended_us=_micros(at), ending=ending, reason=reason, is_open=None
    )
    _log(connection, ended, ending, at, {"reason": reason})
    return ended


def _change(connection: Connection, rollout_id: str, **values: Any) -> None:
    mine = _ROLLOUTS.c.rollout_id == rollout_id
    connection.execute(update(_ROLLOUTS).where(mine).values(**values))


def _log(
    connection: Connection, rollout: Rollout, event: str, at: datetime, more: Mapping[str, JSON]
) -> None:
    record = {"name": rollout.name, "event": event, "share": rollout.share, **more}
    decisions.append(connection, Kind.ROLLOUT, rollout.rollout_id, record, at)


def _rollout(row: RowMapping) -> Rollout:
    return Rollout(
        rollout_id=row["rollout_id"],
        name=row["name"],
        settings=json.loads(row["settings"]),
        share=row["share"],
        configuration=row["configuration"],
        started_at=_moment(row["started_us"]),
        ended_at=None if row["ended_us"] is None else _moment(row["ended_us"]),
        ending=row["ending"],
        reason=row["reason"],
        attempts=row["attempts"],
    )


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
