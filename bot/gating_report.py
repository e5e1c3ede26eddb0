"""What was found about a candidate, as one JSON file. Knows nothing of how it was measured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from pydantic import ConfigDict, TypeAdapter

from adapters.gates import GateResult
from adapters.heldout import Item
from bot.configuration import Value
from bot.evaluation.comparing import differences
from bot.evaluation.results import ArmResult, Evaluation, Figure
from bot.gating_scores import case_facts


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One held-out question under one arm."""

    id: str
    kind: str
    question: str
    said: str
    reply: str
    is_good: bool
    why: str


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One arm: what it is, how it did, and what it said."""

    configuration: Mapping[str, Value]
    figures: Mapping[str, Figure]
    examples: tuple[Exhibit, ...]


@dataclass(frozen=True, slots=True)
class GatingReport:
    """All that was found.

    Attributes:
        version: Of the candidate.
        compared_with: The version that spoke then; empty for the base with its prompt.
        asked, of: So many of the held-out questions, and how many there are.
        held_out: Where they come from.
    """

    # An interval that is not known has no ends.
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(ser_json_inf_nan="strings")

    version: str
    domain: str
    at: datetime
    compared_with: str
    asked: int
    of: int
    held_out: Mapping[str, str]
    gates: tuple[GateResult, ...]
    arms: Mapping[str, ArmReport]


_REPORT = TypeAdapter(GatingReport)


def dump(report: GatingReport) -> str:
    """Write a report as JSON."""
    return f"{_REPORT.dump_json(report, indent=1).decode()}\n"


def arm_reports(results: Sequence[ArmResult], items: Sequence[Item]) -> dict[str, ArmReport]:
    """Lay out arms for a report."""
    return {one.arm: _arm(one, items) for one in results}


def evaluation(
    results: Sequence[ArmResult], items: Sequence[Item], at: datetime, held_out: Mapping[str, str]
) -> Evaluation:
    """Lay out the same for tables, plots and the page."""
    return Evaluation(
        made_at=at.isoformat(timespec="seconds"),
        golden=held_out,
        cases=tuple(map(case_facts, items)),
        arms=tuple(results),
        differences=differences(results, None),
    )


def _arm(result: ArmResult, items: Sequence[Item]) -> ArmReport:
    together = zip(items, result.runs, result.scores, strict=True)
    return ArmReport(
        configuration=result.configuration,
        figures={one.measure: one for one in result.figures},
        examples=tuple(
            Exhibit(
                item.id, item.kind, item.question, run.said, run.reply, score.is_good, score.why
            )
            for item, run, score in together
        ),
    )
