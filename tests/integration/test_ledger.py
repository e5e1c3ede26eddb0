"""Answers and votes in real SQLite."""

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import Connection

from adapters import ledger
from adapters.errors import UnknownAnswerError
from adapters.ledger import AnswerRow, Vote
from bot.database import open_engine

AN_ANSWER = AnswerRow(
    answer_id="a1",
    question_id="q1",
    team="T1",
    channel="C1",
    thread_ts="1.000001",
    question_ts="1.000001",
    message_ts="2.000001",
    asker="U1",
    asked_at=datetime(2026, 11, 21, 9, 30, 0, 123456, tzinfo=UTC),
    outcome="answered",
    audience="everyone",
    question="days off?",
    reply="{}",
    trace="{}",
    doc_ids=("hr:leave.md", "hr:travel.md"),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    """A connection to a ledger with one answer."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.create_tables(engine)
    with engine.execution_options(writes=True).begin() as connection:
        ledger.record_answer(connection, AN_ANSWER)
        yield connection
    engine.dispose()


def test_what_was_answered_comes_back(connection: Connection) -> None:
    """By id, by place and by document, with every field."""
    assert ledger.answer(connection, "a1") == AN_ANSWER
    assert ledger.answer_at(connection, "T1", "C1", "2.000001") == AN_ANSWER
    assert ledger.answer_at(connection, "T2", "C1", "2.000001") is None
    assert ledger.answers_citing(connection, "hr:leave.md") == ["a1"]
    assert ledger.answers_citing(connection, "hr:other.md") == []
    with pytest.raises(UnknownAnswerError):
        ledger.answer(connection, "a2")


def test_an_answer_made_again_takes_the_place_of_the_first(connection: Connection) -> None:
    """After a stop in mid-answer there is one row, with the new sources, and its votes stay."""
    ledger.record_vote(connection, Vote("a1", "T1", "U1", "up", "5.0"))
    ledger.record_answer(connection, replace(AN_ANSWER, doc_ids=("hr:new.md",)))

    assert ledger.answer(connection, "a1").doc_ids == ("hr:new.md",)
    assert ledger.answers_citing(connection, "hr:leave.md") == []
    assert len(ledger.votes_of(connection, "a1")) == 1


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_the_last_click_counts_in_any_order(connection: Connection, order: tuple[int]) -> None:
    """Times are numbers, not text: 10.5 is later than 9.75 and 10.25."""
    clicks = [
        Vote("a1", "T1", "U1", "down", "9.75"),
        Vote("a1", "T1", "U1", "down", "10.25"),
        Vote("a1", "T1", "U1", "up", "10.5"),
    ]
    for n in (*order, *order):
        ledger.record_vote(connection, clicks[n])

    assert ledger.votes_of(connection, "a1") == [Vote("a1", "T1", "U1", "up", "10.500000")]


def test_people_of_two_teams_are_two_people(connection: Connection) -> None:
    """The same user id elsewhere is somebody else."""
    ledger.record_vote(connection, Vote("a1", "T1", "U1", "up", "5.0"))
    ledger.record_vote(connection, Vote("a1", "T2", "U1", "down", "5.0"))

    assert [vote.verdict for vote in ledger.votes_of(connection, "a1")] == ["up", "down"]


def test_a_vote_on_nothing_is_an_error(connection: Connection) -> None:
    """An id that was made up is not silently kept."""
    with pytest.raises(UnknownAnswerError):
        ledger.record_vote(connection, Vote("a2", "T1", "U1", "up", "5.0"))


def test_a_thread_comes_back_in_order(connection: Connection) -> None:
    """By the time of the questions, however late each was answered."""
    times = [f"{n}.000001" for n in range(2, 15)]
    shuffled = times.copy()
    random.Random(7).shuffle(shuffled)  # noqa: S311  an order, no secret
    for ts in shuffled:
        ids = {"answer_id": f"a{ts}", "question_id": f"q{ts}", "message_ts": ts}
        ledger.record_answer(connection, replace(AN_ANSWER, question_ts=ts, **ids))
    elsewhere = {"answer_id": "b", "question_id": "b", "thread_ts": "9.9"}
    ledger.record_answer(connection, replace(AN_ANSWER, **elsewhere))

    turns = ledger.turns_of_thread(connection, "T1", "C1", "1.000001")
    assert [turn.question_ts for turn in turns] == ["1.000001", *times]
    assert ledger.has_thread(connection, "T1", "C1", "9.9")
    assert not ledger.has_thread(connection, "T1", "C2", "9.9")


def test_an_edited_question_is_kept_as_edited(connection: Connection) -> None:
    """Only that one, and only the text."""
    ledger.reword_question(connection, "T1", "C1", "1.000001", "nights off?")
    ledger.reword_question(connection, "T1", "C2", "1.000001", "other")

    assert ledger.answer(connection, "a1") == replace(AN_ANSWER, question="nights off?")
