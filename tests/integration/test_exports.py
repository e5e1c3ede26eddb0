"""Data sets on disk: bytes, names, loading with no network, and what is never left behind."""

import hashlib
import json
from datetime import date
from pathlib import Path

import pytest
from exchanged import as_it_is, disliked, edited, liked
from filelock import FileLock, Timeout
from pyarrow import parquet

from adapters import exports
from adapters.datasets import build
from adapters.errors import ExportUnreadableError, ExportUnsafeError
from adapters.export_manifest import Terms
from adapters.exports import Circumstances, Export
from adapters.selection import Policy

POLICY = Policy(least=1_000)
SAID = Circumstances(
    on=date(2026, 11, 21),
    policy=POLICY,
    selection={"domain": "default", "sources": [], "since": ""},
    terms=(Terms(team="T1", approval=3, with_typed_texts=True),),
    scrubber={"rules_sha256": "0" * 64, "versions": {"detect-secrets": "1.5.0"}},
)
EVERY = [
    make(n, [f"A{n}", f"B{n}", f"C{n}"])
    for n in range(90)
    for make in [(liked, disliked, edited)[n % 3]]
]


def written(root: Path, n: int = 90) -> Export:
    """Write a data set of the first so many exchanges."""
    data_set = build(EVERY[:n], POLICY, as_it_is, exports.held_out_in(root))
    return exports.write(root, data_set, SAID, lambda _: "")


def content(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, by path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    """In another folder, and again in the same one, where what is there stays."""
    first, other = written(tmp_path / "a"), written(tmp_path / "b")

    assert content(first.folder) == content(other.folder)
    assert first.folder.name == other.folder.name
    before = first.folder.stat()
    assert written(tmp_path / "a").folder == first.folder
    assert first.folder.stat().st_ino == before.st_ino
    assert [one.name for one in (tmp_path / "a").iterdir()] == [first.folder.name]


def test_another_row_makes_another_name(tmp_path: Path) -> None:
    """The day of the newest input and twelve digits of the content."""
    few, all_of_them = written(tmp_path, 60), written(tmp_path)

    assert few.folder != all_of_them.folder
    assert all_of_them.folder.name == f"2026-11-21-{all_of_them.manifest.sha256[:12]}"
    assert exports.exports_in(tmp_path) == sorted(
        [few, all_of_them], key=lambda one: one.folder.name
    )


def test_the_manifest_says_what_is_there(tmp_path: Path) -> None:
    """Each file with its hash and rows, the rules, the reasons and the votes behind it."""
    export = written(tmp_path)
    manifest = json.loads((export.folder / "manifest.json").read_bytes())

    found = content(export.folder)
    del found["manifest.json"]
    hashes = {name: hashlib.sha256(body).hexdigest() for name, body in found.items()}
    assert {name: file["sha256"] for name, file in manifest["files"].items()} == hashes
    lines = found["sft/train.jsonl"].decode().splitlines()
    assert manifest["files"]["sft/train.jsonl"]["rows"] == len(lines) > 20
    assert manifest["audience"] == ["everyone"]
    assert manifest["terms"] == [{"team": "T1", "approval": 3, "with_typed_texts": True}]
    counts = manifest["counts"]
    assert counts["considered"] == counts["examples"] + sum(counts["dropped"].values())
    assert manifest["vote_ids"]
    assert manifest["policy"]["quorum"] == 3


def test_it_loads_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each configuration by its name, with messages and labels of the right kind."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "hf" / "datasets"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    export = written(tmp_path / "exports")
    import datasets  # noqa: PLC0415  an extra, and slow

    cache = str(tmp_path / "hf" / "datasets")
    for kind in ("sft", "kto", "dpo", "evaluation"):
        loaded = datasets.load_dataset(str(export.folder), kind, cache_dir=cache)
        named = {name: len(rows) for name, rows in loaded.items()}
        files = {name: n for name, n in export.rows.items() if name.startswith(kind)}
        assert sorted(named.values()) == sorted(files.values())
    sft = datasets.load_dataset(str(export.folder), "sft", split="train", cache_dir=cache)
    line = (export.folder / "sft/train.jsonl").read_text().splitlines()[0]
    assert sft[0] == json.loads(line)


def test_a_small_export_loads_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A split without a row is not named: naming it would break the loading of the others."""
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    export = written(tmp_path / "exports", 3)
    import datasets  # noqa: PLC0415  an extra, and slow

    cache = str(tmp_path / "hf" / "datasets")
    assert (export.folder / "sft/validation.jsonl").exists()
    loaded = datasets.load_dataset(str(export.folder), "sft", cache_dir=cache)
    assert {f"sft/{name}" for name in loaded} <= set(export.rows)


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    """With the same columns in a file without a row, so that nothing is typed by chance."""
    few, many = written(tmp_path, 3), written(tmp_path)

    rows = parquet.read_table(many.folder / "kto/train.parquet").to_pylist()
    lines = (many.folder / "kto/train.jsonl").read_text().splitlines()
    assert rows == [json.loads(line) for line in lines]
    schemas = {
        parquet.read_schema(one.folder / f"dpo/{part}.parquet")
        for one in (few, many)
        for part in ("train", "validation")
    }
    assert len(schemas) == 1


def test_a_line_is_a_row_whatever_stands_in_it(tmp_path: Path) -> None:
    """Characters that end a line elsewhere do not end one here."""
    odd = liked(1, text="One\u2028two\x85three\u2029four, \u00fc.")
    data_set = build([odd], POLICY, as_it_is)
    folder = exports.write(tmp_path, data_set, SAID, lambda _: "").folder

    lines = [
        line
        for path in sorted(folder.rglob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    assert {json.loads(line)["completion"][0]["content"] for line in lines} == {odd.text}


def test_a_secret_in_what_was_written_leaves_nothing(tmp_path: Path) -> None:
    """The last look is at the files themselves; no draft stays behind either."""
    data_set = build(EVERY, POLICY, as_it_is)

    with pytest.raises(ExportUnsafeError):
        exports.write(tmp_path, data_set, SAID, lambda text: "token" if "wifi" in text else "")
    assert list(tmp_path.iterdir()) == []


def test_what_was_interrupted_is_cleared_away(tmp_path: Path) -> None:
    """A draft of a killed export goes with the next one; nobody else writes meanwhile."""
    (tmp_path / ".draft-killed" / "sft").mkdir(parents=True)

    with exports.alone_in(tmp_path):
        names = [one.name for one in tmp_path.iterdir()]
        with pytest.raises(Timeout):
            FileLock(tmp_path / ".lock", timeout=0).acquire()

    assert names == [".lock"]


def test_what_is_there_is_not_taken_on_trust(tmp_path: Path) -> None:
    """A file that was changed since is named, rather than reported as written."""
    folder = written(tmp_path).folder
    (folder / "sft/train.jsonl").write_text("{}\n")

    with pytest.raises(ExportUnreadableError, match=r"train\.jsonl: it is not as it was written"):
        written(tmp_path)


def test_what_cannot_be_settled_is_not_written(tmp_path: Path) -> None:
    """It is settled before anybody could take the folder for done."""
    seen = list[bool]()

    def refuse(export: Export) -> None:
        seen.append(export.folder.exists())
        raise PermissionError

    with pytest.raises(PermissionError):
        exports.write(tmp_path, build(EVERY, POLICY, as_it_is), SAID, lambda _: "", refuse)
    assert seen == [False]
    assert list(tmp_path.iterdir()) == []


def test_what_was_held_out_once_is_remembered(tmp_path: Path) -> None:
    """The next export reads it from the manifests that are there."""
    held_out = set(written(tmp_path).manifest.held_out)

    assert held_out
    assert exports.held_out_in(tmp_path) == held_out
    assert set(written(tmp_path, 60).manifest.held_out) == held_out


def test_a_manifest_that_is_none_is_named(tmp_path: Path) -> None:
    """Rather than to forget in silence what must not be trained on."""
    folder = written(tmp_path).folder
    (folder / "manifest.json").write_text("{}")

    with pytest.raises(ExportUnreadableError, match=r"manifest\.json"):
        exports.held_out_in(tmp_path)
