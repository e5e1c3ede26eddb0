"""What is looked at in each round: drift, the planted document, the golden questions.

Each check tells the administrators what it finds, once. Knows neither Slack nor whose thread
the models belong to: what needs them is handed to ``in_worker``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Engine

from bot import decisions
from bot.chain import JSON
from bot.configuration import Configuration
from bot.conversation import Question
from bot.database import Writer
from bot.decisions import Decision, Kind
from bot.monitoring import tallies
from bot.monitoring.alerts import (
    blind_notice,
    breach_notice,
    drift_notice,
    golden_notice,
)
from bot.monitoring.breaches import Breaches
from bot.monitoring.canaries import AccessCanary, CanaryResult, Sighting, ask_case, lost
from bot.monitoring.changes import KINDS, Change, changes
from bot.monitoring.drift import Alert, State, look
from bot.monitoring.history import SIGNALS
from bot.monitoring.metrics import Metrics
from bot.monitoring.milestones import is_noted, note_start
from bot.monitoring.outbox import Outbox
from bot.worksheet import Working
from knowledge.errors import IndexMissingError
from knowledge.golden import GoldenCase, GoldenSet

ACCESS = "access"
GOLDEN = "golden"
"""What the decision log calls the two canaries."""

_TAG = "canary"  # of the golden questions that are asked in each round
_LEAD = timedelta(days=1)  # before a drop seems to begin: counts tell its hour only roughly
_ROUNDS_KEPT = timedelta(days=30)
T = TypeVar("T")


class InWorker(Protocol):
    """Runs something in the thread that owns the models, when no person waits."""

    def __call__(self, job: Callable[[], T]) -> T:
        """Return what it returned, or raise what it raised."""
        ...


@dataclass(frozen=True, slots=True)
class StartCheck:
    """Notices when the configuration is another one than the last time."""

    configuration: Callable[[], Configuration]
    engine: Engine
    writer: Writer
    now: Callable[[], datetime]

    def __call__(self) -> None:
        """Write it down, if it is."""
        configuration = self.configuration()
        with self.engine.connect() as connection:
            if is_noted(connection, configuration):
                return
        self.writer.run(partial(note_start, configuration=configuration, at=self.now()))


@dataclass(frozen=True, slots=True)
class DriftCheck:
    """Compares what happened lately with what is usual."""

    engine: Engine
    writer: Writer
    outbox: Outbox
    metrics: Metrics
    now: Callable[[], datetime]

    def __call__(self) -> None:
        """Look once."""
        now = self.now()
        with self.engine.connect() as connection:
            hours = tallies.uncounted(connection, now)
        self.writer.run(partial(tallies.keep, hours=hours, now=now))
        with self.engine.connect() as connection:
            history, before = tallies.history(connection), tallies.drift_state(connection)
        alerts, state = look(history, before, now)
        notices = [drift_notice(one, self._changes(one), now) for one in alerts]
        if state != before:
            keep_state = partial(tallies.keep_drift_state, state=state)
            self.outbox.tell(*notices, beside=keep_state)
        self._show(state)

    def _changes(self, alert: Alert) -> tuple[Change, ...]:
        with self.engine.connect() as connection:
            return changes_since(connection, alert.since - _LEAD)

    def _show(self, state: State) -> None:
        for signal in SIGNALS:
            alarm = state.of(signal)
            has_drifted = alarm is not None and alarm.recovered_at is None
            self.metrics.drifting(signal, has_drifted=has_drifted)


@dataclass(frozen=True, slots=True)
class AccessCheck:
    """Looks for the planted document as people who must not find it.

    Attributes:
        distrust: Called at once, in the worker, with the id of a document that was found; sees
            to it that the breach is known, too.
    """

    canary: AccessCanary
    in_worker: InWorker
    distrust: Callable[[str], object]
    breaches: Breaches
    outbox: Outbox
    metrics: Metrics
    now: Callable[[], datetime]

    def __call__(self) -> None:
        """Look once; without an index there is nothing to look at."""
        try:
            seen = self.in_worker(self._look)
        except IndexMissingError:
            return
        at = self.now()
        self.metrics.probed_access(len(seen.seen_by))
        record: dict[str, JSON] = {
            "asked_as": len(seen.asked_as),
            "seen_by": list(seen.seen_by),
            "is_blind": seen.is_blind,
        }
        notices = [breach_notice(seen.seen_by, self._since(at))] if seen.seen_by else []
        if seen.is_blind:
            notices.append(blind_notice(at, is_planted=seen.doc_id is not None))
        self.outbox.tell(*notices, beside=partial(_note_canary, ACCESS, record, at))

    def _since(self, at: datetime) -> datetime:
        breach = self.breaches.current()
        return breach.at if breach else at

    def _look(self) -> Sighting:
        seen = self.canary.look()
        if seen.seen_by and seen.doc_id:
            self.distrust(seen.doc_id)
        return seen


@dataclass
class GoldenCheck:
    """Asks the golden questions that are tagged for it, one at a time.

    Attributes:
        work: Answers; called in the worker.
        every: Time between two rounds; a restart in between asks nothing.
    """

    golden: GoldenSet
    work: Callable[[Question], Working]
    in_worker: InWorker
    engine: Engine
    outbox: Outbox
    metrics: Metrics
    now: Callable[[], datetime]
    every: timedelta

    def __call__(self) -> None:
        """Ask all of them, if it is time."""
        last = self._last_round()
        if last is not None and self.now() - last.at < self.every * 0.9:
            return
        cases = [case for case in self.golden.cases if _TAG in case.tags]
        results = [self.in_worker(partial(self._ask, case)) for case in cases]
        self._tell(results, last)

    def _ask(self, case: GoldenCase) -> CanaryResult:
        return ask_case(case, self.work)

    def _tell(self, results: Sequence[CanaryResult], last: Decision | None) -> None:
        at, n_passed = self.now(), sum(one.has_passed for one in results)
        self.metrics.probed_golden(n_passed, len(results))
        record: dict[str, JSON] = {
            "golden": self.golden.sha256,
            "passed": [one.case_id for one in results if one.has_passed],
            "failed": {one.case_id: one.why for one in results if not one.has_passed},
        }
        notices = []
        if failing := lost(results, _passed_in(last)):
            told = [f"{one.case_id} ({one.why})" for one in failing]
            notices = [golden_notice(told, (n_passed, len(results)), self._changes(last), at)]
        self.outbox.tell(*notices, beside=partial(_note_canary, GOLDEN, record, at))

    def _last_round(self) -> Decision | None:
        with self.engine.connect() as connection:
            found = decisions.since(connection, self.now() - _ROUNDS_KEPT, {Kind.CANARY})
        return next((one for one in reversed(found) if one.subject == GOLDEN), None)

    def _changes(self, last: Decision | None) -> tuple[Change, ...]:
        with self.engine.connect() as connection:
            return changes_since(connection, last.at if last else self.now() - _LEAD)


def changes_since(connection: Connection, at: datetime) -> tuple[Change, ...]:
    """Return what was changed since a time, the newest first."""
    return changes(decisions.since(connection, at, KINDS))


def _passed_in(last: Decision | None) -> list[str]:
    record: Any = last.record if last else {"passed": []}
    return list(record["passed"])


def _note_canary(
    subject: str, record: dict[str, JSON], at: datetime, connection: Connection
) -> None:
    decisions.append(connection, Kind.CANARY, subject, record, at)
