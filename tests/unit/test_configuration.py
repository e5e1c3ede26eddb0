"""The settings that an answer depends on, named."""

from bot.configuration import Configuration

BEFORE = Configuration.from_values({"knowledge.floor": 0.3, "base": "smol"})


def test_the_same_values_have_the_same_name() -> None:
    """In whatever order they were set."""
    again = Configuration.from_values({"base": "smol", "knowledge.floor": 0.3})

    assert again == BEFORE
    assert again.sha256 == BEFORE.sha256


def test_a_change_is_told_with_both_values() -> None:
    """A value that is new or gone is told, too."""
    after = Configuration.from_values({"knowledge.floor": 0.4, "voice": "house-1"})

    assert after.sha256 != BEFORE.sha256
    assert after.changes_from(BEFORE) == {
        "base": ("smol", None),
        "knowledge.floor": (0.3, 0.4),
        "voice": (None, "house-1"),
    }
    assert BEFORE.changes_from(BEFORE) == {}
