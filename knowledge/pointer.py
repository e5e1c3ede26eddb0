"""Which table of the index serves, and what made its rows. Knows nothing of LanceDB."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from knowledge.errors import StoredIndexError


@dataclass(frozen=True, slots=True)
class IndexVersions:
    """What made the rows; rows of different makers are never mixed."""

    embedder: str
    chunker: str
    parser: str


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which table serves, and what made it (``index.json``).

    Attributes:
        made: Random, for another index may have tables of the same names and numbers.
    """

    table: str
    dim: int
    versions: IndexVersions
    made: str = ""

    @property
    def name(self) -> str:
        """The table, as it stands before the ``@`` of a version."""
        return f"{self.table}.{self.made}" if self.made else self.table

    @classmethod
    def read(cls, path: Path) -> "Pointer | None":
        """Read the file; None if nothing was indexed yet.

        Raises:
            StoredIndexError: If it is damaged.
        """
        if not path.exists():
            return None
        try:
            raw = json.loads(path.read_text())
            versions = IndexVersions(**raw["versions"])
            return cls(str(raw["table"]), int(raw["dim"]), versions, str(raw.get("made", "")))
        except (ValueError, KeyError, TypeError) as error:
            message = f"{path} is damaged: delete it and run `housevoice index --rebuild`"
            raise StoredIndexError(message) from error

    def write(self, path: Path) -> None:
        """Put the file in the place of the one before, at once and for good."""
        beside = path.with_suffix(".new")
        with beside.open("w") as file:
            json.dump(asdict(self), file, indent=2)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
