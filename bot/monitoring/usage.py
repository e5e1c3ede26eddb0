"""Tokens and money by day, team and source, and the budgets that end in quoting.

The day is that of UTC. Knows what answers cost, not what they said.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from threading import Lock
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    MetaData,
    String,
    Table,
    func,
    select,
    update,
)

from bot.conversation import Question, Trace
from bot.database import Writer, insert_once
from bot.errors import StoreDownError
from bot.monitoring.alerts import Notice, budget_notice
from bot.monitoring.metrics import Metrics
from bot.settings import BudgetSettings
from bot.tracing import note_failure
from bot.worksheet import Working

_METADATA = MetaData()
_USAGE = Table(
    "usage",
    _METADATA,
    Column("day", String(10), primary_key=True),  # ISO 8601
    Column("team", String(32), primary_key=True),
    Column("source", String(32), primary_key=True),
    Column("answers", BigInteger, nullable=False),
    Column("prompt_tokens", BigInteger, nullable=False),
    Column("completion_tokens", BigInteger, nullable=False),
    Column("cost", Float, nullable=False),  # at the prices of that day
)


class Kind(StrEnum):
    """What a budget is for."""

    OVERALL = "overall"
    TEAM = "team"
    SOURCE = "source"


@dataclass(frozen=True, slots=True)
class Scope:
    """One budget: of everything, of a team, or of a source."""

    kind: Kind
    name: str = ""

    def __str__(self) -> str:
        return f"{self.kind} {self.name}".strip()


@dataclass(frozen=True, slots=True)
class Spent:
    """What the answers of one day, team and source took.

    Attributes:
        source: Empty where no passage was shown to a model.
        cost: In the currency of the prices in the settings.
    """

    day: str
    team: str
    source: str
    answers: int
    prompt_tokens: int
    completion_tokens: int
    cost: float


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet."""
    _METADATA.create_all(engine)


def spent_since(connection: Connection, day: date) -> list[Spent]:
    """List what was spent from a day on, the newest day first."""
    later = select(_USAGE).where(_USAGE.c.day >= day.isoformat())
    rows = connection.execute(later.order_by(_USAGE.c.day.desc(), _USAGE.c.team, _USAGE.c.source))
    return [Spent(**row) for row in rows.mappings()]


class Usage:
    """Books what answers take, and says whether the model may speak on.

    Args:
        tell: Called with an alert.
        now: The time of day.
    """

    def __init__(  # noqa: PLR0913  whom it reads, writes and tells
        self,
        engine: Engine,
        writer: Writer,
        budget: BudgetSettings,
        *,
        metrics: Metrics,
        tell: Callable[[Notice], object],
        now: Callable[[], datetime],
    ) -> None:
        self._writer = writer
        self._budget = budget
        self._metrics = metrics
        self._tell = tell
        self._now = now
        self._lock = Lock()
        create_tables(engine)
        self._day = now().date()
        self._told = set[str]()
        with engine.connect() as connection:
            self._tokens = _tokens_of(connection, self._day)

    def may_speak(self, team: str, source: str) -> bool:
        """Tell whether no budget is spent that a team's question on a source counts for."""
        with self._lock:
            self._turn_page()
            return all(self._tokens[scope] < limit for scope, limit in self._limits(team, source))

    def booked(self, work: Callable[[Question], Working]) -> Callable[[Question], Working]:
        """Return what answers in the same way, and books each answer."""

        def book(question: Question) -> Working:
            working = work(question)
            trace = working.answer.trace
            self.record(trace, question.team)
            return working

        return book

    def record(self, trace: Trace, team: str) -> None:
        """Book one answer on the source that it was asked of.

        Where the database refuses, that is kept in memory alone until the next start.
        """
        tokens = trace.prompt_tokens + trace.completion_tokens
        if not tokens:
            return
        day, source = self._now().date(), trace.charged_to
        self._count(team, source, tokens)
        self._metrics.spent(trace.cost)
        try:
            add = partial(_add, trace=trace, key=(day.isoformat(), team, source))
            self._catch_up(day, self._writer.run(add))
            self._warn(team, source)
        except StoreDownError as error:
            note_failure(error)

    def _count(self, team: str, source: str, tokens: int) -> None:
        with self._lock:
            self._turn_page()
            self._tokens.update(dict.fromkeys(_scopes(team, source), tokens))

    def _catch_up(self, day: date, stored: Counter[Scope]) -> None:
        """Take in what other processes have booked."""
        with self._lock:
            if day == self._day:
                self._tokens |= stored

    def _turn_page(self) -> None:
        today = self._now().date()
        if today != self._day:
            self._day, self._tokens, self._told = today, Counter(), set()

    def _limits(self, team: str, source: str) -> Iterator[tuple[Scope, int]]:
        budget = self._budget
        per_kind = {
            Kind.OVERALL: budget.tokens_per_day,
            Kind.TEAM: budget.tokens_per_day_team,
            Kind.SOURCE: budget.tokens_per_day_source,
        }
        for scope in _scopes(team, source):
            if per_kind[scope.kind]:
                yield scope, per_kind[scope.kind]

    def _warn(self, team: str, source: str) -> None:
        with self._lock:
            day, tokens = self._day, self._tokens.copy()
        for scope, limit in self._limits(team, source):
            used = tokens[scope]
            self._metrics.budget_used(_label(scope), used / limit)
            for level, is_spent in ((self._budget.warn_at * limit, False), (limit, True)):
                if used >= level:
                    self._tell_once(budget_notice(str(scope), day, used, limit, is_spent=is_spent))

    def _tell_once(self, notice: Notice) -> None:
        if notice.alert_id not in self._told:  # spares the database the question
            self._tell(notice)
            self._told.add(notice.alert_id)


def _scopes(team: str, source: str) -> Iterator[Scope]:
    yield Scope(Kind.OVERALL)
    if team:
        yield Scope(Kind.TEAM, team)
    if source:
        yield Scope(Kind.SOURCE, source)


def _label(scope: Scope) -> str:
    """Name a scope for a metric: sources by name, teams never by their id."""
    return f"source-{scope.name}" if scope.kind is Kind.SOURCE else str(scope.kind)


def _add(connection: Connection, trace: Trace, key: tuple[str, str, str]) -> Counter[Scope]:
    """Book one answer, and return what all of its day have used."""
    day, team, source = key
    empty = dict.fromkeys(("answers", "prompt_tokens", "completion_tokens", "cost"), 0)
    insert_once(connection, _USAGE, day=day, team=team, source=source, **empty)
    mine = (_USAGE.c.day == day) & (_USAGE.c.team == team) & (_USAGE.c.source == source)
    booked: dict[Any, Any] = {
        "answers": _USAGE.c.answers + 1,
        "prompt_tokens": _USAGE.c.prompt_tokens + trace.prompt_tokens,
        "completion_tokens": _USAGE.c.completion_tokens + trace.completion_tokens,
        "cost": _USAGE.c.cost + trace.cost,
    }
    connection.execute(update(_USAGE).where(mine).values(booked))
    return _tokens_of(connection, date.fromisoformat(day))


def _tokens_of(connection: Connection, day: date) -> Counter[Scope]:
    tokens = func.sum(_USAGE.c.prompt_tokens + _USAGE.c.completion_tokens)
    query = select(_USAGE.c.team, _USAGE.c.source, tokens).where(_USAGE.c.day == day.isoformat())
    counted = Counter[Scope]()
    for team, source, used in connection.execute(query.group_by(_USAGE.c.team, _USAGE.c.source)):
        counted.update(dict.fromkeys(_scopes(team, source), int(used)))
    return counted
