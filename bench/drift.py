"""False alarms of the drift detectors in quiet weeks, and how late they notice stated drops.

    python -m bench.drift [--runs 100] [--day-to-day 0.15]

The bot is made up (``bench/quiet_weeks.py``); the detector is the bot's own, looking each hour
as it would. False alarms count second ones too.
"""

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.quiet_weeks import Bot, Counts, Fault, Kind, Series, simulated
from bench.timing import print_table
from bot.monitoring.drift import Alarm, alarm_of
from bot.monitoring.history import HOURS
from bot.monitoring.reference import Rules, p_values

_PER_DAY = (20, 100, 500)  # answers a workday
_QUIET_WEEKS = 10  # looked at in each run, after the first five
_FAULT_WEEKS = 4
_WEEK_H = 7 * 24
_WORKDAYS = 5
_RULES = Rules()
_MONDAY = datetime(2026, 1, 5, tzinfo=UTC)

_DECLINE = Kind("decline", 0.18)
_SUPPORT = Kind("support", 0.15, per_answer=1.6)  # sentences
_DOWN_VOTE = Kind("down_vote", 0.03, per_answer=0.2)  # votes
_SLOW = Kind("slow")
_KINDS = (
    _DECLINE,
    Kind("empty_retrieval", 0.08),
    _SUPPORT,
    _DOWN_VOTE,
    _SLOW,
    Kind("revocation_lag", per_answer=None),
)


@dataclass(frozen=True, slots=True)
class Drop:
    """A signal gets worse."""

    name: str
    kind: Kind
    becomes: float


_DROPS = (
    Drop("decline 18 to 30 %", _DECLINE, 0.30),
    Drop("decline 18 to 60 %", _DECLINE, 0.60),
    Drop("support 85 to 70 %", _SUPPORT, 0.30),
    Drop("down-votes 3 to 10 %", _DOWN_VOTE, 0.10),
    Drop("seconds doubled", _SLOW, 2.0),
)


@dataclass(frozen=True, slots=True)
class Noticed:
    """How one fault was noticed.

    Attributes:
        answers: Until the alert, the fault's first one included.
        hours: By the clock, likewise.
        working_h: Of these hours, those from Monday to Friday.
        off_h: By how much the alert is wrong about the beginning [h].
    """

    answers: float
    hours: int
    working_h: int
    off_h: float


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of ten quiet weeks; twice, faults")
    parser.add_argument("--day-to-day", type=float, default=0.15, help="how much quiet days differ")
    chosen = parser.parse_args(arguments)
    rng = np.random.default_rng(20)
    _print_false_alarms(chosen.runs, chosen.day_to_day, rng)
    print()
    _print_delays(2 * chosen.runs, chosen.day_to_day, rng)


def _print_false_alarms(runs: int, day_to_day: float, rng: np.random.Generator) -> None:
    print(
        f"False alarms in {runs * _QUIET_WEEKS} quiet weeks, days that differ by {day_to_day:.0%}"
    )
    rows = []
    for per_day in _PER_DAY:
        found = [sum(_false_alarms(kind, Bot(per_day, day_to_day), runs, rng)) for kind in _KINDS]
        weeks = runs * _QUIET_WEEKS / sum(found) if sum(found) else np.inf
        rows.append([per_day, *found, sum(found), f"{weeks:.0f}"])
    head = ["answers a day", *(kind.signal for kind in _KINDS), "all", "weeks for one"]
    print_table(head, rows)


def _false_alarms(kind: Kind, bot: Bot, runs: int, rng: np.random.Generator) -> Iterator[int]:
    looks = np.arange(HOURS - 1, HOURS + _QUIET_WEEKS * _WEEK_H)
    for _ in range(runs):
        series = simulated(kind, bot, 5 + _QUIET_WEEKS, rng)
        yield len(_alarms(kind, series, looks))


def _alarms(kind: Kind, series: Series, looks: Counts) -> list[Alarm]:
    """Look at the end of each hour; until something is found, at all of them at once."""
    suspicious = looks[_is_suspicious(series, looks)]
    if not suspicious.size:
        return []
    found: list[Alarm] = []
    alarm = None
    for look in range(suspicious[0], looks[-1] + 1):
        now = _MONDAY + timedelta(hours=int(look))
        alarm = alarm_of(kind.signal, series.hours(look), alarm, now, _RULES)
        if alarm and alarm.at == now:
            found.append(alarm)
    return found


def _is_suspicious(series: Series, looks: Counts) -> NDArray[np.bool_]:
    n, bad = series.days(looks)
    return np.asarray(p_values(n, bad, _RULES).min(0) <= _RULES.level)


def _print_delays(runs: int, day_to_day: float, rng: np.random.Generator) -> None:
    print(f"{runs} faults each, begun in office hours: until the alert, median / 90th percentile")
    rows = []
    for drop in _DROPS:
        for per_day in _PER_DAY:
            found = [_noticed(drop, Bot(per_day, day_to_day), rng) for _ in range(runs)]
            rows.append([drop.name, per_day, *_delay_cells(found)])
    print_table(
        ["fault", "answers a day", "answers", "hours", "in a working day", "never", "start off by"],
        rows,
    )


def _noticed(drop: Drop, bot: Bot, rng: np.random.Generator) -> Noticed | None:
    start = HOURS + 24 * int(rng.integers(5)) + int(rng.integers(8, 17))
    fault = Fault(start, drop.becomes)
    series = simulated(drop.kind, bot, 5 + _FAULT_WEEKS + 1, rng, fault)
    looks = np.arange(start, start + _FAULT_WEEKS * _WEEK_H)
    hits = looks[_is_suspicious(series, looks)]
    if not hits.size:
        return None
    at = int(hits[0])
    now = _MONDAY + timedelta(hours=at)
    alarm = alarm_of(drop.kind.signal, series.hours(at), None, now, _RULES)
    if alarm is None:
        message = "look() does not see what all looks at once have seen"
        raise AssertionError(message)
    off = alarm.alert.since - _MONDAY - timedelta(hours=start)
    answers = series.counts[start : at + 1].sum() / (drop.kind.per_answer or 1.0)
    working = int((np.arange(start, at + 1) // 24 % 7 < _WORKDAYS).sum())
    return Noticed(float(answers), at + 1 - start, working, abs(off.total_seconds()) / 3600)


def _delay_cells(found: Sequence[Noticed | None]) -> list[str]:
    seen = [one for one in found if one]
    missed = [np.inf] * (len(found) - len(seen))
    return [
        _spread([one.answers for one in seen] + missed),
        _spread([one.hours for one in seen] + missed),
        f"{sum(one.working_h <= 24 for one in seen) / len(found):.0%}",  # noqa: PLR2004
        f"{len(missed) / len(found):.0%}",
        f"{np.median([one.off_h for one in seen]):.0f} h" if seen else "",
    ]


def _spread(values: Sequence[float]) -> str:
    """Return median and 90th percentile, where they were reached within the four weeks."""
    ranked = np.quantile(values, [0.5, 0.9], method="higher")
    return " / ".join("-" if np.isinf(value) else f"{value:.0f}" for value in ranked)


if __name__ == "__main__":
    main()
