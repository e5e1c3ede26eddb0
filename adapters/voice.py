"""The written voice: rules and examples for the prompt, the sentences that code says, and a score.

Knows neither models, documents nor files: a voice is made from the text of its YAML file.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import yaml
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from adapters.errors import VoiceError

_CLOSED = ConfigDict(extra="forbid", str_strip_whitespace=True)
_CITATION = re.compile(r"\s*\[\d+\]")
_CITED_WELL = re.compile(
    r"(?:\s?\[[1-9]\d?\])+(?=[.!?:]+(?:\s|$)|\s*$)"  # before the full stop
    r"|(?<=[.!?])(?:\s?\[[1-9]\d?\])+(?=\s|$)"  # or after it
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")

Line = Annotated[str, Field(min_length=1)]
_FACT = r"^([^{}\n]|\{(number|title)\})*\{text\}([^{}\n]|\{(number|title)\})*$"


@dataclass(frozen=True, slots=True)
class Fact:
    """One piece of evidence of an example, and the document it stands in."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    title: Line
    text: Line


@dataclass(frozen=True, slots=True)
class Example:
    """One question as the voice answers it from facts."""

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    question: Line
    facts: Annotated[tuple[Fact, ...], Field(min_length=1)]
    answer: Line


@dataclass(frozen=True, slots=True)
class Sayings:
    """What code says without a model, in the same voice.

    Attributes:
        decline: Where no passage may be used or none is good enough: the same words whether the
            document is missing or forbidden. Holds ``{contact}``.
        quoting: Stands above verbatim quotes.
        first_steps: The same where the steps of a how-to are too many to quote them all.
        working: Stands where the answer will.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    decline: Annotated[str, Field(pattern=r"^[^{}]*\{contact\}[^{}]*$")]
    quoting: Line
    first_steps: Line
    busy: Line
    working: Line
    failed: Line
    help: Line
    thanks: Line

    def decline_to(self, contact: str) -> str:
        """Return the sentence for a question that stays without an answer."""
        return self.decline.replace("{contact}", contact)


@dataclass(frozen=True, slots=True)
class Style:
    """What can be checked without judgement.

    Attributes:
        sentence_words: Longest sentence [words].
        exclamation_marks: At most so many in one answer.
        persons: At least one of these words stands in an answer.
        banned: Phrases that the house does not use; letter case does not matter.
        refusing: Phrases of which one stands in an answer that gives none.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    sentence_words: Annotated[int, Field(ge=5)]
    exclamation_marks: Annotated[int, Field(ge=0)]
    persons: tuple[Line, ...]
    banned: tuple[Line, ...]
    refusing: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Voice:
    """How the house speaks.

    Attributes:
        version: Changes with every edit; stands on each answer.
        rules: For the prompt, in this order.
        fact: How the model is shown one fact: ``{text}``, and ``{number}`` or ``{title}`` where
            that helps it.
        examples: For the prompt, best first: the last ones are left out when space is short.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _CLOSED

    name: Line
    version: Line
    rules: Annotated[tuple[Line, ...], Field(min_length=1)]
    fact: Annotated[str, Field(pattern=_FACT)]
    examples: Annotated[tuple[Example, ...], Field(max_length=8)]
    sayings: Sayings
    style: Style

    @classmethod
    def from_yaml(cls, text: str, *, path: str) -> Self:
        """Read a voice.

        Args:
            text: YAML.
            path: Where it stands; only for the message of an error.

        Raises:
            VoiceError: If it is not YAML, or a part is missing, unknown or of the wrong kind.
        """
        try:
            return TypeAdapter(cls).validate_python(yaml.safe_load(text))
        except yaml.YAMLError as error:
            raise VoiceError(path, "it is not YAML") from error
        except ValidationError as error:
            raise VoiceError(path, _first_problem(error)) from error

    @property
    def sha256(self) -> str:
        """Name of all that it says and shows, for an edit may forget the version."""
        return hashlib.sha256(TypeAdapter(Voice).dump_json(self)).hexdigest()

    @property
    def label(self) -> str:
        """Name and version in one word."""
        return f"{self.name}-{self.version}"

    def refuses(self, text: str) -> bool:
        """Tell whether a text says that it has no answer."""
        lowered = text.lower().replace("\u2019", "'")
        return any(_says(lowered, phrase) for phrase in self.style.refusing)

    def score(self, text: str) -> Mapping[str, bool]:
        """Tell for each rule that needs no judgement whether an answer keeps it.

        Returns:
            ``sentence_words``, ``exclamation_marks``, ``person``, ``banned`` and ``citations``:
            there is one, and each ``[n]`` stands at the end of its sentence.
        """
        lowered, style = text.lower(), self.style
        sentences = _SENTENCE_END.split(_CITATION.sub("", text))
        return {
            "sentence_words": all(len(s.split()) <= style.sentence_words for s in sentences),
            "exclamation_marks": text.count("!") <= style.exclamation_marks,
            "person": any(_says(lowered, person) for person in style.persons),
            "banned": not any(_says(lowered, phrase) for phrase in style.banned),
            "citations": _is_cited_well(text),
        }


def _is_cited_well(text: str) -> bool:
    without_ends = _CITED_WELL.sub("", text)
    return without_ends != text and not _CITATION.search(without_ends)


def _says(lowered: str, phrase: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(phrase.lower())}(?!\w)", lowered) is not None


def _first_problem(error: ValidationError) -> str:
    first = error.errors()[0]
    place = ".".join(map(str, first["loc"])) or "the file"
    return f"{place}: {first['msg'].lower()}"
