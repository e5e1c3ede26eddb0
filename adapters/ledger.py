"""What was answered, and what people thought of it.

Knows neither Slack nor the bot: replies and traces are strings of JSON to it. Every function
takes the caller's connection, so that the caller decides about threads and commits. Texts can be
forgotten (`adapters.erasure`); the ids, figures and votes of the answer stay.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import (
    Connection,
    RowMapping,
    delete,
    func,
    insert,
    select,
    update,
)

from adapters.errors import UnknownAnswerError
from adapters.ledger_schema import ANSWERS, SOURCES, TEXTS, VOTES, create_tables

__all__ = ["AnswerRow", "Vote", "create_tables", "record_answer", "record_vote"]

_TEXTS_OF = tuple(
    func.coalesce(TEXTS.c[name], "").label(name) for name in ("question", "reply", "served", "salt")
)
_ROWS = select(ANSWERS, *_TEXTS_OF).outerjoin_from(ANSWERS, TEXTS)


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer as it was posted.

    Attributes:
        answer_id: Opaque; the buttons below the reply carry it.
        thread_ts: Root of the thread it stands in.
        audience: Fingerprint of who could read it; empty when a reader was unknown.
        question: Empty once it is forgotten, like the other texts: ``reply`` and ``served``.
        reply, trace: JSON of the caller.
        served: The same: what the answer was made from, word for word.
        salt: Of the hashes of the texts; random, and forgotten with them.
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
    served: str = ""
    salt: str = ""

    @property
    def is_forgotten(self) -> bool:
        """Whether nothing but ids and figures is left of it."""
        return not self.reply


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


def moment(ts: str) -> tuple[int, int]:
    """Split Slack's ``seconds.micros``, so that 10.0 is later than 9.5.

    Raises:
        ValueError: If it is no such time.
    """
    seconds, _, micros = ts.partition(".")
    return int(seconds), int(f"{micros:0<6}"[:6])


def record_answer(
    connection: Connection, row: AnswerRow, *, oldest_at: datetime | None = None
) -> None:
    """Store an answer; one made again for the same question takes the place of the first.

    Args:
        connection: Inside a transaction that writes.
        row: What is stored.
        oldest_at: When the oldest question that its texts hold was asked; None: it is its own.
    """
    columns = {one.name: getattr(row, one.name) for one in ANSWERS.c if one.name != "asked_at_us"}
    columns["asked_at_us"] = _micros(row.asked_at)
    changed = connection.execute(
        update(ANSWERS).where(ANSWERS.c.question_id == row.question_id).values(columns)
    )
    if changed.rowcount == 0:
        connection.execute(insert(ANSWERS).values(columns))
    connection.execute(delete(TEXTS).where(TEXTS.c.answer_id == row.answer_id))
    if not row.is_forgotten:
        texts = {one.name: getattr(row, one.name) for one in TEXTS.c if one.name != "oldest_us"}
        texts["oldest_us"] = _micros(oldest_at or row.asked_at)
        connection.execute(insert(TEXTS).values(texts))
    connection.execute(delete(SOURCES).where(SOURCES.c.answer_id == row.answer_id))
    for doc_id in sorted(set(row.doc_ids)):
        connection.execute(insert(SOURCES).values(answer_id=row.answer_id, doc_id=doc_id))


def record_vote(connection: Connection, vote: Vote) -> bool:
    """Store a vote, unless a later or the same click of this person is there already.

    Returns:
        Whether the vote is the one that counts now.

    Raises:
        UnknownAnswerError: If there is no such answer.
    """
    _hold(connection, vote.answer_id)
    mine = (
        (VOTES.c.answer_id == vote.answer_id)
        & (VOTES.c.team == vote.team)
        & (VOTES.c.user == vote.user)
    )
    seconds, micros = moment(vote.action_ts)
    known = connection.execute(select(VOTES).where(mine)).one_or_none()
    if known is not None and (known.action_s, known.action_us) >= (seconds, micros):
        return False
    connection.execute(delete(VOTES).where(mine))
    connection.execute(
        insert(VOTES).values(
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
    held = select(ANSWERS.c.answer_id).where(ANSWERS.c.answer_id == answer_id)
    if connection.scalar(held.with_for_update()) is None:
        raise UnknownAnswerError(answer_id)


def answer(connection: Connection, answer_id: str) -> AnswerRow:
    """Find an answer by its id.

    Raises:
        UnknownAnswerError: If there is none.
    """
    named = _ROWS.where(ANSWERS.c.answer_id == answer_id)
    row = connection.execute(named).mappings().first()
    if row is None:
        raise UnknownAnswerError(answer_id)
    return _answer_row(connection, row)


def latest(connection: Connection, most: int, outcomes: Collection[str]) -> list[AnswerRow]:
    """List the latest answers that ended in one of some ways, newest first."""
    ended = _ROWS.where(ANSWERS.c.outcome.in_(outcomes))
    newest = ended.order_by(ANSWERS.c.asked_at_us.desc(), ANSWERS.c.answer_id).limit(most)
    return [_answer_row(connection, row) for row in connection.execute(newest).mappings().all()]


def answer_at(connection: Connection, team: str, channel: str, message_ts: str) -> AnswerRow | None:
    """Find the answer that stands in a place; None where none of ours does."""
    standing = _ROWS.where(
        ANSWERS.c.team == team,
        ANSWERS.c.channel == channel,
        ANSWERS.c.message_ts == message_ts,
    )
    row = connection.execute(standing).mappings().first()
    return None if row is None else _answer_row(connection, row)


def turns_of_thread(
    connection: Connection, team: str, channel: str, thread_ts: str
) -> list[AnswerRow]:
    """List the answers of one thread, oldest question first."""
    in_thread = _ROWS.where(
        ANSWERS.c.team == team,
        ANSWERS.c.channel == channel,
        ANSWERS.c.thread_ts == thread_ts,
    )
    rows = connection.execute(in_thread).mappings().all()
    turns = [_answer_row(connection, row) for row in rows]
    return sorted(turns, key=lambda turn: moment(turn.question_ts))


def has_thread(connection: Connection, team: str, channel: str, thread_ts: str) -> bool:
    """Tell whether anything was answered in a thread."""
    in_thread = select(ANSWERS.c.answer_id).where(
        ANSWERS.c.team == team,
        ANSWERS.c.channel == channel,
        ANSWERS.c.thread_ts == thread_ts,
    )
    return connection.scalar(in_thread.limit(1)) is not None


def votes_of(connection: Connection, answer_id: str) -> list[Vote]:
    """List the votes that count on one answer, one a person."""
    cast = select(VOTES).where(VOTES.c.answer_id == answer_id)
    rows = connection.execute(cast.order_by(VOTES.c.team, VOTES.c.user)).mappings()
    return [_vote(row) for row in rows]


def voted_on(connection: Connection) -> list[AnswerRow]:
    """List the answers that somebody has voted on, oldest first."""
    has_votes = ANSWERS.c.answer_id.in_(select(VOTES.c.answer_id))
    in_order = _ROWS.where(has_votes).order_by(ANSWERS.c.asked_at_us, ANSWERS.c.answer_id)
    return [_answer_row(connection, row) for row in connection.execute(in_order).mappings().all()]


def answers_citing(connection: Connection, doc_id: str) -> list[str]:
    """List the ids of the answers that rest on a document."""
    found = select(SOURCES.c.answer_id).where(SOURCES.c.doc_id == doc_id)
    return list(connection.scalars(found.order_by(SOURCES.c.answer_id)))


def _answer_row(connection: Connection, row: RowMapping) -> AnswerRow:
    columns = dict(row)
    asked_at = datetime.fromtimestamp(columns.pop("asked_at_us") / 1_000_000, UTC)
    return AnswerRow(
        **columns, asked_at=asked_at, doc_ids=_doc_ids(connection, columns["answer_id"])
    )


def _doc_ids(connection: Connection, answer_id: str) -> tuple[str, ...]:
    cited = select(SOURCES.c.doc_id).where(SOURCES.c.answer_id == answer_id)
    return tuple(connection.scalars(cited.order_by(SOURCES.c.doc_id)))


def _vote(row: RowMapping) -> Vote:
    columns = dict(row)
    action_ts = f"{columns.pop('action_s')}.{columns.pop('action_us'):06d}"
    return Vote(**columns, action_ts=action_ts)


def _micros(moment_of_time: datetime) -> int:
    return round(moment_of_time.timestamp() * 1_000_000)
