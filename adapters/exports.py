"""Data sets on disk: a folder each, named by its content, there as a whole or not at all.

Knows rows and manifests, not what is in them.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from filelock import FileLock

from adapters.datasets import DataSet
from adapters.errors import ExportUnreadableError, ExportUnsafeError
from adapters.export_manifest import (
    CARD,
    MANIFEST,
    Counts,
    ExportedFile,
    ExportManifest,
    Terms,
    card,
    columns_of,
    is_messages,
)
from adapters.rows import Row
from adapters.selection import POLICY, Policy
from adapters.splitting import SIMILAR

_DRAFT = ".draft-"


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What an export says of itself beside its rows.

    Attributes:
        on: Day of the newest input, not of the export: the same inputs give the same name.
        selection: What was asked for, ``domain`` included.
        scrubber: Versions and rules it was scrubbed with.
    """

    on: date
    policy: Policy
    selection: Mapping[str, str | list[str]]
    terms: tuple[Terms, ...]
    scrubber: Mapping[str, str | dict[str, str]]


@dataclass(frozen=True, slots=True)
class Export:
    """A data set on disk."""

    folder: Path
    manifest: ExportManifest

    @property
    def rows(self) -> dict[str, int]:
        """How many rows each file has that has any, by name without its ending."""
        files = sorted(self.manifest.files.items())
        return {
            path.removesuffix(".jsonl"): file.rows
            for path, file in files
            if path.endswith(".jsonl") and file.rows
        }


@contextmanager
def alone_in(root: Path) -> Iterator[None]:
    """Wait until nobody else writes data sets there, and clear away what was interrupted."""
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".lock"):
        for draft in root.glob(f"{_DRAFT}*/"):
            shutil.rmtree(draft)
        yield


def write(
    root: Path,
    data_set: DataSet,
    circumstances: Circumstances,
    secret_in: Callable[[str], str],
    settle: Callable[[Export], None] = lambda _: None,
) -> Export:
    """Write a data set beside the others; if it is there already, it stays as it is.

    Args:
        root: Where data sets lie.
        data_set: Its rows.
        circumstances: For its manifest.
        secret_in: Names a secret in a text; asked once more of all that was written.
        settle: Called when all is written and nothing is there yet; what it raises undoes it.

    Raises:
        ExportUnsafeError: If what was written holds a secret; then nothing is left of it.
        ExportUnreadableError: If it is there already, and not as it was written.
    """
    root.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=_DRAFT, dir=root))
    try:
        manifest = _written(draft, data_set, circumstances)
        _check(draft, secret_in)
        export = Export(root / manifest.version(circumstances.on.isoformat()), manifest)
        settle(export)
        _put(draft, export)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return export


def exports_in(root: Path) -> list[Export]:
    """List the data sets in a folder, by name.

    Raises:
        ExportUnreadableError: If one of them has a manifest that is none.
    """
    found = sorted(root.glob(f"[!.]*/{MANIFEST}"))
    return [Export(one.parent, _read(one)) for one in found]


def held_out_in(root: Path) -> frozenset[str]:
    """Return the names of all that an earlier data set kept from training."""
    return frozenset(name for one in exports_in(root) for name in one.manifest.held_out)


def _read(path: Path) -> ExportManifest:
    return ExportManifest.from_json(path.read_bytes(), path=str(path))


def _written(folder: Path, data_set: DataSet, said: Circumstances) -> ExportManifest:
    files = dict[str, ExportedFile]()
    for name, rows in data_set.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        for ending, content in (("jsonl", _jsonl(rows)), ("parquet", _parquet(name, rows))):
            files[f"{name}.{ending}"] = _file(folder / f"{name}.{ending}", content, len(rows))
    counts = Counts(
        considered=data_set.n_in,
        examples=data_set.n_out,
        dropped={why.value: n for why, n in data_set.dropped.items()},
        unbalanced=data_set.n_unbalanced,
    )
    rows_in = {name: len(rows) for name, rows in data_set.files.items()}
    text = card(rows_in, counts, str(said.selection["domain"]), said.policy.audience)
    files[CARD] = _file(folder / CARD, text.encode(), 0)
    manifest = _manifest(data_set, said, counts, files)
    _file(folder / MANIFEST, manifest.canonical, 0)
    return manifest


def _manifest(
    data_set: DataSet, said: Circumstances, counts: Counts, files: dict[str, ExportedFile]
) -> ExportManifest:
    policy = said.policy
    return ExportManifest(
        policy={
            "name": POLICY,
            "quorum": policy.quorum,
            "share": policy.share,
            "least": policy.least,
            "longest_words": policy.longest_words,
            "kto_ratio": policy.kto_ratio,
            "near_duplicate": SIMILAR,
        },
        selection=dict(said.selection),
        audience=sorted(policy.audience),
        terms=list(said.terms),
        counts=counts,
        scrubber={**said.scrubber, "hits": dict(data_set.hits)},
        split={
            "rule": "components of thread, asker, near-duplicate; 10 % validation, 10 % evaluation",
            "seed": policy.seed,
            "largest_share": data_set.largest_share,
        },
        vote_ids=list(data_set.vote_ids),
        held_out=list(data_set.held_out),
        files=files,
    )


def _jsonl(rows: Sequence[Row]) -> bytes:
    lines = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    return re.sub("[\x85\u2028\u2029]", _escaped, lines).encode()  # some end a line there


def _escaped(char: re.Match[str]) -> str:
    return f"\\u{ord(char.group()):04x}"


def _parquet(name: str, rows: Sequence[Row]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  slow to load
    from pyarrow import parquet  # noqa: PLC0415  the same

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    kinds = {"label": pa.bool_()}
    schema = pa.schema(
        (one, messages if is_messages(one) else kinds.get(one, pa.string()))
        for one in columns_of(name)
    )
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist(list(rows), schema=schema), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _file(path: Path, content: bytes, rows: int) -> ExportedFile:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return ExportedFile(sha256=hashlib.sha256(content).hexdigest(), rows=rows)


def _check(folder: Path, secret_in: Callable[[str], str]) -> None:
    """Look once more for secrets, in the files themselves."""
    for path in sorted(folder.rglob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            if any(map(secret_in, _texts(row))):
                raise ExportUnsafeError(row["row_id"])


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    for column, value in row.items():
        if is_messages(column):
            yield from (message["content"] for message in value)


def _put(draft: Path, export: Export) -> None:
    for path in (*draft.glob("*/"), draft):
        _sync(path)
    try:
        draft.rename(export.folder)
    except OSError:
        if not (export.folder / MANIFEST).is_file():
            raise
        _compare(export)  # the same one, written before
    _sync(export.folder.parent)


def _compare(export: Export) -> None:
    hashes = {path: file.sha256 for path, file in export.manifest.files.items()}
    for path, sha256 in (hashes | {MANIFEST: export.manifest.sha256}).items():
        there = export.folder / path
        if not there.is_file() or hashlib.sha256(there.read_bytes()).hexdigest() != sha256:
            raise ExportUnreadableError(str(there), "it is not as it was written")


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
