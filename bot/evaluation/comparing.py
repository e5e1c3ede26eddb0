"""Arms against each other and against a baseline, on the cases that both have. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from statistics import fmean

from adapters.statistics import Comparison, bootstrap_mean, holm, paired, verdict, wilson
from bot.configuration import Configuration
from bot.evaluation.results import (
    MEASURES,
    ArmResult,
    CaseRun,
    CaseScore,
    Difference,
    Figure,
)

BASELINE = "baseline"
UNPAIRED = frozenset({"decline precision"})
"""Measures over cases that each arm chooses for itself."""

AMOUNTS = frozenset({"seconds", "tokens"})
"""Measures that are no rates."""

_TURNED = {"better": "worse", "worse": "better", "same": "same"}

Measured = Mapping[str, Mapping[str, float]]
"""Measures by case."""


def summed_up(
    arm: str,
    configuration: Configuration,
    index_version: str,
    runs: Sequence[CaseRun],
    scores: Sequence[CaseScore],
) -> ArmResult:
    """Sum up the scores of one arm."""
    tags = sorted({tag for one in scores for tag in one.tags})
    return ArmResult(
        arm=arm,
        configuration=dict(configuration.values),
        index_version=index_version,
        figures=tuple(_figure(name, _values(name, scores)) for name in _names(scores)),
        by_tag={
            tag: _figure("correct", _values("correct", [s for s in scores if tag in s.tags]))
            for tag in tags
        },
        lost=dict(Counter(one.lost_at for one in scores if one.lost_at)),
        runs=tuple(runs),
        scores=tuple(scores),
    )


def differences(arms: Sequence[ArmResult], baseline: Measured | None) -> tuple[Difference, ...]:
    """Compare each arm with the first one, and with the baseline, if there is one."""
    first, *others = arms
    found = list[Difference]()
    for arm in others:
        found += _pair(arm.arm, first.arm, by_case(arm.scores), by_case(first.scores))
    for arm in arms if baseline is not None else ():
        found += _pair(arm.arm, BASELINE, by_case(arm.scores), baseline or {})
    return tuple(found)


def by_case(scores: Iterable[CaseScore]) -> dict[str, Mapping[str, float]]:
    """Return the measures by case."""
    return {one.case_id: one.measures for one in scores}


def _pair(arm: str, against: str, mine: Measured, theirs: Measured) -> list[Difference]:
    compared = {name: _compared(name, mine, theirs) for name in _all_names([*mine.values()])}
    known = {name: one for name, one in compared.items() if one.n > 1}
    adjusted = holm([one.p_value for one in known.values()])
    return [
        _difference(arm, against, name, one, p_value)
        for (name, one), p_value in zip(known.items(), adjusted, strict=True)
    ]


def _compared(name: str, mine: Measured, theirs: Measured) -> Comparison:
    both = [
        (mine[case][name], theirs[case][name])
        for case in mine
        if case in theirs and name in mine[case] and name in theirs[case]
    ]
    return paired([a for a, _ in both], [b for _, b in both])


def _difference(arm: str, against: str, name: str, one: Comparison, p_value: float) -> Difference:
    told = verdict(replace(one, p_value=p_value))
    return Difference(
        arm=arm,
        against=against,
        measure=name,
        n=one.n,
        difference=one.difference,
        low=one.interval.low,
        high=one.interval.high,
        p_value=p_value,
        verdict=told if MEASURES.get(name, True) else _TURNED[told],
    )


def _figure(name: str, values: Sequence[float]) -> Figure:
    is_rate = set(values) <= {0.0, 1.0} and name not in AMOUNTS
    if len(values) == 1 and not is_rate:
        return Figure(name, 1, values[0], values[0], values[0])
    interval = wilson(round(sum(values)), len(values)) if is_rate else bootstrap_mean(values)
    return Figure(name, len(values), fmean(values), interval.low, interval.high)


def _values(name: str, scores: Iterable[CaseScore]) -> list[float]:
    return [one.measures[name] for one in scores if name in one.measures]


def _names(scores: Sequence[CaseScore]) -> list[str]:
    """Return the measures that some case has, in the order of reports."""
    present = {name for one in scores for name in one.measures}
    rules = sorted(present - set(MEASURES))
    return [name for name in MEASURES if name in present] + rules


def _all_names(measures: Iterable[Mapping[str, float]]) -> list[str]:
    return sorted({name for one in measures for name in one} - UNPAIRED)
