"""What happened in each hour, as counts, for whoever compares it. Pure.

Knows no method of comparing, and where the counts come from is the caller's affair.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

Timed = Literal["slow", "revocation_lag"]
Signal = Literal["decline", "empty_retrieval", "support", "down_vote", "slow", "revocation_lag"]
SIGNALS: tuple[Signal, ...] = get_args(Signal)

REFERENCE_DAYS = 28
RECENT_DAYS = 7
DAYS = REFERENCE_DAYS + RECENT_DAYS
HOURS = DAYS * 24
EDGES_S = tuple(10 ** (step / 20 - 2) for step in range(161))  # 10 ms to 10^6 s, each 12 % more

_WANTED = frozenset({"support"})  # here a hit is good news
_SLOW_SHARE = 0.1  # of the reference
_REFERENCE = slice(0, REFERENCE_DAYS * 24)  # of the hours
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Bucket:
    """How often something was so within one hour.

    Attributes:
        hour: Its beginning, with a time zone.
        n: Answers; for ``support`` sentences of the model, for ``down_vote`` votes.
        hits: Those that were declined, found nothing above the floor, were kept by grounding
            (the one good hit), or went down.
    """

    hour: datetime
    signal: Signal
    n: int
    hits: int


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things took within one hour: answers, or changes of access until they applied.

    Attributes:
        counts: Up to each of ``EDGES_S`` and above the one before it; the last is of the rest.
    """

    hour: datetime
    signal: Timed
    counts: tuple[int, ...]

    @classmethod
    def from_seconds(cls, hour: datetime, signal: Timed, seconds: Iterable[float]) -> Self:
        """Count durations [s]."""
        places = np.searchsorted(EDGES_S, list(seconds))
        return cls(hour, signal, tuple(np.bincount(places, minlength=len(EDGES_S) + 1).tolist()))


@dataclass(frozen=True, slots=True)
class History:
    """The last five weeks; older counts are passed over, several of one hour add up."""

    buckets: tuple[Bucket, ...] = ()
    timings: tuple[Timing, ...] = ()


@dataclass(frozen=True, slots=True)
class Hours:
    """One signal hour by hour, the oldest first.

    Attributes:
        n: Trials: (HOURS,) int64.
        bad: Those of them that went wrong: (HOURS,) int64.
        slower_than_s: What "slow" means here; None where nothing is timed.
    """

    n: NDArray[np.int64]
    bad: NDArray[np.int64]
    slower_than_s: float | None = None

    def forgiven(self, until_h: int) -> "Hours":
        """Leave out what went on in the last days before the last ``until_h`` hours."""
        old = np.arange(HOURS - RECENT_DAYS * 24, HOURS - until_h)
        n, bad = self.n.copy(), self.bad.copy()
        n[old], bad[old] = 0, 0
        return Hours(n, bad, self.slower_than_s)

    def days(self, begin_h: int = HOURS, end_h: int = 0) -> "Hours":
        """Add up, day by day before the end, what lies between so many hours ago: (days,)."""
        length = max(begin_h - end_h, 0)
        part = slice(HOURS - end_h - length, HOURS - end_h)
        fill = (-length % 24, 0)  # the first day may be a part of one
        n, bad = (np.pad(x[part], fill).reshape(-1, 24).sum(1) for x in (self.n, self.bad))
        return Hours(n, bad, self.slower_than_s)


def bad_share(signal: Signal, rate: float) -> float:
    """Turn the rate of a signal into the share of bad ones, or back."""
    return 1 - rate if signal in _WANTED else rate


def hours_of(history: History, signal: Signal, now: datetime) -> Hours:
    """Lay out one signal up to now, the hour that has begun included."""
    if signal in get_args(Timed):
        return _timed(history.timings, signal, now)
    n, hits = np.zeros(HOURS, np.int64), np.zeros(HOURS, np.int64)
    for bucket in history.buckets:
        at = _place(bucket.hour, now)
        if bucket.signal == signal and at is not None:
            n[at] += bucket.n
            hits[at] += bucket.hits
    return Hours(n, n - hits if signal in _WANTED else hits)


def _place(hour: datetime, now: datetime) -> int | None:
    at = HOURS - 1 - (now - hour) // _HOUR
    return at if 0 <= at < HOURS else None


def _timed(timings: Iterable[Timing], signal: Signal, now: datetime) -> Hours:
    counts = np.zeros((HOURS, len(EDGES_S) + 1), np.int64)
    for timing in timings:
        at = _place(timing.hour, now)
        if timing.signal == signal and at is not None:
            counts[at] += timing.counts
    edge = int(slow_edge(counts[_REFERENCE].sum(0)))
    return Hours(counts.sum(1), counts[:, edge + 1 :].sum(1), EDGES_S[edge])


def slow_edge(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of ``EDGES_S`` is the first with at most a tenth of (..., bins) above: (...)."""
    total = counts.sum(-1, keepdims=True)
    above = total - counts[..., :-1].cumsum(-1)
    return np.asarray((above <= _SLOW_SHARE * total).argmax(-1))
