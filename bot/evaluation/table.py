"""An evaluation at the terminal: alarms, figures, verdicts, and the first cases of each stage.

Names and texts come from files, documents and models: each is made inert before it is shown.
"""

from collections.abc import Iterator

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bot.evaluation.cards import Card, cards
from bot.evaluation.overview import (
    UNKNOWN,
    Cell,
    Row,
    alarms,
    interval,
    label,
    number,
    rows,
    stages,
    verdicts,
)
from bot.evaluation.results import ArmResult, Evaluation
from bot.inert import cut, inert

_MOST_CASES = 3
_QUESTION, _WHY = 100, 160
_INDENT = (0, 0, 0, 2)
_MARKS = {"better": ("✓", "green"), "worse": ("✗", "red")}


def show(console: Console, evaluation: Evaluation) -> None:
    """Print what was found, the most urgent first."""
    for alarm in alarms(evaluation):
        console.print(_text(alarm, style="bold red"))
    console.print(_figures_table(evaluation))
    console.print(_text(_legend(evaluation), "dim"))
    console.print()
    for one in verdicts(evaluation):
        pair = f"{inert(one.arm)} against {inert(one.against)}"
        console.print(Text(f"{pair}: {one.sentence}"))
    names = stages(evaluation.arms)
    if names:
        console.print()
        console.print(_stages_table(evaluation, names))
    for stage in names:
        for line in _lost(evaluation, stage):
            console.print(line)


def _figures_table(evaluation: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("measure", no_wrap=True)
    table.add_column("n", justify="right", no_wrap=True)
    for arm in evaluation.arms:
        table.add_column(_text(arm.arm), overflow="fold")
    for row in rows(evaluation):
        table.add_row(_measure(row), row.n, *(_cell(row.measure, one) for one in row.cells))
    return table


def _legend(evaluation: Evaluation) -> str:
    told = "95 % intervals; ↑ more is better, ↓ less is better"
    if len(evaluation.arms) == 1:
        return told
    return f"{told}; bold: best; ✓ better, ✗ worse than {evaluation.arms[0].arm}"


def _measure(row: Row) -> Text:
    return Text(f"{label(row.measure)} {'↑' if row.is_more_better else '↓'}")


def _cell(measure: str, cell: Cell | None) -> Text:
    if not cell:
        return Text(UNKNOWN)
    told = Text(number(measure, cell.figure.value), style="bold" if cell.is_best else "")
    if cell.change and cell.change.verdict != "same":
        mark, style = _MARKS[cell.change.verdict]
        told.append(f" {mark}", style=style)
    told.append(f"\n{interval(cell.figure, '-')}", style="dim not bold")
    return told


def _stages_table(evaluation: Evaluation, names: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("cases lost by stage")
    for arm in evaluation.arms:
        table.add_column(_text(arm.arm), justify="right")
    for name in (*names, "all"):
        table.add_row(_text(name), *(_count(arm, name) for arm in evaluation.arms))
    return table


def _count(arm: ArmResult, stage: str) -> str:
    lost = sum(arm.lost.values()) if stage == "all" else arm.lost.get(stage, 0)
    return str(lost or UNKNOWN)


def _lost(evaluation: Evaluation, stage: str) -> Iterator[Padding | Text]:
    """Say which cases a stage lost, each with the arms that lost it there."""
    by_case = dict[str, list[Card]]()
    for card in cards(evaluation):
        if card.score.lost_at == stage:
            by_case.setdefault(card.facts.case_id, []).append(card)
    yield Text("\n").append_text(_text(f"{stage}: {len(by_case)}", "bold"))
    for same in list(by_case.values())[:_MOST_CASES]:
        yield from _case(same)
    if len(by_case) > _MOST_CASES:
        yield Text(f"  and {len(by_case) - _MOST_CASES} more", style="dim")


def _case(same: list[Card]) -> Iterator[Padding]:
    facts, arms = same[0].facts, ", ".join(card.arm for card in same)
    question = cut(inert(facts.question), _QUESTION)
    told = Text(f" {question} ({inert(arms)})", "not bold")
    yield Padding(_text(facts.case_id, "bold").append_text(told), _INDENT)
    yield Padding(_text(cut(inert(same[0].score.why), _WHY), "dim"), _INDENT)


def _text(text: str, style: str = "") -> Text:
    return Text(inert(text), style=style)
