"""A folder on this machine, walked without ever leaving it.

Each part of a path is opened below the one before it and never through a link, so that no
swap between looking and opening leads outside. Hidden files are not looked at.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unicodedata import normalize

from knowledge.errors import ParseError, SourceError
from knowledge.sources import Candidate, Refused

LARGEST_BYTES = 20 << 20
"""Of one file; larger ones are refused and named."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a FIFO must not hold us up
_DEEPEST = 50


class FolderSource:
    """All regular files below one folder.

    Args:
        name: As in ``access.yaml``, for errors.
        root: May itself be a link: the operator chose it.
    """

    def __init__(self, name: str, root: Path) -> None:
        self._name = name
        self._root = root
        self._raw: dict[str, str] = {}  # NFC path -> path as stored

    def listing(self) -> Iterator[Candidate | Refused]:
        """Yield every file below the folder, in order of its path.

        Raises:
            SourceError: If the folder or one below it cannot be read.
        """
        self._raw = {}
        try:
            with _opened(os.open(self._root, _FOLDER)) as root:
                yield from self._walk(root, "", os.fstat(root).st_uid)
        except OSError as error:
            raise SourceError(self._name, _told(error)) from error

    def _walk(self, folder: int, above: str, owner: int) -> Iterator[Candidate | Refused]:
        for name in sorted(one for one in os.listdir(folder) if not one.startswith(".")):
            path = above + name
            status = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if reason := _objection(path, status, owner) or self._clash(path):
                yield Refused(_shown(path), reason)
            elif stat.S_ISDIR(status.st_mode):
                with _opened(os.open(name, _FOLDER | os.O_NOFOLLOW, dir_fd=folder)) as inner:
                    yield from self._walk(inner, f"{path}/", owner)
            else:
                yield Candidate(normalize("NFC", path))

    def _clash(self, path: str) -> str:
        """Two names that differ in their encoding only would share one document."""
        is_first = self._raw.setdefault(normalize("NFC", path), path) == path
        return "" if is_first else "has the name of another file, written differently"

    def read(self, path: str) -> bytes:
        """Return the bytes of a file of the last listing, and of no other.

        Raises:
            ParseError: If it is gone, cannot be read, or is no plain file of ours any more.
        """
        if path not in self._raw:
            raise ParseError(_shown(path), "is not in the folder")
        try:
            return self._read(self._raw[path])
        except OSError as error:
            raise ParseError(path, _told(error)) from error

    def _read(self, path: str) -> bytes:
        *folders, name = path.split("/")
        with _opened(os.open(self._root, _FOLDER)) as root:
            owner, inner = os.fstat(root).st_uid, os.dup(root)
            for folder in folders:
                with _opened(inner) as outer:
                    inner = os.open(folder, _FOLDER | os.O_NOFOLLOW, dir_fd=outer)
            with _opened(inner) as last, _opened(os.open(name, _FILE, dir_fd=last)) as file:
                return _contents(path, file, owner)


def _contents(path: str, file: int, owner: int) -> bytes:
    """Read what was opened, after asking once more what it is."""
    if reason := _objection(path, os.fstat(file), owner):
        raise ParseError(_shown(path), reason)
    with os.fdopen(os.dup(file), "rb") as stream:
        data = stream.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ParseError(path, f"is larger than {LARGEST_BYTES >> 20} MB")
    return data


def _objection(path: str, status: os.stat_result, owner: int) -> str:
    """Say why something is never opened; empty where it may be."""
    if stat.S_ISLNK(status.st_mode):
        return "is a symbolic link"
    if not path.isprintable():
        return "has an unprintable name"
    if stat.S_ISDIR(status.st_mode):
        return "lies too deep" if path.count("/") >= _DEEPEST else ""
    if not stat.S_ISREG(status.st_mode):
        return "is no regular file"
    is_foreign = status.st_nlink > 1 and status.st_uid != owner
    return "is a hard link to a file of another owner" if is_foreign else ""


def _shown(path: str) -> str:
    return path if path.isprintable() else ascii(path)[1:-1]


def _told(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()


@contextmanager
def _opened(descriptor: int) -> Iterator[int]:
    try:
        yield descriptor
    finally:
        os.close(descriptor)
