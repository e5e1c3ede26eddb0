"""access.yaml: which folders are indexed, where their pages open, and who may read them.

Closed by default: a path that no rule matches has no readers. Knows paths, not files.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal
from unicodedata import normalize
from urllib.parse import quote, urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from knowledge.access import RESERVED
from knowledge.errors import AccessRulesError
from knowledge.frontmatter import checked_roles, checked_url, host_of, told
from knowledge.strict_yaml import StrictLoader

_LARGEST = 1 << 20  # characters; a rule file of that size is a mistake
_WILD = {"*": "[^/]*", "?": "[^/]"}


def _checked_pattern(pattern: str) -> str:
    parts = pattern.split("/")
    if {"", ".", ".."} & set(parts):
        problem = "a pattern is relative, like hr/** or */pay.md, without empty or dotted parts"
        raise ValueError(problem)
    if any("**" in part and part != "**" for part in parts):
        problem = "** stands alone between slashes, like hr/** or **/pay.md"
        raise ValueError(problem)
    return normalize("NFC", pattern)


def _checked_link(link: str) -> str:
    fields = {name for _, name, *_ in Formatter().parse(link) if name is not None}
    if not fields <= {"base", "path"}:
        problem = "a link may hold {base} and {path}, nothing else in braces"
        raise ValueError(problem)
    return link


def _checked_hosts(hosts: tuple[str, ...]) -> tuple[str, ...]:
    for host in hosts:
        parts = urlsplit(checked_url(f"https://{host}/"))
        if parts.netloc != host or parts.path != "/" or parts.port or not host_of(parts.geturl()):
            problem = f"{host!r} is not a host alone, like docs.example.com"
            raise ValueError(problem)
    return hosts


def _checked_name(name: str) -> str:
    if name == RESERVED:
        problem = f"the source name {name} is reserved: use another one"
        raise ValueError(problem)
    return name


class Rule(BaseModel, frozen=True, extra="forbid"):
    """Who may read the paths that match."""

    match: Annotated[str, Field(strict=True), AfterValidator(_checked_pattern)]
    roles: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(checked_roles)]


class SourceRules(BaseModel, frozen=True, extra="forbid"):
    """One source as the file writes it."""

    name: Annotated[
        str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$"), AfterValidator(_checked_name)
    ]
    folder: Annotated[str, Field(min_length=1)]
    link: Annotated[str, Field(strict=True), AfterValidator(_checked_link)]
    hosts: Annotated[tuple[str, ...], AfterValidator(_checked_hosts)] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]


class RulesFile(BaseModel, frozen=True, extra="forbid"):
    """The whole file."""

    version: Literal[1]
    sources: Annotated[tuple[SourceRules, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What the rules say of one path.

    Attributes:
        roles: Empty where nobody may read it.
        reason: Why nobody may; empty otherwise.
    """

    roles: frozenset[str]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SourceAccess:
    """One source with its folder resolved: who may read each path, and where it opens."""

    name: str
    folder: Path
    link: str
    base_url: str
    rules: tuple[Rule, ...]
    hosts: tuple[str, ...] = ()

    def ruling(self, path: str) -> Ruling:
        """Return the roles of the first rule that matches.

        A path that differs from a pattern in case only is nobody's: on the author's machine it
        may have matched, and a wider rule further down must not catch it.

        Args:
            path: Relative to the folder, with slashes, in NFC.
        """
        for rule in self.rules:
            if _expression(rule.match).fullmatch(path):
                return Ruling(frozenset(rule.roles))
            if _expression(rule.match, re.IGNORECASE).fullmatch(path):
                return Ruling(frozenset(), f"differs from {rule.match} in case only")
        return Ruling(frozenset(), "no rule matches")

    def url(self, path: str) -> str:
        """Return where a person opens a path; its characters are quoted."""
        return self.link.format(base=self.base_url, path=quote(path, safe="/"))

    def is_ours(self, url: str) -> bool:
        """Tell whether a page may link there: the host of the template, or a listed one."""
        listed = (f"https://{host}/" for host in self.hosts)
        host = host_of(url)
        return bool(host) and host in map(host_of, (self.url("page.md"), *listed))


@dataclass(frozen=True, slots=True)
class AccessRules:
    """The checked rules of all sources.

    Attributes:
        path: The file that they stand in.
    """

    sources: tuple[SourceAccess, ...]
    path: Path

    @property
    def role_names(self) -> frozenset[str]:
        """Every role that some rule names."""
        rules = (rule for source in self.sources for rule in source.rules)
        return frozenset(role for rule in rules for role in rule.roles)


@lru_cache(maxsize=4096)
def _expression(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Translate a pattern: ``**`` is any number of folders; ``*`` and ``?`` stay in one part."""
    *folders, last = pattern.split("/")
    inner = "".join("(?:[^/]+/)*" if part == "**" else f"{_part(part)}/" for part in folders)
    return re.compile(inner + (".+" if last == "**" else _part(last)), flags | re.DOTALL)


def _part(part: str) -> str:
    return "".join(_WILD.get(char) or re.escape(char) for char in part)


def load_rules(path: Path, *, base_url: str) -> AccessRules:
    """Read the access rules of a corpus.

    Args:
        path: The file ``access.yaml``; relative folders in it start beside it.
        base_url: What ``{base}`` in a link stands for, without a slash at the end.

    Raises:
        AccessRulesError: If anything in it is not understood: a rule that is guessed at might
            let the wrong people read.
    """
    try:
        file = RulesFile.model_validate(yaml.load(_text_of(path), StrictLoader))  # noqa: S506  # a SafeLoader that is stricter
        sources = tuple(_source(source, path.parent, base_url) for source in file.sources)
    except FileNotFoundError as error:
        raise AccessRulesError(str(path), "there is no such file: write one") from error
    except ValidationError as error:
        raise AccessRulesError(str(path), told(error)) from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise AccessRulesError(str(path), " ".join(str(error).split())) from error
    return AccessRules(sources=_unique(path, sources), path=path)


def _text_of(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if len(text) > _LARGEST:
        problem = f"is longer than {_LARGEST:,} characters: no rule of it is used"
        raise ValueError(problem)
    return text


def _source(source: SourceRules, beside: Path, base_url: str) -> SourceAccess:
    access = SourceAccess(
        name=source.name,
        folder=beside / source.folder,
        link=source.link,
        base_url=base_url.rstrip("/"),
        rules=source.rules,
        hosts=source.hosts,
    )
    try:
        checked_url(access.url("page.md"))
    except ValueError as error:
        problem = f"link {source.link!r} of source {source.name}: {error}"
        raise ValueError(problem) from error
    return access


def _unique(path: Path, sources: tuple[SourceAccess, ...]) -> tuple[SourceAccess, ...]:
    for name, times in Counter(source.name for source in sources).items():
        if times > 1:
            raise AccessRulesError(str(path), f"two sources are called {name}: rename one")
    return sources
