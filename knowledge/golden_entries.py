"""A case as an entry of a golden set: written at its end, and nothing else touched.

Knows the forms of the files; not where a case comes from.
"""

import json
import os
import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from textwrap import indent
from typing import Any

import yaml

from knowledge.errors import GoldenSetError
from knowledge.golden import GoldenCase, load_golden, parse_golden

_NEW_YAML = b"version: 1\ncases:\n"
_FIRST_ENTRY = re.compile(rb"^cases:[^\n]*\n(?:\s*#[^\n]*\n|\s*\n)*( *)- ", re.MULTILINE)
_NOT_LAST = "a case is only added where the list of cases comes last, one entry below the other"


def add_case(path: Path, case: GoldenCase) -> None:
    """Write a case at the end of a set, whole or not at all; a missing file is made.

    Raises:
        GoldenSetError: If the set is wrong, cannot be written, ends in something else than its
            cases, or has the case's id or the same question already.
    """
    before = path.read_bytes() if path.is_file() else b""
    known = load_golden(path).cases if before else ()
    if rival := rival_of(case, known):
        same = "id" if rival.id == case.id else "question"
        raise GoldenSetError(str(path), f"the same {same} is there already, as {rival.id}")
    after = _grown(before, case, path)
    try:
        parse_golden(after, path)
    except GoldenSetError as error:
        raise GoldenSetError(str(path), _NOT_LAST if before else error.problem) from error
    _replace(path, after)


def rival_of(case: GoldenCase, known: Iterable[GoldenCase]) -> GoldenCase | None:
    """Return the case of the same id, or of the same question, readers and thread."""
    mine = _asked(case)
    return next((one for one in known if one.id == case.id or _asked(one) == mine), None)


def entry(values: Mapping[str, Any], suffix: str) -> str:
    """Write a case as an entry of a file of this kind, with a line break at its end."""
    if suffix == ".jsonl":
        return f"{json.dumps(values, ensure_ascii=False)}\n"
    return yaml.safe_dump(
        [values], sort_keys=False, allow_unicode=True, default_flow_style=None, width=1000
    )


def _asked(case: GoldenCase) -> tuple[object, ...]:
    questions = (*(one.asked for one in case.history), case.question)
    return case.audience, [" ".join(one.casefold().split()) for one in questions]


def _grown(before: bytes, case: GoldenCase, path: Path) -> bytes:
    is_jsonl = path.suffix == ".jsonl"
    if not (before or is_jsonl):
        before = _NEW_YAML
    broken = b"" if not before or before.endswith(b"\n") else b"\n"
    text = entry(case.model_dump(exclude_defaults=True), path.suffix)
    first = None if is_jsonl else _FIRST_ENTRY.search(before)
    return before + broken + indent(text, first[1].decode() if first else "").encode()


def _replace(path: Path, raw: bytes) -> None:
    target = path.resolve()
    beside = target.with_name(f".{target.name}.new")
    try:
        with beside.open("wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, beside)
        beside.replace(target)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise GoldenSetError(str(path), "it cannot be written") from error
