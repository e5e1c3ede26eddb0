"""Remarks and corrections in real SQLite: which one counts, who reviews, what is forgotten."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import Connection

from adapters import remarks
from adapters.errors import AlreadyReviewedError, OwnCorrectionError, UnknownCorrectionError
from adapters.remarks import Correction, Reason, Remark, Review, State
from bot.database import open_engine

NOON = datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)
ANA, BO, CHIEF = "U1", "U2", "U3"
A_REMARK = Remark("a1", "T1", ANA, Reason.WRONG, "It is 27 days.", NOON)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a database with the tables and nothing in them."""
    engine = open_engine(f"sqlite:///{tmp_path / 'remarks.db'}")
    remarks.create_tables(engine)
    with engine.execution_options(writes=True).begin() as connection:
        yield connection
    engine.dispose()


def the_only(found: list[Correction]) -> Correction:
    """The one correction there is."""
    (one,) = found
    return one


def approve(connection: Connection, correction: Correction, reviewer: str = CHIEF) -> None:
    """Approve as somebody."""
    remarks.review(connection, correction, Review(reviewer, is_approved=True, at=LATER))


def test_a_remark_comes_back(connection: Connection) -> None:
    """With its reason and its text, waiting for a review."""
    assert remarks.record(connection, A_REMARK, "s1")

    assert remarks.remarks_on(connection, "a1") == [A_REMARK]
    waiting = the_only(remarks.pending(connection))
    assert (waiting.author, waiting.text, waiting.reason) == (ANA, "It is 27 days.", Reason.WRONG)
    assert (waiting.state, waiting.reviewer, waiting.reviewed_at) == (State.PROPOSED, "", None)
    assert remarks.find_correction(connection, waiting.correction_id) == waiting


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_last_remark_counts_in_any_order(
    connection: Connection, order: tuple[int, ...]
) -> None:
    """Whatever is repeated or overtaken, a person has one remark on an answer: the latest."""
    said = [
        replace(A_REMARK, correction=str(n), at=NOON + timedelta(microseconds=n)) for n in range(3)
    ]
    for n in (*order, *order):
        remarks.record(connection, said[n], f"s{n}")

    assert remarks.remarks_on(connection, "a1") == [said[2]]


def test_a_submission_counts_once(connection: Connection) -> None:
    """Sent again after something newer, and taken for new by the clock, it changes nothing."""
    remarks.record(connection, A_REMARK, "s1")
    second = replace(A_REMARK, correction="It is 30 days.", at=LATER)
    remarks.record(connection, second, "s2")

    again = replace(A_REMARK, at=LATER + timedelta(hours=1))
    assert not remarks.record(connection, again, "s1")
    assert remarks.remarks_on(connection, "a1") == [second]


def test_people_and_teams_have_remarks_of_their_own(connection: Connection) -> None:
    """The same user id of another team is somebody else."""
    for n, changed in enumerate([{}, {"team": "T2"}, {"user": BO}, {"answer_id": "a2"}]):
        assert remarks.record(connection, replace(A_REMARK, **changed), f"s{n}")

    assert len(remarks.remarks_on(connection, "a1")) == 3
    assert len({one.correction_id for one in remarks.pending(connection)}) == 4


def test_a_remark_without_a_text_proposes_nothing(connection: Connection) -> None:
    """There is nothing to review; the reason counts all the same."""
    remarks.record(connection, replace(A_REMARK, correction=""), "s1")

    assert remarks.pending(connection) == []
    assert [one.reason for one in remarks.complaints(connection)] == [Reason.WRONG]


@pytest.mark.parametrize("reason", list(Reason))
def test_complaints_are_about_knowledge(connection: Connection, reason: Reason) -> None:
    """Tone, length and what somebody should not see are no gap in the documents."""
    remarks.record(connection, replace(A_REMARK, reason=reason), "s1")

    is_gap = reason in {"wrong", "outdated", "missing_source"}
    assert len(remarks.complaints(connection)) == is_gap


def test_an_approved_correction_is_what_is_used(connection: Connection) -> None:
    """It says who wrote it, who looked at it and when; it does not wait any more."""
    remarks.record(connection, A_REMARK, "s1")
    approve(connection, the_only(remarks.pending(connection)))

    used = the_only(remarks.approved(connection))
    assert (used.answer_id, used.text, used.author) == ("a1", "It is 27 days.", ANA)
    assert (used.reviewer, used.reviewed_at) == (CHIEF, LATER)
    assert remarks.pending(connection) == []


def test_a_rejected_correction_is_not_used(connection: Connection) -> None:
    """It neither waits nor feeds anything."""
    remarks.record(connection, A_REMARK, "s1")
    waiting = the_only(remarks.pending(connection))
    remarks.review(connection, waiting, Review(CHIEF, is_approved=False, at=LATER))

    assert remarks.pending(connection) == []
    assert remarks.approved(connection) == []


def test_nobody_reviews_their_own(connection: Connection) -> None:
    """Not even an administrator; it goes on waiting for somebody else."""
    remarks.record(connection, A_REMARK, "s1")
    waiting = the_only(remarks.pending(connection))

    with pytest.raises(OwnCorrectionError):
        approve(connection, waiting, reviewer=ANA)
    assert remarks.pending(connection) == [waiting]


def test_a_review_is_final(connection: Connection) -> None:
    """A second one is refused, whatever it says, and names the first."""
    remarks.record(connection, A_REMARK, "s1")
    waiting = the_only(remarks.pending(connection))
    approve(connection, waiting)

    with pytest.raises(AlreadyReviewedError, match=f"approved by {CHIEF}"):
        remarks.review(connection, waiting, Review(BO, is_approved=False, at=LATER))
    assert the_only(remarks.approved(connection)).reviewer == CHIEF


def test_what_changed_under_the_reviewer_is_not_approved(connection: Connection) -> None:
    """An approval is for the text that was looked at, and for no other."""
    remarks.record(connection, A_REMARK, "s1")
    seen = the_only(remarks.pending(connection))
    remarks.record(connection, replace(A_REMARK, correction="Ask no one.", at=LATER), "s2")

    with pytest.raises(UnknownCorrectionError, match=seen.correction_id):
        approve(connection, seen)
    with pytest.raises(UnknownCorrectionError):
        remarks.find_correction(connection, seen.correction_id)
    assert remarks.approved(connection) == []


def test_a_changed_text_is_reviewed_anew(connection: Connection) -> None:
    """An author cannot slip in another text after the approval; another reason is no new text."""
    remarks.record(connection, A_REMARK, "s1")
    approve(connection, the_only(remarks.pending(connection)))

    remarks.record(connection, replace(A_REMARK, reason=Reason.TONE, at=LATER), "s2")
    assert the_only(remarks.approved(connection)).reason is Reason.TONE

    changed = replace(A_REMARK, correction="It is 99 days.", at=LATER + timedelta(hours=1))
    remarks.record(connection, changed, "s3")
    assert remarks.approved(connection) == []
    assert the_only(remarks.pending(connection)).reviewer == ""


def test_old_texts_are_forgotten(connection: Connection) -> None:
    """Proposed or approved, they are gone for every reader; reasons and newer texts stay."""
    remarks.record(connection, A_REMARK, "s1")
    approve(connection, the_only(remarks.pending(connection)))
    remarks.record(connection, replace(A_REMARK, user=BO), "s2")
    remarks.record(connection, replace(A_REMARK, user=CHIEF, at=LATER), "s3")

    assert remarks.forget(connection, LATER) == 2
    assert remarks.approved(connection) == []
    assert [one.author for one in remarks.pending(connection)] == [CHIEF]
    assert [one.correction for one in remarks.remarks_on(connection, "a1")] == [
        *("", ""),
        "It is 27 days.",
    ]
    assert remarks.forget(connection, LATER) == 0
