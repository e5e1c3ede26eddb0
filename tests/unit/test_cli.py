"""The command line as a person meets it: help, sentences, exit codes."""

import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from adapters.errors import AdaptersError, UnknownAnswerError
from bot.__main__ import app, main
from bot.cli.remedies import remedy, sentence
from bot.decisions import Kind
from bot.errors import BotError, SettingsError
from knowledge.errors import IndexMissingError, KnowledgeError

HEAVY = ("torch", "lancedb", "transformers", "sentence_transformers", "slack_bolt", "aiohttp")
HEAVY += ("opentelemetry", "prometheus_client")
COMMANDS = (
    *("demo", "serve", "index", "ask", "evaluate"),
    *("models", "manifest", "doctor", "trace", "replay", "log"),
    *("usage", "gaps", "corrections", "golden", "rollout", "adapters"),
    *("export", "train"),
)
CALLS = [
    *(["ask"], ["ask", ""], ["ask", " "], ["ask", "x", "--as", "U0ADA", "--roles", "hr"]),
    *(["index", "--sauce", "wiki"], ["sing"], ["trace"], ["demo", "--port", "70000"]),
    *(["corrections", "approve", "x"], ["corrections", "approve", "--as", "U1"]),
]
HELP = f"""
import sys
from bot.__main__ import main
sys.argv = ["housevoice", "--help"]
try:
    main()
finally:
    print("LOADED", sorted(set({HEAVY!r}) & set(sys.modules)))
"""


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test where the developer's own ``.env`` is not."""
    monkeypatch.chdir(tmp_path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """Run the program as the shell does; returns its exit code."""
    monkeypatch.setattr(sys, "argv", ["housevoice", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_help_loads_no_model() -> None:
    """Asking for help must not cost the seconds that models and indexes take to load."""
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)  # noqa: S603  # our own code

    assert "doctor" in done.stdout
    assert done.stdout.rstrip().endswith("LOADED []")


def test_every_command_says_what_it_takes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each command of the README has a help page that begins with what it is for."""
    commands = get_command(app).commands  # type: ignore[attr-defined]  # a group, as typer builds

    assert sorted(commands) == sorted(COMMANDS)
    for name in commands:
        assert run(monkeypatch, name, "--help") == 0
        assert commands[name].help.split("\n")[0] in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("arguments", CALLS)
def test_a_wrong_call_is_told_where_help_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """A misspelt command or option ends with code 2 and a pointer to --help."""
    assert run(monkeypatch, *arguments) == 2

    assert "--help" in capsys.readouterr().err


def test_it_says_its_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who reports something can say of what."""
    assert run(monkeypatch, "--version") == 0

    assert capsys.readouterr().out == f"housevoice {version('housevoice')}\n"


def test_an_error_is_a_sentence_and_a_remedy(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bad setting ends with code 1, two lines on stderr, and no traceback."""
    monkeypatch.setenv("HOUSEVOICE_QUEUE_CAPACITY", "many")

    assert run(monkeypatch, "manifest") == 1

    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[0].startswith("housevoice: HOUSEVOICE_QUEUE_CAPACITY: ")
    assert err.splitlines()[1:] == ["Every setting is described in .env.example."]


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """With --debug the error itself comes through."""
    monkeypatch.setenv("HOUSEVOICE_QUEUE_CAPACITY", "many")
    monkeypatch.setattr(sys, "argv", ["housevoice", "--debug", "manifest"])

    with pytest.raises(SettingsError):
        main()


def test_the_manifest_is_printed_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is printed can be pasted into Slack as it is, with the command of the settings."""
    monkeypatch.setenv("HOUSEVOICE_SLACK__COMMAND", "/ask-us")

    assert run(monkeypatch, "manifest") == 0

    printed = yaml.safe_load(capsys.readouterr().out)
    assert printed["features"]["slash_commands"][0]["command"] == "/ask-us"


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    """Go through the errors without a kind below them: those that are raised."""
    kinds = kind.__subclasses__()
    for below in kinds:
        yield from leaves(below)
    if not kinds:
        yield kind


@pytest.mark.parametrize("root", [BotError, KnowledgeError, AdaptersError])
def test_every_error_has_a_remedy(root: type[Exception]) -> None:
    """A new error without a remedy would send people to --debug."""
    fallback = remedy(RuntimeError())
    kinds = [kind for kind in leaves(root) if kind.__module__ == root.__module__]

    assert kinds
    assert [kind for kind in kinds if remedy(kind.__new__(kind)) == fallback] == []


def test_a_sentence_that_names_a_command_stands_alone() -> None:
    """Errors that say what to run are not followed by other advice."""
    error = IndexMissingError("data/index")

    assert "`housevoice index`" in sentence(error)
    assert remedy(error) == ""


def test_the_text_of_a_foreign_error_is_not_shown() -> None:
    """What a library raises may quote a document; only its kind is named."""
    error = ValueError("the bonus pool is 4 M")

    assert sentence(error) == "something unexpected went wrong (ValueError)"
    assert "--debug" in remedy(error)


def test_a_file_error_names_the_file() -> None:
    """A missing or locked file is named, with what the system says of it."""
    assert sentence(PermissionError(13, "Permission denied", "data")) == "Permission denied: data"


def test_an_unknown_answer_says_where_ids_stand() -> None:
    """Who asks for a trace by a wrong id learns where to find the right one."""
    assert "log" in remedy(UnknownAnswerError("a1"))


READING = [
    "log verify",
    "log show",
    "log expire",
    "usage",
    "gaps",
    "corrections list",
    "corrections approve c1 --as U0CHIEF",
    "golden candidates",
    "golden add a1 --to set.yaml",
    "rollout show",
    "rollout stop",
    "adapters list",
    "adapters show 7f41",
    "adapters diff 7f41 415b",
    "adapters promote 7f41 --as U0CHIEF",
    "adapters rollback --as U0CHIEF",
    "adapters taint 7f41 --as U0CHIEF",
    "trace a1",
]


@pytest.mark.parametrize("words", READING)
def test_a_mistyped_data_folder_is_no_clean_bill_of_health(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: str,
) -> None:
    """What only reads names the folder that has no database, fails, and makes none."""
    monkeypatch.setenv("HOUSEVOICE_DATA", "dat/demo")
    monkeypatch.setenv("HOUSEVOICE_SLACK__ADMINS", '["U0CHIEF"]')

    assert run(monkeypatch, *words.split()) == 1
    said = capsys.readouterr()
    told = " ".join(said.err.split())
    assert "there is no database in dat/demo: check `HOUSEVOICE_DATA`" in told
    assert said.out == ""
    assert list(tmp_path.iterdir()) == []


def test_the_help_of_the_log_lists_every_kind(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What --kind takes need not be guessed."""
    assert run(monkeypatch, "log", "show", "--help") == 0

    told = capsys.readouterr().out
    assert [kind for kind in Kind if kind not in told] == []
