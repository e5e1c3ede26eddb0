"""What administrators commission in Slack, carried out with the house, in the words to be told."""

from collections.abc import Callable
from datetime import datetime

from bot.database import Writer
from bot.directory import SlackDirectory
from bot.exporting import SlackRoom, open_exporter
from bot.gathering import Wanted
from bot.house import House
from bot.listeners.exporting import Exported
from bot.listeners.reindexing import Reindexed
from bot.watch import Watch
from knowledge.reporting import IndexReport


def reindexed(watch: Watch, source: str | None, progress: Callable[[int, int], None]) -> Reindexed:
    """Read the documents of one source again, or all."""
    return _told(watch.ingest(source, lambda _, done, total: progress(done, total)))


def exported(
    house: House,
    directory: SlackDirectory,
    writer: Writer,
    now: Callable[[], datetime],
    user: str,
) -> Exported:
    """Write a data set on behalf of a user."""
    exporter = open_exporter(house, SlackRoom(directory), writer, now)
    written = exporter.export(Wanted(), by=user)
    return Exported(written.folder.name, written.rows, written.manifest.counts.dropped)


def _told(report: IndexReport) -> Reindexed:
    kinds = ("added", "changed", "access_changed", "removed", "unchanged")
    counts = {
        kind.replace("_", " "): sum(getattr(one, kind) for one in report.sources) for kind in kinds
    }
    named = (*report.failures, *report.uncovered)
    problems = tuple(f"{one.name}: {one.problem}" for one in report.sources if one.problem)
    return Reindexed(counts, (*problems, *(f"{one.path}: {one.reason}" for one in named)))
