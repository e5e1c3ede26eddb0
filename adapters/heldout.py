"""Questions that no voice is trained on, for measuring voices.

Knows the form of the files and which part is held out; asks nothing, and knows no model.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from adapters.errors import DatasetError
from adapters.voice import Fact, Line

_CLOSED = ConfigDict(extra="forbid", str_strip_whitespace=True)
_TENTH = 10

Kind = Literal[
    "single",
    "several",
    "conflicting",
    "superseded",
    "partial",
    "refusal",
    "injected",
    "terse",
    "rambling",
    "follow-up",
    "comprehension",
    "impossible",
    "marker",
]
"""What makes a question hard. The last three are made by code and stand in no file."""

_UNANSWERABLE = frozenset({"refusal", "impossible"})


@dataclass(frozen=True, slots=True)
class Earlier:
    """An earlier message of the same thread."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    role: Literal["user", "assistant"]
    text: Line


@dataclass(frozen=True, slots=True)
class Item:
    """One question, and the facts that a voice is shown for it.

    Attributes:
        facts: In the order of the prompt.
        answer: As the house would say it; empty where only ``golds`` are known.
        golds: Any of these words is a right answer; empty for a written item.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    id: Line
    kind: Kind
    question: Line
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    answer: str = ""
    history: tuple[Earlier, ...] = ()
    golds: tuple[Line, ...] = ()

    @property
    def is_answerable(self) -> bool:
        """Whether a fact answers."""
        return self.kind not in _UNANSWERABLE


class _Recipe(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    held_out: Annotated[tuple[Line, ...], Field(min_length=1)]


_ITEM = TypeAdapter(Item)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The held-out part of a voice's examples.

    Attributes:
        companies: Whose examples they are: each is held out whole.
        sha256: Of the files, in the order of the companies.
    """

    companies: tuple[str, ...]
    items: tuple[Item, ...]
    sha256: str


def read_held_out(voice: Path) -> HeldOut:
    """Read the examples that the recipe of a voice holds out.

    Args:
        voice: Folder with ``recipe.yaml`` and ``examples/<company>.jsonl``.

    Raises:
        DatasetError: If the recipe or an example cannot be used, or an id stands twice.
    """
    companies = _recipe(voice / "recipe.yaml").held_out
    files = [voice / "examples" / f"{company}.jsonl" for company in companies]
    items = tuple(item for file in files for item in read_items(file))
    if len({item.id for item in items}) < len(items):
        raise DatasetError(str(voice / "examples"), "an id stands twice")
    digests = "".join(hashlib.sha256(_bytes(file)).hexdigest() for file in files)
    return HeldOut(companies, items, hashlib.sha256(digests.encode()).hexdigest())


def read_items(path: Path) -> tuple[Item, ...]:
    """Read the examples of one company.

    Raises:
        DatasetError: If there is no such file, or a line is no example.
    """
    return tuple(_lines(path))


def held_out_titles(titles: Iterable[str], seed: int) -> frozenset[str]:
    """Choose the tenth of the articles that no voice is trained on, whole ones, at least one."""

    def rank(title: str) -> str:
        return hashlib.sha256(f"{seed}:{title}".encode()).hexdigest()

    ranked = sorted(set(titles), key=rank)
    return frozenset(ranked[: max(1, round(len(ranked) / _TENTH))])


def _recipe(path: Path) -> _Recipe:
    try:
        return _Recipe.model_validate(yaml.safe_load(_bytes(path)))
    except yaml.YAMLError as error:
        raise DatasetError(str(path), "it is not YAML") from error
    except ValidationError as error:
        raise DatasetError(str(path), _first(error)) from error


def _lines(path: Path) -> Iterator[Item]:
    for number, line in enumerate(_bytes(path).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            yield _ITEM.validate_json(line)
        except ValidationError as error:
            raise DatasetError(str(path), f"line {number}: {_first(error)}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetError(str(path), "it cannot be read") from error


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the line"
    return f"{place}: {first['msg'].lower()}"
