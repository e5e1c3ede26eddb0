"""Intervals, paired tests and verdicts against textbooks, and against chance."""

import math

import numpy as np
import pytest

from adapters.statistics import (
    UNKNOWN,
    Comparison,
    Interval,
    bootstrap_mean,
    holm,
    paired,
    verdict,
    wilson,
)


def right_and_wrong(
    both: int, only_a: int, only_b: int, neither: int
) -> tuple[list[float], list[float]]:
    """Lay out a table of four cells as the scores of two arms."""
    a = [1.0] * (both + only_a) + [0.0] * (only_b + neither)
    b = [1.0] * both + [0.0] * only_a + [1.0] * only_b + [0.0] * neither
    return a, b


@pytest.mark.parametrize(("n", "wins"), [(50, 32), (100, 60), (200, 114), (400, 220)])
def test_so_many_wins_show_more_than_a_half(n: int, wins: int) -> None:
    """Fewest wins whose lower bound at 95 % lies above one half; one win less does not do."""
    assert wilson(wins, n).low > 0.5 >= wilson(wins - 1, n).low


@pytest.mark.parametrize(("n", "wins"), [(50, 30), (100, 55), (200, 104), (400, 200)])
def test_so_many_wins_show_it_is_not_much_worse(n: int, wins: int) -> None:
    """Fewest wins whose lower bound at 95 % lies above 45 %; one win less does not do."""
    assert wilson(wins, n).low > 0.45 >= wilson(wins - 1, n).low


def test_the_interval_of_a_rate_is_the_one_in_the_paper() -> None:
    """81 of 263: .2553 to .3662 (Newcombe 1998, Statistics in Medicine 17, 857, method 3)."""
    interval = wilson(81, 263)

    assert (interval.low, interval.high) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_no_failure_in_few_cases_does_not_mean_never() -> None:
    """0 of 60 leaves room for 6 %, 0 of 0 for anything."""
    assert wilson(0, 60).low == 0.0
    assert wilson(0, 60).high == pytest.approx(1.96**2 / (60 + 1.96**2), abs=1e-4)
    assert wilson(0, 0) == Interval(0.0, 1.0)


def test_more_confidence_takes_a_wider_interval() -> None:
    """99 % encloses 95 %."""
    narrow, wide = wilson(30, 50), wilson(30, 50, confidence=0.99)

    assert wide.low < narrow.low < narrow.high < wide.high


def test_the_interval_of_a_mean_covers_it_about_as_often_as_it_says() -> None:
    """200 samples of 30 from a skewed distribution with mean one: 95 % promised, 90 % kept."""
    rng = np.random.default_rng(1)
    intervals = [bootstrap_mean(rng.exponential(size=30).tolist()) for _ in range(200)]

    covered = sum(one.low <= 1.0 <= one.high for one in intervals)

    assert 170 <= covered <= 196


@pytest.mark.parametrize("values", [[], [0.7]])
def test_one_value_shows_no_spread(values: list[float]) -> None:
    """Of none or one nothing is said, instead of an interval without width."""
    assert bootstrap_mean(values) == UNKNOWN


def test_equal_values_give_their_value() -> None:
    """No warning about a degenerate distribution, no NaN."""
    assert bootstrap_mean([0.3, 0.3, 0.3]) == Interval(0.3, 0.3)


def test_nearly_degenerate_values_give_numbers() -> None:
    """Whatever few zeros and ones come, the interval holds the mean and is finite."""
    rng = np.random.default_rng(2)
    for size in rng.integers(2, 12, 60):
        values = rng.integers(0, 2, size).astype(float).tolist()
        interval = bootstrap_mean(values)
        assert interval.low <= sum(values) / size <= interval.high
        assert math.isfinite(interval.low + interval.high)


def test_the_same_seed_gives_the_same_interval() -> None:
    """A report made twice is the same report."""
    values = [0.1, 0.9, 0.4, 0.6, 0.2]

    assert bootstrap_mean(values, seed=3) == bootstrap_mean(values, seed=3)
    assert bootstrap_mean(values, seed=3) != bootstrap_mean(values, seed=4)


def test_mcnemar_by_hand() -> None:
    """8 wins, 2 losses: twice the chance of at most 2 heads in 10, (1 + 10 + 45) / 1024."""
    compared = paired(*right_and_wrong(both=20, only_a=8, only_b=2, neither=5))

    assert compared.method == "mcnemar"
    assert (compared.n, compared.difference) == (35, pytest.approx(6 / 35))
    assert compared.p_value == pytest.approx(2 * 56 / 1024)


def test_the_interval_of_a_difference_is_the_one_in_the_paper() -> None:
    """36, 12, 2 and 0 of 50: .0569 to .3404 (Newcombe 1998, SiM 17, 2635, method 10)."""
    interval = paired(*right_and_wrong(36, 12, 2, 0)).interval

    assert (interval.low, interval.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_the_interval_of_a_difference_by_hand() -> None:
    """72 % (.5833 to .8253) against 64 % (.5014 to .7586), phi (348 - 25) / 538.8 = .5995."""
    interval = paired(*right_and_wrong(both=30, only_a=6, only_b=2, neither=12)).interval

    assert (interval.low, interval.high) == pytest.approx((-0.0354, 0.1931), abs=3e-4)


def test_arms_that_never_differ_are_not_proven_equal() -> None:
    """All right in both arms: no difference, p = 1, but an interval with some width."""
    compared = paired([1.0] * 54, [1.0] * 54)

    assert (compared.difference, compared.p_value) == (0.0, 1.0)
    assert compared.interval.low < -0.05
    assert compared.interval.high > 0.05


def test_sign_flips_by_hand() -> None:
    """Five differences of one sign: 2 of 32 flips are as extreme; with one flipped, 4."""
    ahead = [0.2, 0.3, 0.4, 0.5, 0.6]

    assert paired(ahead, [0.0] * 5).method == "permutation"
    assert paired(ahead, [0.0] * 5).p_value == pytest.approx(2 / 32)
    assert paired([-0.2, *ahead[1:]], [0.0] * 5).p_value == pytest.approx(4 / 32)


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([0.5], [0.5]), ([0.5], [0.2]), ([0.5, 0.2], [0.5, 0.2])]
)
def test_too_little_to_compare_shows_nothing(a: list[float], b: list[float]) -> None:
    """No pair, one pair or equal pairs: p = 1, no warning."""
    compared = paired(a, b)

    assert compared.p_value == 1.0
    assert compared.interval.low <= compared.difference <= compared.interval.high


def test_arms_of_different_length_are_no_pairs() -> None:
    """A case that one arm lost must not shift all others."""
    with pytest.raises(ValueError, match="3 scores cannot be paired with 2"):
        paired([1.0, 0.0, 1.0], [1.0, 0.0])


def test_swapping_the_arms_swaps_the_verdict() -> None:
    """Better one way is worse the other way."""
    a, b = right_and_wrong(10, 12, 1, 10)

    assert verdict(paired(a, b)) == "better"
    assert verdict(paired(b, a)) == "worse"


@pytest.mark.parametrize(("digits", "comparisons", "most"), [(0, 400, 30), (2, 80, 8)])
def test_equal_arms_are_rarely_told_apart(digits: int, comparisons: int, most: int) -> None:
    """40 cases without a difference: about one comparison in twenty, or fewer, finds one."""
    rng = np.random.default_rng(4)
    scores = rng.random((comparisons, 2, 40)).round(digits)

    found = sum(verdict(paired(*arms.tolist())) != "same" for arms in scores)

    assert 1 <= found <= most


def test_the_level_decides() -> None:
    """The same comparison is a finding at 5 % and none at 1 %."""
    compared = Comparison(50, 0.2, Interval(0.05, 0.34), 0.013, "mcnemar")

    assert verdict(compared) == "better"
    assert verdict(compared, level=0.01) == "same"


def test_holm_by_hand() -> None:
    """.01, .04, .03, .005: times 4, 3, 2, 1 from the smallest, never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))


def test_holm_stays_a_probability() -> None:
    """Large ones end at one; none give none."""
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


def test_values_that_differ_by_rounding_alone_have_no_spread() -> None:
    """Twice the seconds less once the seconds is one second each, but for the last digit."""
    values = [(2.0 + n / 100) - (1.0 + n / 100) for n in range(40)]

    assert len(set(values)) > 1
    interval = bootstrap_mean(values)
    assert (interval.low, interval.high) == (pytest.approx(1.0), pytest.approx(1.0))
