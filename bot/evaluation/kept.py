"""What was asked already, in a file, so that a run which was stopped goes on where it was.

A line each: a key without spaces, and a value as JSON. A last line that was cut off is dropped.
"""

from pathlib import Path
from typing import Generic, TypeVar

from pydantic import TypeAdapter

T = TypeVar("T")


class KeptLines(Generic[T]):
    """Values by key in a file that only its owner may read; without a path nothing is kept."""

    def __init__(self, path: Path | None, form: type[T]) -> None:
        self._path = path
        self._form = TypeAdapter[T](form)

    def known(self) -> dict[str, T]:
        """Read what is there."""
        if self._path is None or not self._path.exists():
            return {}
        text, _, cut_off = self._path.read_text(encoding="utf-8").rpartition("\n")
        whole = text.split("\n") if text else []
        if cut_off:
            self._path.write_text("".join(f"{line}\n" for line in whole), encoding="utf-8")
        pairs = (line.split(" ", 1) for line in whole)
        return {key: self._form.validate_json(text) for key, text in pairs}

    def keep(self, key: str, value: T) -> None:
        """Add one at the end."""
        if self._path is None:
            return
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path.touch(mode=0o600)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{key} {self._form.dump_json(value).decode()}\n")
