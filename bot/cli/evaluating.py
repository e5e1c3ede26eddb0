"""`housevoice evaluate`: configurations side by side on golden sets."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bot.errors import UserInputError
from bot.evaluation.arms import Arm, read_arms
from bot.evaluation.comparing import AMOUNTS, BASELINE, differences, summed_up
from bot.evaluation.results import ArmResult, CaseFacts, Difference, Evaluation
from bot.evaluation.results_file import dump, load_baseline, save_baseline
from bot.evaluation.running import ArmRun, forget_runs, runs_folder
from bot.evaluation.scoring import score
from bot.evaluation.table import show
from bot.house import House, open_house, open_variant
from bot.settings import Settings
from bot.tracing import configure
from knowledge.golden import GoldenCase, GoldenSet, load_golden


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Attributes:
        golden: Files; none: golden.yaml beside the documents.
        arms: As `read_arms` takes them.
        tags: Only cases with one of these; none: all.
        limit: About so many cases, spread over the sets; 0: all.
        is_fresh: Whether earlier runs are left unused.
        html, json: Where to write reports.
        baseline: To compare with; a drop ends with exit code 1.
        new_baseline: Where to write the first arm's scores for later runs.
    """

    golden: tuple[Path, ...] = ()
    arms: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    limit: int = 0
    is_fresh: bool = False
    html: Path | None = None
    json: Path | None = None
    baseline: Path | None = None
    new_baseline: Path | None = None


def evaluate(settings: Settings, wanted: Wanted) -> None:
    """Run, compare, show and write.

    Raises:
        GoldenSetError: If a set cannot be used.
        UserInputError: If an arm or a tag cannot be used.
        StoredIndexError: If there is no index to search.
    """
    configure("ERROR")
    sets = [load_golden(p) for p in wanted.golden or [settings.knowledge.folder / "golden.yaml"]]
    cases = _chosen(sets, wanted)
    arms = read_arms(wanted.arms, settings.model.voice.parent.parent)
    versions = {one.name: f"version {one.version}, sha256 {one.sha256}" for one in sets}
    baseline = load_baseline(wanted.baseline, versions) if wanted.baseline else None
    kept = None if wanted.is_fresh else runs_folder(settings)
    forget_runs(settings, datetime.now(UTC))
    with open_house(settings) as house:
        results = _measured(house, arms, cases, kept)
    found = Evaluation(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        golden=versions,
        cases=tuple(map(_facts, cases)),
        arms=tuple(results),
        differences=differences(results, baseline),
    )
    show(Console(highlight=False), found)
    _write(found, wanted)
    if worse := _worse_than_baseline(found.differences):
        sys.stderr.write(f"housevoice: worse than the baseline: {', '.join(worse)}\n")
        sys.exit(1)


def _measured(
    house: House, arms: Sequence[Arm], cases: tuple[GoldenCase, ...], kept: Path | None
) -> list[ArmResult]:
    with _bar() as bar:
        tasks = {arm.name: bar.add_task(arm.name, total=len(cases)) for arm in arms}
        return [
            _of_arm(house, arm, cases, kept, partial(bar.advance, tasks[arm.name])) for arm in arms
        ]


def _of_arm(
    house: House,
    arm: Arm,
    cases: tuple[GoldenCase, ...],
    kept: Path | None,
    on_done: Callable[[], None],
) -> ArmResult:
    with ExitStack() as stack:
        variant = stack.enter_context(open_variant(house, arm.name, arm.values))
        runs = ArmRun(variant, cases, kept).run(on_done)
        scores = [score(case, run) for case, run in zip(cases, runs, strict=True)]
        version = variant.settings.knowledge.index_version or variant.index.version
        return summed_up(arm.name, variant.configuration, version, runs, scores)


def _chosen(sets: Sequence[GoldenSet], wanted: Wanted) -> tuple[GoldenCase, ...]:
    """Return the cases, with the name of their set before the id where there are several."""
    cases = [
        case.model_copy(update={"id": f"{one.name}/{case.id}"}) if len(sets) > 1 else case
        for one in sets
        for case in one.cases
    ]
    if wanted.tags:
        cases = [case for case in cases if set(case.tags) & set(wanted.tags)]
    if not cases:
        problem = f"no case has the tag {' or '.join(wanted.tags)}"
        raise UserInputError(problem)
    step = max(1, len(cases) // wanted.limit) if wanted.limit else 1
    return tuple(cases[::step])


def _facts(case: GoldenCase) -> CaseFacts:
    return CaseFacts(
        case_id=case.id,
        question=case.question,
        asked_by=case.audience.fingerprint,
        expect=case.expect,
        wanted=(*case.facts, *([" or ".join(case.answers)] if case.answers else [])),
        sources=case.sources,
        tags=case.tags,
    )


def _write(found: Evaluation, wanted: Wanted) -> None:
    if wanted.json:
        wanted.json.write_text(dump(found), encoding="utf-8")
    if wanted.new_baseline:
        save_baseline(wanted.new_baseline, found)
    if wanted.html:
        from bot.evaluation.report import render  # noqa: PLC0415  the plots take a second to load

        wanted.html.write_text(render(found), encoding="utf-8")


def _worse_than_baseline(found: Sequence[Difference]) -> list[str]:
    """Name what dropped; speed is another machine's affair."""
    return [
        f"{one.measure} ({one.arm})"
        for one in found
        if one.against == BASELINE and one.verdict == "worse" and one.measure not in AMOUNTS
    ]


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, *times, console=Console(stderr=True), transient=True)
