"""What the command line may ask to compare."""

from pathlib import Path

import pytest

from bot.errors import UserInputError
from bot.evaluation.arms import Arm, read_arms


def test_nothing_asked_is_the_bot_as_it_is(tmp_path: Path) -> None:
    """One arm, with the settings as they are."""
    assert read_arms([], tmp_path) == (Arm("live", {}),)


def test_settings_can_be_named(tmp_path: Path) -> None:
    """After a colon, separated by commas."""
    (arm,) = read_arms(["strict:knowledge.floor=0.4, model.base=none"], tmp_path)

    assert arm == Arm("strict", {"knowledge.floor": "0.4", "model.base": "none"})


def test_a_version_is_an_arm(tmp_path: Path) -> None:
    """What is compared with it has no adapter, whatever is promoted."""
    arms = read_arms(["base", "few-shot", "adapter:7f41245566a0c135"], tmp_path)

    assert [(arm.name, arm.values["model.adapter"]) for arm in arms] == [
        ("base", "none"),
        ("few-shot", "none"),
        ("adapter-7f41245566a0c135", "7f41245566a0c135"),
    ]


def test_each_registered_voice_is_an_arm(tmp_path: Path) -> None:
    """A voice is a folder with a voice.yaml."""
    for name in ("warm", "house"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "voice.yaml").touch()

    arms = read_arms(["quote", "voices"], tmp_path)

    assert [arm.name for arm in arms] == ["quote", "house", "warm"]
    assert arms[1].values == {"model.voice": str(tmp_path / "house" / "voice.yaml")}


@pytest.mark.parametrize(
    "given",
    [
        *(["fast"], ["x:floor"], ["x:=1"], ["base", "base"]),
        *([":knowledge.floor=1"], ["live:knowledge.floor=1"], ["voices"]),
        *(["x:slack.command=/a"], ["x:model.threads=3"], ["x:knowledge.folder=elsewhere"]),
    ],
)
def test_what_cannot_be_compared_is_refused(given: list[str], tmp_path: Path) -> None:
    """A misspelt name is not taken for the settings as they are."""
    with pytest.raises(UserInputError):
        read_arms(given, tmp_path)
