"""The commands on a small house: real files, embedder, index and ledger; no model that speaks."""

import json
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from adapters import ledger
from bot.__main__ import main
from bot.cli import premises, readers
from bot.conversation import Candidate, Outcome, Trace
from bot.database import open_engine
from bot.errors import PortTakenError, UserInputError
from bot.evaluation.results_file import load
from bot.settings import KnowledgeSettings, Settings
from knowledge.access import Audience

ACCESS = """
version: 1
sources:
  - name: wiki
    folder: pages
    link: "https://wiki.example/{path}"
    rules:
      - {match: "hr/**", roles: [hr]}
      - {match: "it/**", roles: [everyone]}
"""
ROLES = "version: 1\ngroups:\n  people-team: [hr]\n"
PAGES = {
    "it/vpn.md": "# VPN\n\nThe VPN client is called Burrow. Sign in with your badge number.\n",
    "it/lunch.md": "# Canteen\n\nThe canteen serves lunch from 11:45 to 13:30.\n",
    "hr/bonus.md": "# Bonus\n\nThe yearly bonus pool is 412,000 euros.\n",
    "drafts/plan.md": "# Plan\n\nNobody may read this yet.\n",
}
GOLDEN = """
version: 1
cases:
  - {id: a, question: "How do I sign in to the VPN?", roles: [everyone], sources: [it/vpn.md]}
  - {id: b, question: "How large is the bonus pool?", roles: [hr], sources: [hr/bonus.md]}
  - {id: c, question: "How large is the bonus pool?", roles: [everyone], expect: decline}
"""


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Write the documents, and let the settings point at them."""
    folder = tmp_path / "documents"
    for path, text in PAGES.items():
        (folder / "pages" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "pages" / path).write_text(text)
    for name, text in {"access": ACCESS, "roles": ROLES, "golden": GOLDEN}.items():
        (folder / f"{name}.yaml").write_text(text)
    voice = Path(Settings().model.voice).absolute()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEVOICE_MODEL__VOICE", str(voice))
    monkeypatch.setenv("HOUSEVOICE_MODEL__BASE", "none")
    monkeypatch.setenv("HOUSEVOICE_KNOWLEDGE__FOLDER", str(folder))
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    """Run the program as the shell does; it must not end with an error."""
    monkeypatch.setattr(sys, "argv", ["housevoice", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def test_index_ask_and_evaluate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], house: Path
) -> None:
    """A newcomer's first four commands: what is left out is named, what is asked is found."""
    run(monkeypatch, "index")
    first = capsys.readouterr().out
    run(monkeypatch, "index")
    second = capsys.readouterr().out
    run(monkeypatch, "ask", "What is the VPN client called?")
    reply = capsys.readouterr().out
    run(monkeypatch, "ask", "How large is the yearly bonus pool?", "--json")
    refused = capsys.readouterr().out
    run(monkeypatch, "ask", "How large is the yearly bonus pool?", "--roles", "hr")
    allowed = capsys.readouterr().out
    run(monkeypatch, "evaluate", "--json", str(house / "scores.json"))
    (arm,) = load(house / "scores.json").arms

    assert "3 chunks embedded" in first
    assert "drafts/plan.md" in first
    assert "0 chunks embedded" in second
    assert "Burrow" in reply
    assert "[1] VPN" in reply
    assert "https://wiki.example/it/vpn.md" in reply
    assert json.loads(refused)["reply"]["outcome"] == Outcome.DECLINED
    assert "412" not in refused
    assert "hr/bonus" not in refused
    assert "412,000" in allowed
    assert {one.measure: one.value for one in arm.figures}["hit@5"] == 1.0


@pytest.mark.parametrize(
    ("person", "audience"),
    [
        ("U0BERIT", Audience.from_role_sets([{"everyone", "hr"}])),
        ("U0ADA", Audience.from_role_sets([{"everyone"}])),
        ("U0FINN", None),
    ],
)
def test_a_person_is_whom_slack_says(house: Path, person: str, audience: Audience | None) -> None:
    """Asking as somebody gives that person's roles, and nothing internal to a guest."""
    assert readers.for_person(_settings(house), person) == audience


def test_a_proxy_does_not_stand_before_the_local_workspace(
    monkeypatch: pytest.MonkeyPatch, house: Path
) -> None:
    """A company's proxy in the environment must not be asked for an address on this machine."""
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert readers.for_person(_settings(house), "U0ADA") is not None


def test_a_person_is_whom_roles_yaml_lists(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without tokens a company's own people have the roles of its file, as full members."""
    listed = f"{ROLES}users:\n  U0123ABCD: [hr]\n"
    (house / "documents" / "roles.yaml").write_text(listed)

    found = readers.for_person(_settings(house), "U0123ABCD")

    assert found == Audience.from_role_sets([{"everyone", "hr"}])
    assert capsys.readouterr().err == ""


def test_a_person_whom_nothing_lists(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They read what everyone reads, and it is said that this was assumed."""
    found = readers.for_person(_settings(house), "U0NOBODY")

    assert found == Audience.from_role_sets([{"everyone"}])
    (line,) = capsys.readouterr().err.splitlines()
    assert "U0NOBODY" in line
    assert "everyone" in line


def test_what_is_no_id_is_nobody(house: Path) -> None:
    """A name in place of an id is said to be none, and nothing is answered for it."""
    with pytest.raises(UserInputError, match="ids look like U0ADA"):
        readers.for_person(_settings(house), "ada")


def test_roles_that_no_rule_names(house: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt role opens nothing, which would look like a missing document; so it is said."""
    readers.with_roles(_settings(house), "hr,everyone")
    assert capsys.readouterr().err == ""

    readers.with_roles(_settings(house), "hr,nosuch")
    assert "names nosuch:" in capsys.readouterr().err


def test_roles_in_capitals(house: Path) -> None:
    """Who writes HR is told how it is written."""
    with pytest.raises(UserInputError, match="role names are lower case: hr"):
        readers.with_roles(_settings(house), "HR")


@pytest.mark.parametrize(
    ("roles", "warning"),
    [
        ("version: 1\ngroups: [hr]\n", "roles.yaml"),
        ("version: 1\n", "nobody can hold hr"),
        (ROLES, ""),
    ],
)
def test_an_index_warns_of_roles(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    house: Path,
    roles: str,
    warning: str,
) -> None:
    """Who has just written the two files learns at once that they do not go together."""
    (house / "documents" / "roles.yaml").write_text(roles)

    run(monkeypatch, "index")

    err = capsys.readouterr().err
    assert warning in err
    assert bool(warning) == ("roles" in err)


def test_a_trace_explains_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], house: Path
) -> None:
    """Audience, passages with scores and fate, versions, prompt and votes, but no question."""
    _record(house, _row())

    run(monkeypatch, "trace", "a1")

    shown = capsys.readouterr().out
    for part in ("everyone|hr", "chunks_v1@7", "minilm-1", "smol-2", "house-3", "5f5f"):
        assert part in shown
    for part in (
        "wiki:it/vpn.md#00000",
        "0.612",
        "cited",
        "unsupported",
        "1 up, 0 down",
        "generation 1.50",
    ):
        assert part in shown
    assert "Where is the VPN" not in shown


def test_an_unknown_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], house: Path
) -> None:
    """A trace of an id that was never given ends with code 1 and a sentence."""
    _record(house, _row())
    monkeypatch.setattr(sys, "argv", ["housevoice", "trace", "a2"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 1
    assert capsys.readouterr().err.startswith("housevoice: there is no answer a2\n")


def test_a_port_in_use_is_found_first(tmp_path: Path) -> None:
    """It is named with two ways to another, and the folder is free again."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        other = f"`make demo PORT={port + 1}` or `housevoice demo --port {port + 1}`"
        with (
            pytest.raises(PortTakenError, match=f"^port {port} is taken: {other}$"),
            premises.claimed(tmp_path, port),
        ):
            pytest.fail("it must not start")

    with premises.claimed(tmp_path, 0):
        assert (tmp_path / "demo.lock").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    """The second one is told so; once the first has ended, there is room for another."""
    with (
        premises.claimed(tmp_path, 0),
        pytest.raises(UserInputError, match=r"another demo .*`HOUSEVOICE_DATA`"),
        premises.claimed(tmp_path, 0),
    ):
        pytest.fail("it must not start")

    with premises.claimed(tmp_path, 0):
        assert tmp_path.exists()


def _settings(house: Path) -> Settings:
    return Settings(knowledge=KnowledgeSettings(folder=house / "documents"))


def _record(house: Path, row: ledger.AnswerRow) -> None:
    (house / "data").mkdir()
    engine = open_engine(f"sqlite:///{house}/data/housevoice.db")
    ledger.create_tables(engine)
    vote = ledger.Vote(row.answer_id, row.team, "U2", "up", "12.5")
    with engine.begin() as connection:
        ledger.record_answer(connection, row)
        ledger.record_vote(connection, vote)
    engine.dispose()


def _row() -> ledger.AnswerRow:
    page = "wiki:it/vpn.md"
    trace = Trace(
        audience="everyone|hr",
        index_version="chunks_v1@7",
        embedder="minilm-1",
        base="smol-2",
        voice="house-3",
        prompt_sha256="5f5f",
        candidates=(Candidate(f"{page}#00000", page, 1, 0.612, 3.1, 0.7, "cited"),),
        verdicts=("kept", "unsupported"),
        timings_s=(("generation", 1.5),),
    )
    return ledger.AnswerRow(
        answer_id="a1",
        question_id="q1",
        team="T1",
        channel="C1",
        thread_ts="1.0",
        question_ts="1.0",
        message_ts="2.0",
        asker="U1",
        asked_at=datetime(2026, 11, 2, tzinfo=UTC),
        outcome="answered",
        audience=trace.audience,
        question="Where is the VPN?",
        reply="{}",
        trace=TypeAdapter(Trace).dump_json(trace).decode(),
    )
