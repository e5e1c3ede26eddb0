"""What a sample allows one to say: intervals, paired tests, verdicts. Pure.

Knows numbers only; what they measure is the caller's affair. Everything random has a seed.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Verdict = Literal["better", "worse", "same"]
Method = Literal["mcnemar", "permutation"]

CONFIDENCE = 0.95
_EQUAL = 1e-9  # what differs by less than that differs by rounding
_RESAMPLES = 9_999
_BATCH = 256  # resamples at once: bounds the memory


@dataclass(frozen=True, slots=True)
class Interval:
    """Where the true value lies, at some confidence."""

    low: float
    high: float


UNKNOWN = Interval(-math.inf, math.inf)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two arms on the same cases.

    Attributes:
        n: Pairs.
        difference: Mean of the first arm less that of the second.
        interval: Of the difference.
        p_value: Two-sided, for "the arms do not differ".
    """

    n: int
    difference: float
    interval: Interval
    p_value: float
    method: Method


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Return the interval of a rate, good for few cases and near 0 and 1.

    Source:
        Wilson (1927), JASA 22, 209.
    """
    from scipy.stats import binomtest  # noqa: PLC0415  a second to load

    if n == 0:
        return Interval(0.0, 1.0)
    found = binomtest(successes, n).proportion_ci(confidence, method="wilson")
    return Interval(float(found.low), float(found.high))


def bootstrap_mean(
    values: Sequence[float], seed: int = 0, confidence: float = CONFIDENCE
) -> Interval:
    """Return the interval of a mean; for rates ``wilson`` is the better one.

    Returns:
        ``UNKNOWN`` for fewer than two values; one point where all are equal but for rounding.

    Source:
        Efron (1987), JASA 82, 171: bias-corrected and accelerated.
    """
    if len(values) < 2:  # noqa: PLR2004  one value shows no spread
        return UNKNOWN
    if math.isclose(min(values), max(values), rel_tol=_EQUAL, abs_tol=_EQUAL):
        return Interval(float(values[0]), float(values[0]))
    from scipy.stats import bootstrap  # noqa: PLC0415  a second to load

    found = bootstrap(
        (np.asarray(values, dtype=np.float64),),
        np.mean,
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        confidence_level=confidence,
        method="BCa",
        rng=seed,
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def paired(a: Sequence[float], b: Sequence[float], seed: int = 0) -> Comparison:
    """Compare two arms case by case.

    Args:
        a: Scores of the arm that is judged.
        b: Scores of the other on the same cases, in the same order.
        seed: Of what is drawn; right-or-wrong scores need none.

    Returns:
        The exact McNemar test where all scores are 0 or 1, otherwise a permutation test that
        flips the signs of the differences.

    Raises:
        ValueError: If the arms differ in length.
    """
    first, second = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if first.shape != second.shape:
        message = f"{first.size} scores cannot be paired with {second.size}"
        raise ValueError(message)
    if np.isin(first, (0.0, 1.0)).all() and np.isin(second, (0.0, 1.0)).all():
        return _mcnemar(first == 1.0, second == 1.0)
    return _permutation(first - second, seed)


def _mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Comparison:
    from scipy.stats import binomtest  # noqa: PLC0415  a second to load

    wins, losses = int((a & ~b).sum()), int((b & ~a).sum())
    p_value = float(binomtest(wins, wins + losses).pvalue) if wins + losses else 1.0
    difference = (wins - losses) / a.size if a.size else 0.0
    return Comparison(a.size, difference, _difference_of_rates(a, b), p_value, "mcnemar")


def _difference_of_rates(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Interval:
    # Newcombe (1998), Statistics in Medicine 17, 2635, method 10: Wilson for pairs.
    if not a.size:
        return Interval(-1.0, 1.0)
    rate_a, rate_b = float(a.mean()), float(b.mean())
    of_a, of_b = wilson(int(a.sum()), a.size), wilson(int(b.sum()), b.size)
    phi = _phi(a, b)
    down = _joined(rate_a - of_a.low, of_b.high - rate_b, phi)
    up = _joined(of_a.high - rate_a, rate_b - of_b.low, phi)
    return Interval(rate_a - rate_b - down, rate_a - rate_b + up)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))


def _phi(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Return how far right and wrong go together in both arms, corrected for continuity."""
    both, neither = int((a & b).sum()), int((~a & ~b).sum())
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    spread = math.prod([both + only_a, only_b + neither, both + only_b, only_a + neither])
    excess = float(both * neither - only_a * only_b)
    if excess > 0:
        excess = max(excess - a.size / 2, 0.0)
    return excess / math.sqrt(spread) if spread else 0.0


def _permutation(differences: NDArray[np.float64], seed: int) -> Comparison:
    interval = bootstrap_mean(differences.tolist(), seed)
    p_value = _sign_flips(differences, seed) if _can_tell(differences) else 1.0
    return Comparison(differences.size, float(differences.mean()), interval, p_value, "permutation")


def _can_tell(differences: NDArray[np.float64]) -> bool:
    return differences.size > 1 and bool(differences.any())


def _sign_flips(differences: NDArray[np.float64], seed: int) -> float:
    from scipy.stats import permutation_test  # noqa: PLC0415  a second to load

    tested = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        n_resamples=_RESAMPLES,
        batch=_BATCH,
        rng=seed,
    )
    return float(tested.pvalue)


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjust p-values of several tests, in order, so that one level holds for all together.

    Source:
        Holm (1979), Scandinavian Journal of Statistics 6, 65.
    """
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    ranked = sorted(range(len(p_values)), key=lambda at: p_values[at])
    for done, at in enumerate(ranked):
        largest = max(largest, min((len(p_values) - done) * p_values[at], 1.0))
        adjusted[at] = largest
    return tuple(adjusted)


def verdict(comparison: Comparison, level: float = 1 - CONFIDENCE) -> Verdict:
    """Say how the first arm does against the second; "same" means not shown to differ."""
    if comparison.p_value > level or comparison.difference == 0:
        return "same"
    return "better" if comparison.difference > 0 else "worse"
