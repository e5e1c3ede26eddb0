"""How long things are kept: texts the shortest, then votes, then the records of decisions.

Knows neither Slack nor settings. What is forgotten stays recorded as a count.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection, Engine

from adapters import erasure, remarks
from bot import decisions
from bot.database import Writer, truncate_log
from bot.decisions import Kind
from bot.inbox import KEPT_FOR
from bot.tracing import note

SUBJECT = "retention"
"""What the decision log calls it."""

_MOST = 500  # rows of a kind in one transaction, so that votes need not wait for long


@dataclass(frozen=True, slots=True)
class Limits:
    """The age at which each class of things is forgotten [days]; 0 keeps it for ever.

    Attributes:
        texts_days: Questions, replies, what the model was shown, corrections.
        votes_days: Votes and their reasons; and the ids and figures of answers that have none.
        decisions_days: Records of the decision log.
    """

    texts_days: int = 30
    votes_days: int = 365
    decisions_days: int = 365


@dataclass(frozen=True, slots=True)
class Expired:
    """How much was forgotten, by kind."""

    texts: int = 0
    corrections: int = 0
    votes: int = 0
    remarks: int = 0
    answers: int = 0
    decisions: int = 0

    @property
    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        return asdict(self)

    @property
    def is_all(self) -> bool:
        """Whether nothing that is too old can be left."""
        return max(self.texts, self.answers, self.decisions) < _MOST

    def __add__(self, other: "Expired") -> "Expired":
        return Expired(**{kind: n + other.counts[kind] for kind, n in self.counts.items()})


def expire(connection: Connection, limits: Limits, now: datetime) -> Expired:
    """Forget what is older than its limit, the oldest first and only so much at once.

    Ids by which a repetition is recognised go after two days, whatever the limits.
    """
    remarks.forget_submissions(connection, now - KEPT_FOR)
    expired = (
        _texts(connection, _before(limits.texts_days, now))
        + _votes(connection, _before(limits.votes_days, now))
        + _decisions(connection, _before(limits.decisions_days, now))
    )
    if expired != Expired():
        decisions.append(connection, Kind.ERASURE, SUBJECT, expired.counts, now)
    return expired


def _before(days: int, now: datetime) -> datetime | None:
    return now - timedelta(days=days) if days else None


def _texts(connection: Connection, before: datetime | None) -> Expired:
    if before is None:
        return Expired()
    texts = erasure.forget_texts(connection, before, most=_MOST)
    return Expired(texts=texts, corrections=remarks.forget(connection, before))


def _votes(connection: Connection, before: datetime | None) -> Expired:
    if before is None:
        return Expired()
    return Expired(
        votes=erasure.forget_votes(connection, before),
        remarks=remarks.forget_remarks(connection, before),
        answers=erasure.forget_answers(connection, before, most=_MOST),
    )


def _decisions(connection: Connection, before: datetime | None) -> Expired:
    if before is None:
        return Expired()
    return Expired(decisions=decisions.expire(connection, before, most=_MOST))


@dataclass(frozen=True, slots=True)
class Sweep:
    """Forgets all that is too old, and takes care that no file keeps it.

    Attributes:
        now: The time of day.
    """

    engine: Engine
    writer: Writer
    limits: Limits
    now: Callable[[], datetime]

    def run(self) -> Expired:
        """Do it once; what people deleted in Slack leaves SQLite's log here, too.

        Raises:
            StoreDownError: If the database refuses.
        """
        job = partial(expire, limits=self.limits, now=self.now())
        expired = latest = self.writer.run(job)
        while not latest.is_all:
            latest = self.writer.run(job)
            expired += latest
        if not truncate_log(self.engine):
            note(reason="write-ahead log in use")  # the next run tries it again
        return expired
