"""`housevoice index`: the library is brought up to date, and what was left out is told."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from bot.cli.checkup import shown
from bot.doctor import examine_access
from bot.house import open_house
from bot.inert import inert
from bot.settings import Settings
from knowledge.errors import SourceError
from knowledge.reporting import IndexReport, Remark, SourceReport

_MOST_REMARKS = 20


def index(settings: Settings, *, source: str | None, rebuild: bool) -> None:
    """Index what changed, with a progress bar, and report.

    Raises:
        SourceError: If a source could not be listed; the others are indexed then.
    """
    with open_house(settings) as house, _bar() as bar:
        report = house.ingest(source=source, rebuild=rebuild, progress=_stages(bar))
    show_report(Console(highlight=False, soft_wrap=True), report)
    _warn_of_access(settings.knowledge.folder)
    for one in report.sources:
        if one.problem:
            raise SourceError(one.name, one.problem)


def show_report(console: Console, report: IndexReport) -> None:
    """Print what a run did: counts by source, then each file that was left out, and why."""
    console.print(_sources_table(report.sources))
    seconds = ", ".join(f"{stage} {took:.1f}" for stage, took in report.seconds)
    chunks = f"{report.chunks_embedded} chunks embedded, {report.chunks_reused} reused"
    console.print(Text(f"{chunks}; {report.index_version}; seconds: {seconds}"))
    _show_remarks(console, "could not be read", report.failures)
    _show_remarks(console, "not indexed, for nobody may read them", report.uncovered)
    _show_remarks(console, "never opened", report.refused)
    if report.skipped:
        kinds = ", ".join(f"{number} {extension}" for extension, number in report.skipped)
        console.print(Text(f"of kinds that are not read: {kinds}"))


def _warn_of_access(folder: Path) -> None:
    """Say now what would only show when the bot starts, or when nobody gets an answer."""
    stderr = Console(stderr=True, highlight=False, soft_wrap=True)
    for finding in examine_access(folder):
        if not finding.is_ok:
            stderr.print(shown(finding))


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)


def _stages(bar: Progress) -> Callable[[str, int, int], None]:
    """Return what to call with a stage, what is done, and of how much; 0 is not known."""
    tasks = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bar.add_task(stage, total=None)
        bar.update(tasks[stage], completed=done, total=total or None)

    return show


def _sources_table(sources: Sequence[SourceReport]) -> Table:
    counts = ("seen", "added", "changed", "access_changed", "removed", "unchanged")
    table = Table("source", *(name.replace("_", " ") for name in counts), box=None)
    for one in sources:
        table.add_row(one.name, *(str(getattr(one, name)) for name in counts))
    return table


def _show_remarks(console: Console, title: str, remarks: Sequence[Remark]) -> None:
    if remarks:
        console.print(Text(f"{len(remarks)} {title}:", style="bold"))
    for one in remarks[:_MOST_REMARKS]:
        console.print(Text(f"  {inert(one.path)}: {inert(one.reason)}"))
    if len(remarks) > _MOST_REMARKS:
        console.print(Text(f"  and {len(remarks) - _MOST_REMARKS} more"))
