"""Which examples are held out, and what their files may hold."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.errors import DatasetError
from adapters.heldout import held_out_titles, read_held_out, read_items


def a_line(**changes: Any) -> str:
    """Write one example."""
    line = {
        "id": "acme-001",
        "kind": "single",
        "question": "Who has the key?",
        "facts": [{"title": "Keys", "text": "The key is with Ada."}],
        "answer": "Ada has our key.",
    }
    return json.dumps(line | changes)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    """A voice with three companies, of which two are held out."""
    (tmp_path / "examples").mkdir()
    (tmp_path / "recipe.yaml").write_text("held_out: [acme, zenith]\nepochs: 3\n")
    for company in ("acme", "other", "zenith"):
        lines = [a_line(id=f"{company}-{n}") for n in range(2)]
        (tmp_path / "examples" / f"{company}.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path


def test_whole_companies_are_held_out(voice: Path) -> None:
    """Those that the recipe names, and nothing of the others."""
    found = read_held_out(voice)

    assert [item.id for item in found.items] == ["acme-0", "acme-1", "zenith-0", "zenith-1"]
    assert found.companies == ("acme", "zenith")


def test_a_changed_example_changes_the_name_of_all(voice: Path) -> None:
    """So that figures of other questions are not taken for the same."""
    before = read_held_out(voice).sha256
    (voice / "examples" / "acme.jsonl").write_text(a_line(question="Who has it?"))

    assert read_held_out(voice).sha256 != before


def test_a_thread_comes_with_its_question(tmp_path: Path) -> None:
    """A follow-up leans on what was said before."""
    turn = {"role": "user", "text": "Which keys are there?"}
    path = tmp_path / "a.jsonl"
    path.write_text(a_line(kind="follow-up", history=[turn]))

    assert read_items(path)[0].history[0].text == "Which keys are there?"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (a_line(kind="riddle"), "line 1: kind"),
        (a_line(facts=[]), "line 1: facts"),
        (a_line(extra="x"), "line 1: extra"),
        ("{", "line 1: the line"),
    ],
)
def test_a_wrong_example_is_named(tmp_path: Path, line: str, problem: str) -> None:
    """With its line, and what of it is wrong."""
    path = tmp_path / "a.jsonl"
    path.write_text(line)

    with pytest.raises(DatasetError, match=problem):
        read_items(path)


def test_what_is_missing_is_told(voice: Path) -> None:
    """A recipe that holds nothing out, a company without a file, an id that stands twice."""
    (voice / "examples" / "zenith.jsonl").write_text(a_line(id="acme-0"))
    with pytest.raises(DatasetError, match="twice"):
        read_held_out(voice)
    (voice / "examples" / "zenith.jsonl").unlink()
    with pytest.raises(DatasetError, match="cannot be read"):
        read_held_out(voice)
    (voice / "recipe.yaml").write_text("held_out: []")
    with pytest.raises(DatasetError, match="held_out"):
        read_held_out(voice)


def test_a_tenth_of_the_articles_is_held_out() -> None:
    """The same ones whatever their order and number of questions; others with another seed."""
    titles = [f"Article {n}" for n in range(40)]
    chosen = held_out_titles(titles, 13)

    assert len(chosen) == 4
    assert held_out_titles([*titles[::-1], *titles], 13) == chosen
    assert held_out_titles(titles, 14) != chosen
    assert len(held_out_titles(["Only"], 13)) == 1
