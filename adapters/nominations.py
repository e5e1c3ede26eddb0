"""Answers that people like or dislike enough to learn from, and who has let that happen.

A nomination is of a text: one that was made anew has another name and waits for a review of its
own. Knows neither Slack nor which answers are good enough; every function takes the caller's
connection.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Engine,
    ForeignKey,
    MetaData,
    String,
    Table,
    insert,
    select,
)

from adapters import ledger, remarks
from adapters.errors import AlreadyReviewedError, InvolvedReviewerError
from adapters.exchanges import Review
from adapters.ledger_schema import ANSWERS

_METADATA = MetaData()
_REVIEWS = Table(
    "nomination_reviews",
    _METADATA,
    Column("nomination_id", String(16), primary_key=True),
    Column(
        "answer_id", ForeignKey(ANSWERS.c.answer_id, ondelete="CASCADE"), nullable=False, index=True
    ),
    Column("reviewer", String(32), nullable=False),
    Column("is_accepted", Boolean, nullable=False),
    Column("at_us", BigInteger, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Nomination:
    """A text that voters propose to learn, or to unlearn.

    Attributes:
        verdict: ``up`` or ``down``.
        text: Of the model, as it was posted.
    """

    answer_id: str
    verdict: str
    text: str

    @property
    def nomination_id(self) -> str:
        """Name this very text with this verdict."""
        named = f"{self.answer_id}\n{self.verdict}\n{self.text}"
        return sha256(named.encode()).hexdigest()[:12]


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet."""
    _METADATA.create_all(engine)


def decide(connection: Connection, nomination: Nomination, review: Review) -> None:
    """Accept or refuse a nomination, once.

    Raises:
        InvolvedReviewerError: If the reviewer has asked, voted, or proposed something better.
        AlreadyReviewedError: If it has been decided.
    """
    name = nomination.nomination_id
    if review.reviewer in _involved(connection, nomination.answer_id):
        raise InvolvedReviewerError(name)
    if known := review_of(connection, nomination):
        state = "accepted" if known.is_accepted else "refused"
        raise AlreadyReviewedError(name, state, known.reviewer)
    values = {
        "nomination_id": name,
        "answer_id": nomination.answer_id,
        "reviewer": review.reviewer,
        "is_accepted": review.is_accepted,
        "at_us": round(review.at.timestamp() * 1_000_000),
    }
    connection.execute(insert(_REVIEWS).values(values))


def _involved(connection: Connection, answer_id: str) -> frozenset[str]:
    voters = {vote.user for vote in ledger.votes_of(connection, answer_id)}
    authors = {one.author for one in remarks.corrections_on(connection, answer_id)}
    return frozenset({ledger.answer(connection, answer_id).asker} | voters | authors)


def review_of(connection: Connection, nomination: Nomination) -> Review | None:
    """Return what was decided about a nomination; None while it waits."""
    named = _REVIEWS.c.nomination_id == nomination.nomination_id
    found = connection.execute(select(_REVIEWS).where(named)).one_or_none()
    if found is None:
        return None
    at = datetime.fromtimestamp(found.at_us / 1_000_000, UTC)
    return Review(found.reviewer, found.is_accepted, at)
