"""`housevoice golden` on a real ledger, catalogue and files."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter
from sqlalchemy import Connection

from adapters import ledger, remarks
from adapters.remarks import Reason, Remark, Review
from bot.__main__ import main
from bot.conversation import Turn
from bot.house import open_house
from bot.records import Served
from bot.settings import Settings
from knowledge.catalogue import Catalogue, Entry
from knowledge.golden import Exchange, GoldenCase, load_golden

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
SAMPLE = Path(__file__).parents[2] / "knowledge" / "sample" / "golden.yaml"
HISTORY = (Turn("user", "Is there a canteen?"), Turn("assistant", "Yes, at the Works."))
SET = """version: 1
cases:
- id: wifi
  question: Where is the code?
  roles: [everyone]
  sources: [it/wifi.md, it/gone.md]
  tags: [it, "[red]"]
"""


def a_row(answer_id: str, question: str, outcome: str = "answered") -> ledger.AnswerRow:
    """Build an answer that was posted in a room of two."""
    served = Served(HISTORY if answer_id == "a2" else ())
    return ledger.AnswerRow(
        answer_id=answer_id,
        question_id=f"q-{answer_id}",
        team="T1",
        channel="C1",
        thread_ts="1.0",
        question_ts=f"{answer_id[1:]}.0",
        message_ts=f"{answer_id[1:]}.1",
        asker="U1",
        asked_at=NOON,
        outcome=outcome,
        audience="everyone|hr&everyone|ops",
        question=question,
        reply="{}",
        trace="{}",
        doc_ids=("wiki:it/lunch.md",) if outcome == "answered" else (),
        served=TypeAdapter(Served).dump_json(served).decode(),
    )


ROWS = (
    a_row("a1", "When is lunch?"),
    a_row("a2", "And on Fridays?"),
    a_row("a3", "What is the bonus pool?", "declined"),
    a_row("a4", ""),
)


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder of a house that was asked four questions, with a small set in it."""
    monkeypatch.setenv("HOUSEVOICE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("HOUSEVOICE_KNOWLEDGE__FOLDER", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    with writing() as connection:
        for row in ROWS:
            ledger.record_answer(connection, row)
    (tmp_path / "golden.yaml").write_text(SET)
    return tmp_path


@contextmanager
def writing() -> Iterator[Connection]:
    """Write to the house's database."""
    with (
        open_house(Settings()) as house,
        house.engine.execution_options(writes=True).begin() as connection,
    ):
        yield connection


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str | Path) -> int:
    """Run the program as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", "golden", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def corrected(answer_id: str, text: str, *, is_approved: bool = True) -> None:
    """Propose a better answer, and have it reviewed."""
    said = Remark(answer_id, "T1", "U2", Reason.WRONG, text, NOON)
    with writing() as connection:
        remarks.record(connection, said, f"s-{answer_id}")
        (waiting,) = remarks.pending(connection)
        remarks.review(connection, waiting, Review("U3", is_approved=is_approved, at=NOON))


def catalogued() -> None:
    """Let the catalogue know one document."""
    entry = Entry(
        doc_id="wiki:it/wifi.md",
        source="wiki",
        path="it/wifi.md",
        title="Wifi",
        url="https://wiki.example/wifi",
        owner="Ines",
        updated=date(2026, 2, 1),
        roles=frozenset({"everyone"}),
        asked_roles=frozenset(),
        has_own_url=False,
        content_hash="c",
        raw_hash="r",
        parser="1",
    )
    with open_house(Settings()) as house:
        Catalogue(house.engine).finish([entry], index_version="v1", at=NOON)


def test_check_counts_tags_and_names_what_is_not_indexed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """A source that was renamed shows before a run calls it not retrieved."""
    catalogued()

    assert run(monkeypatch, "check", folder / "golden.yaml") == 0

    shown = capsys.readouterr()
    assert shown.out.startswith("golden, version 1, sha256 ")
    assert [line.split() for line in shown.out.splitlines()[2:]] == [
        ["[red]", "1"],
        ["it", "1"],
        ["expect", "answer", "1"],
        ["all", "1"],
    ]
    assert shown.err == "housevoice: wifi: it/gone.md is not in the catalogue\n"


@pytest.mark.usefixtures("folder")
def test_check_says_when_there_is_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the first index no source can be told right from wrong."""
    assert run(monkeypatch, "check", SAMPLE) == 0

    shown = capsys.readouterr()
    assert shown.out.startswith("sample, version ")
    assert shown.err.count("\n") == 1
    assert "run `housevoice index` first" in shown.err


def test_check_refuses_a_wrong_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """Exit code 1, the place, and where the form is described."""
    (folder / "wrong.jsonl").write_text('{"id": "a", "question": "q", "rolls": ["hr"]}\n')

    assert run(monkeypatch, "check", folder / "wrong.jsonl") == 1

    assert capsys.readouterr().err == (
        f"housevoice: {folder}/wrong.jsonl: line 1 (a): roles: Field required\n"
        "docs/golden.md describes the form, with examples.\n"
    )


def test_an_answer_is_added_as_a_case(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """With its room, its thread and what it cited; what stood in the file still does."""
    path = folder / "golden.yaml"
    options = ("--id", "fridays", "--fact", "11:30", "--fact", "soup", "--tag", "it")

    assert run(monkeypatch, "add", "a2", "--to", path, *options) == 0

    assert capsys.readouterr().out == f"{path}: added fridays\n"
    assert path.read_text().startswith(SET)
    assert load_golden(path).case("fridays") == GoldenCase(
        id="fridays",
        question="And on Fridays?",
        roles=("everyone", "hr"),
        readers=(("everyone", "ops"),),
        history=(Exchange(asked=HISTORY[0].text, answered=HISTORY[1].text),),
        sources=("it/lunch.md",),
        facts=("11:30", "soup"),
        tags=("it",),
    )


def test_a_declined_answer_starts_a_set_of_lines(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    """Where declining was right, a person says so."""
    path = folder / "declines.jsonl"

    assert run(monkeypatch, "add", "a3", "--to", path, "--decline") == 0

    assert [(case.id, case.expect) for case in load_golden(path).cases] == [("a3", "decline")]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("a9",), "there is no answer a9"),
        (("a4",), "answer a4 makes no golden case: its question was deleted or forgotten"),
        (("a3",), "answer a3 makes no golden case: it was declined: --decline, if"),
        (("a1", "--id", "wifi"), "the same id is there already, as wifi"),
    ],
)
def test_what_makes_no_case_is_refused_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    folder: Path,
    arguments: tuple[str, ...],
    problem: str,
) -> None:
    """One sentence says why."""
    assert run(monkeypatch, "add", *arguments, "--to", folder / "golden.yaml") == 1

    assert problem in capsys.readouterr().err
    assert (folder / "golden.yaml").read_text() == SET


def test_a_set_in_a_folder_that_is_not_there_is_refused_in_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """The folder is named, and none is made."""
    assert run(monkeypatch, "add", "a1", "--to", folder / "nowhere" / "set.yaml") == 1

    assert f"there is no folder {folder / 'nowhere'} to write set.yaml" in capsys.readouterr().err
    assert not (folder / "nowhere").exists()


def test_a_question_is_not_added_twice(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """Under another id it would still count twice."""
    path = folder / "golden.yaml"
    assert run(monkeypatch, "add", "a1", "--to", path) == 0

    assert run(monkeypatch, "add", "a1", "--id", "other", "--to", path) == 1

    assert "the same question is there already, as a1" in capsys.readouterr().err
    assert len(load_golden(path).cases) == 2


def test_approved_corrections_are_candidates_until_a_set_has_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    """The better answer stands above the case, and its facts are left to a person."""
    path = folder / "golden.yaml"
    corrected("a1", "From 11:45\x1b[2J to 13:30.")
    corrected("a3", "Nobody outside HR may know.", is_approved=False)
    corrected("a4", "It is 27 days.")

    assert run(monkeypatch, "candidates") == 0
    before = capsys.readouterr()
    assert run(monkeypatch, "add", "a1", "--to", path, "--fact", "11:45") == 0
    capsys.readouterr()
    assert run(monkeypatch, "candidates", "--to", path) == 0
    after = capsys.readouterr()

    assert before.out.splitlines()[:2] == [
        "# wrong, approved by U3 on 2026-11-21; the better answer:",
        "# From 11:45[2J to 13:30.",
    ]
    assert yaml.safe_load(before.out) == [
        {
            "id": "a1",
            "question": "When is lunch?",
            "roles": ["everyone", "hr"],
            "readers": [["everyone", "ops"]],
            "sources": ["it/lunch.md"],
            "facts": [],
        }
    ]
    assert before.err.splitlines() == [
        "housevoice: 1 more have lost their question or their answer",
        f"housevoice: choose the facts: `housevoice golden add ID --to {path} --fact TEXT`",
    ]
    assert after.out == ""
