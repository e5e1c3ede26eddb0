import multiprocessing
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lancedb
import pytest
from written_index import a_row, an_index, put, reopened, texts, write_until_killed

from knowledge.errors import StoredIndexError
from knowledge.healing import fsync_tree, heal

Damage = Callable[[Path], None]


def page_rows(revision: int, n: int = 3) -> list[Any]:
    """Build pages of one revision."""
    return [a_row(f"page{number}", f"wifi revision {revision}") for number in range(n)]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two revisions, indexed and compacted in between."""
    folder = tmp_path_factory.mktemp("written")
    index = an_index(folder, page_rows(1))
    index.optimize()
    put(index, page_rows(2))
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    """A copy of that index, to be damaged."""
    return Path(shutil.copytree(written, tmp_path / "copy"))


def newest(folder: Path, pattern: str) -> Path:
    """Return the file that was written last."""
    return max(folder.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)


def manifests(folder: Path) -> list[str]:
    """Return the names of all versions, whether set aside or not, newest first."""
    return sorted(path.name for path in folder.rglob("_versions/*") if path.suffix != ".json")


def emptied(pattern: str) -> Damage:
    """Cut the newest of these files to nothing."""
    return lambda folder: os.truncate(newest(folder, pattern), 0)


def halved(pattern: str) -> Damage:
    """Cut the newest of these files in the middle."""

    def cut(folder: Path) -> None:
        path = newest(folder, pattern)
        os.truncate(path, path.stat().st_size // 2)

    return cut


def zeroed(pattern: str) -> Damage:
    """Keep the length of the newest of these files and lose what stood in it."""

    def overwrite(folder: Path) -> None:
        path = newest(folder, pattern)
        path.write_bytes(bytes(path.stat().st_size))

    return overwrite


def missing(pattern: str) -> Damage:
    """Lose the newest of these files."""
    return lambda folder: newest(folder, pattern).unlink()


@pytest.mark.parametrize(
    "damage",
    [
        emptied("*.manifest"),
        halved("*.manifest"),
        zeroed("*.manifest"),
        emptied("data/*.lance"),
        halved("data/*.lance"),
        zeroed("data/*.lance"),
        missing("data/*.lance"),
    ],
)
def test_a_write_cut_short_by_a_power_failure_is_undone(folder: Path, damage: Damage) -> None:
    """The version before is served, whole, and can be written to again."""
    damage(folder)

    index = reopened(folder)

    assert texts(index) == ["wifi revision 1"] * 3
    assert len([name for name in manifests(folder) if name.endswith(".bad")]) == 1
    put(index, page_rows(3))
    assert texts(reopened(folder)) == ["wifi revision 3"] * 3


def test_an_index_file_cut_short_is_noticed_before_the_first_question(tmp_path: Path) -> None:
    """A scan of the rows alone would not see it, and each question or write would fail."""
    an_index(tmp_path / "whole", page_rows(1, n=300)).optimize(ann_from_rows=300)
    n_healed = 0
    for number, path in enumerate(sorted((tmp_path / "whole").rglob("_indices/*/*"))):
        folder = Path(shutil.copytree(tmp_path / "whole", tmp_path / str(number)))
        os.truncate(folder / path.relative_to(tmp_path / "whole"), 0)

        index = reopened(folder)

        assert texts(index) == ["wifi revision 1"] * 300
        n_healed += any(name.endswith(".bad") for name in manifests(folder))
        put(index, page_rows(2))
        assert texts(index).count("wifi revision 2") == 3
    assert n_healed == 7  # two files each for id, doc_id and vector, one for roles


def test_a_healthy_index_stays_as_it_is(folder: Path) -> None:
    """Nothing is set aside without need."""
    before = manifests(folder)

    assert texts(reopened(folder)) == ["wifi revision 2"] * 3
    assert manifests(folder) == before


def test_what_setting_three_versions_aside_does_not_heal_is_left_as_it_was(
    tmp_path: Path,
) -> None:
    """More than that is no power failure; the versions may be good and the disk sick."""
    index = an_index(tmp_path, page_rows(1))
    for revision in (2, 3, 4):
        put(index, page_rows(revision))
    for path in tmp_path.rglob("data/*.lance"):
        os.truncate(path, 0)
    before = manifests(tmp_path)

    with pytest.raises(StoredIndexError, match="index --rebuild"):
        reopened(tmp_path)

    assert manifests(tmp_path) == before


def test_an_index_whose_table_is_gone_says_what_to_run(folder: Path) -> None:
    """There is no version to go back to."""
    shutil.rmtree(folder / "lance" / "chunks_v1.lance")

    with pytest.raises(StoredIndexError, match="index --rebuild"):
        reopened(folder)


@pytest.mark.parametrize(
    "error",
    [
        PermissionError(13, "Permission denied"),
        OSError(24, "Too many open files"),
        RuntimeError("lance error: LanceError(IO): Permission denied (os error 13)"),
        RuntimeError("External error: Cannot allocate memory (os error 12)"),
    ],
)
def test_what_only_looks_like_damage_sets_nothing_aside(folder: Path, error: Exception) -> None:
    """Missing rights and full tables pass; good versions would be lost for good."""
    before = manifests(folder)

    def refused() -> Any:
        raise error

    with pytest.raises(StoredIndexError, match="cannot be opened") as caught:
        heal(refused, folder / "lance" / "chunks_v1.lance")

    assert caught.value.__cause__ is error
    assert manifests(folder) == before


class Overtaken:
    """A table that somebody else writes to between a scan and a count; all else is real."""

    def __init__(self, table: Any, write: Callable[[], None]) -> None:
        self._table = table
        self._write = write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._table, name)

    def count_rows(self, *where: str) -> int:
        if not where:
            self._write()
        return int(self._table.count_rows(*where))


def test_a_write_during_the_check_is_not_taken_for_damage(folder: Path) -> None:
    """A reader that opens while the index grows must not throw the new version away."""
    database = lancedb.connect(str(folder / "lance"), read_consistency_interval=timedelta(0))
    index = reopened(folder)

    def opened() -> Any:
        return Overtaken(database.open_table("chunks_v1"), lambda: put(index, [a_row("page9")]))

    heal(opened, folder / "lance" / "chunks_v1.lance")

    assert not [name for name in manifests(folder) if name.endswith(".bad")]
    assert reopened(folder).count() == 4


def test_every_file_and_folder_is_brought_to_the_disk(tmp_path: Path) -> None:
    """LanceDB does not; a file that is compacted away meanwhile is no error."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "one").write_text("1")
    (tmp_path / "a" / "b" / "two").write_text("2")
    (tmp_path / "gone").symlink_to(tmp_path / "nowhere")
    synced: list[str] = []

    def sync(descriptor: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{descriptor}").readlink()))
        os.fsync(descriptor)

    fsync_tree(tmp_path, sync=sync)

    expected = [tmp_path, tmp_path / "a", tmp_path / "a" / "b"]
    expected += [tmp_path / "a" / "one", tmp_path / "a" / "b" / "two"]
    assert sorted(synced) == sorted(map(str, expected))


def test_a_writer_killed_at_any_moment_leaves_one_whole_revision(tmp_path: Path) -> None:
    """Five kills amid writes: ids are single, revisions whole, and nothing reported is lost."""
    an_index(tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["written_index"])
    for kill in range(5):
        ours, theirs = context.Pipe(duplex=False)
        writer = context.Process(target=write_until_killed, args=(tmp_path, theirs), daemon=True)
        writer.start()
        theirs.close()
        for _ in range(2):
            assert ours.poll(60)
            reported = ours.recv()
        writer.join(timeout=0.012 * kill)  # another moment of the next write each time
        writer.kill()
        writer.join()
        try:
            while ours.poll():
                reported = ours.recv()
        except EOFError:
            pass

        index = reopened(tmp_path)
        found = texts(index)
        assert index.count() == len(found) == 40
        (revision,) = {int(text.split()[-1]) for text in found}
        assert revision >= reported
    put(index, [a_row("page0", "after")])
    assert "after" in texts(reopened(tmp_path))
