"""What of the ledger is forgotten: texts with a question that is gone, and all by its age.

Knows no limits and no reasons; these are the caller's, like the connection.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, Row, delete, exists, select

from adapters.ledger_schema import ANSWERS, TEXTS, VOTES

_AGES: tuple[Column[Any], ...] = (
    ANSWERS.c.answer_id,
    ANSWERS.c.thread_ts,
    ANSWERS.c.asked_at_us,
    TEXTS.c.oldest_us,
)


def forget_question(connection: Connection, team: str, channel: str, question_ts: str) -> list[str]:
    """Follow an edit or a deletion in Slack: what was answered does not stand there any more.

    Later answers of the thread go with it where they can hold it: those that were made from
    what was said then or before, and those that were made from one of these.

    Returns:
        Ids of the answers whose texts are gone, that of the question itself first.
    """
    kept = (
        select(*_AGES)
        .join_from(TEXTS, ANSWERS)
        .where(ANSWERS.c.team == team, ANSWERS.c.channel == channel)
    )
    own = connection.execute(kept.where(ANSWERS.c.question_ts == question_ts)).first()
    if own is None:
        return []
    in_thread = kept.where(ANSWERS.c.thread_ts == own.thread_ts)
    later = in_thread.where(ANSWERS.c.asked_at_us > own.asked_at_us)
    answer_ids = _holding(own, connection.execute(later.order_by(ANSWERS.c.asked_at_us)))
    connection.execute(delete(TEXTS).where(TEXTS.c.answer_id.in_(answer_ids)))
    return answer_ids


def _holding(first: Row[Any], later: Iterable[Row[Any]]) -> list[str]:
    """List an answer and those of the later ones, oldest first, that can hold a word of it."""
    holding = [first]
    for one in later:
        if one.oldest_us <= holding[-1].asked_at_us:
            holding.append(one)
    return [one.answer_id for one in holding]


def forget_texts(connection: Connection, before: datetime, *, most: int) -> int:
    """Forget the texts that hold what was said before a moment, the oldest first; return how many.

    An answer holds the turns of its thread that it was made from, so it goes with the oldest.
    """
    old = select(TEXTS.c.answer_id).where(TEXTS.c.oldest_us < _micros(before))
    oldest = old.order_by(TEXTS.c.oldest_us).limit(most)
    return connection.execute(delete(TEXTS).where(TEXTS.c.answer_id.in_(oldest))).rowcount


def forget_votes(connection: Connection, before: datetime) -> int:
    """Forget the votes older than a moment; return how many."""
    old = VOTES.c.action_s < int(before.timestamp())
    return connection.execute(delete(VOTES).where(old)).rowcount


def forget_answers(connection: Connection, before: datetime, *, most: int) -> int:
    """Forget answers older than a moment that have neither texts nor votes; return how many."""
    has_texts = exists().where(TEXTS.c.answer_id == ANSWERS.c.answer_id)
    has_votes = exists().where(VOTES.c.answer_id == ANSWERS.c.answer_id)
    old = select(ANSWERS.c.answer_id).where(
        ANSWERS.c.asked_at_us < _micros(before), ~has_texts, ~has_votes
    )
    oldest = old.order_by(ANSWERS.c.asked_at_us).limit(most)
    return connection.execute(delete(ANSWERS).where(ANSWERS.c.answer_id.in_(oldest))).rowcount


def _micros(moment_of_time: datetime) -> int:
    return round(moment_of_time.timestamp() * 1_000_000)
