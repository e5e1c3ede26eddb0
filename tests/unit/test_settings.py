"""The tree of settings, its example file, and what a person is told about a bad value."""

from pathlib import Path

import pytest

from bot.env_example import env_example
from bot.errors import SettingsError
from bot.settings import Settings, overridden, read_settings, unknown_variables

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def in_an_empty_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Run each test where the developer's own ``.env`` is not."""
    monkeypatch.chdir(tmp_path)


def test_the_example_file_is_in_step() -> None:
    """``.env.example`` is what the settings say; `make .env.example` writes it anew."""
    assert (ROOT / ".env.example").read_text() == env_example()


def test_the_example_sets_nothing_but_defaults(tmp_path: Path) -> None:
    """A person who copies the example and uncomments every line changes nothing."""
    every = env_example().replace("\n#HOUSEVOICE", "\nHOUSEVOICE")
    (tmp_path / ".env").write_text(every)

    assert every.count("\nHOUSEVOICE_") > 20
    assert read_settings() == Settings.model_construct()


def test_the_environment_wins_over_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A variable of the process is stronger than the same one in ``.env``."""
    (tmp_path / ".env").write_text('HOUSEVOICE_SLACK__ADMINS=["U1"]\nHOUSEVOICE_DATA=here\n')
    monkeypatch.setenv("HOUSEVOICE_DATA", "there")

    settings = read_settings()

    assert settings.data == Path("there")
    assert settings.slack.admins == ("U1",)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("HOUSEVOICE_QUEUE_CAPACITY", "SECRET"),
        ("HOUSEVOICE_SLACK__LISTENER_THREADS", "SECRET"),
        ("HOUSEVOICE_SLACK__BOT_TOKN", "SECRET"),
        ("HOUSEVOICE_SLACK", "SECRET"),
        ("HOUSEVOICE_SLACK__ADMINS", "SECRET"),
    ],
)
def test_a_bad_value_is_named_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    """The sentence says which setting is wrong; the value, perhaps a token, stays out of it."""
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as caught:
        read_settings()

    assert variable.split("_")[1].lower() in caught.value.problem.lower()
    assert "SECRET" not in caught.value.problem
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_tokens_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings in a log or a traceback show stars where the tokens are."""
    monkeypatch.setenv("HOUSEVOICE_SLACK__BOT_TOKEN", "xoxb-planted")

    settings = read_settings()

    assert settings.slack.bot_token.get_secret_value() == "xoxb-planted"
    assert "planted" not in f"{settings!r} {settings} {settings.model_dump()}"


def test_a_misspelt_variable_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A name at the top that sets nothing would go unseen; the doctor asks for it."""
    monkeypatch.setenv("HOUSEVOICE_SLAK__BOT_TOKEN", "x")
    monkeypatch.setenv("HOUSEVOICE_DATA", "x")
    (tmp_path / ".env").write_text("HOUSEVOICE_SLACK_APP_TOKEN=x\nOTHER=y\n")

    assert unknown_variables() == ("HOUSEVOICE_SLACK_APP_TOKEN", "HOUSEVOICE_SLAK__BOT_TOKEN")


def test_some_settings_can_be_changed_by_name() -> None:
    """To compare configurations; what is not named stays as it was set."""
    settings = Settings(data=Path("there"))

    changed = overridden(settings, {"knowledge.floor": "0.45", "queue_capacity": "3"})

    assert (changed.knowledge.floor, changed.queue_capacity) == (0.45, 3)
    assert (changed.data, changed.model) == (Path("there"), settings.model)


@pytest.mark.parametrize(
    ("name", "value"),
    [("knowledge.flor", "0.4"), ("knowledge", "x"), ("knowledge.floor", "high"), ("a.b.c", "1")],
)
def test_a_change_that_cannot_be_made_is_refused(name: str, value: str) -> None:
    """A misspelt name would compare a configuration with itself."""
    with pytest.raises(SettingsError):
        overridden(Settings(), {name: value})
