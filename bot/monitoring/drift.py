"""Notices that the bot does worse than in its own past, and says so once. Pure.

Each signal's last 24 hours and last 7 days are compared with the 28 days before these 7, so
that a fault has no part in what it is measured by (``reference.py`` says how).

Knows counts only: not what changed, nor whom to tell. What was bad from the start is no drift.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from bot.monitoring.history import (
    RECENT_DAYS,
    REFERENCE_DAYS,
    SIGNALS,
    History,
    Hours,
    Signal,
    bad_share,
    hours_of,
)
from bot.monitoring.reference import (
    WINDOW_DAYS,
    Counts,
    Effective,
    Floats,
    Reference,
    Rules,
    p_values,
)

_QUIET = timedelta(days=7)
_RECOVERY_H = 24
_RECOVERY_LEVEL = 0.001
_RECENT_H = RECENT_DAYS * 24
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Alert:
    """One change for the worse.

    Attributes:
        window_h: How far back ``rate`` reaches [h].
        reference_rate: Share of hits in the reference; ``support`` gets worse by falling, all
            others by rising.
        p_value: Of this one test.
        since: The hour with which the change seems to begin.
        slower_than_s: What counts as slow, where the signal is a time.
    """

    signal: Signal
    window_h: int
    reference_rate: float
    reference_n: int
    rate: float
    n: int
    p_value: float
    since: datetime
    slower_than_s: float | None = None


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alert that was given, and since when the signal is well again, if it is."""

    alert: Alert
    at: datetime
    recovered_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Tell whether it has no say any more."""
        return (self.recovered_at or self.at) + _QUIET <= now


@dataclass(frozen=True, slots=True)
class State:
    """What must be kept from one look to the next."""

    alarms: tuple[Alarm, ...] = ()

    def of(self, signal: Signal) -> Alarm | None:
        """Return the alarm of a signal, if it has one."""
        return next((one for one in self.alarms if one.alert.signal == signal), None)


class Look(NamedTuple):
    """What is new, and what to keep."""

    alerts: tuple[Alert, ...]
    state: State


def look(history: History, state: State, now: datetime, rules: Rules | None = None) -> Look:
    """Compare the recent past with the past; meant to be called each hour.

    After an alert its signal is quiet until it has recovered, for 7 days at most; what came
    before the recovery is not held against it again.

    Args:
        history: Of the last 35 days.
        state: What the last look returned; at first ``State()``.
        now: With a time zone.
        rules: When to speak, if not as usual.
    """
    rules = rules or Rules()
    alarms = [
        alarm_of(signal, hours_of(history, signal, now), state.of(signal), now, rules)
        for signal in SIGNALS
    ]
    kept = State(tuple(alarm for alarm in alarms if alarm))
    known = {(alarm.alert.signal, alarm.at) for alarm in state.alarms}
    new = [one.alert for one in kept.alarms if (one.alert.signal, one.at) not in known]
    return Look(tuple(new), kept)


def alarm_of(
    signal: Signal, hours: Hours, old: Alarm | None, now: datetime, rules: Rules
) -> Alarm | None:
    """Return the alarm that a signal has from now on: a new one, the old one, or none."""
    if old and old.is_over(now):
        old = None
    if old and not old.recovered_at:
        has_recovered = _has_recovered(_hours_ago(old.alert.since, now) + 1, hours, rules)
        return Alarm(old.alert, old.at, now if has_recovered else None)
    if old and old.recovered_at:
        hours = hours.forgiven(_hours_ago(old.recovered_at, now))
    alert = _alert(signal, hours, now, rules)
    return Alarm(alert, now) if alert else old


def _has_recovered(since_h: int, hours: Hours, rules: Rules) -> bool:
    """Tell whether the last day is surely better than those before, and nearly as usual."""
    days = hours.days()
    reference = Reference.from_days(days.n, days.bad, rules)
    ill, last = hours.days(since_h, _RECOVERY_H), hours.days(_RECOVERY_H)
    n, bad = last.n.sum(), last.bad.sum()
    halfway = (ill.bad.sum() / max(ill.n.sum(), 1) + reference.rate) / 2
    if n < rules.window_min or bad > halfway * n:
        return False
    before = Effective.from_days(ill.n, ill.bad, reference.within_day)
    after = Effective.from_days(last.n, last.bad, reference.within_day)
    return bool(before.p_value(after) <= _RECOVERY_LEVEL)


def _alert(signal: Signal, hours: Hours, now: datetime, rules: Rules) -> Alert | None:
    days = hours.days()
    p = p_values(days.n, days.bad, rules)
    worst = int(p.argmin())
    if p[worst] > rules.level:
        return None
    reference, window = slice(None, REFERENCE_DAYS), slice(-WINDOW_DAYS[worst], None)
    return Alert(
        signal=signal,
        window_h=WINDOW_DAYS[worst] * 24,
        reference_rate=_rate(signal, days, reference),
        reference_n=int(days.n[reference].sum()),
        rate=_rate(signal, days, window),
        n=int(days.n[window].sum()),
        p_value=float(p[worst]),
        since=_hour(now) - _hours_since_change(hours) * _HOUR,
        slower_than_s=hours.slower_than_s,
    )


def _rate(signal: Signal, days: Hours, part: slice) -> float:
    return bad_share(signal, float(days.bad[part].sum() / days.n[part].sum()))


def _hours_ago(then: datetime, now: datetime) -> int:
    return (now - then) // _HOUR


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _hours_since_change(hours: Hours) -> int:
    """Return which split of the last days explains the counts best, in hours before this one."""
    n, bad = hours.n[::-1].cumsum(), hours.bad[::-1].cumsum()  # from each hour to the end
    after_n, after_bad = n[:_RECENT_H], bad[:_RECENT_H]
    before_n, before_bad = n[-1] - after_n, bad[-1] - after_bad
    fit = _log_likelihood(after_n, after_bad) + _log_likelihood(before_n, before_bad)
    fit[after_bad * before_n <= before_bad * after_n] = -np.inf  # for the better, or none
    return int(fit.argmax())


def _log_likelihood(n: Counts, bad: Counts) -> Floats:
    """Return the log-likelihood of counts at their own best rate: (...)."""
    from scipy.special import xlogy  # noqa: PLC0415  loads slowly

    rate = bad / np.maximum(n, 1)
    return np.asarray(xlogy(bad, rate) + xlogy(n - bad, 1 - rate))
