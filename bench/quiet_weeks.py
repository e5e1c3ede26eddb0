"""Weeks of a bot that never was: office hours, weekdays, weekends, days that differ, faults.

Knows the shapes of traffic and of rates, and nothing of how a change is detected.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.monitoring.history import (
    DAYS,
    EDGES_S,
    HOURS,
    REFERENCE_DAYS,
    Hours,
    Signal,
    slow_edge,
)

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

_OF_DAY = np.repeat([0.2, 2.0, 8.0, 10.5, 8.0, 9.0, 8.0, 3.0, 0.5], [7, 1, 1, 3, 1, 3, 1, 3, 4])
_OF_WEEK = np.array([1.15, 1.05, 1.0, 1.0, 0.8, 0.03, 0.03])
_RATE_OF_WEEK = np.array([1.08, 1.0, 1.0, 0.97, 0.95, 1.0, 1.0])
_TRAFFIC_DAY_TO_DAY = 0.15
_CHANGES_PER_DAY = 3.0  # of access
_SIGMA = 0.5  # of the logarithm of the seconds, whose median is one
_STRETCH = _SIGMA * 0.1 / 0.1755  # of that logarithm, for a share above the 90th percentile


@dataclass(frozen=True, slots=True)
class Bot:
    """How busy a bot is, and how even.

    Attributes:
        per_day: Answers a workday.
        day_to_day: Standard deviation of a day's rate, over the rate.
    """

    per_day: int
    day_to_day: float


@dataclass(frozen=True, slots=True)
class Kind:
    """One signal of a healthy bot.

    Attributes:
        bad: Share of its trials; None for what is timed.
        per_answer: Trials per answer; None for changes of access.
    """

    signal: Signal
    bad: float | None = None
    per_answer: float | None = 1.0

    def trials(self, per_day: int) -> float:
        """Return how many a workday of so many answers has."""
        return _CHANGES_PER_DAY if self.per_answer is None else per_day * self.per_answer


@dataclass(frozen=True, slots=True)
class Fault:
    """From an hour on a share of bad ones, or seconds times a factor."""

    hour: int
    becomes: float


@dataclass(frozen=True, slots=True)
class Series:
    """What one signal did, hour by hour from a Monday on.

    Attributes:
        counts: By duration, as in ``Timing``; of what is not timed good ones, then bad ones:
            (hours, bins).
    """

    counts: Counts
    is_timed: bool

    def hours(self, look: int) -> Hours:
        """Return what is seen at the end of an hour."""
        counts = self.counts[look + 1 - HOURS : look + 1]
        edge = int(slow_edge(counts[: 24 * REFERENCE_DAYS].sum(0))) if self.is_timed else 0
        slow = EDGES_S[edge] if self.is_timed else None
        return Hours(counts.sum(1), counts[:, edge + 1 :].sum(1), slow)

    def days(self, looks: Counts) -> tuple[Counts, Counts]:
        """Return trials and bad ones by day before each look: (DAYS, looks)."""
        seen = np.concatenate([np.zeros_like(self.counts[:1]), self.counts.cumsum(0)])
        up_to = seen.cumsum(1)  # hour and edge
        bounds = looks + 1 - 24 * np.arange(DAYS, -1, -1)[:, None]
        edges = np.zeros_like(looks)
        if self.is_timed:
            edges = slow_edge(seen[bounds[REFERENCE_DAYS]] - seen[bounds[0]])
        n, good = np.diff(up_to[bounds, -1], axis=0), np.diff(up_to[bounds, edges], axis=0)
        return n, n - good


def simulated(
    kind: Kind, bot: Bot, weeks: int, rng: np.random.Generator, fault: Fault | None = None
) -> Series:
    """Draw one signal of a bot over weeks, the first of which begins on a Monday."""
    expected = np.outer(_OF_WEEK, _OF_DAY / _OF_DAY.sum()).ravel() * kind.trials(bot.per_day)
    shape = _TRAFFIC_DAY_TO_DAY**-2
    busy = rng.gamma(shape, 1 / shape, weeks * 7).repeat(24)
    n = rng.poisson(np.tile(expected, weeks) * busy)
    if kind.bad is None:
        return Series(_durations(n, bot.day_to_day, rng, fault), is_timed=True)
    rate = _rates(kind.bad, weeks, bot.day_to_day, rng)
    if fault:
        rate[fault.hour :] = _rates(fault.becomes, weeks, bot.day_to_day, rng)[fault.hour :]
    bad = rng.binomial(n, rate)
    return Series(np.stack([n - bad, bad], axis=1), is_timed=False)


def _rates(rate: float, weeks: int, day_to_day: float, rng: np.random.Generator) -> Floats:
    """Draw the rate of each day, beta distributed, and return it hour by hour."""
    mean = rate * np.tile(_RATE_OF_WEEK, weeks)
    deviation = day_to_day * np.minimum(mean, 1 - mean)
    size = mean * (1 - mean) / deviation**2 - 1
    return rng.beta(mean * size, (1 - mean) * size).repeat(24)


def _durations(
    n: Counts, day_to_day: float, rng: np.random.Generator, fault: Fault | None
) -> Counts:
    """Draw the seconds of each trial, and count them by hour and duration."""
    hour = np.arange(n.size).repeat(n)
    middle = rng.normal(0.0, day_to_day * _STRETCH, n.size // 24).repeat(24)
    if fault:
        middle[fault.hour :] += np.log(fault.becomes)
    seconds = np.exp(rng.normal(middle[hour], _SIGMA))
    bins = len(EDGES_S) + 1
    places = hour * bins + np.searchsorted(EDGES_S, seconds)
    return np.bincount(places, minlength=n.size * bins).reshape(n.size, bins)
