"""Golden sets: questions, who asks and who reads along, and what a right answer holds.

Knows the form of the files, which ``docs/golden.md`` describes, and how a fact is found in a
text; asks nothing and knows no model.
"""

import hashlib
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from knowledge.access import Audience, assignable_role
from knowledge.errors import AccessError, GoldenSetError
from knowledge.strict_yaml import StrictLoader

M = TypeVar("M", bound=BaseModel)

_CLOSED = ConfigDict(extra="forbid", frozen=True)
_FIRST_VERSION = 1

_CITATION = re.compile(r"\[\d{1,3}\]")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PLAIN = str.maketrans(dict.fromkeys("*`\\") | dict.fromkeys("‐‑‒–—−", "-") | {"’": "'"})  # noqa: RUF001  # what looks alike is taken for the same


def holds(text: str, fact: str) -> bool:
    """Tell whether a fact stands in a text as a whole: ``6 percent`` not within 16 percent.

    Letter case, runs of white space, marks of Markdown, invisible characters, the kind of dash
    and the comma of thousands make no difference, and citations such as ``[1]`` are no text.
    Numbers in words are not taken for digits: a case lists both as ``answers``.
    """
    return _whole(fact).search(_plain(text)) is not None


@lru_cache(maxsize=4096)
def _whole(fact: str) -> re.Pattern[str]:
    plain = _plain(fact)
    before = r"(?<![^\W_])(?<!\d[.,])" if plain[:1].isalnum() else ""
    after = r"(?![^\W_])(?![.,]\d)" if plain[-1:].isalnum() else ""
    return re.compile(before + re.escape(plain) + after)


def _plain(text: str) -> str:
    if not text.isascii():
        composed = unicodedata.normalize("NFKC", text)
        text = "".join(char for char in composed if unicodedata.category(char) != "Cf")
    line = " ".join(_CITATION.sub(" ", text).translate(_PLAIN).split())
    return _THOUSANDS.sub("", line).casefold()


def _findable(fact: str) -> str:
    if not _plain(fact):
        nothing = "there is nothing in it to look for"
        raise ValueError(nothing)
    return fact


Text = Annotated[str, Field(min_length=1)]
Fact = Annotated[str, AfterValidator(_findable)]
Roles = Annotated[tuple[str, ...], Field(min_length=1)]


class Exchange(BaseModel):
    """An earlier question of the same thread, and what was answered.

    Attributes:
        answered: None: then it has to be asked for real first.
    """

    model_config = _CLOSED

    asked: Text
    answered: Text | None = None


class GoldenCase(BaseModel):
    """One question, who asks it, who reads along, and what a right answer holds.

    Attributes:
        roles: Of the asker.
        readers: Of everyone else who can read the reply.
        history: Of the thread, oldest first.
        sources: Paths of documents that answer; none where the bot must decline.
        facts: Each must stand in the reply.
        answers: At least one of them must stand in the reply.
        forbidden: None of them may stand in reply, sources or trace.
    """

    model_config = _CLOSED

    id: Text
    question: Text
    roles: Roles
    readers: tuple[Roles, ...] = ()
    history: tuple[Exchange, ...] = ()
    sources: tuple[Text, ...] = ()
    facts: tuple[Fact, ...] = ()
    answers: tuple[Fact, ...] = ()
    forbidden: tuple[Fact, ...] = ()
    expect: Literal["answer", "decline"] = "answer"
    tags: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _is_consistent(self) -> "GoldenCase":
        if (self.expect == "answer") != bool(self.sources or self.facts or self.answers):
            message = "an answer needs sources, facts or answers, a decline has none of them"
            raise ValueError(message)
        try:
            for role in (role for reader in (self.roles, *self.readers) for role in reader):
                assignable_role(role)
        except AccessError as error:
            raise ValueError(str(error)) from error
        return self

    @property
    def audience(self) -> Audience:
        """Everyone who can read the reply."""
        return Audience.from_role_sets([self.roles, *self.readers])

    def is_told(self, reply: str) -> bool:
        """Tell whether a reply holds every fact, and one of the answers if there are any."""
        is_any = not self.answers or any(holds(reply, one) for one in self.answers)
        return is_any and all(holds(reply, fact) for fact in self.facts)


class _Header(BaseModel):
    model_config = _CLOSED

    name: Text | None = None
    version: int = Field(default=_FIRST_VERSION, ge=1)


@dataclass(frozen=True, slots=True)
class GoldenSet:
    """The cases of one file.

    Attributes:
        sha256: Of the bytes of the file: tells every change.
        version: What a person raises when old figures must no longer be compared with new ones.
    """

    cases: tuple[GoldenCase, ...]
    sha256: str
    name: str = "golden"
    version: int = _FIRST_VERSION

    def case(self, case_id: str) -> GoldenCase:
        """Return the case of an id.

        Raises:
            GoldenSetError: If there is none.
        """
        for case in self.cases:
            if case.id == case_id:
                return case
        raise GoldenSetError(self.name, f"there is no case {case_id}")


@dataclass(frozen=True, slots=True)
class _Parts:
    header: Mapping[str, Any]
    cases: list[tuple[str, Any]] = field(default_factory=list)  # with the place of each


def load_golden(path: Path) -> GoldenSet:
    """Read a golden set: YAML, or JSONL with one case a line.

    Raises:
        GoldenSetError: If it is missing, is neither of the two, or has a wrong or doubled case.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise GoldenSetError(str(path), "it cannot be read: check the path") from error
    return parse_golden(raw, path)


def parse_golden(raw: bytes, path: Path) -> GoldenSet:
    """Read the bytes of a golden set; the path tells their kind.

    Raises:
        GoldenSetError: As for `load_golden`.
    """
    try:
        parts = _form(path)(raw.decode())
        header = _checked(_Header, parts.header, "")
        cases = tuple(_checked(GoldenCase, one, place) for place, one in parts.cases)
    except ValueError as error:  # UnicodeDecodeError is one; StrictLoader quotes the place below
        raise GoldenSetError(str(path), str(error).partition(":\n")[0]) from error
    except yaml.YAMLError as error:
        raise GoldenSetError(str(path), f"it is not YAML{_line_of(error)}") from error
    if not cases:
        raise GoldenSetError(str(path), "there is no case in it")
    if doubled := sorted(_doubled(case.id for case in cases)):
        raise GoldenSetError(str(path), f"ids stand twice: {', '.join(doubled)}")
    sha256 = hashlib.sha256(raw).hexdigest()
    return GoldenSet(cases, sha256, header.name or path.stem, header.version)


def _form(path: Path) -> Callable[[str], _Parts]:
    forms = {".yaml": _from_yaml, ".yml": _from_yaml, ".jsonl": _from_jsonl}
    if path.suffix not in forms:
        message = f"its name must end with {', '.join(forms)}"
        raise ValueError(message)
    return forms[path.suffix]


def _from_yaml(text: str) -> _Parts:
    loaded = yaml.load(text, StrictLoader)  # noqa: S506  # a safe loader
    cases = loaded.pop("cases", None) if isinstance(loaded, dict) else None
    if not isinstance(cases, list):
        message = "it must have a list of cases"
        raise ValueError(message)  # noqa: TRY004  # what stands in a file is a value
    return _Parts(loaded, [(f"case {n}", one) for n, one in enumerate(cases, start=1)])


def _from_jsonl(text: str) -> _Parts:
    numbered = enumerate(text.split("\n"), start=1)
    lines = [(f"line {n}", _from_json(line, n)) for n, line in numbered if line.strip()]
    first = lines[0][1] if lines else None
    if isinstance(first, dict) and "version" in first:
        return _Parts(first, lines[1:])
    return _Parts({}, lines)


def _from_json(line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        message = f"line {number}: it is not JSON"
        raise ValueError(message) from error


def _checked(model: type[M], values: object, place: str) -> M:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        known = values.get("id") if isinstance(values, dict) else None
        where = f"{place} ({known})" if known else place
        key = ".".join(map(str, first["loc"]))
        is_unknown = first["type"] == "extra_forbidden"
        says = "there is no such key" if is_unknown else first["msg"].removeprefix("Value error, ")
        raise ValueError(": ".join(filter(None, (where, key, says)))) from error


def _line_of(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    return f", line {mark.line + 1}" if mark else ""


def _doubled(ids: Iterable[str]) -> Iterator[str]:
    return (one for one, times in Counter(ids).items() if times > 1)
