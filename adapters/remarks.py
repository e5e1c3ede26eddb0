"""Why people voted an answer down, and the better answers that they propose.

Knows neither Slack nor what an answer says: the ledger's ids name the answers. Every function
takes the caller's connection, so that the caller decides about threads and commits.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    delete,
    insert,
    select,
    update,
)

from adapters.errors import AlreadyReviewedError, OwnCorrectionError, UnknownCorrectionError
from adapters.remarks_schema import REMARKS, SUBMISSIONS, create_tables

__all__ = ["Correction", "Remark", "create_tables", "record", "review"]

LONGEST_CORRECTION = 3_000
"""Characters; Slack's text field takes no more."""


class Reason(StrEnum):
    """What is wrong with an answer."""

    WRONG = "wrong"
    OUTDATED = "outdated"
    MISSING_SOURCE = "missing_source"
    NOT_FOR_ME = "not_for_me"
    TONE = "tone"
    TOO_LONG = "too_long"
    OTHER = "other"


ABOUT_KNOWLEDGE = frozenset({Reason.WRONG, Reason.OUTDATED, Reason.MISSING_SOURCE})
"""What the keepers of documents can mend, and no voice can."""

ABOUT_FORM = frozenset({Reason.TONE, Reason.TOO_LONG})
"""What a voice can learn to do better."""


class State(StrEnum):
    """What became of a correction."""

    PROPOSED = "proposed"
    APPROVED = "approved"
    REJECTED = "rejected"


_UNREVIEWED = {"state": State.PROPOSED.value, "reviewer": "", "reviewed_at_us": 0}


@dataclass(frozen=True, slots=True)
class Remark:
    """What one person says of one answer.

    Attributes:
        team: Home of the person, not of the channel.
        correction: The answer as it should have been, in that person's words; may be empty.
        at: Of two remarks of a person on an answer the later one counts.
    """

    answer_id: str
    team: str
    user: str
    reason: Reason
    correction: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Correction:
    """A better answer that somebody proposes.

    Attributes:
        team: Home of the author.
        reviewer: Empty, and ``reviewed_at`` None, while it is proposed.
    """

    answer_id: str
    team: str
    author: str
    reason: Reason
    text: str
    state: State
    reviewer: str
    reviewed_at: datetime | None

    @property
    def correction_id(self) -> str:
        """Name this very text: one that its author has changed since has another name."""
        named = f"{self.answer_id}\n{self.team}\n{self.author}\n{self.text}"
        return sha256(named.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True)
class Review:
    """What an administrator decides about a correction."""

    reviewer: str
    is_approved: bool
    at: datetime


def record(connection: Connection, remark: Remark, submission_id: str) -> bool:
    """Store a remark, unless it was stored before or a later one of this person is there.

    A changed correction has to be reviewed anew; the same text keeps its review.

    Args:
        connection: Inside a transaction that writes.
        remark: Of somebody who may speak of that answer: the caller has checked it.
        submission_id: Names the one time that it was sent, so that a repetition changes nothing.

    Returns:
        Whether the remark is the one that counts now.
    """
    at_us = _micros(remark.at)
    mine = _of(remark.answer_id, remark.team, remark.user)
    known = connection.execute(select(REMARKS).where(mine)).mappings().first()
    is_late = known is not None and known["at_us"] >= at_us
    if not _is_new(connection, submission_id, at_us) or is_late:
        return False
    review = dict(_UNREVIEWED)
    if known is not None and known["correction"] == remark.correction:
        review = {name: known[name] for name in _UNREVIEWED}
    connection.execute(delete(REMARKS).where(mine))
    said = {name: getattr(remark, name) for name in ("answer_id", "team", "user", "correction")}
    values = said | {"reason": remark.reason.value, "at_us": at_us} | review
    connection.execute(insert(REMARKS).values(values))
    return True


def remarks_on(connection: Connection, answer_id: str) -> list[Remark]:
    """List what people say of one answer, one remark a person."""
    return _remarks(connection, REMARKS.c.answer_id == answer_id)


def complaints(connection: Connection) -> list[Remark]:
    """List the remarks about what the documents say or lack, oldest first."""
    return _remarks(connection, REMARKS.c.reason.in_([one.value for one in ABOUT_KNOWLEDGE]))


def pending(connection: Connection) -> list[Correction]:
    """List the corrections that nobody has reviewed, oldest first."""
    return _corrections(connection, State.PROPOSED)


def approved(connection: Connection) -> list[Correction]:
    """List the corrections that somebody else than their author has approved, oldest first."""
    return _corrections(connection, State.APPROVED)


def corrections_on(connection: Connection, answer_id: str) -> list[Correction]:
    """List the corrections of one answer, whatever became of them, by author."""
    there = and_(REMARKS.c.answer_id == answer_id, REMARKS.c.correction != "")
    by_author = select(REMARKS).where(there).order_by(REMARKS.c.team, REMARKS.c.user)
    return [_correction(row) for row in connection.execute(by_author).mappings()]


def find_correction(connection: Connection, correction_id: str) -> Correction:
    """Find a correction by its name, reviewed or not.

    Raises:
        UnknownCorrectionError: If there is none, or its author has changed it since.
    """
    for state in State:
        for one in _corrections(connection, state):
            if one.correction_id == correction_id:
                return one
    raise UnknownCorrectionError(correction_id)


def review(connection: Connection, correction: Correction, decided: Review) -> None:
    """Approve or reject a correction, once.

    Raises:
        OwnCorrectionError: If the reviewer has written it.
        AlreadyReviewedError: If it has been decided.
        UnknownCorrectionError: If its text is not the one that was looked at any more.
    """
    if decided.reviewer == correction.author:
        raise OwnCorrectionError(correction.correction_id)
    this = and_(
        _of(correction.answer_id, correction.team, correction.author),
        REMARKS.c.correction == correction.text,
    )
    # Two processes on one PostgreSQL take turns here; SQLite has one writer anyway.
    now = connection.execute(select(REMARKS).where(this).with_for_update()).mappings().first()
    if now is None:
        raise UnknownCorrectionError(correction.correction_id)
    if now["state"] != State.PROPOSED:
        raise AlreadyReviewedError(correction.correction_id, now["state"], now["reviewer"])
    state = State.APPROVED if decided.is_approved else State.REJECTED
    values = {"reviewer": decided.reviewer, "reviewed_at_us": _micros(decided.at)}
    connection.execute(update(REMARKS).where(this).values(state=state.value, **values))


def forget(connection: Connection, before: datetime) -> int:
    """Empty the corrections that are older than a moment; the reasons stay, without a text.

    Returns:
        How many texts are gone.
    """
    old = and_(REMARKS.c.at_us < _micros(before), REMARKS.c.correction != "")
    return connection.execute(update(REMARKS).where(old).values(correction="")).rowcount


def forget_remarks(connection: Connection, before: datetime) -> int:
    """Forget the remarks themselves that are older than a moment; return how many."""
    old = REMARKS.c.at_us < _micros(before)
    return connection.execute(delete(REMARKS).where(old)).rowcount


def forget_submissions(connection: Connection, before: datetime) -> int:
    """Forget what was sent before a moment, so that its repetition would count; return how many."""
    old = SUBMISSIONS.c.at_us < _micros(before)
    return connection.execute(delete(SUBMISSIONS).where(old)).rowcount


def _is_new(connection: Connection, submission_id: str, at_us: int) -> bool:
    same = SUBMISSIONS.c.submission_id == submission_id
    if connection.scalar(select(SUBMISSIONS.c.at_us).where(same)) is not None:
        return False
    connection.execute(insert(SUBMISSIONS).values(submission_id=submission_id, at_us=at_us))
    return True


def _of(answer_id: str, team: str, user: str) -> ColumnElement[bool]:
    one = REMARKS.c
    return and_(one.answer_id == answer_id, one.team == team, one.user == user)


def _remarks(connection: Connection, where: ColumnElement[bool]) -> list[Remark]:
    in_order = (REMARKS.c.at_us, REMARKS.c.answer_id, REMARKS.c.team, REMARKS.c.user)
    rows = connection.execute(select(REMARKS).where(where).order_by(*in_order)).mappings()
    return [_remark(row) for row in rows]


def _corrections(connection: Connection, state: State) -> list[Correction]:
    there = and_(REMARKS.c.correction != "", REMARKS.c.state == state.value)
    in_order = (
        *(REMARKS.c.reviewed_at_us, REMARKS.c.at_us),
        *(REMARKS.c.answer_id, REMARKS.c.team, REMARKS.c.user),
    )
    rows = connection.execute(select(REMARKS).where(there).order_by(*in_order)).mappings()
    return [_correction(row) for row in rows]


def _remark(row: RowMapping) -> Remark:
    return Remark(
        answer_id=row["answer_id"],
        team=row["team"],
        user=row["user"],
        reason=Reason(row["reason"]),
        correction=row["correction"],
        at=_moment(row["at_us"]),
    )


def _correction(row: RowMapping) -> Correction:
    return Correction(
        answer_id=row["answer_id"],
        team=row["team"],
        author=row["user"],
        reason=Reason(row["reason"]),
        text=row["correction"],
        state=State(row["state"]),
        reviewer=row["reviewer"],
        reviewed_at=_moment(row["reviewed_at_us"]) if row["reviewer"] else None,
    )


def _micros(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _moment(at_us: int) -> datetime:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC)
