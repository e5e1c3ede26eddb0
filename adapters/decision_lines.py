"""What was decided about adapters: lines in a file, each with the SHA-256 of the one before it.

A line that is changed, dropped, moved or added breaks the chain. Whoever can write the file can
build it anew; the log of the bot keeps the SHA-256 of each line too. Knows no adapter.
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from adapters.errors import RegistryBrokenError
from adapters.gates import GateResult
from adapters.registry_files import sync_folder

Action = Literal["promote", "rollback", "taint"]


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decided, why, and on what grounds.

    Attributes:
        gates: All that the version had to pass; empty for a rollback or a taint.
        forced: Whether it was decided against a gate.
    """

    actor: str
    reason: str
    gates: tuple[GateResult, ...] = ()
    forced: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One decision as it is kept.

    Attributes:
        generation: Its place, from 1.
        version: What it is about; empty for the plain base.
        before: What spoke in the domain until then.
        after: What speaks since.
        base: SHA-256 of the base that the version was trained on, as ``dataset`` and ``prompt``.
        previous: SHA-256 of the line before; empty for the first.
        sha256: Of all the rest.
    """

    generation: int
    at: datetime
    action: Action
    domain: str
    version: str
    before: str
    after: str
    decision: Decision
    base: str = ""
    dataset: str = ""
    prompt: str = ""
    previous: str = ""
    sha256: str = ""

    # A gate that could not run may have no figure.
    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings", extra="forbid")

    def chained(self, lines: Sequence["Line"]) -> "Line":
        """Return it with its place in the chain, after those that are there."""
        placed = replace(self, previous=lines[-1].sha256 if lines else "", sha256="")
        return replace(placed, sha256=hashlib.sha256(_canonical(placed)).hexdigest())


_LINE = TypeAdapter(Line)


def read_lines(path: Path) -> list[Line]:
    """Read all decisions, oldest first; the last line is left out if its end was never written.

    Raises:
        RegistryBrokenError: If they do not follow from each other.
    """
    lines = list[Line]()
    for number, text in enumerate(_whole(path).splitlines(keepends=True), start=1):
        try:
            line = _LINE.validate_json(text)
        except ValidationError as error:
            raise RegistryBrokenError(str(path), f"line {number} is no decision") from error
        if line.generation != number or text != _written(line.chained(lines)):
            raise RegistryBrokenError(str(path), f"line {number} was not written there")
        lines.append(line)
    return lines


def cut_torn_line(path: Path) -> None:
    """Take away the last line if its end was never written: nothing was done about it yet."""
    if path.exists() and (whole := len(_whole(path))) < path.stat().st_size:
        with path.open("r+b") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


def append_line(path: Path, line: Line) -> None:
    """Write a chained line at the end, for good."""
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(_written(line))
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(path.parent)


def canonical(tree: Any) -> bytes:
    """Write JSON in the one way that its hash is taken of."""
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _whole(path: Path) -> bytes:
    data = path.read_bytes() if path.exists() else b""
    return data[: data.rfind(b"\n") + 1]


def _canonical(line: Line) -> bytes:
    return canonical(json.loads(_LINE.dump_json(line)))


def _written(line: Line) -> bytes:
    return _canonical(line) + b"\n"
