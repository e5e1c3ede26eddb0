"""Counts by hour for the drift detectors, taken from the decision log and kept in a small table.

Answers and votes are forgotten one day; the counts hold no id and stay as long as they are
compared with. Knows no method of comparing.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast, get_args

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    MetaData,
    String,
    Table,
    Text,
    delete,
    func,
    insert,
    select,
)

from bot import decisions
from bot.conversation import KEPT, Outcome
from bot.decisions import Decision, Kind
from bot.monitoring.drift import State
from bot.monitoring.history import DAYS, EDGES_S, Bucket, History, Signal, Timed, Timing

_METADATA = MetaData()
_TALLIES = Table(
    "tallies",
    _METADATA,
    Column("hour_s", BigInteger, primary_key=True),
    Column("signal", String(32), primary_key=True),
    Column("counts", Text, nullable=False),
)
_STATE = Table("drift_state", _METADATA, Column("state", Text, nullable=False))

_COUNTED = {Kind.ANSWER, Kind.VOTE, Kind.INDEX}
_TOLD = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})
_WINDOW = timedelta(days=DAYS)
_HOUR_S = 3600
_MINDS_CHANGE_WITHIN = timedelta(days=1)  # later changes are left out: one person, one vote
_STORED_STATE = TypeAdapter(State)


def create_tables(engine: Engine) -> None:
    """Make the tables that are not there yet."""
    _METADATA.create_all(engine)


@dataclass
class Tally:
    """What happened within one hour.

    Attributes:
        trials: Signal to how often it was looked at, and how often it was so.
        seconds: Signal to durations [s].
    """

    trials: dict[Signal, list[int]] = field(default_factory=dict)
    seconds: dict[Timed, list[float]] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """Count one decision."""
        record: Mapping[str, Any] = decision.record
        if decision.kind is Kind.VOTE:
            self._try("down_vote", [record["verdict"] == "down"])
        elif decision.kind is Kind.INDEX:
            if record["lag_s"] is not None:
                self.seconds.setdefault("revocation_lag", []).append(record["lag_s"])
        elif record["outcome"] in _TOLD:
            self._answer(record)

    def _answer(self, record: Mapping[str, Any]) -> None:
        self._try("decline", [record["outcome"] == Outcome.DECLINED])
        self._try("empty_retrieval", [record["reason"] == "below the floor"])
        self._try("support", [verdict == KEPT for verdict in record["verdicts"]])
        if record["timings_s"]:
            taken_s = sum(seconds for _, seconds in record["timings_s"])
            self.seconds.setdefault("slow", []).append(taken_s)

    def _try(self, signal: Signal, hits: Sequence[bool]) -> None:
        if hits:
            counts = self.trials.setdefault(signal, [0, 0])
            counts[0] += len(hits)
            counts[1] += sum(hits)

    def rows(self, hour: datetime) -> Iterator[tuple[str, dict[str, int]]]:
        """Yield what is stored, by signal."""
        for signal, (n, hits) in self.trials.items():
            yield signal, {"n": n, "hits": hits}
        for timed, seconds in self.seconds.items():
            counts = Timing.from_seconds(hour, timed, seconds).counts
            yield timed, {str(place): n for place, n in enumerate(counts) if n}


def uncounted(connection: Connection, now: datetime) -> dict[datetime, Tally]:
    """Count what the decision log has from a day before the last counted hour on, all anew.

    Where something was counted in an hour that is still to come the clock was ahead: then the
    whole span is counted anew. What was written down in the future counts for nothing.
    """
    last = connection.scalar(select(func.max(_TALLIES.c.hour_s)))
    start = _hour_of(now - _WINDOW)
    if last is not None and last <= now.timestamp():
        start = max(start, datetime.fromtimestamp(last, UTC) - _MINDS_CHANGE_WITHIN)
    found = decisions.since(connection, start, _COUNTED)
    return tallied(one for one in found if one.at <= now)


def tallied(found: Iterable[Decision]) -> dict[datetime, Tally]:
    """Count decisions by the hour in which they were written; of one answer the last one.

    A vote that replaces another one takes its place away from there.
    """
    listed = list(found)
    hours = {_hour_of(one.at): Tally() for one in listed}
    votes = _standing([one for one in listed if one.kind is Kind.VOTE])
    others = [one for one in listed if one.kind is not Kind.VOTE]
    latest = {one.subject if one.kind is Kind.ANSWER else one.number: one for one in others}
    for decision in (*latest.values(), *votes):
        hours[_hour_of(decision.at)].add(decision)
    return hours


def _standing(votes: Iterable[Decision]) -> list[Decision]:
    """Return the votes that nobody has replaced; who it was does not matter for counts."""
    standing = list[Decision]()
    for vote in votes:
        instead_of = vote.record.get("instead_of", "")
        if instead_of:
            replaced = [
                one
                for one in standing
                if (one.subject, one.record["verdict"]) == (vote.subject, instead_of)
            ]
            if not replaced:  # it was counted long ago
                continue
            standing.remove(replaced[-1])
        standing.append(vote)
    return standing


def keep(connection: Connection, hours: Mapping[datetime, Tally], now: datetime) -> None:
    """Store counts in place of earlier ones of the same hours; drop the too old and the future."""
    old = int((now - _WINDOW - timedelta(days=1)).timestamp())
    is_outside = (_TALLIES.c.hour_s < old) | (_TALLIES.c.hour_s > now.timestamp())
    connection.execute(delete(_TALLIES).where(is_outside))
    for hour, tally in hours.items():
        hour_s = int(hour.timestamp())
        connection.execute(delete(_TALLIES).where(_TALLIES.c.hour_s == hour_s))
        for signal, counts in tally.rows(hour):
            row = {"hour_s": hour_s, "signal": signal, "counts": json.dumps(counts)}
            connection.execute(insert(_TALLIES), row)


def history(connection: Connection) -> History:
    """Return all counts that are kept."""
    buckets, timings = list[Bucket](), list[Timing]()
    timed = get_args(Timed)
    for row in connection.execute(select(_TALLIES)):
        hour, counts = datetime.fromtimestamp(row.hour_s, UTC), json.loads(row.counts)
        if row.signal in timed:
            spread = tuple(counts.get(str(place), 0) for place in range(len(EDGES_S) + 1))
            timings.append(Timing(hour, row.signal, spread))
        else:
            buckets.append(Bucket(hour, cast("Signal", row.signal), **counts))
    return History(tuple(buckets), tuple(timings))


def drift_state(connection: Connection) -> State:
    """Return what the detectors left to be remembered; at first nothing."""
    stored = connection.scalar(select(_STATE.c.state))
    return _STORED_STATE.validate_json(stored) if stored else State()


def keep_drift_state(connection: Connection, state: State) -> None:
    """Remember for the detectors."""
    connection.execute(delete(_STATE))
    connection.execute(insert(_STATE), {"state": _STORED_STATE.dump_json(state).decode()})


def _hour_of(at: datetime) -> datetime:
    seconds = int(at.timestamp())
    return datetime.fromtimestamp(seconds - seconds % _HOUR_S, UTC)
