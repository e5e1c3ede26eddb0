"""The voice that comes with the program: measured, whole, and heard from the first start."""

import json
from pathlib import Path

import pytest
from asking import VOICE, VOICE_FILE
from company import Company
from structlog.testing import capture_logs

from adapters.decision_lines import Decision
from adapters.gate_report import read_record
from adapters.heldout import read_held_out
from adapters.manifests import MANIFEST, Manifest
from adapters.promotions import REQUIRED
from adapters.registry import RECORD
from bot.cli.asking import ask
from bot.house import open_house
from bot.prompt import prompt_sha256
from bot.settings import KnowledgeSettings, ModelSettings, Settings
from bot.shipped import FOLDERS

FOLDER = FOLDERS[0]


@pytest.fixture
def manifest() -> Manifest:
    """What the folder says that it is."""
    return Manifest.from_json((FOLDER / MANIFEST).read_bytes(), path=str(FOLDER))


def test_its_record_holds_every_gate_passed_on_every_question(manifest: Manifest) -> None:
    """Of the examples and the rules that stand beside it today: edit them, and measure anew."""
    record = read_record(FOLDER / RECORD, manifest)
    told = json.loads((FOLDER / RECORD).read_text())
    held_out = read_held_out(FOLDER.parent)

    assert {gate.name for gate in record.gates if gate.passed} >= REQUIRED["voice"]
    assert all(gate.passed for gate in record.gates)
    assert record.asked == record.of == len(held_out.items)
    assert told["held_out"] == {", ".join(held_out.companies): f"sha256 {held_out.sha256}"}
    assert manifest.prompt_sha256 == prompt_sha256(VOICE)


@pytest.mark.model
def test_it_is_heard_from_the_first_start(
    manifest: Manifest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody has to promote it; the fact is right and cited, and one is told who spoke."""
    company = Company(tmp_path)
    company.write()
    settings = Settings(data=tmp_path / "data", knowledge=KnowledgeSettings(folder=tmp_path))
    with open_house(settings) as house:
        house.ingest()

    asked = "How many days of annual leave do I get?"
    ask(settings, asked, roles=None, person=None, as_json=False)

    said, source, speaker = capsys.readouterr().out.splitlines()
    assert "27 days" in said
    assert said.endswith("[1]")
    assert source.endswith("https://wiki.example/people/leave.md#leave")
    assert speaker == f"Voice: default-{manifest.version}."


@pytest.mark.parametrize("differs", ["rules", "server"])
def test_where_it_cannot_speak_it_is_kept_and_silent(
    manifest: Manifest, tmp_path: Path, differs: str
) -> None:
    """Under other rules it would be refused with each question, as by a server without it."""
    voice, server_url = VOICE_FILE, ""
    if differs == "rules":
        voice = tmp_path / "voice.yaml"
        voice.write_text(VOICE_FILE.read_text().replace("friendly sentence", "plain sentence"))
    else:
        server_url = "http://127.0.0.1:1"
    model = ModelSettings(voice=voice, server_url=server_url, server_model="smol")
    with open_house(Settings(data=tmp_path / "data", model=model)) as house:
        kept, state = house.registry.versions(), house.registry.state()

    assert [one.version for one in kept] == [manifest.version]
    assert state.domains == {}


def test_what_was_banned_stays_away(manifest: Manifest, tmp_path: Path) -> None:
    """The next start registers it no more, and complains of nothing."""
    settings = Settings(data=tmp_path / "data")
    with open_house(settings) as house:
        house.registry.taint("default", manifest.version, Decision("U0CHIEF", "erasure"))

    with capture_logs() as told, open_house(settings) as house:
        pointer = house.registry.state().pointer("default")

    assert pointer.current == ""
    assert told == []
