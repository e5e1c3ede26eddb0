"""`housevoice adapters`, as an administrator types it, on real files and a real database."""

import json
import sys
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from asking import VOICE, VOICE_FILE
from pydantic import TypeAdapter
from trained_adapters import all_gates, flip, trained

from adapters.decision_lines import Decision as Decided
from adapters.gate_report import GateReport
from adapters.gates import GateResult
from adapters.manifests import WEIGHTS, AdapterRef, Manifest
from adapters.registry import Pointer, Registry
from bot import decisions
from bot.__main__ import main
from bot.cli import adapters
from bot.decisions import Decision, Kind
from bot.house import House, open_house
from bot.prompt import prompt_sha256
from bot.settings import Settings, read_settings

CHIEF = "U0CHIEF"
PASSED = GateResult("grounding", passed=True, value=0.97, limit=0.95, n=120)
FAILED = GateResult("win rate", passed=False, value=0.48, limit=0.5, n=200, detail="vs champion")
CANARY = GateResult("memorisation", passed=False, value=9.0, limit=7.6, n=10)


@pytest.fixture(autouse=True)
def data(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Settings with one administrator, and lines that are not wrapped."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOUSEVOICE_SLACK__ADMINS", json.dumps([CHIEF]))
    monkeypatch.setenv("HOUSEVOICE_MODEL__VOICE", str(VOICE_FILE))
    monkeypatch.setenv("COLUMNS", "300")


@pytest.fixture
def registry() -> Registry:
    """The registry that the commands will open."""
    return Registry(read_settings().adapters_folder, lambda: datetime.now(UTC))


@pytest.fixture
def one(registry: Registry, tmp_path: Path) -> AdapterRef:
    """A version that nothing was decided about."""
    return registry.register(tmp_path / "one", of_the_voice(trained(tmp_path / "one")))


@pytest.fixture
def two(registry: Registry, tmp_path: Path) -> AdapterRef:
    """Another one."""
    return registry.register(tmp_path / "two", of_the_voice(trained(tmp_path / "two", seed=2)))


def of_the_voice(manifest: Manifest) -> Manifest:
    """Say that it was trained with the rules of the voice."""
    return manifest.model_copy(update={"prompt_sha256": prompt_sha256(VOICE)})


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the program as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", "adapters", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def gated(
    ref: AdapterRef, *gates: GateResult, beside: str = "", about: str = "", asked: int = 60
) -> None:
    """Leave the report that `housevoice adapters gate` writes: all passed but what a test gives."""
    folder = read_settings().adapters_folder / "gates" / ref.version
    folder.mkdir(parents=True, exist_ok=True)
    report = GateReport(all_gates("voice", *gates), about or ref.version, ref.domain, beside)
    more = {"at": "2026-11-21", "asked": asked, "of": 60}
    tree = TypeAdapter(GateReport).dump_python(report, mode="json") | more
    (folder / "report.json").write_text(json.dumps(tree))


def logged() -> list[Decision]:
    """Read what the log of the bot holds about adapters."""
    with open_house(read_settings()) as house, house.engine.connect() as connection:
        return decisions.since(connection, datetime(2000, 1, 1, tzinfo=UTC), {Kind.ADAPTER})


def promote(monkeypatch: pytest.MonkeyPatch, ref: AdapterRef, *more: str) -> int:
    """Ask for a promotion as the administrator."""
    return run(monkeypatch, "promote", ref.version, "--as", CHIEF, *more)


def test_a_gated_version_is_put_in_service_and_back(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
    two: AdapterRef,
) -> None:
    """Two promotions and two rollbacks; each is told, and stands in both logs."""
    gated(one)
    gated(two, beside=one.version)

    assert promote(monkeypatch, one, "--reason", "first voice", "--domain", "default") == 0
    told = capsys.readouterr().out
    assert promote(monkeypatch, two) == 0
    assert run(monkeypatch, "rollback", "--as", CHIEF, "--reason", "too terse") == 0
    assert registry.state().pointer("default") == Pointer(one.version, two.version)
    assert run(monkeypatch, "rollback", "--as", CHIEF, "--to", "base") == 0

    assert f"promote {one.version} in default by {CHIEF} (base -> {one.version})" in told
    assert "A running bot notices before its next question." in told
    assert registry.state().pointer("default") == Pointer("", one.version)
    lines, written = registry.decisions(), logged()
    assert [found.record["line"] for found in written] == [line.sha256 for line in lines]
    assert [found.subject for found in written] == [one.version, two.version, one.version, "base"]
    assert written[2].record | {"line": ""} == {
        "action": "rollback",
        "domain": "default",
        "before": two.version,
        "after": one.version,
        "generation": 3,
        "actor": CHIEF,
        "reason": "too terse",
        "is_forced": False,
        "failed": [],
        "line": "",
    }


def test_a_version_without_a_report_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one: AdapterRef
) -> None:
    """Nothing speaks that was not measured, and no force changes that."""
    assert promote(monkeypatch, one, "--force", "--reason", "hurry") == 1

    assert f"`housevoice adapters gate {one.version}`" in capsys.readouterr().err
    assert logged() == []


def test_a_report_of_something_else_is_no_report(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
    two: AdapterRef,
) -> None:
    """That of another version, one beside another champion, and a damaged one are refused."""
    gated(one, about=two.version)
    assert promote(monkeypatch, one) == 1
    assert f"its report is about {two.version} of default" in capsys.readouterr().err

    gated(one, beside=two.version)
    assert promote(monkeypatch, one) == 1
    told = f"it was compared with {two.version}, not with what speaks now, base"
    assert told in capsys.readouterr().err

    (read_settings().adapters_folder / "gates" / one.version / "report.json").write_text("{")
    assert promote(monkeypatch, one) == 1
    assert "report.json is refused" in capsys.readouterr().err
    assert registry.generation() == 0


def test_a_report_on_a_part_of_the_questions_is_no_report(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one: AdapterRef
) -> None:
    """`--limit` is for a look; no force makes a whole of it."""
    gated(one, asked=6)

    assert promote(monkeypatch, one, "--force", "--reason", "hurry") == 1

    assert "its gates asked 6 of 60 questions" in capsys.readouterr().err


def test_who_is_late_is_told_what_speaks_now(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
    two: AdapterRef,
) -> None:
    """Another one was promoted after the report was read: the registry looks within its lock."""
    gated(one)
    gated(two)
    opened = adapters.open_house

    def slowly(settings: Settings) -> AbstractContextManager[House]:
        registry.promote("default", one.version, Decided(CHIEF, "", all_gates()))
        return opened(settings)

    monkeypatch.setattr(adapters, "open_house", slowly)
    assert promote(monkeypatch, two) == 1

    told = f"it was compared with base, not with what speaks now, {one.version}"
    assert told in capsys.readouterr().err
    assert registry.state().pointer("default").current == one.version


def test_a_voice_of_other_rules_is_not_promoted(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    tmp_path: Path,
) -> None:
    """The rules were edited after it was measured."""
    ref = registry.register(tmp_path / "old", trained(tmp_path / "old", seed=3))
    gated(ref)

    assert promote(monkeypatch, ref, "--force", "--reason", "hurry") == 1

    assert "trained with other rules than the voice has now" in capsys.readouterr().err
    assert registry.generation() == 0


def test_each_failed_gate_is_told_with_its_figures(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
) -> None:
    """Force needs a reason, is written down, and does not reach memorisation."""
    gated(one, FAILED)
    assert promote(monkeypatch, one) == 1
    err = capsys.readouterr().err
    assert "win rate failed with 0.48, limit 0.5, n 200 (vs champion)" in err
    assert "grounding" not in err
    assert promote(monkeypatch, one, "--force") == 1
    assert "force needs a reason" in capsys.readouterr().err

    gated(one, FAILED, CANARY)
    assert promote(monkeypatch, one, "--force", "--reason", "the fair is today") == 1
    err = capsys.readouterr().err
    assert "memorisation failed" in err
    assert "win rate" not in err
    assert registry.generation() == 0

    gated(one, FAILED)
    assert promote(monkeypatch, one, "--force", "--reason", "the fair is today") == 0
    (written,) = logged()
    assert written.record["is_forced"] is True
    assert written.record["failed"] == ["win rate"]
    assert f"by {CHIEF}, forced" in capsys.readouterr().out


@pytest.mark.parametrize("words", ["promote {}", "rollback", "taint {}"])
@pytest.mark.parametrize("admins", ["[]", '["U0CHIEF"]'])
def test_only_administrators_decide(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one: AdapterRef,
    words: str,
    admins: str,
) -> None:
    """Anybody else, or anybody at all where none is named, is told how one becomes one."""
    monkeypatch.setenv("HOUSEVOICE_SLACK__ADMINS", admins)
    gated(one)

    assert run(monkeypatch, *words.format(one.version).split(), "--as", "U0ANA") == 1

    wanted = json.dumps([*json.loads(admins), "U0ANA"])
    assert f"set `HOUSEVOICE_SLACK__ADMINS='{wanted}'`" in capsys.readouterr().err
    assert logged() == []


def test_a_version_of_another_domain_is_not_meant(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one: AdapterRef
) -> None:
    """Who names a domain does not promote in another one by mistake."""
    gated(one)

    assert promote(monkeypatch, one, "--domain", "people") == 1

    assert "is a version of default, not of people" in capsys.readouterr().err


def test_the_list_says_what_speaks_and_what_is_damaged(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one: AdapterRef,
    two: AdapterRef,
) -> None:
    """One line a version, and one a domain."""
    gated(one)
    promote(monkeypatch, one)
    flip(two.folder / WEIGHTS)
    capsys.readouterr()

    assert run(monkeypatch, "list") == 0

    out = capsys.readouterr().out
    assert f"default: {one.version} speaks, before it base." in out
    row = next(line for line in out.splitlines() if line.startswith("speaks"))
    assert one.version in row
    assert "200 rows of 2026-11-21-abc" in row
    row = next(line for line in out.splitlines() if two.version in line)
    assert f"{WEIGHTS} is not the one of its manifest" in row
    assert run(monkeypatch, "list", "--domain", "people") == 0
    assert one.version not in capsys.readouterr().out


def test_an_empty_registry_is_said_to_be_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where the bot has run and nobody asked yet, not even what is shipped is registered."""
    with open_house(read_settings()):
        pass

    assert run(monkeypatch, "list") == 0

    assert "What is shipped is registered with the first question" in capsys.readouterr().out
    assert not read_settings().adapters_folder.exists()


def test_one_version_is_shown_with_all_that_is_known(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one: AdapterRef,
) -> None:
    """Manifest, gates and decisions, found by the beginning of its name; no text steers."""
    gated(one, FAILED)
    promote(monkeypatch, one, "--force", "--reason", "now\x1b[31m")
    capsys.readouterr()

    assert run(monkeypatch, "show", one.version[:8]) == 0

    out = capsys.readouterr().out
    for told in (
        one.version,
        "dataset.policy",
        "training.config.r",
        "grounding passed with 0.97, limit 0.95, n 120",
        f"promote {one.version} in default by {CHIEF}, forced",
        "now?[31m",
    ):
        assert told in out
    assert "\x1b" not in out


def test_a_shipped_version_shows_the_gates_of_its_decision(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
) -> None:
    """It has no report here; what it passed stands in the decision."""
    assert run(monkeypatch, "show", one.version) == 0
    assert "No gate was run." in capsys.readouterr().out
    registry.promote("default", one.version, Decided("housevoice", "shipped", all_gates()))

    assert run(monkeypatch, "show", one.version) == 0

    assert "grounding passed" in capsys.readouterr().out


def test_two_versions_are_compared_by_their_manifests(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    one: AdapterRef,
    two: AdapterRef,
) -> None:
    """What differs, side by side; what is the same is left out."""
    assert run(monkeypatch, "diff", one.version, two.version) == 0

    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()[1:]]
    assert [row[0] for row in rows] == [f"files.{WEIGHTS}", "training.seed"]
    assert rows[1][1:] == ["1", "2"]
    assert run(monkeypatch, "diff", one.version, one.version) == 0
    assert "They are the same version." in capsys.readouterr().out


def test_a_banned_version_stops_speaking(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    registry: Registry,
    one: AdapterRef,
) -> None:
    """The base takes over; the ban is listed, and a second one changes nothing."""
    gated(one)
    promote(monkeypatch, one)

    assert run(monkeypatch, "taint", one.version, "--as", CHIEF, "--reason", "erasure") == 0
    assert run(monkeypatch, "taint", one.version, "--as", CHIEF) == 0

    assert "It was decided before." in capsys.readouterr().out
    assert registry.state().pointer("default").current == ""
    assert [found.record["action"] for found in logged()] == ["promote", "taint"]
    assert promote(monkeypatch, one) == 1
    capsys.readouterr()
    run(monkeypatch, "list")
    assert "tainted" in capsys.readouterr().out


def test_a_changed_log_is_a_sentence_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], one: AdapterRef
) -> None:
    """Who looks at a registry that somebody edited is told so, and where to read on."""
    gated(one)
    promote(monkeypatch, one, "--reason", "better")
    log = read_settings().adapters_folder / "decisions.jsonl"
    log.write_bytes(log.read_bytes().replace(b"better", b"faster"))
    capsys.readouterr()

    assert run(monkeypatch, "list") == 1

    err = capsys.readouterr().err
    assert "decisions.jsonl is not whole: line 1" in err
    assert "docs/adapters.md" in err
