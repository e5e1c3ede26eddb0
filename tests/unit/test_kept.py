"""What was asked already, in a file."""

from pathlib import Path

from bot.evaluation.kept import KeptLines
from bot.evaluation.results import Figure

ONE, TWO = Figure("voice", 3, 0.5, 0.1, 0.9), Figure("seconds", 1, 2.0, 2.0, 2.0)


def test_what_is_kept_is_known_later(tmp_path: Path) -> None:
    """By another reader of the same file, in a folder that was not there."""
    path = tmp_path / "runs" / "a.jsonl"
    KeptLines(path, Figure).keep("k1", ONE)
    KeptLines(path, Figure).keep("k2", TWO)

    assert KeptLines(path, Figure).known() == {"k1": ONE, "k2": TWO}
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_off_is_dropped(tmp_path: Path) -> None:
    """A process that was killed while it wrote loses that line alone."""
    path = tmp_path / "a.jsonl"
    kept = KeptLines(path, Figure)
    kept.keep("k1", ONE)
    path.write_text(path.read_text() + 'k2 {"measure": "vo')

    assert kept.known() == {"k1": ONE}
    kept.keep("k3", TWO)
    assert kept.known() == {"k1": ONE, "k3": TWO}


def test_without_a_path_nothing_is_kept() -> None:
    """A fresh run asks everything anew."""
    kept = KeptLines(None, Figure)
    kept.keep("k1", ONE)

    assert kept.known() == {}
