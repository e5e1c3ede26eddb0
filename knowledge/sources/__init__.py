"""Where documents come from; knows neither roles nor formats."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Protocol

_OUTSIDE = re.compile(r"[^A-Za-z0-9_.:/@-]")
_LONGEST = 255  # characters, as in knowledge.documents


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may become a document.

    Attributes:
        path: Relative to its source, with slashes, in NFC.
    """

    path: str

    @property
    def extension(self) -> str:
        """In small letters, with its dot; empty where there is none."""
        return PurePosixPath(self.path).suffix.lower()


@dataclass(frozen=True, slots=True)
class Refused:
    """Something in the source that is never opened.

    Attributes:
        path: As far as it can be shown.
        reason: Such as ``is a symbolic link``.
    """

    path: str
    reason: str


class Source(Protocol):
    """A listing of files, each of which can be read."""

    def listing(self) -> Iterator[Candidate | Refused]:
        """Yield everything that is there, in a stable order.

        Raises:
            SourceError: If the listing is incomplete: what is missing from it is not gone.
        """
        ...

    def read(self, path: str) -> bytes:
        """Return the bytes of a candidate.

        Raises:
            ParseError: If it cannot be read now, or has become something else.
        """
        ...


def document_id(source: str, path: str) -> str:
    """Name a document so that the name can be quoted in a filter.

    What the pattern of ``Document.doc_id`` does not allow, and what is too long, is replaced;
    the path's hash then keeps the name unique.
    """
    name = f"{source}:{path}"
    safe = _OUTSIDE.sub("_", name)
    if safe == name and len(name) <= _LONGEST:
        return name
    digest = hashlib.sha256(path.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{safe[: _LONGEST - 9]}-{digest}"
