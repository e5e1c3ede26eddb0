"""The review of corrections, and the list of gaps, on the command line."""

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from adapters import ledger, remarks
from adapters.ledger import AnswerRow, Vote
from adapters.remarks import Correction, Reason, Remark
from bot import decisions
from bot.__main__ import main
from bot.conversation import Outcome, Reply, Sentence
from bot.decisions import Kind
from bot.house import open_house
from bot.settings import read_settings

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ANA, CHIEF = "U0ANA", "U0CHIEF"
REPLY = Reply(Outcome.ANSWERED, (Sentence("You get 25 days.", (1,)),))
AN_ANSWER = AnswerRow(
    answer_id="a1",
    question_id="qa1",
    team="T1",
    channel="C1",
    thread_ts="1.0",
    question_ts="1.0",
    message_ts="2.0",
    asker="U1",
    asked_at=NOON,
    outcome="answered",
    audience="everyone",
    question="How many days off?",
    reply=TypeAdapter(Reply).dump_json(REPLY).decode(),
    trace="{}",
    doc_ids=("wiki:hr/leave.md",),
)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings with two administrators, one of whom writes corrections too."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEVOICE_SLACK__ADMINS", json.dumps([CHIEF, ANA]))
    monkeypatch.setenv("COLUMNS", "160")


def store(row: AnswerRow, *said: tuple[str, Reason, str], verdict: str = "down") -> None:
    """Store an answer, and what some people said of it."""
    settings = read_settings()
    with (
        open_house(settings) as house,
        house.engine.execution_options(writes=True).begin() as connection,
    ):
        ledger.record_answer(connection, row)
        for user, reason, text in said:
            ledger.record_vote(connection, Vote(row.answer_id, "T1", user, verdict, "5.0"))
            remark = Remark(row.answer_id, "T1", user, reason, text, NOON)
            remarks.record(connection, remark, f"{row.answer_id} {user}")


def the_pending() -> Correction:
    """Read the one correction that waits."""
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        (one,) = remarks.pending(connection)
    return one


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the program as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_an_administrator_sees_and_approves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Question, reply, reason and correction are shown; the approval is stored and logged."""
    store(AN_ANSWER, (ANA, Reason.OUTDATED, "You get 27 days.\nSince July."))
    named = the_pending().correction_id

    assert run(monkeypatch, "corrections", "list") == 0
    shown = capsys.readouterr().out
    assert run(monkeypatch, "corrections", "approve", named, "--as", CHIEF) == 0
    told = capsys.readouterr().out
    assert run(monkeypatch, "corrections", "list") == 0

    for part in (named, "How many days off?", "You get 25 days. [1]", "outdated", ANA):
        assert part in shown
        assert part in told
    assert "You get 27 days." in shown
    assert "Since July." in shown
    assert f"{named} is approved." in told
    assert capsys.readouterr().out == "No correction waits for a review.\n"
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        (used,) = remarks.approved(connection)
        (decision,) = decisions.decisions_of(connection, "a1")
    assert (used.text, used.reviewer) == ("You get 27 days.\nSince July.", CHIEF)
    assert decision.kind is Kind.REMARK
    assert decision.record == {"reviewer": CHIEF, "is_approved": True}


def test_a_rejected_correction_waits_no_more(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is approved neither now nor later; to decide again is refused in a sentence."""
    store(AN_ANSWER, (ANA, Reason.WRONG, "Ask me."))
    named = the_pending().correction_id

    assert run(monkeypatch, "corrections", "reject", named, "--as", CHIEF) == 0
    assert run(monkeypatch, "corrections", "approve", named, "--as", CHIEF) == 1

    assert f"housevoice: {named} was rejected by {CHIEF} already" in capsys.readouterr().err
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        assert remarks.approved(connection) == []


@pytest.mark.parametrize(
    ("reviewer", "problem"),
    [(ANA, "the author of"), ("U0NOBODY", "none of the administrators"), ("", "none of the")],
)
def test_who_may_not_review(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    reviewer: str,
    problem: str,
) -> None:
    """An author, administrator or not, and whoever is no administrator: a sentence, code 1."""
    store(AN_ANSWER, (ANA, Reason.WRONG, "You get 27 days."))
    waiting = the_pending()

    assert run(monkeypatch, "corrections", "approve", waiting.correction_id, "--as", reviewer) == 1

    assert problem in capsys.readouterr().err
    assert the_pending() == waiting


def test_an_unknown_correction(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, with where to find those that wait."""
    store(AN_ANSWER)
    assert run(monkeypatch, "corrections", "approve", "nosuch", "--as", CHIEF) == 1

    said = capsys.readouterr().err
    assert "there is no correction nosuch" in said
    assert "`housevoice corrections list`" in said


def test_a_correction_outlives_the_texts_of_its_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where question and reply are forgotten, or the answer is gone, that is said."""
    store(replace(AN_ANSWER, question="", reply=""), (ANA, Reason.WRONG, "You get 27 days."))
    with (
        open_house(read_settings()) as house,
        house.engine.execution_options(writes=True).begin() as connection,
    ):
        lost = Remark("a9", "T1", ANA, Reason.WRONG, "You get 28 days.", NOON)
        remarks.record(connection, lost, "s9")

    assert run(monkeypatch, "corrections", "list") == 0

    shown = capsys.readouterr().out
    assert shown.count("(not kept any more)") == 4
    assert "You get 27 days." in shown
    assert "You get 28 days." in shown


def test_a_correction_does_not_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences, reversed text and markup are shown as the plain text they are."""
    hostile = "\x1b[2J\x1b]8;;http://evil.example\x07 27\u202e days [bold]x[/bold]"
    asked = replace(AN_ANSWER, question=f"How {hostile}?", doc_ids=())
    store(asked, (ANA, Reason.WRONG, hostile))

    assert run(monkeypatch, "corrections", "list") == 0
    assert run(monkeypatch, "gaps") == 0

    shown = capsys.readouterr().out
    assert "27 days" in shown
    assert "[bold]x[/bold]" in shown
    assert not set(shown) & {"\x1b", "\x07", "\u202e"}


def test_gaps_are_counted_where_they_can_be_mended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By document, by declined question, the most frequent first; other complaints are left out."""
    store(AN_ANSWER, (ANA, Reason.OUTDATED, ""), ("U2", Reason.WRONG, ""), ("U3", Reason.TONE, ""))
    again = replace(AN_ANSWER, answer_id="a2", question_id="q2", question="Leave in days?")
    store(again, (ANA, Reason.OUTDATED, ""))
    other = replace(AN_ANSWER, answer_id="a3", question_id="q3", doc_ids=("wiki:it/vpn.md",))
    store(other, ("U2", Reason.TOO_LONG, ""))
    declined = replace(
        AN_ANSWER, outcome="declined", question="Is there a  crèche?", doc_ids=(), answer_id="a4"
    )
    store(replace(declined, question_id="q4"), (ANA, Reason.MISSING_SOURCE, ""))
    asked_too = replace(declined, answer_id="a5", question_id="q5", question="is there a crèche?")
    store(asked_too, ("U2", Reason.MISSING_SOURCE, ""))

    assert run(monkeypatch, "gaps") == 0

    shown = [line.split("  ") for line in capsys.readouterr().out.splitlines()]
    cells = [[cell.strip() for cell in line if cell.strip()] for line in shown]
    assert cells == [
        ["document", "complaints", "asked"],
        ["wiki:hr/leave.md", "2 outdated, 1 wrong", "How many days off?"],
        ["Leave in days?"],
        ["declined question", "complaints"],
        ["Is there a crèche?", "2 missing source"],
    ]


def test_a_complaint_goes_with_its_thumb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who has changed to a thumb up complains no more."""
    store(AN_ANSWER, (ANA, Reason.WRONG, ""), verdict="up")

    assert run(monkeypatch, "gaps") == 0

    assert capsys.readouterr().out == "Nobody complains of a document.\n"


def test_who_is_no_administrator_reads_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The setting is a JSON list, so the error shows the line to write."""
    store(AN_ANSWER, (ANA, Reason.OUTDATED, "You get 27 days."))

    assert (
        run(monkeypatch, "corrections", "approve", the_pending().correction_id, "--as", "U9") == 1
    )
    told = " ".join(capsys.readouterr().err.split())
    assert f"""set `HOUSEVOICE_SLACK__ADMINS='["{CHIEF}", "{ANA}", "U9"]'`""" in told
