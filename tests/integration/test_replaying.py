"""Answers of the log made again: on the versions of then, on others, or not at all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest
from company import PAGES, Company
from fakes import ScriptedResponder
from pydantic import TypeAdapter
from sqlalchemy import text

from adapters import ledger
from bot.answering import OVER_BUDGET
from bot.arrivals import Asked
from bot.audience import Place
from bot.configurations import recall, remember
from bot.conversation import Question, Reply, Turn, exchange
from bot.database import Writer
from bot.errors import NotReplayableError
from bot.house import House, open_house, open_variant
from bot.inbox import Inbox
from bot.records import reply_of, row_of
from bot.replaying import Recorded, Replay, check_settings, replay, settings_of
from knowledge.access import Audience
from knowledge.errors import StoredIndexError

EVERYONE = Audience.from_role_sets([{"everyone"}])
LEAVE = "How many days of annual leave do I get each year?"


def now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass
class Archive:
    """A bot without Slack, whose answers go into its log."""

    house: House
    writer: Writer
    inbox: Inbox

    def answered(
        self, text: str, *history: Turn, ts: str = "10.000001", thread_ts: str = ""
    ) -> str:
        """Answer a question as the listeners do, and return the id of the answer."""
        place = Place("T1", "C1", "U1", is_ext_shared_channel=False)
        self.inbox.take(f"Ev{ts}", Asked(place, ts, thread_ts or ts, text, is_addressed=True))
        (question,) = self.inbox.next_questions(set())
        working = self.house.work(Question(question.question_id, text, EVERYONE, history, "T1"))
        assert self.inbox.record_answer(row_of(question, working, EVERYONE))
        self.inbox.mark_done(question.question_id)
        return question.answer_id

    def recorded(self, answer_id: str) -> Recorded:
        """Read an answer back."""
        with self.house.engine.connect() as connection:
            return Recorded.from_log(connection, ledger.answer(connection, answer_id))

    def as_it_was(self, answer_id: str) -> Replay:
        """Make an answer again on its own versions, in a house of its own."""
        recorded = self.recorded(answer_id)
        with self.house.engine.connect() as connection:
            values = settings_of(connection, recorded.trace)
        with open_variant(self.house, "live", values) as then:
            return replay(recorded, then)


@pytest.fixture
def company(tmp_path: Path) -> Company:
    """Three pages, one of them for hr alone."""
    written = Company(tmp_path)
    written.write()
    return written


@pytest.fixture
def archive(company: Company) -> Iterator[Archive]:
    """The bot, indexed, with its log."""
    with open_house(company.settings) as house:
        house.ingest()
        writer = Writer(house.engine)
        house.on_configured = lambda one: writer.run(partial(remember, configuration=one, at=now()))
        yield Archive(house, writer, Inbox(house.engine, writer, now))
        writer.close()


def test_an_answer_made_again_is_the_same(archive: Archive) -> None:
    """Word for word, from the same sources, on the same versions."""
    made = archive.as_it_was(archive.answered(LEAVE))

    assert made.is_same
    assert made.differs == ()
    assert made.versions == {}
    assert "27 days" in made.now.text


def test_what_was_said_before_in_the_thread_is_part_of_it(archive: Archive) -> None:
    """A follow-up alone would mean something else."""
    first = archive.answered(LEAVE)
    with archive.house.engine.connect() as connection:
        said = reply_of(ledger.answer(connection, first)).unmarked
    before = exchange(LEAVE, said)
    follow_up = "And how many of them each year?"
    answer_id = archive.answered(follow_up, *before, ts="11.000001", thread_ts="10.000001")

    assert archive.recorded(answer_id).question.history == before
    assert archive.as_it_was(answer_id).is_same


def test_the_index_of_then_is_searched(company: Company, archive: Archive) -> None:
    """A page that changed since does not change what the log says about its past."""
    answer_id = archive.answered(LEAVE)
    company.write(pages=PAGES | {"people/leave.md": PAGES["people/leave.md"].replace("27", "30")})
    archive.house.ingest()

    assert archive.as_it_was(answer_id).is_same
    today = replay(archive.recorded(answer_id), archive.house)
    assert "reply" in today.differs
    assert "30 days" in today.now.text
    assert "index_version" in today.versions


def test_other_settings_show_what_they_change(archive: Archive) -> None:
    """A stricter floor declines what was answered."""
    recorded = archive.recorded(archive.answered(LEAVE))
    with open_variant(archive.house, "strict", {"knowledge.floor": "0.99"}) as strict:
        made = replay(recorded, strict)

    assert not made.is_same
    assert "outcome" in made.differs
    assert "configuration" in made.versions


def test_the_settings_of_then_are_used_whatever_they_are_now(
    company: Company, archive: Archive
) -> None:
    """The bot was started again with another floor."""
    answer_id = archive.answered(LEAVE)
    settings = company.settings
    strict = settings.knowledge.model_copy(update={"floor": 0.99})
    archive.house.settings = settings.model_copy(update={"knowledge": strict})

    assert archive.as_it_was(answer_id).is_same


def test_a_model_that_says_something_else_is_seen_behind_the_same_reply(archive: Archive) -> None:
    """Grounding drops both inventions, so a reader sees no difference; the log does."""
    parrot = ScriptedResponder("Our VPN was sold to Mars in 1999.")
    archive.house.answerer = replace(archive.house.answerer, responder=parrot)
    recorded = archive.recorded(archive.answered(LEAVE))
    liar = ScriptedResponder("Our VPN was sold to Venus in 1999.")
    archive.house.answerer = replace(archive.house.answerer, responder=liar)

    made = replay(recorded, archive.house)

    assert made.is_same
    assert made.differs == ("said",)


def test_a_version_that_is_gone_is_not_replaced_by_another(archive: Archive) -> None:
    """LanceDB keeps old versions for an hour or so."""
    recorded = archive.recorded(archive.answered(LEAVE))
    values = {"knowledge.index_version": "chunks_v1@4711"}
    with open_variant(archive.house, "live", values) as then, pytest.raises(StoredIndexError):
        replay(recorded, then)


def test_forgotten_texts_cannot_be_replayed(archive: Archive) -> None:
    """That is what forgetting means."""
    answer_id = archive.answered(LEAVE)
    with archive.house.engine.connect() as connection:
        row = ledger.answer(connection, answer_id)
        gone = replace(row, question="", reply="", served="", salt="")
        with pytest.raises(NotReplayableError, match="forgotten"):
            Recorded.from_log(connection, gone)


def test_a_text_that_was_changed_in_the_database_is_not_taken_for_what_was_said(
    archive: Archive,
) -> None:
    """The log has the hash of what was recorded."""
    answer_id = archive.answered(LEAVE)
    with archive.house.engine.begin() as connection:
        connection.execute(text("UPDATE answer_texts SET question = 'How many days?'"))

    with pytest.raises(NotReplayableError, match="not those that were recorded"):
        archive.recorded(answer_id)


def test_unknown_settings_are_not_guessed(archive: Archive) -> None:
    """An answer whose configuration was never written down."""
    trace = replace(archive.recorded(archive.answered(LEAVE)).trace, configuration="c0ffee")
    with archive.house.engine.connect() as connection, pytest.raises(NotReplayableError):
        settings_of(connection, trace)


def test_a_configuration_is_written_down_once(archive: Archive) -> None:
    """Every answer names it; its values stand in the log."""
    archive.answered(LEAVE, ts="10.000001")
    archive.answered(LEAVE, ts="10.000002")
    configuration = archive.house.configuration

    with archive.house.engine.connect() as connection:
        count = text("SELECT count(*) FROM decisions WHERE kind = 'configuration'")
        assert connection.scalar(count) == 1
        assert recall(connection, configuration.sha256) == configuration


def test_another_source_of_the_same_words_is_a_difference(archive: Archive) -> None:
    """A reader sees another link below the same sentence."""
    recorded = archive.recorded(archive.answered(LEAVE))
    reply = reply_of(recorded.row)
    moved = replace(reply, sources=(replace(reply.sources[0], url="https://wiki.example/else"),))
    row = replace(recorded.row, reply=TypeAdapter(Reply).dump_json(moved).decode())

    made = replay(replace(recorded, row=row), archive.house)

    assert made.differs == ("sources",)
    assert not made.is_same


def test_another_voice_or_contact_is_not_what_it_was(archive: Archive) -> None:
    """They are no settings of the log; the answer is not comparable, and why is said."""
    recorded = archive.recorded(archive.answered(LEAVE))
    check_settings(recorded, archive.house)
    slack = archive.house.settings.slack.model_copy(update={"human_contact": "Ann"})
    settings = archive.house.settings.model_copy(update={"slack": slack})

    with pytest.raises(NotReplayableError, match="contact"):
        check_settings(recorded, replace(archive.house, settings=settings))


def test_an_answer_that_saved_tokens_is_made_without_the_model_again(archive: Archive) -> None:
    """The budget of today is another one."""
    parrot = ScriptedResponder("You get 27 days of annual leave each year.")
    frugal = replace(archive.house.answerer, responder=parrot, may_speak=lambda *_: False)
    archive.house.answerer = frugal
    recorded = archive.recorded(archive.answered(LEAVE))
    assert recorded.trace.reason == OVER_BUDGET
    del archive.house.answerer

    assert replay(recorded, archive.house).is_same
