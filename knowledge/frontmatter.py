"""What a page says of itself in its first lines; pure.

An author may narrow who reads a page, never widen it: the roles of ``access.yaml`` are the
outer bound, whoever writes the pages.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, Any, Self
from unicodedata import normalize
from urllib.parse import urlsplit

import idna
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError

from knowledge.access import EVERYONE, assignable_role
from knowledge.errors import AccessError

_LOOKS_LIKE_ROLES = {
    "access", "acl", "allowed_roles", "audience", "permissions", "readers", "role", "roles",
    "visibility",
}  # fmt: skip


def checked_roles(roles: tuple[str, ...]) -> tuple[str, ...]:
    """Return the roles if each can be quoted safely and somebody may hold it; for pydantic.

    Raises:
        ValueError: If that is not so.
    """
    try:
        return tuple(map(assignable_role, roles))
    except AccessError as error:
        raise ValueError(str(error)) from error


def checked_url(url: str) -> str:
    """Return a link that a person may follow: http or https, to a host, without a login.

    Raises:
        ValueError: If it is anything else.
    """
    parts = urlsplit(url)
    is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
    if not is_web or not url.isprintable() or " " in url:
        problem = "a link must be http:// or https:// with a host, without spaces or a login"
        raise ValueError(problem)
    return url


def host_of(url: str) -> str:
    """Return the host of a link as the network knows it; empty where it has none."""
    try:
        host = urlsplit(url).hostname or ""
        return host if host.isascii() else idna.encode(host, uts46=True).decode()
    except ValueError:
        return ""


def _listed(roles: Any) -> Any:
    return [roles] if isinstance(roles, str) else roles


def _day(moment: Any) -> Any:
    return moment[:10] if isinstance(moment, str) else moment


class FrontMatter(BaseModel, frozen=True, coerce_numbers_to_str=True):
    """The keys that count; others are let be, unless they look like an attempt at ``roles``.

    Attributes:
        roles: Empty where the page does not say.
    """

    title: str = Field(default="", max_length=200)
    url: Annotated[str, AfterValidator(checked_url)] = ""
    roles: Annotated[
        tuple[str, ...],
        BeforeValidator(_listed),
        Field(min_length=1),
        AfterValidator(checked_roles),
    ] = ()
    owner: str = Field(default="", max_length=200)
    updated: Annotated[date | None, BeforeValidator(_day)] = None

    @classmethod
    def from_loaded(cls, loaded: Mapping[str, Any]) -> Self:
        """Check what YAML gave.

        Raises:
            ValueError: With a sentence for the report, if the page must not be indexed.
        """
        for key in loaded:
            if key != "roles" and _letters(key) in _LOOKS_LIKE_ROLES:
                problem = f"front matter key {key!r} is not known: who may read goes into roles"
                raise ValueError(problem)
        try:
            return cls.model_validate(dict(loaded))
        except ValidationError as error:
            problem = f"front matter {told(error)}"
            raise ValueError(problem) from error


def _letters(key: str) -> str:
    """Return a key as a person reads it: unseen characters, spaces and case do not count."""
    return re.sub(r"[^a-z_]", "", normalize("NFKC", key).casefold())


def told(error: ValidationError) -> str:
    """Say the first of pydantic's complaints in one line: where, and what."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join(map(str, first["loc"]))
    return f"{where}: {first['msg']}".removeprefix(": ")


def narrowed(rule: frozenset[str], asked: frozenset[str]) -> frozenset[str]:
    """Return who may read a page whose front matter asks for roles.

    Every full member of the workspace holds ``everyone``, so below such a rule any roles are a
    narrowing. Below any other rule only roles that the rule itself names count: adding a role
    to a page would add readers.

    Args:
        rule: Roles of the first rule that matches the path; not empty.
        asked: Roles of the front matter; empty where it names none.

    Returns:
        The effective roles; empty where the page asks only for readers outside its rule: it
        must then not be indexed.
    """
    if not asked or not rule:
        return rule
    return asked if EVERYONE in rule else asked & rule
