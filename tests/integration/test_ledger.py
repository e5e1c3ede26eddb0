"""Answers and votes in real SQLite."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, event, inspect

from adapters import erasure, ledger
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


FORGOTTEN = replace(AN_ANSWER, question="", reply="", served="", salt="")


def test_a_forgotten_question_takes_its_answer_along(connection: Connection) -> None:
    """Only that one, and only the texts: ids, figures and votes stay."""
    ledger.record_vote(connection, Vote("a1", "T1", "U1", "up", "5.0"))
    assert erasure.forget_question(connection, "T1", "C2", "1.000001") == []
    assert ledger.answer(connection, "a1") == AN_ANSWER
    assert erasure.forget_question(connection, "T1", "C1", "1.000001") == ["a1"]

    assert ledger.answer(connection, "a1") == FORGOTTEN
    assert ledger.answer(connection, "a1").is_forgotten
    assert ledger.turns_of_thread(connection, "T1", "C1", "1.000001") == [FORGOTTEN]
    assert len(ledger.votes_of(connection, "a1")) == 1
    assert erasure.forget_question(connection, "T1", "C1", "1.000001") == []


def later(connection: Connection, n: int) -> None:
    """Record so many more answers, each asked a day after the one before."""
    for day in range(1, n + 1):
        ids = {"answer_id": f"b{day}", "question_id": f"b{day}", "message_ts": f"{day}.5"}
        asked_at = AN_ANSWER.asked_at + timedelta(days=day)
        ledger.record_answer(connection, replace(AN_ANSWER, asked_at=asked_at, **ids))


def test_texts_are_forgotten_by_age(connection: Connection) -> None:
    """The oldest first, so many at once, and none that is younger."""
    later(connection, 4)
    before = AN_ANSWER.asked_at + timedelta(days=3)

    assert erasure.forget_texts(connection, before, most=2) == 2
    kept = [ledger.answer(connection, f"b{day}").question for day in (1, 2, 3, 4)]
    assert kept == ["", "days off?", "days off?", "days off?"]
    assert erasure.forget_texts(connection, before, most=2) == 1
    assert erasure.forget_texts(connection, before, most=2) == 0
    assert not ledger.answer(connection, "b3").is_forgotten


def test_texts_go_with_the_oldest_question_that_they_hold(connection: Connection) -> None:
    """However young the answer itself is."""
    ids = {"answer_id": "b1", "question_id": "b1", "message_ts": "3.5"}
    young = replace(AN_ANSWER, asked_at=AN_ANSWER.asked_at + timedelta(days=9), **ids)
    ledger.record_answer(connection, young, oldest_at=AN_ANSWER.asked_at)

    assert erasure.forget_texts(connection, AN_ANSWER.asked_at + timedelta(seconds=1), most=9) == 2
    assert ledger.answer(connection, "b1").is_forgotten


def test_old_texts_are_found_without_a_walk_through_all_answers(connection: Connection) -> None:
    """Votes wait for the thread that does it, so nothing but the texts that go is looked at."""
    executed = list[tuple[str, tuple[int, ...]]]()
    event.listen(
        connection, "before_cursor_execute", lambda *args: executed.append((args[2], args[3]))
    )
    erasure.forget_texts(connection, AN_ANSWER.asked_at, most=9)
    ((statement, values),) = executed
    plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()

    steps = [step.detail for step in plan]
    assert any("INDEX answer_texts_by_age (oldest_us<?)" in one for one in steps)
    assert not any(one.startswith("SCAN") or "answers_by" in one for one in steps)


def test_an_answer_goes_when_nothing_hangs_on_it(connection: Connection) -> None:
    """Not while it has texts or votes; its sources go with it."""
    later(connection, 3)
    before = AN_ANSWER.asked_at + timedelta(days=3)
    ledger.record_vote(connection, Vote("b1", "T1", "U1", "up", "5.0"))
    erasure.forget_texts(connection, AN_ANSWER.asked_at + timedelta(days=2), most=9)

    assert erasure.forget_answers(connection, before, most=9) == 1  # a1; b1 has a vote, b2 texts
    assert ledger.answers_citing(connection, "hr:leave.md") == ["b1", "b2", "b3"]
    assert erasure.forget_votes(connection, datetime.fromtimestamp(6, UTC)) == 1
    assert erasure.forget_answers(connection, before, most=9) == 1
    assert ledger.answers_citing(connection, "hr:leave.md") == ["b2", "b3"]


VERSION_0_1 = """
CREATE TABLE answers (
    answer_id VARCHAR(64) NOT NULL PRIMARY KEY, question_id VARCHAR(64) NOT NULL UNIQUE,
    team VARCHAR(32) NOT NULL, channel VARCHAR(32) NOT NULL, thread_ts VARCHAR(32) NOT NULL,
    question_ts VARCHAR(32) NOT NULL, message_ts VARCHAR(32) NOT NULL, asker VARCHAR(32) NOT NULL,
    asked_at_us BIGINT NOT NULL, outcome VARCHAR(16) NOT NULL, audience TEXT NOT NULL,
    question TEXT NOT NULL, reply TEXT NOT NULL, trace TEXT NOT NULL
);
CREATE INDEX answers_by_thread ON answers (team, channel, thread_ts);
CREATE INDEX answers_by_message ON answers (team, channel, message_ts);
CREATE TABLE answer_sources (
    answer_id VARCHAR(64) NOT NULL REFERENCES answers (answer_id) ON DELETE CASCADE,
    doc_id VARCHAR(256) NOT NULL, PRIMARY KEY (answer_id, doc_id)
);
CREATE INDEX ix_answer_sources_doc_id ON answer_sources (doc_id);
CREATE TABLE votes (
    answer_id VARCHAR(64) NOT NULL REFERENCES answers (answer_id) ON DELETE CASCADE,
    team VARCHAR(32) NOT NULL, "user" VARCHAR(32) NOT NULL, verdict VARCHAR(8) NOT NULL,
    action_s BIGINT NOT NULL, action_us INTEGER NOT NULL, PRIMARY KEY (answer_id, team, "user")
);
INSERT INTO answers VALUES ('a1', 'q1', 'T1', 'C1', '1.000001', '1.000001', '2.000001', 'U1',
    1795253400123456, 'answered', 'everyone', 'days off?', '{}', '{}');
INSERT INTO answers VALUES ('a2', 'q2', 'T1', 'C1', '1.000001', '3.000001', '4.000001', 'U1',
    1795253400123456, 'answered', 'everyone', '', '{"was": "edited"}', '{}');
INSERT INTO answer_sources VALUES ('a1', 'hr:leave.md'), ('a1', 'hr:travel.md');
INSERT INTO votes VALUES ('a1', 'T1', 'U1', 'up', 5, 0);
"""


UNDATED = f"""{VERSION_0_1}
CREATE TABLE answer_texts (
    answer_id VARCHAR(64) NOT NULL PRIMARY KEY REFERENCES answers (answer_id) ON DELETE CASCADE,
    salt VARCHAR(64) NOT NULL, question TEXT NOT NULL, reply TEXT NOT NULL, served TEXT NOT NULL
);
INSERT INTO answer_texts SELECT answer_id, '', question, reply, '' FROM answers;
ALTER TABLE answers DROP COLUMN question;
ALTER TABLE answers DROP COLUMN reply;
CREATE INDEX answers_by_time ON answers (asked_at_us);
"""  # noqa: S608  both parts stand here


def test_a_database_of_version_0_1_is_taken_over(tmp_path: Path) -> None:
    """Every answer, source and vote is there after the first start; later ones change nothing.

    The reply to a question that had been edited or deleted goes, as it would now.
    """
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(VERSION_0_1)
    engine = open_engine(f"sqlite:///{path}")
    ledger.create_tables(engine)
    first = _dump(path)
    ledger.create_tables(engine)
    with engine.connect() as connection:
        found = ledger.turns_of_thread(connection, "T1", "C1", "1.000001")
        votes = ledger.votes_of(connection, "a1")
    engine.dispose()

    assert found[0] == AN_ANSWER
    assert (found[1].answer_id, found[1].is_forgotten) == ("a2", True)
    assert votes == [Vote("a1", "T1", "U1", "up", "5.000000")]
    assert _dump(path) == first
    assert not [line for line in first if "edited" in line]


def test_texts_of_unknown_age_are_as_old_as_their_thread(tmp_path: Path) -> None:
    """Before texts had an age, nothing said which earlier turns they hold: it may be the first."""
    engine = open_engine(f"sqlite:///{tmp_path / 'ledger.db'}")
    ledger.create_tables(engine)
    with engine.execution_options(writes=True).begin() as connection:
        ledger.record_answer(connection, AN_ANSWER)
        later(connection, 2)
        ids = {"answer_id": "c", "question_id": "c", "thread_ts": "9.9"}
        late = AN_ANSWER.asked_at + timedelta(days=2)
        ledger.record_answer(connection, replace(AN_ANSWER, asked_at=late, **ids))
        connection.exec_driver_sql("DROP INDEX answer_texts_by_age")
        connection.exec_driver_sql("ALTER TABLE answer_texts DROP COLUMN oldest_us")
    ledger.create_tables(engine)
    with engine.execution_options(writes=True).begin() as connection:
        soon = AN_ANSWER.asked_at + timedelta(seconds=1)
        assert erasure.forget_texts(connection, soon, most=9) == 3
        assert not ledger.answer(connection, "c").is_forgotten
    engine.dispose()


def test_an_old_database_ends_up_like_a_new_one(tmp_path: Path) -> None:
    """The same tables with the same columns and indexes."""
    shapes = []
    for name, script in (("old.db", VERSION_0_1), ("later.db", UNDATED), ("new.db", "")):
        with closing(sqlite3.connect(tmp_path / name)) as connection:
            connection.executescript(script)
        engine = open_engine(f"sqlite:///{tmp_path / name}")
        ledger.create_tables(engine)
        shapes.append(_shape(engine))
        engine.dispose()

    assert shapes[0] == shapes[1] == shapes[2]


def _dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def _shape(engine: Engine) -> dict[str, tuple[set[str], set[str | None]]]:
    looked = inspect(engine)
    return {
        table: (
            {column["name"] for column in looked.get_columns(table)},
            {index["name"] for index in looked.get_indexes(table)},
        )
        for table in looked.get_table_names()
    }
