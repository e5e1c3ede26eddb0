"""What is usual, and how unusual a window is beside it. Pure; arrays, so that many go at once.

The method. The days of a quiet bot differ by more than independent answers would, so counts
are divided by their design effect, which is estimated from the reference and at least that of
``Rules.day_to_day``; the effective counts are compared by Fisher's exact test, one-sided. A
change must also be large enough to matter. The level of one test is the false alarms allowed
per week, shared by signals, windows and days: looking each hour instead of each day adds
little, since the windows overlap. ``bench/drift.py`` measures what comes of it.

Source:
    Rao and Scott (1992), Biometrics 48, 577: effective counts of clustered binary data.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from bot.monitoring.history import RECENT_DAYS, REFERENCE_DAYS, SIGNALS

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]

WINDOW_DAYS = (1, RECENT_DAYS)
_DAY_TO_DAY_MAX = 0.30  # a fault that lies in the reference must not make us blind


@dataclass(frozen=True, slots=True)
class Rules:
    """When to speak.

    Attributes:
        false_alarms_per_week: That are accepted, all signals together, roughly.
        day_to_day: Standard deviation of a rate between quiet days that is taken for granted,
            as a share of the rate (of its complement, where that is smaller).
        reference_min: Trials in the reference without which nothing is said.
        reference_days_min: Days with trials there, likewise.
        window_min: Trials in the window, likewise.
        bad_min: Bad ones in the window, likewise.
        points: A change matters from this difference on,
        ratio: or from this factor on.
    """

    false_alarms_per_week: float = 0.01
    day_to_day: float = 0.15
    reference_min: int = 50
    reference_days_min: int = 5
    window_min: int = 10
    bad_min: int = 3
    points: float = 0.05
    ratio: float = 1.5

    @property
    def level(self) -> float:
        """Of one test."""
        return self.false_alarms_per_week / (len(SIGNALS) * len(WINDOW_DAYS) * 7)


@dataclass(frozen=True, slots=True)
class Effective:
    """How many independent trials are worth as much as those of some days.

    Attributes:
        n: Trials: (...).
        bad: Those of them that went wrong: (...).
    """

    n: Counts
    bad: Counts

    @classmethod
    def from_days(cls, n: Counts, bad: Counts, within_day: Floats) -> Self:
        """Divide the sum of days, (days, ...), by the design effect."""
        others = np.maximum((n**2).sum(0) / np.maximum(n.sum(0), 1) - 1, 0)  # of a trial's day
        effect = 1 + within_day * others
        return cls(_whole(n.sum(0) / effect), _whole(bad.sum(0) / effect))

    def __getitem__(self, at: NDArray[np.bool_]) -> "Effective":
        return Effective(self.n[at], self.bad[at])

    def p_value(self, other: "Effective") -> Floats:
        """Test whether these are worse than others: (...)."""
        from scipy.stats import hypergeom  # noqa: PLC0415  a second to load

        p = hypergeom.sf(self.bad - 1, self.n + other.n, self.bad + other.bad, self.n)
        return np.asarray(p)


@dataclass(frozen=True, slots=True)
class Reference:
    """The 28 days before the last 7.

    Attributes:
        days: How many have trials: (...).
        n: Trials: (...).
        bad: Those of them that went wrong: (...).
        within_day: Correlation of two trials of one day: (...).
        effective: What they are worth.
    """

    days: Counts
    n: Counts
    bad: Counts
    within_day: Floats
    effective: Effective

    @classmethod
    def from_days(cls, n: Counts, bad: Counts, rules: Rules) -> Self:
        """Learn what is usual from days, (DAYS, ...), of which the last 7 are left out."""
        n, bad = n[:REFERENCE_DAYS], bad[:REFERENCE_DAYS]
        within_day = _within_day(n, bad, rules.day_to_day)
        effective = Effective.from_days(n, bad, within_day)
        return cls((n > 0).sum(0), n.sum(0), bad.sum(0), within_day, effective)

    @property
    def rate(self) -> Floats:
        """Share of bad ones: (...); 0 where there is nothing."""
        return np.asarray(self.bad / np.maximum(self.n, 1))

    def p_value(self, n: Counts, bad: Counts, rules: Rules) -> Floats:
        """Test whether the days of a window, (days, ...), are worse: (...).

        Returns:
            1 where there is too little to speak of.
        """
        at = self._is_worth_a_test(n.sum(0), bad.sum(0), rules)
        p = np.ones(at.shape)
        window = Effective.from_days(n, bad, self.within_day)
        p[at] = window[at].p_value(self.effective[at])
        return p

    def _is_worth_a_test(self, n: Counts, bad: Counts, rules: Rules) -> NDArray[np.bool_]:
        rate = bad / np.maximum(n, 1)
        matters = (rate - self.rate >= rules.points) | (rate >= rules.ratio * self.rate)
        enough = (n >= rules.window_min) & (bad >= rules.bad_min)
        known = (self.n >= rules.reference_min) & (self.days >= rules.reference_days_min)
        return np.asarray(matters & enough & known)


def p_values(n: Counts, bad: Counts, rules: Rules) -> Floats:
    """Test each window of days, (DAYS, ...), against their reference: (windows, ...)."""
    reference = Reference.from_days(n, bad, rules)
    return np.stack([reference.p_value(n[-days:], bad[-days:], rules) for days in WINDOW_DAYS])


def _whole(counts: Floats) -> Counts:
    return np.asarray(np.rint(counts).astype(np.int64))


def _within_day(n: Counts, bad: Counts, day_to_day: float) -> Floats:
    """Estimate the correlation from how far the days (days, ...) lie apart: (...)."""
    rate = (bad.sum(0) + 0.5) / (n.sum(0) + 1)
    variance = rate * (1 - rate)
    days = (n > 0).sum(0)
    apart = ((bad - n * rate) ** 2).sum(0) / variance * days / np.maximum(days - 1, 1)
    pairs = np.maximum((n**2).sum(0) - n.sum(0), 1)
    unit = np.minimum(rate, 1 - rate) ** 2 / variance  # if days differed by 100 %
    estimate = (apart - n.sum(0)) / pairs
    most = max(day_to_day, _DAY_TO_DAY_MAX)
    return np.asarray(np.clip(estimate, day_to_day**2 * unit, most**2 * unit))
