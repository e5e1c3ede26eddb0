"""The plots of a report as SVG that stands in a page and takes its colours from there.

The page sets the properties ``--ink``, ``--line``, ``--arm-0`` ... and ``--stage-0`` ...; so the
same drawing is readable on light and dark paper. The only file that knows matplotlib, and it never
touches pyplot. The same figures give the same bytes.
"""

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import StringIO
from math import isfinite
from typing import Any

from bot.evaluation.overview import Row, interval, is_rule, number, rows, stages
from bot.evaluation.results import ArmResult, Evaluation, Figure
from bot.inert import cut, inert

ARM_COLOURS = 6
STAGE_COLOURS = 10
MARKS = "●■▲◆▼✚"
"""How the points of each arm look, for legends."""

_MARKERS = "os^DvP"
_INK, _LINE, _PAPER = "#0a0000", "#0a0001", "#0a0002"
_ARMS = [f"#0b00{n:02x}" for n in range(ARM_COLOURS)]
_STAGES = [f"#0c00{n:02x}" for n in range(STAGE_COLOURS)]
_COLOURS = {_INK: "--ink", _LINE: "--line", _PAPER: "--paper"}
_COLOURS |= {code: f"--arm-{n}" for n, code in enumerate(_ARMS)}
_COLOURS |= {code: f"--stage-{n}" for n, code in enumerate(_STAGES)}
_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "x",
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _LINE,
    "ytick.color": _LINE,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "ytick.major.size": 0,
    "ytick.major.pad": 6,
    "lines.linewidth": 1.4,
    "lines.markersize": 5,
}
_WIDE_IN, _NARROW_IN = 4.6, 2.6
_AMOUNTS = frozenset({"seconds", "tokens"})  # all else lies between 0 and 1
_LINE_IN = 0.2
_LABEL = 22
_LETTER_IN = 0.075
_RIGHT_IN, _TOP_IN, _BOTTOM_IN = 0.15, 0.08, 0.25
_LARGE_SEGMENT = 0.05  # of the axis: what has room for a number


@dataclass(frozen=True, slots=True)
class Plot:
    """One drawing.

    Attributes:
        label: What it shows, figures included, for who does not see it.
        svg: Markup; every text in it is escaped.
        names: What its colours stand for.
    """

    title: str
    label: str
    svg: str
    names: tuple[str, ...] = ()


def measure_plots(evaluation: Evaluation) -> list[Plot]:
    """Draw each measure but the rules of the voice: a dot and an interval for each arm."""
    arms = [arm.arm for arm in evaluation.arms]
    return [_measure_plot(arms, row) for row in rows(evaluation) if not is_rule(row.measure)]


def voice_plot(evaluation: Evaluation) -> Plot | None:
    """Draw how often each arm keeps each rule of the voice."""
    found = {row.measure: row for row in rows(evaluation) if is_rule(row.measure)}
    groups = {
        name.partition(": ")[2]: [cell.figure if cell else None for cell in row.cells]
        for name, row in found.items()
    }
    return _grouped("Rules of the voice that are kept", evaluation.arms, groups)


def tag_plot(evaluation: Evaluation) -> Plot | None:
    """Draw the share of correct answers by tag."""
    tags = dict.fromkeys(tag for arm in evaluation.arms for tag in arm.by_tag)
    groups = {tag: [arm.by_tag.get(tag) for arm in evaluation.arms] for tag in tags}
    return _grouped("Correct by tag", evaluation.arms, groups)


def stage_plot(evaluation: Evaluation) -> Plot | None:
    """Draw how many cases each stage lost: a bar for each arm."""
    names, arms = stages(evaluation.arms), evaluation.arms
    if not names:
        return None
    told = [f"{arm.arm}: {', '.join(f'{s} {arm.lost.get(s, 0)}' for s in names)}" for arm in arms]
    labels = [_name(arm.arm) for arm in arms]
    height = len(arms) * 1.6 * _LINE_IN
    svg = _svg("stages", _WIDE_IN, height, labels, partial(_bars, names, arms))
    return Plot("Cases lost, by stage", "; ".join(told), svg, names)


def seconds_plot(evaluation: Evaluation) -> Plot | None:
    """Draw the share of answers that came within so many seconds."""
    times = {arm.arm: seconds_of(arm) for arm in evaluation.arms}
    if not any(times.values()):
        return None
    told = [
        f"{arm}: half within {_quantile(each, 0.5):.2f} s, nine in ten within"
        f" {_quantile(each, 0.9):.2f} s"
        for arm, each in times.items()
        if each
    ]
    svg = _svg("seconds", _WIDE_IN, 1.9, ["0.00"], partial(_curves, [*times.values()]))
    return Plot("Share of answers within so many seconds", "; ".join(told), svg, tuple(times))


def seconds_of(arm: ArmResult) -> list[float]:
    """Return the seconds of each answer, shortest first; what failed gave none."""
    return sorted(run.seconds for run in arm.runs if not run.failed)


def quantiles(arm: ArmResult) -> tuple[str, ...]:
    """Write the median, the 90th percentile and the longest of the seconds of an arm."""
    times = seconds_of(arm)
    return tuple(f"{_quantile(times, share):.2f}" for share in (0.5, 0.9, 1.0)) if times else ()


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def _measure_plot(arms: Sequence[str], row: Row) -> Plot:
    figures = [cell.figure if cell else None for cell in row.cells]
    told = [
        f"{arm} {number(row.measure, one.value)}, {interval(one)}"
        for arm, one in zip(arms, figures, strict=True)
        if one
    ]
    dots = [(float(n), n, one) for n, one in enumerate(figures) if one]
    draw = partial(_dots, dots, range(len(arms)), is_rate=row.measure not in _AMOUNTS)
    height = (len(arms) + 0.4) * _LINE_IN
    svg = _svg(row.measure, _NARROW_IN, height, [_name(arm) for arm in arms], draw)
    return Plot(row.measure, f"{row.measure}: {'; '.join(told)}", svg)


def _grouped(
    title: str, arms: Sequence[ArmResult], groups: Mapping[str, Sequence[Figure | None]]
) -> Plot | None:
    if not groups:
        return None
    apart = len(arms) + 1  # from the first dot of one group to that of the next
    dots = [
        (float(at * apart + n), n, one)
        for at, each in enumerate(groups.values())
        for n, one in enumerate(each)
        if one
    ]
    middles = [at * apart + (len(arms) - 1) / 2 for at in range(len(groups))]
    height = len(groups) * apart * _LINE_IN * 0.6
    draw = partial(_dots, dots, middles, is_rate=True)
    svg = _svg(title, _WIDE_IN, height, [_name(one) for one in groups], draw)
    return Plot(title, _told(arms, groups), svg, tuple(arm.arm for arm in arms))


def _told(arms: Sequence[ArmResult], groups: Mapping[str, Sequence[Figure | None]]) -> str:
    listed = list[str]()
    for n, arm in enumerate(arms):
        values = [f"{name} {one.value:.3f}" for name, each in groups.items() if (one := each[n])]
        listed.append(f"{arm.arm}: {', '.join(values)}")
    return "; ".join(listed)


def _dots(
    dots: Sequence[tuple[float, int, Figure]],
    ticks: Sequence[float],
    axes: Any,
    labels: Sequence[str],
    *,
    is_rate: bool,
) -> None:
    """Draw a dot and an interval at each place, from top to bottom, in the colour of its arm."""
    for place, n, one in dots:
        colour = _ARMS[n % ARM_COLOURS]
        if isfinite(one.low) and isfinite(one.high):
            axes.plot([one.low, one.high], [place, place], color=colour)
        marker = _MARKERS[n % ARM_COLOURS]
        axes.plot([one.value], [place], color=colour, marker=marker, clip_on=False)
    axes.set_yticks(ticks, labels)
    axes.set_ylim(max(place for place, *_ in dots) + 0.7, -0.7)
    if is_rate:
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    else:
        axes.set_xlim(left=-0.02 * axes.get_xlim()[1])
        axes.locator_params(axis="x", nbins=4)


def _bars(
    names: Sequence[str], arms: Sequence[ArmResult], axes: Any, labels: Sequence[str]
) -> None:
    longest = max(sum(arm.lost.values()) for arm in arms)
    for place, arm in enumerate(arms):
        left = 0
        for n, stage in enumerate(names):
            lost = arm.lost.get(stage, 0)
            if lost:
                colour = _STAGES[n % STAGE_COLOURS]
                axes.barh(place, lost, 0.62, left, color=colour, edgecolor=_PAPER, linewidth=0.8)
            if lost > longest * _LARGE_SEGMENT:
                middle = {"ha": "center", "va": "center_baseline"}
                axes.text(left + lost / 2, place, str(lost), color=_PAPER, weight="bold", **middle)
            left += lost
    axes.set_yticks(range(len(arms)), labels)
    axes.set_ylim(len(arms) - 0.5, -0.5)
    axes.set_xlim(0, max(longest, 1))
    axes.locator_params(axis="x", nbins=6, integer=True)


def _curves(times: Sequence[Sequence[float]], axes: Any, labels: Sequence[str]) -> None:
    del labels  # of its own axis: the shares
    for n, each in enumerate(times):
        if each:
            shares = [(done + 1) / len(each) for done in range(len(each))]
            marked = max(len(each) // 5, 1)
            marker = _MARKERS[n % ARM_COLOURS]
            style = {"color": _ARMS[n % ARM_COLOURS], "marker": marker, "markevery": marked}
            axes.step([0, *each], [0, *shares], where="post", **style)
    axes.grid(visible=True, axis="y")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.03)


def _svg(
    name: str,
    width_in: float,
    height_in: float,
    labels: Sequence[str],
    draw: Callable[[Any, Sequence[str]], None],
) -> str:
    """Draw into axes of a height in inches, with room for the labels at their left."""
    from matplotlib import rc_context  # noqa: PLC0415  a second to load
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415  likewise

    left_in = max(map(len, labels)) * _LETTER_IN + 0.2
    whole_in = _TOP_IN + height_in + _BOTTOM_IN
    box = (left_in / width_in, _BOTTOM_IN / whole_in)
    inside = (1 - box[0] - _RIGHT_IN / width_in, height_in / whole_in)
    written = StringIO()
    with rc_context({**_STYLE, "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # the page's fonts will have it
        canvas = Canvas(figsize=(width_in, whole_in))
        draw(canvas.add_axes((*box, *inside)), labels)
        canvas.savefig(written, format="svg", transparent=True)
    return _for_a_page(written.getvalue())


def _for_a_page(svg: str) -> str:
    """Keep the drawing alone: no prologue, metadata, fixed size, ids of groups or fixed colours."""
    start = svg.index("<svg")
    bare = re.sub(r"<metadata>.*?</metadata>\s*", "", svg[start:], count=1, flags=re.DOTALL)
    bare = re.sub(r"<svg[^>]*(viewBox=\"[^\"]*\")[^>]*>", r"<svg \1>", bare, count=1)
    bare = re.sub(r"<g id=\"[^\"]*\"", "<g", bare)
    bare = re.sub(r"font-family: [^;\"]*;? ?", "", bare)
    bare = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", bare, count=1, flags=re.DOTALL)
    bare = re.sub(r"\s*\n\s*", "\n", bare)
    return re.sub("#0[abc]00[0-9a-f]{2}", _from_the_page, bare)


def _from_the_page(code: re.Match[str]) -> str:
    known = _COLOURS.get(code[0])  # a name may look like a code
    return f"var({known})" if known else code[0]


def _name(text: str) -> str:
    return cut(inert(text), _LABEL)
