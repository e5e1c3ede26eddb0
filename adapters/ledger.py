"""What was answered, and what people thought of it.

Knows neither Slack nor the bot: replies and traces are strings of JSON to it. Every function
takes the caller's connection, so that the caller decides about threads and commits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from adapters.errors import UnknownAnswerError

_METADATA = MetaData()

_ANSWERS = Table(
    "answers",
    _METADATA,
    Column("answer_id", String(64), primary_key=True),
    Column("question_id", String(64), nullable=False, unique=True),
    Column("team", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("question_ts", String(32), nullable=False),
    Column("message_ts", String(32), nullable=False),
    Column("asker", String(32), nullable=False),
    Column("asked_at_us", BigInteger, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("audience", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("reply", Text, nullable=False),
    Column("trace", Text, nullable=False),
    Index("answers_by_thread", "team", "channel", "thread_ts"),
    Index("answers_by_message", "team", "channel", "message_ts"),
)

_SOURCES = Table(
    "answer_sources",
    _METADATA,
    Column("answer_id", ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("doc_id", String(256), primary_key=True, index=True),
)

_VOTES = Table(
    "votes",
    _METADATA,
    Column("answer_id", ForeignKey("answers.answer_id", ondelete="CASCADE"), primary_key=True),
    Column("team", String(32), primary_key=True),
    Column("user", String(32), primary_key=True),
    Column("verdict", String(8), nullable=False),
    Column("action_s", BigInteger, nullable=False),
    Column("action_us", Integer, nullable=False),
)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer as it was posted.

    Attributes:
        answer_id: Opaque; the buttons below the reply carry it.
        thread_ts: Root of the thread it stands in.
        audience: Fingerprint of who could read it; empty when a reader was unknown.
        question: Empty once the person has deleted it.
        reply, trace: JSON of the caller.
        doc_ids: Documents that the reply rests on.
    """

    answer_id: str
    question_id: str
    team: str
    channel: str
    thread_ts: str
    question_ts: str
    message_ts: str
    asker: str
    asked_at: datetime
    outcome: str
    audience: str
    question: str
    reply: str
    trace: str
    doc_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vote:
    """One click of one person below one answer.

    Attributes:
        team: Home of the voter, not of the channel.
        verdict: ``up`` or ``down``.
        action_ts: Time of the click by Slack's clock, ``seconds.micros``.
    """

    answer_id: str
    team: str
    user: str
    verdict: str
    action_ts: str


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet."""
    _METADATA.create_all(engine)


def moment(ts: str) -> tuple[int, int]:
    """Split Slack's ``seconds.micros``, so that 10.0 is later than 9.5.

    Raises:
        ValueError: If it is no such time.
    """
    seconds, _, micros = ts.partition(".")
    return int(seconds), int(f"{micros:0<6}"[:6])


def record_answer(connection: Connection, row: AnswerRow) -> None:
    """Store an answer; one made again for the same question takes the place of the first."""
    columns = {
        name: getattr(row, name) for name in row.__slots__ if name not in {"asked_at", "doc_ids"}
    } | {"asked_at_us": _micros(row.asked_at)}
    changed = connection.execute(
        update(_ANSWERS).where(_ANSWERS.c.question_id == row.question_id).values(columns)
    )
    if changed.rowcount == 0:
        connection.execute(insert(_ANSWERS).values(columns))
    connection.execute(delete(_SOURCES).where(_SOURCES.c.answer_id == row.answer_id))
    for doc_id in sorted(set(row.doc_ids)):
        connection.execute(insert(_SOURCES).values(answer_id=row.answer_id, doc_id=doc_id))


def record_vote(connection: Connection, vote: Vote) -> bool:
    """Store a vote, unless a later or the same click of this person is there already.

    Returns:
        Whether the vote is the one that counts now.

    Raises:
        UnknownAnswerError: If there is no such answer.
    """
    _hold(connection, vote.answer_id)
    mine = (
        (_VOTES.c.answer_id == vote.answer_id)
        & (_VOTES.c.team == vote.team)
        & (_VOTES.c.user == vote.user)
    )
    seconds, micros = moment(vote.action_ts)
    known = connection.execute(select(_VOTES).where(mine)).one_or_none()
    if known is not None and (known.action_s, known.action_us) >= (seconds, micros):
        return False
    connection.execute(delete(_VOTES).where(mine))
    connection.execute(
        insert(_VOTES).values(
            answer_id=vote.answer_id,
            team=vote.team,
            user=vote.user,
            verdict=vote.verdict,
            action_s=seconds,
            action_us=micros,
        )
    )
    return True


def _hold(connection: Connection, answer_id: str) -> None:
    # Two processes on one PostgreSQL take turns here; SQLite has one writer anyway.
    held = select(_ANSWERS.c.answer_id).where(_ANSWERS.c.answer_id == answer_id)
    if connection.scalar(held.with_for_update()) is None:
        raise UnknownAnswerError(answer_id)


def answer(connection: Connection, answer_id: str) -> AnswerRow:
    """Find an answer by its id.

    Raises:
        UnknownAnswerError: If there is none.
    """
    named = select(_ANSWERS).where(_ANSWERS.c.answer_id == answer_id)
    row = connection.execute(named).mappings().first()
    if row is None:
        raise UnknownAnswerError(answer_id)
    return _answer_row(connection, row)


def answer_at(connection: Connection, team: str, channel: str, message_ts: str) -> AnswerRow | None:
    """Find the answer that stands in a place; None where none of ours does."""
    standing = select(_ANSWERS).where(
        _ANSWERS.c.team == team,
        _ANSWERS.c.channel == channel,
        _ANSWERS.c.message_ts == message_ts,
    )
    row = connection.execute(standing).mappings().first()
    return None if row is None else _answer_row(connection, row)


def turns_of_thread(
    connection: Connection, team: str, channel: str, thread_ts: str
) -> list[AnswerRow]:
    """List the answers of one thread, oldest question first."""
    in_thread = select(_ANSWERS).where(
        _ANSWERS.c.team == team,
        _ANSWERS.c.channel == channel,
        _ANSWERS.c.thread_ts == thread_ts,
    )
    rows = connection.execute(in_thread).mappings().all()
    turns = [_answer_row(connection, row) for row in rows]
    return sorted(turns, key=lambda turn: moment(turn.question_ts))


def has_thread(connection: Connection, team: str, channel: str, thread_ts: str) -> bool:
    """Tell whether anything was answered in a thread."""
    in_thread = select(_ANSWERS.c.answer_id).where(
        _ANSWERS.c.team == team,
        _ANSWERS.c.channel == channel,
        _ANSWERS.c.thread_ts == thread_ts,
    )
    return connection.scalar(in_thread.limit(1)) is not None


def reword_question(
    connection: Connection, team: str, channel: str, question_ts: str, text: str
) -> None:
    """Follow an edit in Slack; an empty text follows a deletion, which is final."""
    connection.execute(
        update(_ANSWERS)
        .where(
            _ANSWERS.c.team == team,
            _ANSWERS.c.channel == channel,
            _ANSWERS.c.question_ts == question_ts,
            _ANSWERS.c.question != "",
        )
        .values(question=text)
    )


def votes_of(connection: Connection, answer_id: str) -> list[Vote]:
    """List the votes that count on one answer, one a person."""
    cast = select(_VOTES).where(_VOTES.c.answer_id == answer_id)
    rows = connection.execute(cast.order_by(_VOTES.c.team, _VOTES.c.user)).mappings()
    return [_vote(row) for row in rows]


def answers_citing(connection: Connection, doc_id: str) -> list[str]:
    """List the ids of the answers that rest on a document."""
    found = select(_SOURCES.c.answer_id).where(_SOURCES.c.doc_id == doc_id)
    return list(connection.scalars(found.order_by(_SOURCES.c.answer_id)))


def _answer_row(connection: Connection, row: RowMapping) -> AnswerRow:
    columns = dict(row)
    asked_at = datetime.fromtimestamp(columns.pop("asked_at_us") / 1_000_000, UTC)
    return AnswerRow(
        **columns, asked_at=asked_at, doc_ids=_doc_ids(connection, columns["answer_id"])
    )


def _doc_ids(connection: Connection, answer_id: str) -> tuple[str, ...]:
    cited = select(_SOURCES.c.doc_id).where(_SOURCES.c.answer_id == answer_id)
    return tuple(connection.scalars(cited.order_by(_SOURCES.c.doc_id)))


def _vote(row: RowMapping) -> Vote:
    columns = dict(row)
    action_ts = f"{columns.pop('action_s')}.{columns.pop('action_us'):06d}"
    return Vote(**columns, action_ts=action_ts)


def _micros(moment_of_time: datetime) -> int:
    return round(moment_of_time.timestamp() * 1_000_000)
