"""What came in and is not finished: stored before it is acknowledged, taken up after a restart.

Knows neither Slack's payloads nor how a question is answered. A question is kept with its text
only until it is done; ids are kept for longer, so that late deliveries are recognised.
"""

import json
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from secrets import token_hex
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    select,
    update,
)

from adapters import erasure, ledger
from bot import decisions
from bot.arrivals import Asked, OpenQuestion, Reworded, State
from bot.audience import Place
from bot.database import Writer, insert_once
from bot.decisions import Kind
from bot.records import decision_of, oldest_turn
from bot.tracing import note

KEPT_FOR = timedelta(hours=48)
"""How long ids are remembered: Slack redelivers for minutes, delayed events for a day."""

_METADATA = MetaData()

_EVENTS = Table(
    "events",
    _METADATA,
    Column("event_id", String(64), primary_key=True),
    Column("received_s", BigInteger, nullable=False),
)

_QUESTIONS = Table(
    "questions",
    _METADATA,
    Column("number", Integer, primary_key=True),
    Column("question_id", String(64), nullable=False, unique=True),
    Column("answer_id", String(64), nullable=False),
    Column("team", String(32), nullable=False),
    Column("channel", String(32), nullable=False),
    Column("ts", String(32), nullable=False),
    Column("thread_ts", String(32), nullable=False),
    Column("asker", String(32), nullable=False),
    Column("is_ext_shared_channel", Boolean),
    Column("sender_teams", Text, nullable=False),
    Column("text", Text),
    Column("state", String(16), nullable=False),
    Column("placeholder_ts", String(32), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("received_s", BigInteger, nullable=False),
    UniqueConstraint("team", "channel", "ts"),
    Index("questions_by_state", "state", "asker", "number"),
    Index("questions_by_thread", "team", "channel", "thread_ts"),
)


class Inbox:
    """Events and questions in the database.

    Args:
        engine: To read with; writes go through the writer.
        now: The time of day, for pruning alone.
    """

    def __init__(self, engine: Engine, writer: Writer, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._writer = writer
        self._now = now
        _METADATA.create_all(engine)
        decisions.create_tables(engine)

    def take(self, event_id: str, arrival: Asked | Reworded) -> bool:
        """Store what an event brought, once; return whether it opened a question.

        Raises:
            StoreDownError: If it is not stored; then it must not be acknowledged.
        """
        return self._writer.run(partial(self._take, event_id=event_id, arrival=arrival))

    def next_questions(self, but: Collection[str]) -> list[OpenQuestion]:
        """List the oldest open question of each asker, oldest first.

        Args:
            but: Ids of questions that are in hand already.
        """
        is_open = (_QUESTIONS.c.state != State.DONE) & _QUESTIONS.c.question_id.not_in(but)
        oldest = select(func.min(_QUESTIONS.c.number)).where(is_open).group_by(_QUESTIONS.c.asker)
        chosen = select(_QUESTIONS).where(_QUESTIONS.c.number.in_(oldest))
        with self._engine.connect() as connection:
            rows = connection.execute(chosen.order_by(_QUESTIONS.c.number)).mappings().all()
        return [_open_question(row) for row in rows]

    def question(self, question_id: str) -> OpenQuestion | None:
        """Return a question as it stands now; None once it is done or forgotten."""
        with self._engine.connect() as connection:
            return _find(connection, question_id)

    def count_open(self) -> int:
        """Count the questions that are not done."""
        is_open = _QUESTIONS.c.state != State.DONE
        with self._engine.connect() as connection:
            query = select(func.count()).select_from(_QUESTIONS).where(is_open)
            return int(connection.execute(query).scalar_one())

    def mark_posting(self, question_id: str) -> bool:
        """Say that from now on a placeholder may stand in Slack; False: it must not any more."""
        return self._change(question_id, state=State.POSTING)

    def mark_posted(self, question_id: str, placeholder_ts: str) -> None:
        """Remember where the reply will stand."""
        self._change(question_id, state=State.POSTED, placeholder_ts=placeholder_ts)

    def mark_attempt(self, question_id: str) -> None:
        """Count that answering begins, before it can take the process down."""
        self._change(question_id, attempts=_QUESTIONS.c.attempts + 1)

    def mark_done(self, question_id: str) -> None:
        """Close a question and drop its text; the ledger has what is kept."""
        self._change(question_id, state=State.DONE, text=None)

    def record_answer(self, row: ledger.AnswerRow) -> bool:
        """Store an answer, and in the decision log how it came about.

        Returns:
            Whether it is stored; it is not where its question was deleted meanwhile.
        """
        head = self._writer.run(partial(_record_answer, row=row, at=self._now()))
        note(chain=head[:16])
        return bool(head)

    def prune(self) -> None:
        """Forget the ids that no delivery can bring any more."""
        before = int((self._now() - KEPT_FOR).timestamp())
        is_done = _QUESTIONS.c.state == State.DONE
        self._writer.execute(delete(_EVENTS).where(_EVENTS.c.received_s < before))
        self._writer.execute(delete(_QUESTIONS).where(is_done, _QUESTIONS.c.received_s < before))

    def _take(self, connection: Connection, event_id: str, arrival: Asked | Reworded) -> bool:
        if not insert_once(connection, _EVENTS, event_id=event_id, received_s=self._seconds()):
            return False
        if isinstance(arrival, Reworded):
            _reword(connection, arrival, self._now())
            return False
        return self._open(connection, arrival)

    def _open(self, connection: Connection, asked: Asked) -> bool:
        if not asked.is_addressed and not _is_our_thread(connection, asked):
            return False
        place = asked.place
        return insert_once(
            connection,
            _QUESTIONS,
            question_id=uuid4().hex,
            answer_id=uuid4().hex,
            team=place.team,
            channel=place.channel,
            ts=asked.ts,
            thread_ts=asked.thread_ts,
            asker=place.user,
            is_ext_shared_channel=place.is_ext_shared_channel,
            sender_teams=json.dumps(list(place.sender_teams)),
            text=asked.text,
            state=State.RECEIVED,
            placeholder_ts="",
            attempts=0,
            received_s=self._seconds(),
        )

    def _change(self, question_id: str, **values: Any) -> bool:
        is_open = (_QUESTIONS.c.question_id == question_id) & (_QUESTIONS.c.state != State.DONE)
        return self._writer.execute(update(_QUESTIONS).where(is_open).values(**values)) > 0

    def _seconds(self) -> int:
        return int(self._now().timestamp())


def _is_our_thread(connection: Connection, asked: Asked) -> bool:
    team, channel = asked.place.team, asked.place.channel
    open_here = select(_QUESTIONS.c.number).where(
        _QUESTIONS.c.team == team,
        _QUESTIONS.c.channel == channel,
        _QUESTIONS.c.thread_ts == asked.thread_ts,
    )
    if connection.scalar(open_here.limit(1)) is not None:
        return True
    return ledger.has_thread(connection, team, channel, asked.thread_ts)


def _reword(connection: Connection, reworded: Reworded, at: datetime) -> None:
    same = (
        (_QUESTIONS.c.team == reworded.team)
        & (_QUESTIONS.c.channel == reworded.channel)
        & (_QUESTIONS.c.ts == reworded.ts)
        & (_QUESTIONS.c.state != State.DONE)
    )
    there = same & _QUESTIONS.c.text.is_not(None)  # what is deleted stays deleted
    connection.execute(update(_QUESTIONS).where(there).values(text=reworded.text))
    if reworded.text is None:  # nothing stands in Slack yet, so nothing will
        unseen = same & (_QUESTIONS.c.state == State.RECEIVED)
        connection.execute(update(_QUESTIONS).where(unseen).values(state=State.DONE))
    # What was answered is not what stands there now, so the ledger keeps neither, nor what was
    # answered later with both in hand.
    reason = "deleted" if reworded.text is None else "edited"
    place = (reworded.team, reworded.channel, reworded.ts)
    for answer_id in erasure.forget_question(connection, *place):
        decisions.append(connection, Kind.ERASURE, answer_id, {"reason": reason}, at)


def _record_answer(connection: Connection, row: ledger.AnswerRow, at: datetime) -> str:
    """Return the head of the decision log; empty where nothing is stored."""
    question = _find(connection, row.question_id)
    if question is None or question.text is None:
        return ""
    salted = replace(row, salt=token_hex(16))
    thread = ledger.turns_of_thread(connection, row.team, row.channel, row.thread_ts)
    oldest_at = oldest_turn(row, thread)
    is_edited = question.text != row.question
    if is_edited or oldest_at is None:  # then nothing may keep what was said
        ledger.record_answer(connection, _without_texts(row))
    else:
        ledger.record_answer(connection, salted, oldest_at=oldest_at)
    return decisions.append(connection, Kind.ANSWER, row.answer_id, decision_of(salted), at)


def _without_texts(row: ledger.AnswerRow) -> ledger.AnswerRow:
    return replace(row, question="", reply="", served="")


def _find(connection: Connection, question_id: str) -> OpenQuestion | None:
    named = select(_QUESTIONS).where(
        _QUESTIONS.c.question_id == question_id, _QUESTIONS.c.state != State.DONE
    )
    row = connection.execute(named).mappings().first()
    return None if row is None else _open_question(row)


def _open_question(row: RowMapping) -> OpenQuestion:
    place = Place(
        team=row["team"],
        channel=row["channel"],
        user=row["asker"],
        is_ext_shared_channel=row["is_ext_shared_channel"],
        sender_teams=frozenset(json.loads(row["sender_teams"])),
    )
    return OpenQuestion(
        question_id=row["question_id"],
        answer_id=row["answer_id"],
        place=place,
        ts=row["ts"],
        thread_ts=row["thread_ts"],
        text=row["text"],
        state=State(row["state"]),
        placeholder_ts=row["placeholder_ts"],
        attempts=row["attempts"],
    )
