"""The decision log in real SQLite: what is appended comes back, and tampering shows."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine, inspect, text

from bot import decisions
from bot.chain import Record, sha256_of
from bot.database import Writer, open_engine
from bot.decisions import Kind, Verification

START = datetime(2026, 11, 21, 9, 0, 0, 250, tzinfo=UTC)
N = 20


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A database with an empty log."""
    engine = open_engine(f"sqlite:///{tmp_path / 'log.db'}")
    decisions.create_tables(engine)
    yield engine
    engine.dispose()


def write(engine: Engine, n: int = N) -> list[str]:
    """Append so many records, a minute apart; return the head after each."""
    with engine.execution_options(writes=True).begin() as connection:
        return [
            decisions.append(
                connection,
                Kind.VOTE if number % 5 == 0 else Kind.ANSWER,
                f"a{number}",
                {"n": number, "é": [0.1, None, True]},
                START + timedelta(minutes=number),
            )
            for number in range(1, n + 1)
        ]


def verified(engine: Engine, head: str = "") -> Verification:
    """Follow the chain."""
    with engine.connect() as connection:
        return decisions.verify(connection, head)


def tamper(engine: Engine, *statements: str) -> None:
    """Change the tables behind the log's back."""
    with engine.execution_options(writes=True).begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


def test_what_was_decided_comes_back(engine: Engine) -> None:
    """By subject, by time and by kind, with every field, oldest first."""
    heads = write(engine)
    with engine.connect() as connection:
        (one,) = decisions.decisions_of(connection, "a7")
        late = decisions.since(connection, START + timedelta(minutes=18))
        votes = decisions.since(connection, START, [Kind.VOTE])
        end = decisions.head(connection)

    assert (one.number, one.at, one.kind) == (7, START + timedelta(minutes=7), Kind.ANSWER)
    assert (one.record, one.sha256) == ({"n": 7, "é": [0.1, None, True]}, heads[6])
    assert [two.subject for two in late] == ["a18", "a19", "a20"]
    assert [two.number for two in votes] == [5, 10, 15, 20]
    assert end == heads[-1]


def test_an_untouched_log_is_whole(engine: Engine) -> None:
    """Empty or not, and with any head that it ever had."""
    empty = verified(engine)
    heads = write(engine)

    assert empty == Verification(0, None, "", None, "")
    assert verified(engine).first_at == START + timedelta(minutes=1)
    for head in (heads[0], heads[9][:16], heads[-1][:16]):
        assert verified(engine, head) == verified(engine)
    assert (verified(engine).n, verified(engine).head) == (N, heads[-1])


_COPY = """
INSERT INTO decisions SELECT {number}, at_us, kind, subject, record, {previous}, {sha256}
FROM decisions WHERE number = {original}
"""
TAMPERING = {
    "changed text": (["UPDATE decisions SET record = '{}' WHERE number = 9"], 9),
    "changed time": (["UPDATE decisions SET at_us = at_us + 1 WHERE number = 9"], 9),
    "changed kind": (["UPDATE decisions SET kind = 'vote' WHERE number = 9"], 9),
    "changed subject": (["UPDATE decisions SET subject = 'a8' WHERE number = 9"], 9),
    "changed link": (["UPDATE decisions SET previous = '' WHERE number = 9"], 9),
    "changed hash": (["UPDATE decisions SET sha256 = 'ff' WHERE number = 9"], 9),
    "dropped": (["DELETE FROM decisions WHERE number = 9"], 10),
    "dropped and closed up": (
        [
            "DELETE FROM decisions WHERE number = 9",
            "UPDATE decisions SET number = number - 100 WHERE number > 9",
            "UPDATE decisions SET number = number + 99 WHERE number < 0",
        ],
        9,
    ),
    "first dropped": (["DELETE FROM decisions WHERE number = 1"], 2),
    "reordered": (
        [
            "UPDATE decisions SET number = -1 WHERE number = 9",
            "UPDATE decisions SET number = 9 WHERE number = 10",
            "UPDATE decisions SET number = 10 WHERE number = -1",
        ],
        9,
    ),
    "inserted": (
        [_COPY.format(number=0, previous="''", sha256="sha256", original=1)],
        0,
    ),
    "inserted at the end": (
        [_COPY.format(number=21, previous="sha256", sha256="'ab'", original=20)],
        21,
    ),
    "end cut": (["DELETE FROM decisions WHERE number > 15"], None),
    "all gone": (["DELETE FROM decisions"], None),
    "note of the end gone": (["DELETE FROM decisions_ends"], None),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_is_found_where_it_is(engine: Engine, how: str) -> None:
    """Each field is under the hash, and each record under the next."""
    write(engine)
    statements, broken_at = TAMPERING[how]
    tamper(engine, *statements)

    assert verified(engine).problem
    assert verified(engine).broken_at == broken_at


def test_a_record_with_a_right_hash_of_its_own_does_not_fit(engine: Engine) -> None:
    """Who changes one must change all that follow."""
    heads = write(engine)
    at_us = round((START + timedelta(minutes=9)).timestamp() * 1_000_000)
    sha256 = sha256_of(heads[7], Record(9, at_us, "answer", "a9", "{}"))
    tamper(
        engine,
        f"UPDATE decisions SET record = '{{}}', sha256 = '{sha256}' WHERE number = 9",  # noqa: S608
    )

    assert verified(engine).problem == "record 10 does not follow from record 9"


def test_a_cut_that_covers_its_traces_needs_a_head(engine: Engine) -> None:
    """Who moves the note of the end along is found by a head from a log line."""
    heads = write(engine)
    tamper(
        engine,
        "DELETE FROM decisions WHERE number > 15",
        f"UPDATE decisions_ends SET head_number = 15, head_sha256 = '{heads[14]}'",  # noqa: S608
    )

    assert not verified(engine).problem
    assert not verified(engine, heads[14][:16]).problem
    assert verified(engine, heads[19][:16]).problem == f"no record has the head {heads[19][:16]}"


def test_a_chain_built_anew_needs_a_head(engine: Engine) -> None:
    """Right hashes over wrong records are another chain."""
    heads = write(engine)
    tamper(engine, "DELETE FROM decisions", "DELETE FROM decisions_ends")
    decisions.create_tables(engine)
    write(engine, 10)
    with engine.execution_options(writes=True).begin() as connection:
        decisions.append(connection, Kind.ANSWER, "a11", {"n": 12}, START)

    assert not verified(engine).problem
    assert not verified(engine, heads[9]).problem
    assert verified(engine, heads[10]).problem


def expire_all(connection: Connection, before: datetime, most: int = 1000) -> int:
    """Remove records as often as some go."""
    removed = 0
    while latest := decisions.expire(connection, before, most=most):
        removed += latest
    return removed


def test_old_records_go_and_the_chain_stays_whole(engine: Engine) -> None:
    """Its beginning moves along, what follows is still checked, and nothing old slips back in."""
    heads = write(engine)
    with engine.execution_options(writes=True).begin() as connection:
        assert decisions.expire(connection, START + timedelta(minutes=13), most=5) == 5
        assert expire_all(connection, START + timedelta(minutes=13), most=5) == 7
        left = decisions.since(connection, START)

    assert [one.number for one in left] == list(range(13, 21))
    assert verified(engine) == Verification(8, left[0].at, heads[-1], None, "")
    assert not verified(engine, heads[11]).problem  # the last one that went
    assert verified(engine, heads[10]).problem
    tamper(engine, "UPDATE decisions SET record = '{}' WHERE number = 13")
    assert verified(engine).broken_at == 13


def test_a_log_may_expire_as_a_whole(engine: Engine) -> None:
    """Then it goes on where it ended."""
    heads = write(engine)
    with engine.execution_options(writes=True).begin() as connection:
        assert expire_all(connection, START + timedelta(days=1)) == N
    assert (verified(engine).n, verified(engine).head) == (0, heads[-1])
    write(engine, 1)

    with engine.connect() as connection:
        assert [one.number for one in decisions.since(connection, START)] == [N + 1]
    assert not verified(engine).problem


def test_a_record_that_is_missing_does_not_keep_the_old_ones(engine: Engine) -> None:
    """The gap shows for as long as what is behind it is kept, however wide it is."""
    write(engine)
    tamper(engine, "DELETE FROM decisions WHERE number = 5 OR number BETWEEN 10 AND 16")
    with engine.execution_options(writes=True).begin() as connection:
        assert expire_all(connection, START + timedelta(minutes=6), most=3) == 4
        left = decisions.since(connection, START)
    assert [one.number for one in left] == [6, 7, 8, 9, 17, 18, 19, 20]
    assert verified(engine).problem == "record 6 does not follow from record 4"
    with engine.execution_options(writes=True).begin() as connection:
        assert expire_all(connection, START + timedelta(minutes=15), most=3) == 4
    assert verified(engine).problem == "record 17 does not follow from record 9"
    with engine.execution_options(writes=True).begin() as connection:
        assert expire_all(connection, START + timedelta(minutes=18), most=3) == 1

    assert not verified(engine).problem


def test_a_log_without_its_last_record_still_forgets(engine: Engine) -> None:
    """And its end is found to be another one."""
    write(engine, 5)
    tamper(engine, "DELETE FROM decisions WHERE number = 5")
    with engine.execution_options(writes=True).begin() as connection:
        assert decisions.expire(connection, START + timedelta(days=1), most=500) == 4
        assert decisions.since(connection, START) == []

    assert verified(engine).problem == "it ends with record 4, and should with 5"


def test_the_last_record_of_a_kind_is_found_without_a_search(engine: Engine) -> None:
    """However long the log is: it is looked for in every round."""
    write(engine)
    with engine.connect() as connection:
        last = decisions.latest(connection, Kind.VOTE)
        none = decisions.latest(connection, Kind.START)
        plan = connection.execute(
            text(
                "EXPLAIN QUERY PLAN SELECT * FROM decisions WHERE kind = 'vote' "
                "ORDER BY number DESC LIMIT 1"
            )
        ).all()

    assert last is not None
    assert (last.number, none) == (20, None)
    assert [step.detail for step in plan] == [
        "SEARCH decisions USING INDEX decisions_by_kind (kind=?)"
    ]


def test_a_log_of_before_gets_the_indexes_of_today(engine: Engine) -> None:
    """And keeps what it has."""
    write(engine)
    tamper(engine, "DROP INDEX decisions_by_kind")
    decisions.create_tables(engine)

    assert "decisions_by_kind" in {one["name"] for one in inspect(engine).get_indexes("decisions")}
    assert (verified(engine).n, verified(engine).problem) == (N, "")


def test_a_clock_that_was_set_back_loses_no_young_record(engine: Engine) -> None:
    """What stands behind a younger record waits for it."""
    write(engine, 3)
    with engine.execution_options(writes=True).begin() as connection:
        for minutes in (90, 1, 2):
            at = START + timedelta(minutes=minutes)
            decisions.append(connection, Kind.ALERT, "late", {}, at)
        assert expire_all(connection, START + timedelta(minutes=60)) == 3
        assert expire_all(connection, START + timedelta(minutes=91)) == 3


def test_what_is_undone_leaves_no_gap(engine: Engine) -> None:
    """A record stands or falls with the transaction of what it tells of."""

    def failing(connection: Connection) -> None:
        decisions.append(connection, Kind.ANSWER, "lost", {}, START)
        raise ValueError

    writer = Writer(engine)
    with pytest.raises(ValueError, match=r"^$"):
        writer.run(failing)
    writer.run(partial(decisions.append, kind=Kind.ANSWER, subject="a", record={}, at=START))
    writer.close()

    assert (verified(engine).n, verified(engine).problem) == (1, "")


def test_many_threads_make_one_chain(engine: Engine) -> None:
    """Each gets the head after its own record, and all of them are links."""
    writer = Writer(engine)

    def job(number: int) -> Callable[[Connection], str]:
        record = {"n": number}
        return partial(
            decisions.append, kind=Kind.ANSWER, subject=f"a{number}", record=record, at=START
        )

    with ThreadPoolExecutor(8) as pool:
        heads = list(pool.map(lambda number: writer.run(job(number)), range(200)))
    writer.close()

    with engine.connect() as connection:
        links = {one.subject: one.sha256 for one in decisions.since(connection, START)}
    assert links == {f"a{number}": head for number, head in enumerate(heads)}
    assert (verified(engine).n, verified(engine).problem) == (200, "")


def test_only_what_has_one_form_is_recorded(engine: Engine) -> None:
    """An infinite number has no JSON, so its hash would depend on who writes it."""
    with engine.execution_options(writes=True).begin() as connection, pytest.raises(ValueError):  # noqa: PT011  json's own
        decisions.append(connection, Kind.ANSWER, "a", {"score": float("inf")}, START)
