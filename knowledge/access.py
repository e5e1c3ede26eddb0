"""Who may read what: the kernel of access control. Knows neither Slack nor LanceDB."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from knowledge.errors import InvalidRoleError, NoRolesError, ReservedRoleError

EVERYONE = "everyone"
"""The role that every full member of the workspace holds."""

RESERVED = "housevoice-canary"
"""The source and the only role of the planted document; no file may name either."""

_ROLE = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")


def checked_role(role: str) -> str:
    """Return a role name that is safe to quote.

    Raises:
        InvalidRoleError: If it does not match ``[a-z0-9][a-z0-9_-]{0,63}``.
    """
    if not _ROLE.fullmatch(role):
        raise InvalidRoleError(role)
    return role


def assignable_role(role: str) -> str:
    """Return a role name that a file may give to somebody, or let somebody read with.

    Raises:
        InvalidRoleError: As for `checked_role`.
        ReservedRoleError: If it is the one that nobody may hold.
    """
    if role == RESERVED:
        raise ReservedRoleError(role)
    return checked_role(role)


@dataclass(frozen=True, slots=True)
class Audience:
    """Everyone who can read a reply; there is no value for "no filter".

    Attributes:
        readers: Role sets of the readers. A chunk must share a role with each of them.

    Raises:
        NoRolesError: If there is no reader, or a reader has no role.
        InvalidRoleError: If a role cannot be quoted safely.
    """

    readers: frozenset[frozenset[str]]

    def __post_init__(self) -> None:
        if not self.readers or frozenset() in self.readers:
            raise NoRolesError
        for role in sorted({role for reader in self.readers for role in reader}):
            checked_role(role)

    @classmethod
    def from_role_sets(cls, role_sets: Iterable[Iterable[str]]) -> Self:
        """Keep the distinct minimal sets: what suits ``{a}`` suits ``{a, b}`` too."""
        sets = {frozenset(roles) for roles in role_sets}
        return cls(frozenset(s for s in sets if not any(other < s for other in sets)))

    @classmethod
    def from_fingerprint(cls, text: str) -> Self:
        """Read back what `fingerprint` says; the empty one, of an unknown reader, is refused."""
        return cls(frozenset(frozenset(reader.split("|")) for reader in text.split("&")))

    def may_read(self, roles: frozenset[str]) -> bool:
        """Tell whether every reader shares a role with a chunk."""
        return not any(reader.isdisjoint(roles) for reader in self.readers)

    @property
    def fingerprint(self) -> str:
        """The audience in one line, equal for equal audiences, fit for logs and keys."""
        return "&".join(sorted("|".join(sorted(reader)) for reader in self.readers))


def predicate(audience: Audience) -> str:
    """Build the table filter that keeps what the whole audience may read.

    Returns:
        SQL over the column ``roles`` (a list of strings), one clause per role set. Never
        empty: LanceDB reads an empty predicate as no filter at all.

    Source:
        DataFusion's ``array_has_any``; proven by ``tests/integration/test_index.py``.
    """
    return " AND ".join(sorted(map(_shares_a_role, audience.readers)))


def _shares_a_role(reader: frozenset[str]) -> str:
    names = ", ".join(f"'{role}'" for role in sorted(reader))
    return f"array_has_any(roles, [{names}])"
