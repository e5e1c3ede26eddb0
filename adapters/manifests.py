"""What an adapter is, written down: its manifest, the name that follows from it, its reference.

A manifest holds only what two equal training runs share; times and scores belong to the
decisions about it. Pure: knows neither where adapters lie nor what loads them.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from adapters.errors import AdapterRejectedError

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Domain = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Role = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Kind = Literal["voice", "reader"]

WEIGHTS, CONFIG, MANIFEST = "adapter_model.safetensors", "adapter_config.json", "manifest.json"
_ID_DIGITS = 16


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Base(_Closed):
    """The model that an adapter was trained on, and fits alone.

    Attributes:
        sha256: Of its weights, as `bot.model_files.weights_sha256` counts.
    """

    id: str
    sha256: Sha256
    tokenizer_sha256: Sha256
    chat_template_sha256: Sha256 | Literal[""] = ""


class Data(_Closed):
    """What it was trained on.

    Attributes:
        version: Name of the export or recipe.
        policy: Under which rules the rows were chosen.
    """

    version: str
    sha256: Sha256
    rows: int = Field(ge=1)
    policy: str


class Training(_Closed):
    """How it was trained.

    Attributes:
        method: ``sft``, ``dpo``, ``kto`` or ``cross-encoder``; several are joined with ``+``.
        config: Every number that the result depends on.
        versions: Of the libraries.
    """

    method: str
    seed: int
    config: dict[str, int | float | str | bool]
    versions: dict[str, str]


class Manifest(_Closed):
    """Identity of one adapter.

    Attributes:
        audience: Every listener must have one of these roles; ``everyone`` is the widest.
        prompt_sha256: Of what each prompt began with in training; empty for a reader.
        examples: Of the voice that stood in those prompts.
        parents: Versions that its training started from.
        files: SHA-256 of each file beside the manifest, by name.
    """

    schema_version: Literal[1] = 1
    kind: Kind
    domain: Domain
    audience: Annotated[tuple[Role, ...], Field(min_length=1)]
    base: Base
    dataset: Data
    training: Training
    prompt_sha256: Sha256 | Literal[""] = ""
    examples: int = Field(default=0, ge=0)
    parents: tuple[str, ...] = ()
    files: dict[str, Sha256]

    @property
    def canonical(self) -> bytes:
        """Its one spelling: sorted keys, no spaces, UTF-8."""
        tree = self.model_dump(mode="json")
        text = json.dumps(
            tree, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        )
        return text.encode()

    @property
    def version(self) -> str:
        """Name of the adapter: 16 hexadecimal digits of the manifest's SHA-256."""
        return hashlib.sha256(self.canonical).hexdigest()[:_ID_DIGITS]

    @classmethod
    def from_json(cls, text: str | bytes, *, path: str) -> Self:
        """Read a manifest.

        Args:
            text: JSON.
            path: Where it stands; only for the message of an error.

        Raises:
            AdapterRejectedError: If it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            problem = f"{place}: {first['msg'].lower()}"
            raise AdapterRejectedError(path, problem) from error


@dataclass(frozen=True, slots=True)
class AdapterRef:
    """One version of an adapter that was verified, and where it lies.

    Attributes:
        folder: Absolute; holds weights, config and manifest and nothing else.
    """

    domain: str
    version: str
    folder: Path
    manifest: Manifest

    @property
    def name(self) -> str:
        """What an engine calls it; without dots, which torch does not allow in names."""
        return f"{self.domain}-{self.version}"

    def may_speak_to(self, readers: frozenset[frozenset[str]]) -> bool:
        """Tell whether everyone who can read a reply is in its audience.

        Args:
            readers: The role sets of the readers; without any, nobody knows who reads.
        """
        return bool(readers) and all(held & set(self.manifest.audience) for held in readers)
