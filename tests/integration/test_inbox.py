"""The inbox and the one writer, on real SQLite."""

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice, permutations
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Connection, Engine, text

from adapters import ledger
from bot.arrivals import Asked, Reworded, State
from bot.audience import Place
from bot.conversation import Answer, Outcome, Question, Reply, Trace
from bot.database import Writer, open_engine
from bot.errors import StoreDownError
from bot.inbox import KEPT_FOR, Inbox
from bot.records import row_of
from bot.worksheet import Working

PLACE = Place("T1", "C1", "U1", is_ext_shared_channel=False, sender_teams=frozenset({"T1"}))
ASKED = Asked(PLACE, "1.000001", "1.000001", "days off?", is_addressed=True)
FOLLOW_UP = replace(ASKED, ts="2.000001", text="in May?", is_addressed=False)


@dataclass
class Store:
    """An inbox and what lies under it."""

    engine: Engine
    writer: Writer
    moment: datetime = datetime(2026, 11, 21, tzinfo=UTC)
    inbox: Inbox = field(init=False)

    def __post_init__(self) -> None:
        ledger.create_tables(self.engine)
        self.inbox = Inbox(self.engine, self.writer, lambda: self.moment)

    def bytes_hold(self, words: str) -> bool:
        """Tell whether any live row of any table holds these words."""
        with self.engine.connect() as connection:
            tables = connection.scalars(text("SELECT name FROM sqlite_master WHERE type='table'"))
            rows = [connection.execute(text(f"SELECT * FROM {name}")).all() for name in tables]  # noqa: S608
        return words in str(rows)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.db'}")
    store = Store(engine, Writer(engine))
    yield store
    store.writer.close()
    engine.dispose()


def test_the_database_is_opened_to_survive_power_loss(store: Store) -> None:
    """WAL, full sync, and the rest of what a fresh connection must have."""
    names = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys", "secure_delete")
    with store.engine.connect() as connection:
        values = [connection.scalar(text(f"PRAGMA {name}")) for name in names]

    assert values == ["wal", 2, 5000, 1, 1]


def test_a_question_comes_in_once(store: Store) -> None:
    """The same event again, and the same message under another event, open nothing new."""
    assert store.inbox.take("Ev1", ASKED)
    assert not store.inbox.take("Ev1", ASKED)
    assert not store.inbox.take("Ev2", ASKED)

    (question,) = store.inbox.next_questions(set())
    assert (question.place, question.text, question.state) == (PLACE, "days off?", State.RECEIVED)


@pytest.mark.parametrize("flag", [True, False, None])
def test_the_place_is_kept_to_the_letter(store: Store, flag: bool | None) -> None:  # noqa: FBT001  three values
    """What the envelope did not say does not become a no."""
    place = replace(PLACE, is_ext_shared_channel=flag, sender_teams=frozenset({"T1", "T2"}))
    store.inbox.take("Ev1", replace(ASKED, place=place))

    (question,) = store.inbox.next_questions(set())
    assert question.place == place


def test_a_follow_up_counts_only_where_we_were_asked(store: Store) -> None:
    """In a thread with a question of ours, open or answered; nowhere else."""
    assert not store.inbox.take("Ev1", FOLLOW_UP)
    store.inbox.take("Ev2", ASKED)
    assert store.inbox.take("Ev3", FOLLOW_UP)
    elsewhere = replace(FOLLOW_UP, place=replace(PLACE, channel="C2"))
    assert not store.inbox.take("Ev4", elsewhere)


def test_each_asker_has_one_turn(store: Store) -> None:
    """The oldest open question of each, except what is in hand."""
    for n in range(1, 6):
        user = "U2" if n == 5 else "U1"
        asked = replace(ASKED, ts=f"{n}.0", place=replace(PLACE, user=user))
        store.inbox.take(f"Ev{n}", asked)

    first, second = store.inbox.next_questions(set())
    assert [(one.place.user, one.ts) for one in (first, second)] == [("U1", "1.0"), ("U2", "5.0")]
    others = store.inbox.next_questions({first.question_id, second.question_id})
    assert [one.ts for one in others] == ["2.0"]


def test_the_text_goes_when_the_question_is_done(store: Store) -> None:
    """It must survive until it is answered, and no longer."""
    store.inbox.take("Ev1", ASKED)
    (question,) = store.inbox.next_questions(set())
    assert store.inbox.mark_posting(question.question_id)
    store.inbox.mark_posted(question.question_id, "2.000001")
    assert store.bytes_hold("days off?")
    store.inbox.mark_done(question.question_id)

    assert store.inbox.next_questions(set()) == []
    assert store.inbox.question(question.question_id) is None
    assert not store.bytes_hold("days off?")


def test_ids_are_forgotten_after_two_days(store: Store) -> None:
    """Late deliveries are recognised until then; an open question is never forgotten."""
    store.inbox.take("Ev1", ASKED)
    store.inbox.take("Ev2", replace(ASKED, ts="3.0"))
    (question,) = store.inbox.next_questions(set())
    store.inbox.mark_done(question.question_id)
    store.moment += KEPT_FOR - timedelta(seconds=1)
    store.inbox.prune()
    assert not store.inbox.take("Ev3", ASKED)
    store.moment += timedelta(seconds=2)
    store.inbox.prune()

    assert store.inbox.take("Ev4", ASKED)
    assert len(store.inbox.next_questions({question.question_id})) == 1


def test_a_deleted_question_is_never_posted(store: Store) -> None:
    """Even if the desk had it in hand already."""
    store.inbox.take("Ev1", ASKED)
    (question,) = store.inbox.next_questions(set())
    store.inbox.take("Ev2", Reworded("T1", "C1", ASKED.ts, None))

    assert not store.inbox.mark_posting(question.question_id)
    assert not store.bytes_hold("days off?")


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_a_deleted_question_leaves_no_answer(store: Store, order: tuple[int, ...]) -> None:
    """Whether it is deleted before, between or after, the ledger keeps no word of it."""
    store.inbox.take("Ev1", ASKED)
    (question,) = store.inbox.next_questions(set())
    store.inbox.mark_posted(question.question_id, "2.000001")
    asked = Question(question.question_id, "days off?", None)
    working = Working(asked, Answer(Reply(Outcome.DECLINED, ()), Trace("")))
    steps = [
        partial(store.inbox.take, "Ev2", Reworded("T1", "C1", ASKED.ts, "nights off?")),
        partial(store.inbox.take, "Ev3", Reworded("T1", "C1", ASKED.ts, None)),
        partial(store.inbox.record_answer, row_of(question, working, None)),
    ]
    for n in order:
        steps[n]()

    assert not store.bytes_hold("days off?")
    assert not store.bytes_hold("nights off?")


def test_many_writers_share_a_commit(store: Store) -> None:
    """A hundred threads write through one; each gets back what its own job returned."""

    def job(connection: Connection, n: int) -> int:
        statement = text("INSERT INTO events VALUES (:id, 1)")
        connection.execute(statement, {"id": f"Ev{n}"})
        return n

    with ThreadPoolExecutor(20) as pool:
        jobs = [partial(job, n=n) for n in range(100)]
        results = list(pool.map(store.writer.run, jobs))

    assert results == list(range(100))
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM events")) == 100


def test_a_job_that_fails_spoils_no_other(store: Store) -> None:
    """Of three in one commit the bad one is undone and told, the good ones are stored."""
    started, gate = Event(), Event()

    def hold(_: Connection) -> None:
        started.set()
        gate.wait(timeout=5)

    def insert(connection: Connection, event_id: str) -> None:
        connection.execute(text("INSERT INTO events VALUES (:id, 1)"), {"id": event_id})

    def fail(connection: Connection) -> None:
        insert(connection, "bad")
        raise KeyError("mine")  # noqa: EM101  any error of a job's own

    with ThreadPoolExecutor(4) as pool:
        pool.submit(store.writer.run, hold)
        assert started.wait(timeout=5)
        outcomes = [
            pool.submit(store.writer.run, job)
            for job in (partial(insert, event_id="one"), fail, partial(insert, event_id="two"))
        ]
        gate.set()
        assert isinstance(outcomes[1].exception(timeout=5), KeyError)

    with store.engine.connect() as connection:
        stored = connection.scalars(text("SELECT event_id FROM events")).all()
    assert set(stored) == {"one", "two"}


def test_a_full_disk_is_told_to_every_caller(store: Store) -> None:
    """Nothing is half stored, and once there is room again writing goes on."""
    with store.engine.connect() as connection:
        pages = connection.scalar(text("PRAGMA page_count"))
    filler = partial(_fill, size=200_000)
    # The limit holds for one connection: the pool has one for the writer at this moment.
    store.writer.run(lambda c: c.execute(text(f"PRAGMA max_page_count={pages + 4}")))
    with pytest.raises(StoreDownError):
        store.writer.run(filler)
    store.writer.run(lambda c: c.execute(text("PRAGMA max_page_count=1000000")))

    assert store.inbox.take("Ev1", ASKED)
    with store.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM events")) == 1


def _fill(connection: Connection, size: int) -> None:
    statement = text("INSERT INTO events VALUES (:id, 1)")
    connection.execute(statement, {"id": "x" * size})


def test_a_locked_database_is_down(tmp_path: Path) -> None:
    """Another program holds it: the caller hears so, and is not told that all is well."""
    path = tmp_path / "bot.db"
    engine = open_engine(f"sqlite:///{path}?timeout=0.05")
    store = Store(engine, Writer(engine))
    other = sqlite3.connect(path)
    other.execute("BEGIN IMMEDIATE")
    with engine.connect() as connection:
        connection.execute(text("PRAGMA busy_timeout=50"))
    with pytest.raises(StoreDownError):
        store.inbox.take("Ev1", ASKED)
    other.rollback()
    other.close()

    assert store.inbox.take("Ev1", ASKED)
    store.writer.close()
    engine.dispose()


def test_too_much_waiting_is_refused(store: Store) -> None:
    """Over the bound, and after the end, the caller is told instead of kept."""
    started, gate = Event(), Event()

    def hold(_: Connection) -> None:
        started.set()
        gate.wait(timeout=5)

    writer = Writer(store.engine, bound=1)
    with ThreadPoolExecutor(4) as pool:
        holding = pool.submit(writer.run, hold)
        assert started.wait(timeout=5)
        runs = [pool.submit(writer.run, lambda _: "stored") for _ in range(3)]
        refused = list(islice(as_completed(runs, timeout=5), 2))
        gate.set()
        assert [type(run.exception()) for run in refused] == [StoreDownError, StoreDownError]
        assert [run.result(timeout=5) for run in runs if run not in refused] == ["stored"]
        holding.result(timeout=5)
    writer.close()
    with pytest.raises(StoreDownError):
        writer.run(lambda _: None)
