"""What a reader of an evaluation sees first: alarms, verdicts, figures side by side, stages.

The terminal and the report say it in the same words. Knows neither of them. Pure.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import isfinite

from bot.configuration import Value
from bot.evaluation.attribution import Stage
from bot.evaluation.results import MEASURES, ArmResult, Difference, Evaluation, Figure
from bot.inert import inert

UNKNOWN = "-"
_DECIMALS = {"seconds": 2, "tokens": 0}
_RULE = "voice: "
_SMALLEST_P = 0.001
_MOST_IDS = 5


@dataclass(frozen=True, slots=True)
class Cell:
    """One measure of one arm.

    Attributes:
        is_best: No other arm does better, and some arm does worse.
        change: From the first arm; None for the first itself.
    """

    figure: Figure
    is_best: bool
    change: Difference | None


@dataclass(frozen=True, slots=True)
class Row:
    """One measure, with a cell for each arm; None where no case of it has the measure."""

    measure: str
    is_more_better: bool
    cells: tuple[Cell | None, ...]

    @property
    def n(self) -> str:
        """Cases that it applies to: one number if it is the same for every arm that has any."""
        counts = [str(cell.figure.n) for cell in self.cells if cell]
        return counts[0] if len(set(counts)) == 1 else " / ".join(counts)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one arm does better and worse than another, or than the baseline."""

    arm: str
    against: str
    differences: tuple[Difference, ...]

    def told(self, verdict: str) -> str:
        """List the measures of a verdict, each with its change."""
        return ", ".join(
            f"{label(one.measure)} {change(one)}"
            for one in self.differences
            if one.verdict == verdict
        )

    @property
    def n_same(self) -> int:
        """Measures that are not shown to differ."""
        return sum(one.verdict == "same" for one in self.differences)

    @property
    def sentence(self) -> str:
        """The verdict in one line."""
        parts = [f"{how} in {told}" for how in ("better", "worse") if (told := self.told(how))]
        parts += [f"not shown to differ in {self.n_same} measures"] if self.n_same else []
        return "; ".join(parts)


def alarms(evaluation: Evaluation) -> tuple[str, ...]:
    """Say which arms leaked or failed, and on which cases."""
    told = list[str]()
    for arm in evaluation.arms:
        leaked = [run.case_id for run in arm.runs if run.leaks]
        failed = [run.case_id for run in arm.runs if run.failed]
        told += [f"{arm.arm} leaked in {_cases(leaked)}"] if leaked else []
        told += [f"{arm.arm} failed in {_cases(failed)}"] if failed else []
    return tuple(told)


def verdicts(evaluation: Evaluation) -> tuple[Verdict, ...]:
    """Gather the differences by pair of arms, in their order."""
    pairs = dict.fromkeys((one.arm, one.against) for one in evaluation.differences)
    return tuple(
        Verdict(*pair, tuple(o for o in evaluation.differences if (o.arm, o.against) == pair))
        for pair in pairs
    )


def rows(evaluation: Evaluation) -> tuple[Row, ...]:
    """Lay the figures of all arms side by side, measures in the order of reports."""
    figures = [{one.measure: one for one in arm.figures} for arm in evaluation.arms]
    known = dict.fromkeys(measure for arm in figures for measure in arm)
    ordered = [one for one in MEASURES if one in known]
    return tuple(
        _row(evaluation, measure, [arm.get(measure) for arm in figures])
        for measure in (*ordered, *sorted(set(known) - set(MEASURES)))
    )


def stages(arms: Iterable[ArmResult]) -> tuple[str, ...]:
    """List the stages that lost a case, in the order of an answer."""
    lost = dict.fromkeys(stage for arm in arms for stage, n in arm.lost.items() if n)
    known = [str(stage) for stage in Stage if stage in lost]
    return (*known, *sorted(set(lost) - set(known)))


def settings_that_differ(arms: Sequence[ArmResult]) -> dict[str, tuple[Value | None, ...]]:
    """Return each setting that is not the same for all arms, with its value in each."""
    names = sorted({name for arm in arms for name in arm.configuration})
    values = {name: tuple(arm.configuration.get(name) for arm in arms) for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def label(measure: str) -> str:
    """Return the name of a measure; one of ours may hold an ``@``."""
    return measure if measure in MEASURES else inert(measure)


def number(measure: str, value: float) -> str:
    """Write a value of a measure."""
    return f"{value:z.{_DECIMALS.get(measure, 3)}f}" if isfinite(value) else UNKNOWN


def interval(one: Figure | Difference, between: str = " to ") -> str:
    """Write where the true value lies."""
    if not (isfinite(one.low) and isfinite(one.high)):
        return "no interval"
    return between.join(number(one.measure, end) for end in (one.low, one.high))


def change(one: Difference) -> str:
    """Write a difference with its sign."""
    return f"{one.difference:+z.{_DECIMALS.get(one.measure, 3)}f}"


def p_value(one: Difference) -> str:
    """Write how likely such a difference is between equals."""
    return f"p < {_SMALLEST_P}" if one.p_value < _SMALLEST_P else f"p {one.p_value:.3f}"


def is_rule(measure: str) -> bool:
    """Tell whether a measure is one rule of the voice."""
    return measure.startswith(_RULE)


def _row(evaluation: Evaluation, measure: str, figures: Sequence[Figure | None]) -> Row:
    is_more_better = MEASURES.get(measure, True)
    values = [one.value for one in figures if one]
    best = max(values) if is_more_better else min(values)
    is_contest = len(set(values)) > 1
    changes = {(o.arm, o.against): o for o in evaluation.differences if o.measure == measure}
    first = evaluation.arms[0].arm
    cells = [
        Cell(
            figure,
            is_best=is_contest and figure.value == best,
            change=changes.get((arm.arm, first)),
        )
        if figure
        else None
        for arm, figure in zip(evaluation.arms, figures, strict=True)
    ]
    return Row(measure, is_more_better, tuple(cells))


def _cases(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
    return f"{len(ids)} of its cases: {', '.join(ids[:_MOST_IDS])}{more}"
