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
from bot.evaluation.attribution import Stage
from bot.evaluation.comparing import AMOUNTS, BASELINE, differences, summed_up
from bot.evaluation.results import ArmResult, CaseFacts, Difference, Evaluation
from bot.evaluation.results_file import dump, load_baseline, save_baseline
from bot.evaluation.running import ArmRun, forget_runs, runs_folder, version_of
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
        limit: So many cases, spread over the sets; 0: all.
        is_fresh: Whether earlier runs are left unused.
        html, json: Where to write reports.
        baseline: To compare with; a drop ends with exit code 1, as do leaks and errors.
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
    _check_sets(sets)
    _check_paths(wanted)
    versions = {one.name: f"version {one.version}, sha256 {one.sha256}" for one in sets}
    baseline = load_baseline(wanted.baseline, versions) if wanted.baseline else None
    kept = None if wanted.is_fresh else runs_folder(settings)
    forget_runs(settings, datetime.now(UTC))
    try:
        with open_house(settings) as house:
            results = _measured(house, arms, cases, kept)
    except KeyboardInterrupt:
        if kept:
            sys.stderr.write("What was asked is kept; the same command goes on from here.\n")
        raise
    found = Evaluation(
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        golden=versions,
        cases=tuple(map(_facts, cases)),
        arms=tuple(results),
        differences=differences(results, baseline),
    )
    show(Console(highlight=False), found)
    _write(found, wanted)
    if objections := [*_broken(results), *_worse_than_baseline(found.differences)]:
        sys.stderr.write(f"housevoice: {'; '.join(objections)}\n")
        sys.exit(1)


def _measured(
    house: House, arms: Sequence[Arm], cases: tuple[GoldenCase, ...], kept: Path | None
) -> list[ArmResult]:
    _refuse_twins(house, arms)
    with _bar() as bar:
        tasks = {arm.name: bar.add_task(arm.name, total=len(cases)) for arm in arms}
        return [
            _of_arm(house, arm, cases, kept, partial(bar.advance, tasks[arm.name])) for arm in arms
        ]


def _refuse_twins(house: House, arms: Sequence[Arm]) -> None:
    """See to it that no two arms are the same: a comparison of them would show nothing."""
    known = dict[tuple[str, str], str]()
    for arm in arms:
        with open_variant(house, arm.name, arm.values) as variant:
            key = (variant.configuration.sha256, version_of(variant))
        if twin := known.get(key):
            problem = f"{twin} and {arm.name} are one and the same configuration: leave one out"
            raise UserInputError(problem)
        known[key] = arm.name


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
        return summed_up(arm.name, variant.configuration, version_of(variant), runs, scores)


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
    n = min(wanted.limit or len(cases), len(cases))
    return tuple(cases[place * len(cases) // n] for place in range(n))


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
        f"worse than the baseline in {one.measure} ({one.arm})"
        for one in found
        if one.against == BASELINE and one.verdict == "worse" and one.measure not in AMOUNTS
    ]


def _broken(results: Sequence[ArmResult]) -> list[str]:
    """Name what needs no statistics: one leak is one too many, and an error is no answer."""
    return [
        f"{one.lost[stage]} {stage} ({one.arm})"
        for one in results
        for stage in (Stage.LEAKED, Stage.FAILED)
        if one.lost.get(stage)
    ]


def _check_sets(sets: Sequence[GoldenSet]) -> None:
    names = [one.name for one in sets]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        problem = f"two sets are called {', '.join(doubled)}: give one another `name`"
        raise UserInputError(problem)


def _check_paths(wanted: Wanted) -> None:
    """See now whether the reports can be written, and not after all has been asked."""
    for path in filter(None, (wanted.html, wanted.json, wanted.new_baseline)):
        if path.is_dir() or not path.parent.is_dir():
            problem = f"{path} cannot be written: it is a folder, or its folder is not there"
            raise UserInputError(problem)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    times = (TimeElapsedColumn(), TimeRemainingColumn())
    return Progress(*columns, *times, console=Console(stderr=True), transient=True)
