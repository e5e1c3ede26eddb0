"""What the drift detectors say of made-up histories, and above all when they say nothing."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from pydantic import TypeAdapter
from scipy.stats import fisher_exact

from bot.monitoring.drift import Alert, State, look
from bot.monitoring.history import (
    DAYS,
    EDGES_S,
    SIGNALS,
    Bucket,
    History,
    Signal,
    Timed,
    Timing,
)
from bot.monitoring.reference import Rules, p_values

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
FAULT = MONDAY + timedelta(days=36, hours=10)  # a Tuesday in the sixth week
USUAL: dict[Signal, float] = {
    "decline": 0.2,
    "empty_retrieval": 0.1,
    "support": 0.85,
    "down_vote": 0.05,
}

Rate = Callable[[datetime], float]


def working_hours(days: int) -> list[datetime]:
    """Return the hours from 9 to 17 of every Monday to Friday."""
    hours = (MONDAY + n * HOUR for n in range(days * 24))
    return [hour for hour in hours if hour.weekday() < 5 and 9 <= hour.hour < 17]


def evenly(signal: Signal, rate: Rate, days: int = 56, per_hour: int = 12) -> History:
    """Lay out hits as regularly as a rate allows, so that nothing is left to chance."""
    owed, buckets = 0.0, []
    for hour in working_hours(days):
        owed += rate(hour) * per_hour
        hits = int(owed + 1e-9)
        buckets.append(Bucket(hour, signal, per_hour, hits))
        owed -= hits
    return History(tuple(buckets))


def changed(before: float, after: float, since: datetime = FAULT) -> Rate:
    """Return a rate that changes once."""
    return lambda hour: after if hour >= since else before


def until(history: History, now: datetime) -> History:
    """Hide the future."""
    return History(
        tuple(one for one in history.buckets if one.hour <= now),
        tuple(one for one in history.timings if one.hour <= now),
    )


def watched(
    history: History, begin: datetime, days: int, rules: Rules | None = None, every_h: int = 1
) -> list[tuple[datetime, Alert]]:
    """Look again and again, as the bot would, and return each alert with its time."""
    state, told = State(), []
    for now in (begin + n * HOUR for n in range(1, days * 24, every_h)):
        alerts, state = look(until(history, now), state, now, rules)
        told += [(now, alert) for alert in alerts]
    return told


def timed(signal: Timed, factor: float, days: int = 40, seconds: float = 1.0) -> History:
    """Lay out durations between half and double of the seconds; from the fault on longer."""
    spread = [seconds * 2 ** (step / 5 - 1) for step in range(11)]
    return History(
        timings=tuple(
            Timing.from_seconds(
                hour, signal, [s * (factor if hour >= FAULT else 1.0) for s in spread]
            )
            for hour in working_hours(days)
        )
    )


def test_more_declines_are_noticed_once_within_the_working_day() -> None:
    """From 20 to 60 %: one alert that day, with both rates and the hour it began."""
    told = watched(evenly("decline", changed(0.2, 0.6)), FAULT, days=6)

    ((when, alert),) = told
    assert FAULT < when < FAULT + 8 * HOUR
    assert alert.signal == "decline"
    assert alert.since == FAULT
    assert alert.window_h == 24
    assert alert.reference_rate == pytest.approx(0.2, abs=0.01)
    assert alert.reference_n == 20 * 8 * 12
    assert alert.rate > 0.3
    assert alert.p_value <= Rules().level
    assert alert.slower_than_s is None


@pytest.mark.parametrize("signal", SIGNALS[:4])
def test_every_counted_signal_is_watched(signal: Signal) -> None:
    """Each goes wrong in its own direction: support by falling, the others by rising."""
    worse = USUAL[signal] - 0.4 if signal == "support" else USUAL[signal] + 0.4

    told = watched(evenly(signal, changed(USUAL[signal], worse)), FAULT, days=2)

    assert [alert.signal for _, alert in told] == [signal]
    assert abs(told[0][1].rate - worse) < abs(told[0][1].rate - USUAL[signal]) + 0.3


def test_support_is_told_as_a_share_of_kept_sentences() -> None:
    """85 % of sentences kept become 45 %: the alert says 85 and less, not 15 and more."""
    ((_, alert),) = watched(evenly("support", changed(0.85, 0.45)), FAULT, days=3)

    assert alert.reference_rate == pytest.approx(0.85, abs=0.01)
    assert alert.rate < 0.85


@pytest.mark.parametrize("signal", SIGNALS[:4])
def test_getting_better_is_no_alarm(signal: Signal) -> None:
    """Fewer declines, more support: nobody is woken."""
    better = 1.0 if signal == "support" else 0.0

    assert not watched(evenly(signal, changed(USUAL[signal], better)), FAULT, days=8, every_h=6)


def test_a_small_but_lasting_change_is_noticed_by_the_week() -> None:
    """From 20 to 32 %: a day does not show it, some days do."""
    ((when, alert),) = watched(evenly("decline", changed(0.2, 0.32)), FAULT, days=7)

    assert when > FAULT + DAY
    assert alert.window_h == 168
    assert abs(alert.since - FAULT) <= 3 * HOUR


def test_a_change_that_does_not_matter_is_not_told() -> None:
    """From 20 to 23 % in very many answers: certain, and too small to wake anybody."""
    rules = Rules(day_to_day=0.0)
    history = evenly("decline", changed(0.2, 0.23), per_hour=4_000)

    assert not watched(history, FAULT, days=8, every_h=6, rules=rules)
    assert watched(history, FAULT, days=8, every_h=6, rules=replace(rules, points=0.02))


def test_too_few_answers_say_nothing() -> None:
    """Eight declined in a row are no alarm by themselves, two more are."""
    usual = evenly("decline", lambda _: 0.2, days=35).buckets

    def after(n: int) -> tuple[Alert, ...]:
        now = MONDAY + 35 * DAY + 12 * HOUR
        return look(History((*usual, Bucket(now, "decline", n, n))), State(), now).alerts

    assert not after(8)
    assert after(10)


def test_without_a_past_nothing_is_said() -> None:
    """A bot of nine days has too few days to be compared with, one of three weeks has enough."""
    young = evenly("decline", changed(0.2, 0.9, since=MONDAY + 8 * DAY), days=10)
    older = evenly("decline", changed(0.2, 0.9, since=MONDAY + 21 * DAY), days=23)

    assert not watched(young, MONDAY, days=10, every_h=6)
    assert watched(older, MONDAY, days=23, every_h=6)


def test_days_that_always_differ_are_no_alarm() -> None:
    """Where every second day is bad, one more is as usual; beside an even past it is not."""

    def every_second_day(hour: datetime) -> float:
        return 0.12 if hour.date().toordinal() % 2 else 0.28

    uneven = evenly("decline", every_second_day, per_hour=60)
    since = MONDAY + 37 * DAY  # a Wednesday with the higher rate
    one_bad_day = evenly("decline", lambda hour: 0.28 if hour >= since else 0.2, per_hour=60)
    rules = Rules(day_to_day=0.0)

    assert every_second_day(since) == 0.28
    assert not watched(uneven, since, days=1, rules=rules)
    assert watched(one_bad_day, since, days=1, rules=rules)


def test_an_old_incident_does_not_make_blind() -> None:
    """Two bad days three weeks ago; the same fault today is noticed all the same."""

    def rate(hour: datetime) -> float:
        was_bad = timedelta(19) < FAULT - hour <= timedelta(21)  # a Tuesday and a Wednesday
        return 0.7 if was_bad else changed(0.2, 0.7)(hour)

    assert watched(evenly("decline", rate), FAULT, days=2)


def test_a_good_week_before_a_bad_day_is_not_where_it_began() -> None:
    """The largest change of the last days was for the better; the alert names the other."""

    def rate(hour: datetime) -> float:
        return 0.6 if hour >= FAULT else 0.3 if hour < FAULT - 6 * DAY else 0.0

    ((_, alert),) = watched(evenly("decline", rate), FAULT, days=1)

    assert alert.since == FAULT


def test_a_lasting_fault_is_told_again_after_a_week_and_not_before() -> None:
    """One alert per change; seven days later a reminder, if it is still there."""
    told = watched(evenly("decline", changed(0.2, 0.6)), FAULT, days=14)

    first, second = (when for when, _ in told)
    assert second - first == 7 * DAY


def test_chance_does_not_mend_a_fault() -> None:
    """Half instead of a fifth of few answers: a lucky day in between is no reason to tell twice."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        history = History(
            tuple(
                Bucket(hour, "decline", 3, int(rng.binomial(3, changed(0.2, 0.5)(hour))))
                for hour in working_hours(46)
            )
        )
        assert len(watched(history, FAULT, days=7, every_h=6)) <= 1


def test_half_mended_is_not_mended() -> None:
    """From 90 down to 60 %: surely better, far from the usual 20 %, and no second alert."""

    def rate(hour: datetime) -> float:
        return 0.6 if hour >= FAULT + 2 * DAY else changed(0.2, 0.9)(hour)

    assert len(watched(evenly("decline", rate), FAULT, days=7)) == 1


def test_a_fault_that_is_mended_is_not_told_again() -> None:
    """Two bad days, then as before: one alert in four weeks, though the week stays bad."""
    history = evenly("decline", lambda h: 0.6 if FAULT <= h < FAULT + 2 * DAY else 0.2, days=70)

    assert len(watched(history, FAULT, days=28)) == 1


def test_a_second_fault_after_the_first_is_told() -> None:
    """Mended on Thursday, broken again on Monday: two alerts, the second from Monday on."""
    second = FAULT + 6 * DAY

    def rate(hour: datetime) -> float:
        return 0.6 if FAULT <= hour < FAULT + 2 * DAY or hour >= second else 0.2

    told = watched(evenly("decline", rate), FAULT, days=8)

    assert [alert.since for _, alert in told] == [FAULT, second]


def test_mended_for_a_day_is_enough_to_be_told_again() -> None:
    """Bad on Tuesday, well on Wednesday and Thursday, bad on Friday: two alerts."""

    def rate(hour: datetime) -> float:
        return 0.6 if hour.day == FAULT.day or hour >= FAULT + 3 * DAY else 0.2

    told = watched(evenly("decline", rate, days=40), FAULT, days=4)

    assert [when.date() for when, _ in told] == [FAULT.date(), (FAULT + 3 * DAY).date()]


def test_few_answers_take_longer_to_be_well_again() -> None:
    """24 a day, bad on Tuesday and Wednesday: Thursday's first ones do not prove it mended."""
    history = evenly("decline", lambda h: 0.7 if FAULT <= h < FAULT + 2 * DAY else 0.2, per_hour=3)
    state, well = State(), []
    for now in (FAULT + n * HOUR for n in range(6 * 24)):
        state = look(until(history, now), state, now).state
        well += [now for alarm in state.alarms if alarm.recovered_at == now]

    assert [now.date() for now in well] == [(FAULT + 3 * DAY).date()]


def test_a_repeated_look_repeats_no_alert() -> None:
    """Two looks within the same second tell once."""
    history, now = evenly("decline", changed(0.2, 0.6), days=37), FAULT + 8 * HOUR

    first = look(history, State(), now)
    again = look(history, first.state, now)

    assert len(first.alerts) == 1
    assert not again.alerts
    assert again.state == first.state


def test_what_is_kept_survives_a_restart() -> None:
    """The state is the same after it was written down as JSON."""
    history, now = evenly("decline", changed(0.2, 0.6), days=37), FAULT + 8 * HOUR
    state = look(history, State(), now).state
    stored = TypeAdapter(State)

    assert state.alarms
    assert stored.validate_json(stored.dump_json(state)) == state


def test_answers_of_twice_the_time_are_noticed() -> None:
    """Slow means slower than nine in ten were; the alert says how slow that is."""
    ((when, alert),) = watched(timed("slow", factor=2.0), FAULT, days=2)

    assert when < FAULT + 8 * HOUR
    assert alert.signal == "slow"
    assert alert.slower_than_s == pytest.approx(1.75, rel=0.1)
    assert alert.reference_rate <= 0.1
    assert alert.rate > 0.2


def test_late_changes_of_access_are_noticed() -> None:
    """A revocation that takes hours instead of seconds is an alert of its own."""
    told = watched(timed("revocation_lag", factor=900.0, seconds=5.0), FAULT, days=1)

    assert [alert.signal for _, alert in told] == ["revocation_lag"]


def test_a_faster_bot_is_no_alarm() -> None:
    """Half the time: nothing to say."""
    assert not watched(timed("slow", factor=0.5), FAULT, days=2)


def test_the_same_hour_may_come_in_parts_and_in_any_order() -> None:
    """Two writers count one hour each; the future and what is older than five weeks are out."""
    history, now = evenly("decline", changed(0.2, 0.6), days=37), FAULT + 8 * HOUR
    halves = [
        replace(one, n=one.n // 2, hits=part)
        for one in history.buckets
        for part in (one.hits // 2, one.hits - one.hits // 2)
    ]
    beyond = [
        Bucket(now - DAYS * DAY, "decline", 9_999, 9_999),
        Bucket(now + HOUR, "decline", 9_999, 9_999),
    ]

    assert look(History((*reversed(halves), *beyond)), State(), now) == look(history, State(), now)


def test_durations_are_counted_up_to_their_edge() -> None:
    """A duration equal to an edge belongs below it; the longest have a bin of their own."""
    timing = Timing.from_seconds(MONDAY, "slow", [EDGES_S[3], EDGES_S[3] * 1.01, 1e9, 0.0])

    assert len(timing.counts) == len(EDGES_S) + 1
    assert [at for at, n in enumerate(timing.counts) if n] == [0, 3, 4, len(EDGES_S)]


def test_with_even_days_the_test_is_fishers() -> None:
    """Nothing is taken off where days do not differ: 12 of 20 against 112 of 560."""
    n, bad = np.zeros((2, DAYS), np.int64)
    n[:28], bad[:28] = 20, 4
    n[-1], bad[-1] = 20, 12

    day, week = p_values(n, bad, Rules(day_to_day=0.0))

    expected = fisher_exact([[12, 8], [112, 448]], alternative="greater").pvalue
    assert day == pytest.approx(expected)
    assert week == pytest.approx(expected)


def test_many_series_at_once_get_what_each_gets_alone() -> None:
    """The vectorised test, with which the benchmark counts false alarms, is the bot's own."""
    rng = np.random.default_rng(5)
    n = rng.poisson(80, (DAYS, 50))
    bad = rng.binomial(n, 0.2)
    bad[-3:] = rng.binomial(n[-3:], 0.4)

    together = p_values(n, bad, Rules())

    assert together.shape == (2, 50)
    assert (together < 1).any()
    for at in range(50):
        assert p_values(n[:, at], bad[:, at], Rules()) == pytest.approx(together[:, at])


def test_quiet_days_seldom_alarm() -> None:
    """2,000 days whose rates differ by 15 %: at most a few are told from the rest."""
    rng = np.random.default_rng(6)
    n = rng.poisson(300, (DAYS, 2_000))
    size = 0.2 * 0.8 / (0.15 * 0.2) ** 2 - 1
    bad = rng.binomial(n, rng.beta(0.2 * size, 0.8 * size, n.shape))

    assert (p_values(n, bad, Rules()).min(0) <= Rules().level).sum() <= 4
    assert (p_values(n, bad, Rules(day_to_day=0.0)).min(0) <= 0.05).sum() > 40  # it can


def test_quiet_weeks_are_quiet() -> None:
    """Four weeks of all counted signals with the dice of 100 answers a day: no alert."""
    rng = np.random.default_rng(7)
    buckets = tuple(
        Bucket(hour, signal, n := int(rng.poisson(12)), int(rng.binomial(n, USUAL[signal])))
        for hour in working_hours(70)
        for signal in SIGNALS[:4]
    )

    assert not watched(History(buckets), MONDAY + 36 * DAY, days=28, every_h=5)
