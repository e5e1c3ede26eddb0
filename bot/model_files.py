"""What is in a model's folder, and whether it is what was recorded. Loads no model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError

from adapters.errors import ModelCorruptError

MANIFEST = "manifest.json"
"""The record beside the files that it speaks of."""


class Manifest(BaseModel, frozen=True, extra="forbid"):
    """What a folder in the cache holds: the SHA-256 of each file, by its path."""

    name: str
    files: dict[str, str]


@dataclass(frozen=True, slots=True)
class Files:
    """A folder, and what must be in it.

    Attributes:
        record: SHA-256 by path inside the folder; None where nobody recorded any.
        gguf: The weights, if they must be converted first.
    """

    name: str
    folder: Path
    record: Mapping[str, str] | None
    remedy: str = ""
    gguf: Path | None = None

    def check(self) -> None:
        """Compare each file with its record, and refuse files that nobody recorded.

        Raises:
            ModelCorruptError: If a file is missing, changed or was added.
        """
        if self.record is None:
            return
        paths = (path for path in self.folder.rglob("*") if path.is_file())
        present = {path.relative_to(self.folder).as_posix() for path in paths} - {MANIFEST}
        for file in sorted(present | self.record.keys()):
            self.check_file(file, is_present=file in present)

    def check_file(self, file: str, *, is_present: bool = True) -> None:
        """Compare one file with its record.

        Raises:
            ModelCorruptError: If it is missing, changed or not recorded.
        """
        recorded = (self.record or {}).get(file)
        if not is_present or recorded != file_sha256(self.folder / file):
            raise ModelCorruptError(str(self.folder), file, self.remedy)


def write_manifest(folder: Path, name: str) -> None:
    """Record the SHA-256 of every file in a folder, beside them."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {path.relative_to(folder).as_posix(): file_sha256(path) for path in files}
    text = Manifest(name=name, files=digests).model_dump_json(indent=2)
    (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read what a folder must hold.

    Raises:
        ModelCorruptError: If the record is missing or not one.
    """
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        raise ModelCorruptError(str(folder), MANIFEST) from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def weights_sha256(folder: Path) -> str:
    """Return what tells these weights from others: the SHA-256 of the safetensors in a folder."""
    digests = [file_sha256(file) for file in sorted(folder.glob("*.safetensors"))]
    if len(digests) == 1:
        return digests[0]
    return hashlib.sha256("".join(digests).encode()).hexdigest()
