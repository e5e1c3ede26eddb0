"""What the bot writes into the decision log about itself: index runs, and starts with new settings.

Looks at the times of files to tell how long a change of access took; reads none of them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine

from bot import decisions
from bot.chain import JSON
from bot.configuration import Configuration
from bot.decisions import Decision, Kind
from bot.monitoring.changes import COUNTS
from knowledge.catalogue import State
from knowledge.reporting import IndexReport, Remark, SourceReport
from knowledge.rules import AccessRules

_EVER = datetime.fromtimestamp(0, UTC)
_MOST_LOOKED_AT = 1_000  # documents of one run
_TICK = timedelta(milliseconds=20)  # so far a file's time may stand behind the clock


@dataclass(frozen=True, slots=True)
class IndexRun:
    """One run, as it is written down.

    Attributes:
        before: Where the catalogue stood when it began.
        only: The one source that was asked for; empty for all.
    """

    rules: AccessRules
    before: State
    only: str
    is_rebuild: bool

    def carried_out(
        self, job: Callable[[], IndexReport], engine: Engine, now: Callable[[], datetime]
    ) -> IndexReport:
        """Do it, write it down, and return its report with the revocation lag."""
        begun_at = now()
        report = job()
        ended_at = now()
        lag_s = revocation_lag_s(report, self.rules, self.before, ended_at)
        report = replace(report, revocation_lag_s=lag_s)
        record = self._record(report) | {"seconds": (ended_at - begun_at).total_seconds()}
        with engine.execution_options(writes=True).begin() as connection:
            decisions.append(connection, Kind.INDEX, report.index_version, record, ended_at)
        return report

    def _record(self, report: IndexReport) -> dict[str, JSON]:
        lag_s = report.revocation_lag_s
        return {
            "only": self.only,
            "sources": {one.name: _counts(one) for one in report.sources if _counts(one)},
            "problems": [one.name for one in report.sources if one.problem],
            "failures": len(report.failures),
            "documents": report.documents,
            "before": self.before.index_version,
            "after": report.index_version,
            "is_rebuild": self.is_rebuild,
            "lag_s": None if lag_s is None else round(lag_s, 1),
        }


def revocation_lag_s(
    report: IndexReport, rules: AccessRules, before: State, now: datetime
) -> float | None:
    """Tell how long it took until readers that were taken away could not read any more [s].

    The change is the oldest one since the last run that can have caused it: of the rules, of
    the document, or, where that is gone, of the folder that it was in.
    """
    if before.indexed_at is None or not report.revoked:
        return None
    folders = {source.name: source.folder for source in rules.sources}
    some = report.revoked[:_MOST_LOOKED_AT]
    causes = [rules.path, *_causes(some, folders)]
    since = before.indexed_at - _TICK
    times = [time for time in map(_changed_at, causes) if since < time <= now]
    return (now - min(times)).total_seconds() if times else None


def _causes(revoked: Iterable[Remark], folders: Mapping[str, Path]) -> Iterator[Path]:
    for one in revoked:
        if one.source in folders:
            folder, file = folders[one.source], folders[one.source] / one.path
            while not file.exists() and file != folder:
                file = file.parent
            yield file


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return _EVER


def note_start(connection: Connection, configuration: Configuration, at: datetime) -> bool:
    """Write down what a bot starts with, unless the last one started with the same.

    Returns:
        Whether it is another one, or the first.
    """
    last = decisions.latest(connection, Kind.START)
    if _is_same(last, configuration):
        return False
    values: dict[str, JSON] = dict(configuration.values)
    changed = configuration.changes_from(_told_by(last)) if last else {}
    record: dict[str, JSON] = {
        "values": values,
        "changed": {name: list(pair) for name, pair in changed.items()},
    }
    decisions.append(connection, Kind.START, configuration.sha256, record, at)
    return True


def is_noted(connection: Connection, configuration: Configuration) -> bool:
    """Tell whether the last start was with this very configuration."""
    return _is_same(decisions.latest(connection, Kind.START), configuration)


def _is_same(last: Decision | None, configuration: Configuration) -> bool:
    return last is not None and _told_by(last).sha256 == configuration.sha256


def _told_by(start: Decision) -> Configuration:
    told = start.record["values"]
    return Configuration.from_values(told if isinstance(told, dict) else {})


def _counts(source: SourceReport) -> dict[str, JSON]:
    return {name: n for name in COUNTS if (n := getattr(source, name))}
