"""Alerts on their way to the administrators: stored first, posted once, retried until posted.

Knows neither what an alert says nor Slack; whoever posts is given.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from typing import Any, Protocol

import structlog
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    RowMapping,
    String,
    Table,
    Text,
    delete,
    inspect,
    select,
    update,
)

from bot import decisions
from bot.blocks import Post, report_post
from bot.database import Writer, insert_once
from bot.decisions import Kind
from bot.errors import SlackCallError, SlackRefusedError, SlackUncertainError
from bot.monitoring.alerts import Notice
from bot.monitoring.metrics import Metrics
from bot.tracing import note

_METADATA = MetaData()
_ALERTS = Table(
    "alerts",
    _METADATA,
    Column("alert_id", String(128), primary_key=True),
    Column("signal", String(32), nullable=False),
    Column("title", Text, nullable=False),
    Column("lines", Text, nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("at_us", BigInteger, nullable=False),
    Column("claimed_us", BigInteger, nullable=False, server_default="0"),
)
_CLAIMS = "ALTER TABLE alerts ADD COLUMN claimed_us BIGINT NOT NULL DEFAULT 0"
_NEWS_FOR = timedelta(days=7)  # later a message would confuse more than it helps
_KEPT_FOR = timedelta(days=90)
_CLOCKS_DIFFER_BY = timedelta(minutes=5)
_CLAIMED_FOR = timedelta(minutes=10)  # no post takes that long: whoever claimed it has ended
_UNREADABLE = frozenset({"missing_scope", "no_permission", "access_denied"})


class _State(StrEnum):
    WAITING = "waiting"
    POSTING = "posting"  # claimed by one bot; it may stand there already
    UNKNOWN = "unknown"  # claimed by none; it may stand there already
    DONE = "done"


class Poster(Protocol):
    """Posts in a channel, and can look whether it did."""

    def announce(self, channel: str, post: Post) -> None:
        """Post once; an error says whether it may stand there."""
        ...

    def has_announced(self, channel: str, ids: dict[str, str], since: datetime) -> bool:
        """Tell whether a post of ours with these ids stands there."""
        ...


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet; an older one gets what it lacks."""
    _METADATA.create_all(engine)
    with engine.execution_options(writes=True).begin() as connection:
        columns = {one["name"] for one in inspect(connection).get_columns(_ALERTS.name)}
        if _ALERTS.c.claimed_us.name not in columns:
            connection.exec_driver_sql(_CLAIMS)


class Outbox:
    """The alerts in the database.

    Args:
        poster: Posts them.
        channel: Of the administrators; empty: then alerts are logged and counted alone.
        now: The time of day.

    Attributes:
        on_new: Called when something waits to be posted.
    """

    def __init__(  # noqa: PLR0913  the parts that an alert passes through
        self,
        engine: Engine,
        writer: Writer,
        poster: Poster,
        *,
        channel: str,
        metrics: Metrics,
        now: Callable[[], datetime],
    ) -> None:
        self._engine = engine
        self._writer = writer
        self._poster = poster
        self._metrics = metrics
        self._now = now
        self._channel = channel
        self.on_new: Callable[[], None] = lambda: None
        create_tables(engine)

    def tell(
        self, *notices: Notice, beside: Callable[[Connection], object] = lambda _: None
    ) -> tuple[Notice, ...]:
        """Store alerts, unless they were told before; return the new ones.

        Args:
            notices: What is to be told.
            beside: Written in the same transaction.

        Raises:
            StoreDownError: If nothing is stored.
        """
        new = self._writer.run(partial(self._store, notices=notices, beside=beside))
        self._say(new)
        return new

    def put(self, connection: Connection, notice: Notice) -> Callable[[], None]:
        """Store an alert in the caller's transaction, unless it was told before.

        Returns:
            To be called once that is committed.
        """
        return partial(self._say, self._store(connection, (notice,)))

    def deliver(self) -> None:
        """Post what waits; what Slack does not take stays for the next time."""
        for row in self._waiting():
            try:
                self._post(row)
            except SlackCallError as error:
                note(method=error.method, slack_error=error.code)
                if isinstance(error, SlackUncertainError):
                    return

    def _store(
        self,
        connection: Connection,
        notices: tuple[Notice, ...],
        beside: Callable[[Connection], object] = lambda _: None,
    ) -> tuple[Notice, ...]:
        beside(connection)
        connection.execute(delete(_ALERTS).where(_ALERTS.c.at_us < self._micros(_KEPT_FOR)))
        return tuple(notice for notice in notices if self._is_new(connection, notice))

    def _say(self, new: tuple[Notice, ...]) -> None:
        for notice in new:
            structlog.get_logger().warning("alert", alert=notice.alert_id, reason=notice.title)
            self._metrics.alerted(notice.signal)
        if new and self._channel:
            self.on_new()

    def _is_new(self, connection: Connection, notice: Notice) -> bool:
        is_new = insert_once(
            connection,
            _ALERTS,
            alert_id=notice.alert_id,
            signal=notice.signal,
            title=notice.title,
            lines=json.dumps(notice.lines),
            state=_State.WAITING if self._channel else _State.DONE,
            at_us=self._micros(timedelta(0)),
            claimed_us=0,
        )
        if is_new:
            record = {"signal": notice.signal, "title": notice.title, "lines": list(notice.lines)}
            decisions.append(connection, Kind.ALERT, notice.alert_id, record, self._now())
        return is_new

    def _waiting(self) -> list[RowMapping]:
        if not self._channel:
            return []
        is_free = _ALERTS.c.state.in_([_State.WAITING, _State.UNKNOWN])
        is_left = (_ALERTS.c.state == _State.POSTING) & (
            _ALERTS.c.claimed_us < self._micros(_CLAIMED_FOR)
        )
        is_open = (is_free | is_left) & (_ALERTS.c.at_us >= self._micros(_NEWS_FOR))
        with self._engine.connect() as connection:
            found = connection.execute(select(_ALERTS).where(is_open).order_by(_ALERTS.c.at_us))
            return list(found.mappings())

    def _post(self, row: RowMapping) -> None:
        if not self._has_claimed(row):  # another bot has
            return
        ids = {"alert_id": row["alert_id"]}
        with self._or_left(row, _State.UNKNOWN, SlackCallError):
            is_there = row["state"] != _State.WAITING and self._stands_there(row, ids)
        if not is_there:
            post = report_post(row["title"], json.loads(row["lines"]), ids)
            with (
                self._or_left(row, _State.WAITING, SlackRefusedError),
                self._or_left(row, _State.UNKNOWN, SlackUncertainError),
            ):
                self._poster.announce(self._channel, post)
        self._mark(row, _State.DONE)

    def _has_claimed(self, row: RowMapping) -> bool:
        """Take a row for this bot alone, if it is still as it was read."""
        same: Any = (
            (_ALERTS.c.alert_id == row["alert_id"])
            & (_ALERTS.c.state == row["state"])
            & (_ALERTS.c.claimed_us == row["claimed_us"])
        )
        claimed = {"state": _State.POSTING, "claimed_us": self._micros(timedelta(0))}
        return self._writer.execute(update(_ALERTS).where(same).values(claimed)) == 1

    @contextmanager
    def _or_left(
        self, row: RowMapping, state: _State, failure: type[SlackCallError]
    ) -> Iterator[None]:
        try:
            yield
        except failure:
            self._mark(row, state)
            raise

    def _stands_there(self, row: RowMapping, ids: dict[str, str]) -> bool:
        at = datetime.fromtimestamp(row["at_us"] / 1_000_000, UTC)
        try:
            return self._poster.has_announced(self._channel, ids, at - _CLOCKS_DIFFER_BY)
        except SlackRefusedError as error:
            if error.code in _UNREADABLE:  # nobody can tell: rather twice than never
                return False
            raise

    def _mark(self, row: RowMapping, state: _State) -> None:
        mine: Any = _ALERTS.c.alert_id == row["alert_id"]
        self._writer.execute(update(_ALERTS).where(mine).values(state=state))

    def _micros(self, ago: timedelta) -> int:
        return round((self._now() - ago).timestamp() * 1_000_000)
