"""``roles.yaml``: what it may say, and what it says when it is wrong."""

from pathlib import Path

import pytest

from bot.errors import SettingsError
from bot.roles import RoleMap, read_roles

GOOD = """
version: 1
groups:
  people-team: [hr, legal]
users:
  U0ANA: [exec]
"""


def written(folder: Path, text: str) -> Path:
    """Write a file of roles."""
    path = folder / "roles.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_roles_come_from_groups_and_from_the_person(tmp_path: Path) -> None:
    """A handle that nobody mapped gives nothing."""
    roles = read_roles(written(tmp_path, GOOD))

    assert roles.roles_of("U0ANA", ["people-team", "football"]) == {"hr", "legal", "exec"}
    assert roles.roles_of("U0BO", ["football"]) == frozenset()
    assert roles.names == {"everyone", "hr", "legal", "exec"}


def test_without_a_mapping_nobody_has_more_than_everyone(tmp_path: Path) -> None:
    """The smallest file there is."""
    assert read_roles(written(tmp_path, "version: 1")) == RoleMap(version=1)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "the file"),
        ("groups: {}", "version: Field required"),
        ("version: 2", "version: Input should be 1"),
        ("version: 1\nroles: {}", "roles: Extra inputs"),
        ("version: 1\ngroups: {people-team: [HR]}", "groups.people-team.0: .*'HR' must match"),
        ("version: 1\ngroups: {people-team: hr}", "groups.people-team: Input should be"),
        ("version: 1\ngroups: {'@people': [hr]}", "groups.@people"),
        ('version: 1\nusers: {U0ANA: ["a\'] OR 1=1"]}', "users.U0ANA.0"),
        ("version: 1\nusers: [U0ANA]", "users"),
        ("version: [1", "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_and_says_where(tmp_path: Path, text: str, problem: str) -> None:
    """A misspelt key or role must not pass for none."""
    with pytest.raises(SettingsError, match=problem):
        read_roles(written(tmp_path, text))


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    """The remedy is one line."""
    with pytest.raises(SettingsError, match="version: 1"):
        read_roles(tmp_path / "roles.yaml")
