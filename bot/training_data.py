"""A data set as a training takes it: checked, with the prompts that an adapter will meet.

An adapter has learnt what the examples in a prompt show, so it is trained, and speaks, without
them. Knows the written voice; knows nothing of how a model is trained.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from adapters.errors import DatasetError
from adapters.export_manifest import MANIFEST, ExportedFile
from adapters.manifests import Data
from adapters.responder import Message
from adapters.training_spec import Spec
from adapters.voice import Voice
from bot.model_files import file_sha256
from bot.prompt import fixed_messages

PUBLIC_ORIGINS = frozenset({"hand", "public"})
"""Column ``origin`` of rows that are nobody's secret; none that ``housevoice export`` writes."""


class _Manifest(BaseModel):
    audience: tuple[str, ...]
    policy: dict[str, str | int | float]
    files: dict[str, ExportedFile]
    terms: Any = None  # of an export, as the next one
    vote_ids: Any = None

    @property
    def is_exported(self) -> bool:
        return bool({"terms", "vote_ids"} & self.model_fields_set)


@dataclass(frozen=True, slots=True)
class DataSet:
    """A folder with rows that are what its manifest says.

    Attributes:
        sha256: Of its manifest, which holds those of its files.
        audience: Roles of which every listener of an adapter must have one.
        files: That its manifest names, within the folder.
        is_exported: Whether it was made of what people asked and answered.
    """

    folder: Path
    sha256: str
    audience: tuple[str, ...]
    policy: str
    files: frozenset[str] = frozenset()
    is_exported: bool = False

    @classmethod
    def from_folder(cls, folder: Path) -> Self:
        """Read a data set's manifest, and check the files that it names.

        Raises:
            DatasetError: If it has no manifest, or a file is not the one that was recorded.
        """
        path = folder / MANIFEST
        try:
            raw = path.read_bytes()
            manifest = _Manifest.model_validate_json(raw)
        except (OSError, ValidationError) as error:
            raise DatasetError(str(path), "it is no manifest of a data set") from error
        for name, file in manifest.files.items():
            if not (folder / name).is_file() or file_sha256(folder / name) != file.sha256:
                raise DatasetError(str(folder / name), "it is not the file that was recorded")
        policy = json.dumps(manifest.policy, sort_keys=True)
        digest, files = hashlib.sha256(raw).hexdigest(), frozenset(manifest.files)
        return cls(folder, digest, manifest.audience, policy, files, manifest.is_exported)

    def public_rows(self) -> int:
        """Count the rows if each is public or written by hand, as its origin says; else 0.

        An export has none, whatever stands in it.

        Raises:
            DatasetError: If a file holds something else than rows.
        """
        names = [] if self.is_exported else sorted(self.files)
        read = [
            row for name in names if name.endswith(".jsonl") for row in _rows(self.folder / name)
        ]
        return len(read) if all(row.get("origin") in PUBLIC_ORIGINS for row in read) else 0

    def data(self, rows: int) -> Data:
        """Return what the manifest of an adapter says of it."""
        version = self.folder.resolve().name
        return Data(version=version, sha256=self.sha256, rows=rows, policy=self.policy)


def write_bare(dataset: DataSet, voice: Voice, spec: Spec) -> None:
    """Write the rows that a training reads, without the examples that stood in their prompts.

    Raises:
        DatasetError: If rows begin with other rules than the voice has now, or stand in a file
            that the manifest does not name.
    """
    prefixes = _prefixes(voice)
    for stage in spec.stages:
        for split in ("train", "validation"):
            path = dataset.folder / stage / f"{split}.jsonl"
            if path.exists() and f"{stage}/{path.name}" not in dataset.files:
                raise DatasetError(str(path), "the manifest of its data set does not name it")
            if path.exists():
                _write(spec.dataset / stage / path.name, _bare_rows(path, prefixes))


def _prefixes(voice: Voice) -> list[list[Message]]:
    """List what a prompt of this voice can begin with: most examples first, at last none."""
    counts = range(len(voice.examples), -1, -1)
    return [list(fixed_messages(replace(voice, examples=voice.examples[:n]))) for n in counts]


def _bare_rows(path: Path, prefixes: Sequence[list[Message]]) -> list[dict[str, Any]]:
    rows = _rows(path)
    bare = [_bare(row["prompt"], prefixes) for row in rows]
    if others := sum(prompt is None for prompt in bare):
        problem = f"{others} of {len(rows)} rows begin with other rules than the voice has now"
        raise DatasetError(str(path), problem)
    return [row | {"prompt": prompt} for row, prompt in zip(rows, bare, strict=True)]


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
        rows = [dict(json.loads(line)) for line in lines if line]
    except (ValueError, TypeError) as error:
        raise DatasetError(str(path), "a line of it is no JSON object") from error
    if any(not isinstance(row.get("prompt"), list) for row in rows):
        raise DatasetError(str(path), "a row of it has no prompt")
    return rows


def _bare(prompt: list[Message], prefixes: Sequence[list[Message]]) -> list[Message] | None:
    for prefix in prefixes:
        if prompt[: len(prefix)] == prefix:
            return [*prefixes[-1], *prompt[len(prefix) :]]
    return None


def _write(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
    path.write_text(text, encoding="utf-8")
