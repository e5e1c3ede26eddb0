"""`housevoice export` from approval to data set, against the local workspace."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from talked_about import NOON, Told, accept, an_entry, approve, complain, shared_words, vote

from adapters import exports, ledger
from adapters.remarks import Reason
from bot import approvals, decisions
from bot.__main__ import main
from bot.approvals import LOCAL_TEAM, Approval, is_loopback
from bot.database import Writer
from bot.decisions import Kind
from bot.errors import ApprovalChangedError, StoreDownError
from bot.exporting import Exporter
from bot.gathering import Wanted
from bot.house import House, open_house
from bot.prompt import fixed_messages
from bot.settings import read_settings
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_HELP, SEED_PEOPLE_PRIVATE, SEED_TEAM, demo_seed

VOICE = Path(__file__).parents[2] / "adapters/voices/house/voice.yaml"
CHIEF, ANA = "U0CHIEF", "U0ANA"
PEOPLE = (ANA, "U0BO", "U0CEM")
SUBJECTS = ("leave", "badges", "laptops", "parking", "invoices", "payroll", "visitors", "printers")


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace with its people and channels."""
    with running_workspace(demo_seed()) as running:
        yield running


@pytest.fixture(autouse=True)
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, workspace: RunningWorkspace) -> None:
    """Settings of a bot in that workspace, with two administrators."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEVOICE_SLACK__ADMINS", json.dumps([CHIEF, ANA]))
    monkeypatch.setenv("HOUSEVOICE_SLACK__BASE_URL", workspace.api_url)
    monkeypatch.setenv("HOUSEVOICE_SLACK__BOT_TOKEN", workspace.bot_token)
    monkeypatch.setenv("HOUSEVOICE_MODEL__VOICE", str(VOICE))
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the workspace for one of real people."""
    monkeypatch.setattr("bot.exporting.LOCAL_TEAM", "T0ANOTHER")


def store(n: int = len(SUBJECTS), channel: str = SEED_HELP) -> None:
    """Store answers that three people like."""
    with open_house(read_settings()) as house:
        house.catalogue.finish([an_entry()], index_version="chunks_v1@1", at=NOON)
        with house.engine.execution_options(writes=True).begin() as connection:
            for number, subject in enumerate(SUBJECTS[:n]):
                told = Told(
                    number,
                    asker=f"U{number}",
                    question=f"What about {subject}? asks Ada Brandt",
                    text=f"Your {subject} costs {number} euros.",
                    channel=channel,
                    team=SEED_TEAM,
                )
                ledger.record_answer(connection, told.row)
                for user in PEOPLE:
                    vote(connection, told.row.answer_id, user, "up")


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the program as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", "export", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def accept_all(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Accept every candidate that is shown."""
    assert run(monkeypatch, "candidates") == 0
    for name in re.findall(r"candidate +([0-9a-f]{12}):", capsys.readouterr().out):
        assert run(monkeypatch, "accept", name, "--as", CHIEF) == 0
    capsys.readouterr()


def written() -> exports.Export:
    """The one data set there is."""
    (one,) = exports.exports_in(read_settings().export_folder)
    return one


def rows() -> list[dict[str, object]]:
    """All rows of it."""
    found = sorted(written().folder.rglob("*.jsonl"))
    return [json.loads(line) for path in found for line in path.read_text().splitlines()]


def test_liked_answers_become_a_data_set_once_they_are_accepted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Candidates are shown, accepted, exported with counts, and the decision log knows of it."""
    store()
    assert run(monkeypatch) == 1
    assert "nothing may become an example: 8 not reviewed" in capsys.readouterr().err
    accept_all(monkeypatch, capsys)

    assert run(monkeypatch, "--domain", "people") == 0

    said = capsys.readouterr().out
    assert "8 examples of 8 that were considered" in said
    assert written().folder.name in said
    assert {row["domain"] for row in rows()} == {"people"}
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        kinds = [
            one.subject
            for one in decisions.since(connection, NOON.replace(year=2000), [Kind.EXPORT])
        ]
    assert kinds[-1] == written().folder.name
    assert len(kinds) == 9


def test_names_of_slack_do_not_leave(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    workspace: RunningWorkspace,
) -> None:
    """What people are called is asked of Slack, so that no row holds it."""
    store()
    accept_all(monkeypatch, capsys)

    assert run(monkeypatch) == 0

    assert workspace.calls_of("users.list")
    assert "Ada" not in str(rows())
    assert "<PERSON_1>" in str(rows())


def test_the_same_export_twice_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its name follows from what is in it, not from when it was made."""
    store()
    accept_all(monkeypatch, capsys)

    assert run(monkeypatch) == 0
    name = written().folder.name
    assert run(monkeypatch) == 0
    assert written().folder.name == name


def test_a_private_conversation_never_leaves(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slack says what the channel is; its answers are not even candidates."""
    store(channel=SEED_PEOPLE_PRIVATE)

    assert run(monkeypatch, "candidates") == 0
    assert "No answer waits for a review." in capsys.readouterr().out
    assert run(monkeypatch) == 1
    assert "8 conversation not open to the audience" in capsys.readouterr().err


@pytest.mark.usefixtures("real")
def test_nothing_leaves_a_real_workspace_without_approval(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused in a sentence, until an administrator has read the terms; revoked, again."""
    store()
    assert run(monkeypatch) == 1
    assert f"nobody has approved of exporting from the workspace {SEED_TEAM}" in (
        capsys.readouterr().err
    )
    assert run(monkeypatch, "approve", "--as", "U0NOBODY", "--terms", "x") == 1
    allowed = ("approve", "--as", CHIEF, "--terms", "API terms 2026-05", "--with-typed-texts")
    assert run(monkeypatch, *allowed) == 0
    accept_all(monkeypatch, capsys)

    assert run(monkeypatch) == 0
    assert [one.model_dump() for one in written().manifest.terms] == [
        {"team": SEED_TEAM, "approval": 1, "with_typed_texts": True}
    ]
    assert run(monkeypatch, "revoke", "--as", CHIEF) == 0
    assert run(monkeypatch) == 1
    capsys.readouterr()
    assert run(monkeypatch, "show") == 0
    said = capsys.readouterr().out
    assert "approved with typed texts, having read API terms 2026-05" in said
    assert "revoked" in said
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        assert approvals.standing(connection, SEED_TEAM) is None
        told = [one.record for one in decisions.decisions_of(connection, SEED_TEAM)]
    assert [one["is_granted"] for one in told] == [True, False]
    assert "API terms" not in str(told)


@pytest.mark.usefixtures("real")
def test_what_was_typed_stays_unless_the_approval_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No question of a person is in any row; ours stands there."""
    store()
    assert run(monkeypatch, "approve", "--as", CHIEF, "--terms", "API terms 2026-05") == 0
    accept_all(monkeypatch, capsys)

    assert run(monkeypatch) == 0

    assert "What about" not in str(rows())
    assert "What should I know about Leave?" in str(rows())


def test_the_local_workspace_is_no_loophole() -> None:
    """Only that one team on this very machine needs no approval."""
    assert LOCAL_TEAM == SEED_TEAM
    assert is_loopback("http://127.0.0.1:8765/api/")
    assert is_loopback("http://[::1]:80/")
    assert not is_loopback("https://slack.com/api/")
    assert not is_loopback("http://127.0.0.1.evil.example/api/")


def test_who_voted_does_not_review(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator among the voters is told to ask another; a stranger is none."""
    store(1)
    assert run(monkeypatch, "candidates") == 0
    (name,) = re.findall(r"candidate +([0-9a-f]{12}):", capsys.readouterr().out)

    assert run(monkeypatch, "accept", name, "--as", ANA) == 1
    assert "has voted on it" in capsys.readouterr().err
    assert run(monkeypatch, "accept", name, "--as", "U0NOBODY") == 1
    assert run(monkeypatch, "refuse", name, "--as", CHIEF) == 0
    assert run(monkeypatch, "accept", name, "--as", CHIEF) == 1
    assert f"no answer {name} waits for a review" in capsys.readouterr().err


def test_a_correction_becomes_a_pair(tmp_path: Path) -> None:
    """Approved, backed by two more, and saying no other fact: chosen against what was posted."""
    told = Told(1, asker="U9", channel=SEED_HELP, team=SEED_TEAM)
    better = "Parental leave lasts 30 days."
    with open_house(read_settings()) as house:
        house.catalogue.finish([an_entry()], index_version="chunks_v1@1", at=NOON)
        with house.engine.execution_options(writes=True).begin() as connection:
            ledger.record_answer(connection, told.row)
            for user in PEOPLE:
                vote(connection, "a0001", user, "down")
            complain(connection, "a0001", ANA, Reason.TONE, better)
            approve(connection, "a0001", CHIEF)
        writer = Writer(house.engine)
        exporter = Exporter(house, writer, shared_words, lambda *_: True, tuple, lambda: NOON)
        export = exporter.export(Wanted(), by=CHIEF, to=tmp_path / "out")
        writer.close()

    (name,) = (name for name in export.rows if name.startswith(("dpo", "evaluation")))
    (row,) = map(json.loads, (export.folder / f"{name}.jsonl").read_text().splitlines())
    taught = row["chosen"] if "chosen" in row else row["completion"]
    assert taught == [{"role": "assistant", "content": better}]
    assert row.get("rejected") in (None, [{"role": "assistant", "content": told.text}])


def an_exporter(house: House, writer: Writer, told: Told) -> Exporter:
    """An exporter over one answer that is liked and accepted."""
    house.catalogue.finish([an_entry()], index_version="chunks_v1@1", at=NOON)
    with house.engine.execution_options(writes=True).begin() as connection:
        ledger.record_answer(connection, told.row)
        for user in PEOPLE:
            vote(connection, told.row.answer_id, user, "up")
        accept(connection, told, reviewer=CHIEF)
    return Exporter(house, writer, shared_words, lambda *_: True, tuple, lambda: NOON)


@pytest.fixture
def writing() -> Iterator[tuple[House, Writer]]:
    """A house, and what writes to its database."""
    with open_house(read_settings()) as house:
        writer = Writer(house.engine)
        yield house, writer
        writer.close()


@pytest.mark.usefixtures("real")
def test_an_approval_that_changes_under_way_lets_nothing_out(
    writing: tuple[House, Writer], tmp_path: Path
) -> None:
    """What is taken back while rows are being made does not leave on the strength of before."""
    house, writer = writing
    told = Told(1, asker="U9", channel=SEED_HELP, team=SEED_TEAM)
    exporter = an_exporter(house, writer, told)

    def allow(*, with_typed_texts: bool) -> None:
        given = Approval(SEED_TEAM, CHIEF, ("terms",), with_typed_texts, True, NOON)  # noqa: FBT003
        writer.run(partial(approvals.record, approval=given))

    def narrowed() -> tuple[str, ...]:
        allow(with_typed_texts=False)
        return ()

    allow(with_typed_texts=True)
    late = replace(exporter, names=narrowed)

    with pytest.raises(ApprovalChangedError):
        late.export(Wanted(), by=CHIEF, to=tmp_path / "out")
    assert exports.exports_in(tmp_path / "out") == []
    with house.engine.connect() as connection:
        subjects = decisions.since(connection, NOON.replace(year=2000), [Kind.EXPORT])
    assert {one.subject for one in subjects} == {SEED_TEAM}


def test_what_is_not_recorded_is_not_there(writing: tuple[House, Writer], tmp_path: Path) -> None:
    """Where the decision log refuses, no folder stays behind; afterwards the same is written."""
    house, writer = writing
    exporter = an_exporter(house, writer, Told(1, asker="U9", channel=SEED_HELP, team=SEED_TEAM))
    closed = Writer(house.engine)
    closed.close()

    with pytest.raises(StoreDownError):
        replace(exporter, writer=closed).export(Wanted(), by=CHIEF, to=tmp_path / "out")
    assert [one.name for one in (tmp_path / "out").iterdir()] == [".lock"]

    assert exporter.export(Wanted(), by=CHIEF, to=tmp_path / "out").folder.is_dir()


def test_the_words_of_the_voice_are_not_those_of_a_person(
    writing: tuple[House, Writer], tmp_path: Path
) -> None:
    """Somebody called like half of the rules changes nothing in what every prompt begins with."""
    house, writer = writing
    rules, *turns = fixed_messages(house.written_voice)
    told = Told(1, asker="U9", channel=SEED_HELP, team=SEED_TEAM, before=(rules, *turns[:2]))
    exporter = an_exporter(house, writer, told)
    called = set(re.findall(r"[a-z]{4,}", rules["content"].lower()))
    exporter = replace(exporter, names=lambda: [one.title() for one in called])

    export = exporter.export(Wanted(), by=CHIEF, to=tmp_path / "out")

    (name,) = (name for name in export.rows if name.startswith(("sft", "evaluation")))
    (row,) = map(json.loads, (export.folder / f"{name}.jsonl").read_text().splitlines())
    assert row["prompt"][:3] == [rules, *turns[:2]]


@pytest.mark.usefixtures("real")
def test_an_approval_names_what_was_read(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Blanks are no document."""
    store(1)

    assert run(monkeypatch, "approve", "--as", CHIEF, "--terms", "  ") == 1
    assert "--terms names no document" in capsys.readouterr().err


def test_no_setting_lets_two_people_in(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fewer than three are never enough, whatever stands in the settings."""
    monkeypatch.setenv("HOUSEVOICE_EXPORT__QUORUM", "2")

    assert run(monkeypatch) != 0
    assert "QUORUM" in capsys.readouterr().err


def test_without_slack_nothing_is_exported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who can read a channel is not guessed."""
    store(1)
    monkeypatch.setenv("HOUSEVOICE_SLACK__BOT_TOKEN", "")

    assert run(monkeypatch) == 1
    assert "who can read a channel" in capsys.readouterr().err
