"""What a data set says of itself: ``manifest.json``, and the card that makes it loadable. Pure.

A manifest holds nothing that two exports of the same inputs do not share.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from adapters.errors import ExportUnreadableError
from adapters.rows import EVALUATION

MANIFEST, CARD = "manifest.json", "README.md"
_DIGITS = 12
_MESSAGES = ("prompt", "completion", "chosen", "rejected")


class _Closed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExportedFile(_Closed):
    """One file of a data set."""

    sha256: str
    rows: int


class Counts(_Closed):
    """What came in, and what became of it: ``examples`` is ``considered`` without ``dropped``.

    Attributes:
        unbalanced: Rows left out of ``kto`` alone.
    """

    considered: int
    examples: int
    dropped: dict[str, int]
    unbalanced: int


class Terms(_Closed):
    """Under which approval the texts of a workspace were let out.

    Attributes:
        approval: Its number; 0 for the local workspace, which needs none.
    """

    team: str
    approval: int
    with_typed_texts: bool


class ExportManifest(_Closed):
    """Identity of one data set.

    Attributes:
        policy: Name and numbers of the rules.
        selection: What was asked for.
        audience: Every listener of what is trained on it must have one of these roles.
        scrubber: Rules, versions, and what was replaced, by kind.
        split: Rule, seed and the share of the largest group.
        held_out: Names of rows, exchanges and groups that must never be trained on.
        files: By path within the folder.
    """

    schema_version: int = 1
    policy: dict[str, str | int | float]
    selection: dict[str, str | list[str]]
    audience: list[str]
    terms: list[Terms]
    counts: Counts
    scrubber: dict[str, str | dict[str, str] | dict[str, int]]
    split: dict[str, str | int | float]
    vote_ids: list[str]
    held_out: list[str]
    files: dict[str, ExportedFile]

    @property
    def canonical(self) -> bytes:
        """Its one spelling."""
        tree = self.model_dump(mode="json")
        return (json.dumps(tree, sort_keys=True, indent=1, ensure_ascii=False) + "\n").encode()

    @property
    def sha256(self) -> str:
        """Names the data set with all its files."""
        return hashlib.sha256(self.canonical).hexdigest()

    def version(self, on: str) -> str:
        """Name the folder: the day of the newest input, and the content."""
        return f"{on}-{self.sha256[:_DIGITS]}"

    @classmethod
    def from_json(cls, text: bytes, *, path: str) -> Self:
        """Read a manifest.

        Raises:
            ExportUnreadableError: If it is none.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "the file"
            raise ExportUnreadableError(path, f"{place}: {first['msg'].lower()}") from error


def columns_of(name: str) -> tuple[str, ...]:
    """Return the columns of a file, such as ``sft/train``, in their order."""
    kind = name.partition("/")[0]
    taught = {"sft": ("completion",), "dpo": ("chosen", "rejected")}
    own = taught.get(kind, ("completion", "label"))
    return ("row_id", "group", "origin", "domain", "prompt", *own)


def is_messages(column: str) -> bool:
    """Tell a column of chat messages from one of plain values."""
    return column in _MESSAGES


def card(files: Mapping[str, int], counts: Counts, domain: str, audience: Sequence[str]) -> str:
    """Write the data set's card; its front matter makes ``datasets`` load it without a network.

    Args:
        files: Rows by name. A split without rows is not named, for it could not be loaded.
        counts: As in the manifest.
        domain: What the voice is for.
        audience: As in the manifest.
    """
    filled = [name for name, rows in files.items() if rows]
    kinds = sorted({name.partition("/")[0] for name in filled})
    front = {
        "configs": [_config(kind, filled) for kind in kinds],
        "dataset_info": [{"config_name": k, "features": _features(columns_of(k))} for k in kinds],
    }
    dropped = [f"- {why}: {n}" for why, n in counts.dropped.items()] or ["- nothing"]
    lines = [
        "---",
        yaml.safe_dump(front, sort_keys=False).rstrip(),
        "---",
        "",
        f"# Examples of a voice: {domain}",
        "",
        f"{counts.examples} examples of {counts.considered} that were considered.",
        f"What is trained on them may speak to who has one of the roles: {', '.join(audience)}.",
        "Internal: it holds texts of the company. Personal data was replaced by placeholders.",
        "",
        "Rows:",
        "",
        *(f"- {name}: {files[name]}" for name in files),
        "",
        "Left out:",
        "",
        *dropped,
        "",
        "`manifest.json` holds the rules, the hashes and the ids behind it.",
    ]
    return "\n".join(lines) + "\n"


def _config(kind: str, filled: Sequence[str]) -> dict[str, Any]:
    splits = [
        {"split": "test" if name == EVALUATION else name.partition("/")[2], "path": f"{name}.jsonl"}
        for name in filled
        if name.partition("/")[0] == kind
    ]
    return {"config_name": kind, "data_files": splits}


def _features(columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": one} | _kind(one) for one in columns]


def _kind(column: str) -> dict[str, Any]:
    # Made anew for each column: ``datasets`` takes apart what it reads, and YAML shares it.
    if is_messages(column):
        return {"list": [{"name": name, "dtype": "string"} for name in ("role", "content")]}
    return {"dtype": "bool" if column == "label" else "string"}
