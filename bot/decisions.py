"""The decision log: what was decided, when and from what, in a chain that shows tampering.

A record that is changed, dropped, moved or added later breaks the chain. Whoever can write to
the database can also build the chain anew, or cut its end; that shows against a head that was
kept elsewhere: each question's log line carries the first 16 digits of one as ``chain``.

A record holds ids, versions, figures and salted hashes, never a text of a question, passage or
reply. Knows nothing of answers, votes or Slack.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import chain as chained
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    Row,
    Select,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    inspect,
    select,
    true,
    update,
)

from bot.chain import JSON, End, Link, Record, canonical, sha256_of, walk
from bot.database import insert_once

__all__ = ["JSON", "Decision", "Kind", "Verification", "append", "verify"]

_ROWS = 1000  # that `verify` holds at a time
_METADATA = MetaData()
_NUMBER = BigInteger().with_variant(Integer, "sqlite")  # its key of a table without a second tree

_DECISIONS = Table(
    "decisions",
    _METADATA,
    Column("number", _NUMBER, primary_key=True, autoincrement=False),
    Column("at_us", BigInteger, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("subject", String(128), nullable=False),
    Column("record", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("sha256", String(64), nullable=False),
    Index("decisions_by_subject", "subject", "number"),
    Index("decisions_by_kind", "kind", "number"),
)

# One row: where the chain begins (the last record that expired) and where it ends.
_ENDS = Table(
    "decisions_ends",
    _METADATA,
    Column("id", _NUMBER, primary_key=True, autoincrement=False),
    Column("anchor_number", BigInteger, nullable=False),
    Column("anchor_sha256", String(64), nullable=False),
    Column("head_number", BigInteger, nullable=False),
    Column("head_sha256", String(64), nullable=False),
)


class Kind(StrEnum):
    """What a decision is about."""

    ANSWER = "answer"
    VOTE = "vote"
    REMARK = "remark"
    INDEX = "index"
    CONFIGURATION = "configuration"
    ROLLOUT = "rollout"
    ADAPTER = "adapter"
    ALERT = "alert"
    CANARY = "canary"
    SHADOW = "shadow"
    ERASURE = "erasure"
    EXPORT = "export"
    START = "start"


@dataclass(frozen=True, slots=True)
class Decision:
    """One record of the log.

    Attributes:
        number: Its place in the chain, from 1.
        subject: Id of what it is about, such as an answer.
        sha256: Its own link of the chain.
    """

    number: int
    at: datetime
    kind: Kind
    subject: str
    record: Mapping[str, JSON]
    sha256: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What a look at the whole chain found.

    Attributes:
        n: Records in order, up to the first that is not.
        first_at: Time of the oldest record; None if there is none.
        head: The last one in order.
        broken_at: Number of the first record that is not in order; None if all are, or if the
            trouble is with an end of the chain.
        problem: Empty if all is well.
    """

    n: int
    first_at: datetime | None
    head: str
    broken_at: int | None
    problem: str


def create_tables(engine: Engine) -> None:
    """Make the tables and indexes that are not there yet, and the empty chain."""
    _METADATA.create_all(engine)
    with engine.connect() as connection:
        has_ends = connection.scalar(select(_ENDS.c.id)) is not None
        indexes = {one["name"] for one in inspect(connection).get_indexes(_DECISIONS.name)}
    if has_ends and indexes >= {one.name for one in _DECISIONS.indexes}:
        return
    empty = {"anchor_number": 0, "anchor_sha256": "", "head_number": 0, "head_sha256": ""}
    with engine.execution_options(writes=True).begin() as connection:
        insert_once(connection, _ENDS, id=1, **empty)
        for index in _DECISIONS.indexes:
            index.create(connection, checkfirst=True)


def append(
    connection: Connection, kind: Kind, subject: str, record: Mapping[str, JSON], at: datetime
) -> str:
    """Add a record, without any text, to the end of the chain, in the caller's transaction.

    Returns:
        The new head of the chain.
    """
    # Two processes on one PostgreSQL take turns here; SQLite has one writer anyway.
    ends = connection.execute(select(_ENDS).with_for_update()).one()
    new = Record(ends.head_number + 1, _micros(at), str(kind), subject, canonical(record))
    sha256 = sha256_of(ends.head_sha256, new)
    link = asdict(new) | {"previous": ends.head_sha256, "sha256": sha256}
    connection.execute(insert(_DECISIONS), link)
    connection.execute(update(_ENDS).values(head_number=new.number, head_sha256=sha256))
    return sha256


def head(connection: Connection) -> str:
    """Return where the chain ends; empty before the first record."""
    return connection.scalar(select(_ENDS.c.head_sha256)) or ""


def appended(connection: Connection) -> int:
    """Return how many records there ever were, expired ones included."""
    return connection.scalar(select(_ENDS.c.head_number)) or 0


def decisions_of(connection: Connection, subject: str) -> list[Decision]:
    """List what was decided about one thing, oldest first."""
    about = select(_DECISIONS).where(_DECISIONS.c.subject == subject)
    return _found(connection, about.order_by(_DECISIONS.c.number))


def latest(connection: Connection, kind: Kind) -> Decision | None:
    """Return the last record of a kind; None if there is none."""
    of_kind = select(_DECISIONS).where(_DECISIONS.c.kind == str(kind))
    found = _found(connection, of_kind.order_by(_DECISIONS.c.number.desc()).limit(1))
    return found[0] if found else None


def since(connection: Connection, at: datetime, kinds: Collection[Kind] = ()) -> list[Decision]:
    """List what was decided from a time on, oldest first; all kinds, unless some are named."""
    later = select(_DECISIONS).where(_DECISIONS.c.at_us >= _micros(at))
    chosen = later.where(_DECISIONS.c.kind.in_([str(kind) for kind in kinds])) if kinds else later
    return _found(connection, chosen.order_by(_DECISIONS.c.number))


def _found(connection: Connection, chosen: Select[Any]) -> list[Decision]:
    return [
        Decision(
            number=row.number,
            at=_moment(row.at_us),
            kind=Kind(row.kind),
            subject=row.subject,
            record=json.loads(row.record),
            sha256=row.sha256,
        )
        for row in connection.execute(chosen)
    ]


def expire(connection: Connection, before: datetime, *, most: int) -> int:
    """Remove the oldest records; the chain goes on from the last one that was removed.

    Of the records from before that time those go that no younger one stands in front of (one
    can, where the clock was set back), and not more than ``most`` at once.

    A record that somebody took out does not stop it, or what is old would be kept for ever. The
    chain then goes on from the last one that is there, so that `verify` still finds the gap, but
    only for as long as the record behind it is kept: what has expired proves nothing any more.

    Returns:
        How many were removed.
    """
    ends = connection.execute(select(_ENDS).with_for_update()).one()
    young = select(func.min(_DECISIONS.c.number)).where(_DECISIONS.c.at_us >= _micros(before))
    first_kept = connection.scalar(young) or ends.head_number + 1
    number = _DECISIONS.c.number
    old = select(number, _DECISIONS.c.sha256).where(
        number.between(ends.anchor_number + 1, first_kept - 1)
    )
    removed = connection.execute(old.order_by(number).limit(most)).all()
    if not removed:
        return 0
    last = removed[-1]
    connection.execute(update(_ENDS).values(anchor_number=last.number, anchor_sha256=last.sha256))
    return connection.execute(delete(_DECISIONS).where(number <= last.number)).rowcount


def verify(connection: Connection, head: str = "") -> Verification:
    """Follow the chain from its first record to its end.

    A head that was kept elsewhere, or how it begins, must be a link of the chain; if none is,
    the end was cut, or all of it built anew, or that record has expired.
    """
    # In one statement, so that what is appended meanwhile is in all of it or in none.
    both = _ENDS.outerjoin(_DECISIONS, true())
    statement = select(_DECISIONS, *_ENDS.c).select_from(both).order_by(_DECISIONS.c.number)
    rows = iter(connection.execute(statement.execution_options(yield_per=_ROWS)))
    first = next(rows, None)
    if first is None:
        return Verification(0, None, "", None, "the note of where the chain ends is gone")
    anchor = End(first.anchor_number, first.anchor_sha256)
    end = End(first.head_number, first.head_sha256)
    walked = walk(_links(chained([first], rows)), anchor, end, head)
    first_at = None if walked.first_at_us is None else _moment(walked.first_at_us)
    return Verification(walked.n, first_at, walked.end.sha256, walked.broken_at, walked.problem)


def _links(rows: Iterator[Row[Any]]) -> Iterator[Link]:
    for row in rows:
        if row.number is not None:  # the join has one row where the chain is empty
            record = Record(row.number, row.at_us, row.kind, row.subject, row.record)
            yield Link(record, row.previous, row.sha256)


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
