"""`housevoice trace` and `housevoice log`, on a small database of their own."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asking import QUESTION, a_passage, an_answerer
from fakes import ScriptedResponder
from sqlalchemy import Engine, text

from adapters import ledger
from bot import decisions
from bot.__main__ import main
from bot.arrivals import Asked
from bot.audience import Place
from bot.conversation import Question
from bot.database import Writer
from bot.decisions import Kind
from bot.house import open_house
from bot.inbox import Inbox
from bot.records import row_of
from bot.settings import Settings
from knowledge.access import Audience

EVERYONE = Audience.from_role_sets([{"everyone"}])
NOW = datetime.now(UTC)
TS = f"{NOW.timestamp():.6f}"
PLACE = Place("T1", "C1", "U1", is_ext_shared_channel=False)


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Engine]:
    """The database that the commands will open."""
    monkeypatch.chdir(tmp_path)
    with open_house(Settings()) as house:
        yield house.engine


def answered(engine: Engine, at: datetime = NOW) -> str:
    """Answer one question, vote on it, and return the id of the answer."""
    writer = Writer(engine)
    inbox = Inbox(engine, writer, lambda: at)
    inbox.take("Ev1", Asked(PLACE, TS, TS, QUESTION, is_addressed=True))
    (question,) = inbox.next_questions(set())
    answerer = an_answerer([a_passage()], ScriptedResponder("Your annual leave is 25 days."))
    answerer = replace(answerer, configuration="c0ffee", arm="trial")
    working = answerer.work(Question(question.question_id, QUESTION, EVERYONE))
    inbox.record_answer(replace(row_of(question, working, EVERYONE), asked_at=at))
    writer.close()
    vote = ledger.Vote(question.answer_id, "T1", "U2", "down", TS)
    with engine.execution_options(writes=True).begin() as connection:
        ledger.record_vote(connection, vote)
        told = {"verdict": "down", "instead_of": "up"}
        decisions.append(connection, Kind.VOTE, question.answer_id, told, at)
    return question.answer_id


def change(engine: Engine, statement: str) -> None:
    """Change a table behind the bot's back."""
    with engine.execution_options(writes=True).begin() as connection:
        connection.execute(text(statement))


def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """Run a command as the shell does, and return all that it says, on one line."""
    monkeypatch.setattr(sys, "argv", ["housevoice", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    assert bool(ended.value.code) == bool(captured.err)
    return " ".join(f"{captured.out} {captured.err}".split())


def test_a_trace_tells_what_came_of_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: Engine
) -> None:
    """Which settings and arm made it, what grounding said, the votes, each later decision."""
    answer_id = answered(engine)
    trace = told(monkeypatch, capsys, "trace", answer_id)

    for fact in (
        "arm trial",
        "settings c0ffee",
        "engine script, stop",
        "said 5 tokens; kept",
        "top cosine 0.900",
        "votes 0 up, 1 down",
        "texts kept, as recorded",
        f"answer {answer_id} answered, trial, chunks_v1@1, scripted-1",
        f"vote {answer_id} instead_of up, verdict down",
    ):
        assert fact in trace


@pytest.mark.parametrize(
    ("statement", "texts"),
    [
        ("DELETE FROM answer_texts", "texts forgotten"),
        ("UPDATE answer_texts SET question = 'Other?'", "texts kept, but NOT as recorded"),
        ("DELETE FROM decisions", "texts kept; the decision log does not know them"),
    ],
)
def test_a_trace_tells_what_became_of_the_texts(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: Engine,
    statement: str,
    texts: str,
) -> None:
    """Forgotten, changed by somebody, or of a time before the log."""
    answer_id = answered(engine)
    change(engine, statement)

    assert texts in told(monkeypatch, capsys, "trace", answer_id)


def test_a_whole_log_is_told_with_its_head(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: Engine
) -> None:
    """It is what to keep elsewhere; a log without a record is empty."""
    assert told(monkeypatch, capsys, "log", "verify").strip() == "The decision log is empty."
    answered(engine)
    capsys.readouterr()
    with engine.connect() as connection:
        head = decisions.head(connection)
    verified = told(monkeypatch, capsys, "log", "verify", "--head", head[:16])

    assert (
        verified.strip() == f"2 records since {NOW:%Y-%m-%d %H:%M} UTC, none changed. Head: {head}"
    )


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ([], "the decision log is not whole: record 1 was changed"),
        (["--head", "0123456789abcdef"], "record 1 was changed"),
        (["--head", "0123"], "a head is 8 to 64 digits"),
    ],
)
def test_a_changed_log_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    engine: Engine,
    options: list[str],
    problem: str,
) -> None:
    """The command ends with code 1 and says where it is broken."""
    answered(engine)
    change(engine, "UPDATE decisions SET record = '{}' WHERE number = 1")

    assert problem in told(monkeypatch, capsys, "log", "verify", *options)


def test_the_log_is_shown_by_age_and_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: Engine
) -> None:
    """By default the last day of everything; what cannot be meant is told."""
    answer_id = answered(engine, NOW - timedelta(hours=30))
    assert answer_id not in told(monkeypatch, capsys, "log", "show")
    assert told(monkeypatch, capsys, "log", "show", "--since", "2d").count(answer_id) == 2
    votes = told(monkeypatch, capsys, "log", "show", "--since", "2d", "--kind", "vote")
    assert votes.count(answer_id) == 1

    assert "2 is no age: write 30m" in told(monkeypatch, capsys, "log", "show", "--since", "2")
    kinds = told(monkeypatch, capsys, "log", "show", "--kind", "gossip")
    assert "gossip is no kind of decision: answer, vote," in kinds


def test_what_is_too_old_can_be_forgotten_by_hand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], engine: Engine
) -> None:
    """By the limits of the settings."""
    answer_id = answered(engine, NOW - timedelta(days=31))
    monkeypatch.setenv("HOUSEVOICE_RETENTION__TEXTS_DAYS", "32")
    assert "Forgotten: 0 texts," in told(monkeypatch, capsys, "log", "expire")
    monkeypatch.setenv("HOUSEVOICE_RETENTION__TEXTS_DAYS", "30")
    assert "Forgotten: 1 texts," in told(monkeypatch, capsys, "log", "expire")

    with engine.connect() as connection:
        assert ledger.answer(connection, answer_id).is_forgotten
