"""What is kept for how long, and that nothing of what is forgotten is left in any file."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asking import LEAVE, QUESTION, a_passage, an_answerer
from fakes import ScriptedResponder
from pydantic import SecretStr
from sqlalchemy import Engine, text
from structlog.testing import capture_logs

from adapters import ledger, remarks
from adapters.ledger import AnswerRow, Vote
from adapters.remarks import Reason, Remark
from bot import decisions, shadows
from bot.arrivals import Asked, Reworded
from bot.audience import Place
from bot.bootstrap import runner
from bot.conversation import Question, exchange
from bot.database import Writer, open_engine, truncate_log
from bot.decisions import Kind
from bot.errors import TextsForgottenError
from bot.house import open_house
from bot.inbox import Inbox
from bot.memory import Memory
from bot.records import is_as_recorded, reply_of, row_of, served_of
from bot.retention import SUBJECT, Expired, Limits, Sweep, expire
from bot.settings import (
    KnowledgeSettings,
    ModelSettings,
    MonitoringSettings,
    Settings,
    SlackSettings,
)
from bot.tracing import ALLOWED_FIELDS, wide_event
from bot.workspace.running import running_workspace
from bot.workspace.seed import demo_seed
from knowledge.access import Audience

START = datetime(2026, 11, 21, 9, tzinfo=UTC)
EVERYONE = Audience.from_role_sets([{"everyone"}])
PLACE = Place("T1", "C1", "U1", is_ext_shared_channel=False)
PLANTED = "Xylophone4711"
KEPT = Limits(texts_days=30, votes_days=365, decisions_days=365)


@dataclass
class Store:
    """A data folder with a bot's tables, and a clock that a test sets."""

    folder: Path
    engine: Engine
    writer: Writer
    now: datetime = START

    @property
    def inbox(self) -> Inbox:
        """The inbox of this moment."""
        return Inbox(self.engine, self.writer, lambda: self.now)

    def sweep(self, limits: Limits = KEPT) -> Expired:
        """Forget what is too old at this moment."""
        return Sweep(self.engine, self.writer, limits, lambda: self.now).run()

    def answer(self, answer_id: str) -> AnswerRow:
        """One answer."""
        with self.engine.connect() as connection:
            return ledger.answer(connection, answer_id)

    def files_hold(self, words: str) -> bool:
        """Tell whether any file of the folder has these words in its bytes."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return any(words.encode() in path.read_bytes() for path in files)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty store."""
    engine = open_engine(f"sqlite:///{tmp_path / 'housevoice.db'}")
    ledger.create_tables(engine)
    remarks.create_tables(engine)
    store = Store(tmp_path, engine, Writer(engine))
    yield store
    store.writer.close()
    engine.dispose()


def worked(
    store: Store, words: str = PLANTED, ts: str = "1.000001", thread_ts: str = ""
) -> AnswerRow:
    """Answer a question in which these words stand wherever words can stand; record nothing."""
    asked = Asked(PLACE, ts, thread_ts or ts, f"{QUESTION} {words}?", is_addressed=True)
    store.inbox.take(f"Ev{ts}", asked)
    (question,) = (one for one in store.inbox.next_questions(set()) if one.ts == ts)
    said = f"Your annual leave is 25 days. {words} said so."
    answerer = an_answerer([a_passage(f"{LEAVE[:-1]}, {words}.")], ScriptedResponder(said))
    history = memory(store).turns(question, EVERYONE)
    working = answerer.work(Question(question.question_id, asked.text, EVERYONE, history))
    return replace(row_of(question, working, EVERYONE), asked_at=store.now)


def memory(store: Store) -> Memory:
    """What was answered before, out of documents that everyone may read."""
    return Memory(store.engine, lambda ids: dict.fromkeys(ids, frozenset({"everyone"})))


def ask(store: Store, words: str = PLANTED, ts: str = "1.000001", thread_ts: str = "") -> AnswerRow:
    """Answer a question and record it; leave it open."""
    row = worked(store, words, ts, thread_ts)
    assert store.inbox.record_answer(row)
    return row


def ask_and_close(
    store: Store, words: str = PLANTED, ts: str = "1.000001", thread_ts: str = ""
) -> AnswerRow:
    """Answer a question, and be done with it."""
    row = ask(store, words, ts, thread_ts)
    store.inbox.mark_done(row.question_id)
    return row


def keep_in_shadow(store: Store, row: AnswerRow) -> None:
    """Keep what a candidate made of the same question, from the same turns."""
    shadows.create_tables(store.engine)
    values = {"a": row.answer_id, "s": row.served}
    words = text("INSERT INTO shadow_texts VALUES (:a, 'salt', '{}', :s)")
    store.writer.run(lambda connection: connection.execute(words, values))


def remark(store: Store, answer_id: str, correction: str) -> None:
    """Say why an answer was bad."""
    said = Remark(answer_id, "T1", "U2", Reason.WRONG, correction, store.now)
    with store.engine.execution_options(writes=True).begin() as connection:
        remarks.record(connection, said, "s1")
        ledger.record_vote(
            connection, Vote(answer_id, "T1", "U2", "down", f"{START.timestamp():.0f}.5")
        )


def test_no_file_holds_a_text_after_its_time(store: Store) -> None:
    """Question, reply, prompt, evidence, history, the model's words, correction, salt: all gone.

    The day before all of them are there; ids, figures and votes stay.
    """
    row = ask_and_close(store)
    ask_and_close(store, "And then", "2.000001", "1.000001")
    remark(store, row.answer_id, f"{PLANTED} was wrong.")
    salt = store.answer(row.answer_id).salt
    store.now += timedelta(days=30)
    assert store.sweep() == Expired()
    assert store.files_hold(PLANTED)
    assert store.files_hold(salt)
    store.now += timedelta(seconds=1)

    assert store.sweep() == Expired(texts=2, corrections=1)
    assert not store.files_hold(PLANTED)
    assert not store.files_hold(salt)
    with store.engine.connect() as connection:
        assert len(ledger.votes_of(connection, row.answer_id)) == 1
        assert [one.correction for one in remarks.remarks_on(connection, row.answer_id)] == [""]
    found = store.answer(row.answer_id)
    assert (found.is_forgotten, found.trace, found.doc_ids) == (True, row.trace, row.doc_ids)


def test_what_is_deleted_in_slack_is_in_no_file_within_the_hour(store: Store) -> None:
    """The next sweep clears it out of SQLite's log, too, and the decision log tells of it."""
    row = ask_and_close(store)
    store.inbox.take("Ev2", Reworded("T1", "C1", "1.000001", None))
    assert store.answer(row.answer_id).is_forgotten
    assert store.sweep() == Expired()

    assert not store.files_hold(PLANTED)
    with store.engine.connect() as connection:
        answered, erased = decisions.decisions_of(connection, row.answer_id)
    assert (answered.kind, erased.kind) == (Kind.ANSWER, Kind.ERASURE)
    assert erased.record == {"reason": "deleted"}


def test_a_question_that_was_followed_up_is_kept_no_longer_than_others(store: Store) -> None:
    """A later answer that it was part of goes with it; one that was made without it stays."""
    ask_and_close(store)
    store.now += timedelta(days=29)
    follow_up = ask_and_close(store, "And then", "2.000001", "1.000001")
    keep_in_shadow(store, follow_up)
    other = ask_and_close(store, "Otherwise", "3.000001")
    assert PLANTED in follow_up.served
    store.now += timedelta(days=1, seconds=1)

    assert store.sweep() == Expired(texts=2)
    assert not store.files_hold(PLANTED)
    assert not store.answer(other.answer_id).is_forgotten


@pytest.mark.parametrize("words", ["Never mind.", None], ids=["edited", "deleted"])
def test_a_question_taken_back_in_slack_is_in_no_later_answer(
    store: Store, words: str | None
) -> None:
    """Not in the follow-ups that it was part of, nor in those that only these were part of.

    What was said before it stays, and so does what was answered without it; each answer that
    loses its texts has a record of that.
    """
    names = ("Before", PLANTED, "First", "Second", "Third")
    rows = list[AnswerRow]()
    for n, name in enumerate(names, start=1):
        rows.append(ask_and_close(store, name, f"{n}.000001", "1.000001"))
        store.now += timedelta(minutes=1)
    elsewhere = ask_and_close(store, "Elsewhere", "9.000001")
    keep_in_shadow(store, rows[2])
    assert PLANTED in rows[3].served
    assert PLANTED not in rows[4].served
    store.inbox.take("Ev0", Reworded("T1", "C1", "2.000001", words))
    store.sweep()

    gone = [store.answer(row.answer_id).is_forgotten for row in rows]
    assert gone == [False, True, True, True, True]
    assert not store.answer(elsewhere.answer_id).is_forgotten
    assert not store.files_hold(PLANTED)
    with store.engine.connect() as connection:
        erased = decisions.since(connection, START, [Kind.ERASURE])
    assert [one.subject for one in erased] == [row.answer_id for row in rows[1:]]
    assert [one.record for one in erased] == [{"reason": "deleted" if not words else "edited"}] * 4


def test_an_answer_made_without_earlier_turns_outlives_them(store: Store) -> None:
    """For other readers nothing of the thread was used, so nothing of it can be in there."""
    ask_and_close(store)
    store.now += timedelta(minutes=1)
    made = replace(worked(store, "Alone", "2.000001"), thread_ts="1.000001")
    assert store.inbox.record_answer(made)
    store.inbox.take("Ev0", Reworded("T1", "C1", "1.000001", None))

    assert not store.answer(made.answer_id).is_forgotten


def test_a_question_taken_back_while_a_follow_up_is_answered_is_not_kept(store: Store) -> None:
    """The follow-up had read it already: then its own texts are not stored at all."""
    ask_and_close(store)
    store.now += timedelta(minutes=1)
    made = worked(store, "And then", "2.000001", "1.000001")
    assert PLANTED in made.served
    store.inbox.take("Ev0", Reworded("T1", "C1", "1.000001", None))
    assert store.inbox.record_answer(made)
    store.sweep()

    assert store.answer(made.answer_id).is_forgotten
    assert not store.files_hold(PLANTED)


def test_what_is_edited_while_it_is_answered_is_not_kept(store: Store) -> None:
    """Slack does not show these words any more; the answer is made again if it is not out yet."""
    place = Asked(PLACE, "1.000001", "1.000001", f"{PLANTED}?", is_addressed=True)
    store.inbox.take("Ev1", place)
    (question,) = store.inbox.next_questions(set())
    store.inbox.take("Ev2", Reworded("T1", "C1", "1.000001", "days off?"))
    answerer = an_answerer([a_passage()], None)
    working = answerer.work(Question(question.question_id, f"{PLANTED}?", EVERYONE))
    row = replace(row_of(question, working, EVERYONE), asked_at=START)
    assert store.inbox.record_answer(row)
    store.sweep()

    assert store.answer(question.answer_id).is_forgotten
    assert not store.files_hold(PLANTED)


def test_a_forgotten_answer_is_neither_shown_nor_remembered(store: Store) -> None:
    """One that was not posted yet is made anew; one of the thread is no earlier turn."""
    row = ask_and_close(store)
    store.inbox.take("Ev2", Asked(PLACE, "2.0", "1.000001", "And then?", is_addressed=True))
    (question,) = store.inbox.next_questions(set())
    assert memory(store).may_be_used(store.answer(row.answer_id), EVERYONE)
    assert len(memory(store).turns(question, EVERYONE)) == 2
    store.inbox.take("Ev3", Reworded("T1", "C1", "1.000001", None))

    assert not memory(store).may_be_used(store.answer(row.answer_id), EVERYONE)
    assert memory(store).turns(question, EVERYONE) == ()
    with pytest.raises(TextsForgottenError):
        reply_of(store.answer(row.answer_id))


def test_the_decision_log_knows_answers_by_hash_alone(store: Store) -> None:
    """It proves that kept texts are the ones that were served, and says nothing of them."""
    row = ask(store)
    kept = store.answer(row.answer_id)
    with store.engine.connect() as connection:
        (decided,) = decisions.decisions_of(connection, row.answer_id)
        stored = connection.scalar(text("SELECT record FROM decisions"))

    assert is_as_recorded(kept, decided.record)
    assert not is_as_recorded(replace(kept, question="Other?"), decided.record)
    assert not is_as_recorded(replace(kept, served="{}"), decided.record)
    assert PLANTED not in stored
    assert decided.record["question_id"] == row.question_id
    assert decided.record["verdicts"] == ["kept", "words"]
    assert decided.record["candidates"] == [["wiki:leave.md#00000", 1, 0.9, 3.0, 0.9, "cited"]]


def test_the_log_line_of_a_question_names_the_head(store: Store) -> None:
    """A log that is shipped elsewhere can show that the end of the decision log was cut."""
    with capture_logs() as lines, wide_event("question"):
        ask(store)
    with store.engine.connect() as connection:
        head = decisions.head(connection)

    assert "chain" in ALLOWED_FIELDS
    assert [line["chain"] for line in lines] == [head[:16]]


def test_equal_questions_have_unequal_hashes(store: Store) -> None:
    """Or whoever reads the log could tell a short question by trying."""
    ask_and_close(store, "same", "1.0")
    ask_and_close(store, "same", "2.0")
    with store.engine.connect() as connection:
        first, second = decisions.since(connection, START)

    for name in ("question_hmac", "reply_hmac", "served_hmac"):
        assert first.record[name] != second.record[name]


def test_an_answer_can_be_made_again_from_what_was_served(store: Store) -> None:
    """History, evidence, the prompt's messages and the model's words come back as they were."""
    first = ask_and_close(store, "Before")
    served = served_of(store.answer(ask(store, PLANTED, "2.000001", "1.000001").answer_id))

    assert served is not None
    assert served.history == exchange(first.question, reply_of(first).unmarked)
    assert served.text == f"Your annual leave is 25 days. {PLANTED} said so."
    assert {one.chunk_id for one in served.evidence} == {"wiki:leave.md#00000"}
    assert [one.text for one in served.evidence] == [f"{LEAVE[:-1]}, {PLANTED}."]
    assert [one.role for one in served.messages][-3:] == ["user", "assistant", "user"]
    assert PLANTED in served.messages[-1].content


def test_votes_and_records_have_limits_of_their_own(store: Store) -> None:
    """After a year vote and remark go, the answer they hung on, the records; a count stays."""
    row = ask_and_close(store)
    remark(store, row.answer_id, "")
    store.now += timedelta(days=31)
    store.sweep()
    store.now = START + timedelta(days=366)

    assert store.sweep() == Expired(votes=1, remarks=1, answers=1, decisions=1)
    with store.engine.connect() as connection:
        left = decisions.since(connection, START)
        assert not decisions.verify(connection).problem
    assert [(one.kind, one.subject) for one in left] == [(Kind.ERASURE, SUBJECT)] * 2
    assert left[0].record["texts"] == 1
    assert left[1].record["votes"] == 1


def test_nothing_is_forgotten_where_nothing_may_be(store: Store) -> None:
    """A limit of 0 days is none."""
    row = ask_and_close(store)
    store.now += timedelta(days=10_000)

    assert store.sweep(Limits(texts_days=0, votes_days=0, decisions_days=0)) == Expired()
    assert not store.answer(row.answer_id).is_forgotten


def test_much_is_forgotten_in_steps(store: Store) -> None:
    """No transaction takes all of it, so that a vote need not wait for long; the sweep does."""
    row = ask_and_close(store)

    def many(connection: ledger.Connection) -> None:
        for n in range(1, 1200):
            ids = {"answer_id": f"b{n}", "question_id": f"b{n}"}
            ledger.record_answer(connection, replace(row, **ids))

    store.writer.run(many)
    later = START + timedelta(days=31)
    with store.engine.execution_options(writes=True).connect() as connection:
        assert expire(connection, KEPT, later).texts == 500
        connection.rollback()
    store.now = later

    assert store.sweep() == Expired(texts=1200)


def test_what_was_sent_is_remembered_for_two_days_alone(store: Store) -> None:
    """Even where texts and votes are kept for ever: the ids of submissions are no texts."""
    row = ask_and_close(store)
    remark(store, row.answer_id, "It is 27 days.")
    for_ever = Limits(texts_days=0, votes_days=0, decisions_days=0)
    submissions = text("SELECT count(*) FROM remark_submissions")
    counts = []
    for step in (timedelta(hours=48), timedelta(seconds=1)):
        store.now += step
        assert store.sweep(for_ever) == Expired()
        with store.engine.connect() as connection:
            counts.append(connection.scalar(submissions))
            (said,) = remarks.remarks_on(connection, row.answer_id)

    assert counts == [1, 0]
    assert said.correction == "It is 27 days."


def test_a_reader_in_the_way_does_not_stop_the_sweep(store: Store) -> None:
    """Then the log is emptied at the next one; the pragma waits for a while, and says so."""
    ask_and_close(store)
    with store.engine.connect() as reader:
        reader.execute(text("PRAGMA busy_timeout=1"))
        reader.execute(text("SELECT * FROM answers")).all()
        store.writer.run(lambda connection: connection.execute(text("DELETE FROM events")))
        assert not truncate_log(store.engine)

    assert truncate_log(store.engine)
    assert (
        not list(store.folder.glob("*-wal"))
        or not (store.folder / "housevoice.db-wal").stat().st_size
    )


def test_a_running_bot_forgets_by_itself(tmp_path: Path) -> None:
    """What became too old while it was off is gone soon after its start."""
    with running_workspace(demo_seed()) as workspace:
        data = tmp_path / "data"
        data.mkdir()
        (data / "roles.yaml").write_text("version: 1\n")
        slack = SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
        )
        settings = Settings(
            data=data,
            slack=slack,
            knowledge=KnowledgeSettings(folder=data),
            model=ModelSettings(base="none"),
            monitoring=MonitoringSettings(port=0),
        )
        with open_house(settings) as house:
            house.answerer = None  # nobody asks anything
            two_months_ago = datetime.now(UTC) - timedelta(days=60)
            store = Store(data, house.engine, Writer(house.engine), two_months_ago)
            old = ask_and_close(store)
            store.writer.close()
            bot = runner(house)
            bot.start()
            workspace.wait_until(lambda: store.answer(old.answer_id).is_forgotten)
            assert bot.stop(5.0)
