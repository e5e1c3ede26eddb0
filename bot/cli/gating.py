"""`housevoice adapters gate`: what a version must show before it may speak."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from adapters.errors import AdapterRejectedError
from adapters.gates import GateResult, judge
from adapters.heldout import HeldOut, Item, read_held_out
from adapters.manifests import AdapterRef
from adapters.registry import Registry
from adapters.registry_files import make_folder, write_durably
from adapters.responder import Responder
from adapters.scorecards import Checked, Exposures
from bot.answering import Limits
from bot.errors import UserInputError
from bot.evaluation.kept import KeptLines
from bot.evaluation.results import ArmResult, Evaluation
from bot.evaluation.running import code_version
from bot.evaluation.table import show
from bot.gating import (
    BASE_PROMPT,
    CANDIDATE,
    PREVIOUS,
    Examiner,
    Measured,
    Speaker,
    measured,
    speakers,
    with_orders,
)
from bot.gating_checks import Checks, audience, exposures, integrity
from bot.gating_report import GatingReport, arm_reports, dump, evaluation
from bot.gating_scores import scorecard
from bot.house import House, open_house
from bot.settings import Settings
from bot.tracing import configure
from knowledge.reading import SentenceReader


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line asks for.

    Attributes:
        version: Of the candidate, or how it begins.
        limit: So many held-out questions, spread over them; 0: all.
        data_set: Folder that it was trained on; None: among the exports.
        html: Where the page goes; None: beside the JSON.
    """

    version: str
    limit: int = 0
    data_set: Path | None = None
    html: Path | None = None


@dataclass(frozen=True, slots=True)
class _Measured:
    ref: AdapterRef
    champion: AdapterRef | None
    held_out: HeldOut
    asked: int
    items: Sequence[Item]
    results: Sequence[ArmResult]


def gate(settings: Settings, wanted: Wanted) -> None:
    """Measure a version against what speaks now and against the plain model; write the report.

    Raises:
        AdapterRejectedError: If the version is not what was registered, or cannot be loaded.
        DatasetError: If there are no held-out questions.
        UserInputError: If there is nothing to hold against questions.
    """
    configure("ERROR")
    held_out = read_held_out(settings.model.voice.parent)
    chosen = _spread(held_out.items, wanted.limit)
    items = with_orders(chosen)
    with open_house(settings) as house:
        ref, champion = _contestants(house.registry, wanted.version)
        arms = speakers(house.voice, ref, champion)
        responder = _responder(house)
        folder = settings.adapters_folder / "gates" / ref.version
        results = _measured(house, responder, arms, items, folder)
        found = _checks(house, responder, ref, wanted.data_set)
    report = _report(_Measured(ref, champion, held_out, len(chosen), items, results), found)
    page = wanted.html or folder / "report.html"
    told = evaluation(results, items, report.at, report.held_out)
    _write(report, told, folder / "report.json", page)
    _tell(report, told, page)
    if not all(one.passed for one in report.gates):
        sys.exit(1)


def _contestants(registry: Registry, version: str) -> tuple[AdapterRef, AdapterRef | None]:
    """Find the candidate, and what speaks in its domain now; None is the base."""
    kept = registry.find(version)
    ref = registry.ref(kept.domain, kept.version)
    if ref.manifest.kind != "voice":
        problem = f"{version} is a {ref.manifest.kind}, and these gates are for voices"
        raise UserInputError(problem)
    current = registry.state().pointer(kept.domain).current
    is_other = current not in {"", kept.version}
    return ref, registry.ref(kept.domain, current) if is_other else None


def _responder(house: House) -> Responder:
    if house.responder is None:
        problem = "a voice is measured with a model: set HOUSEVOICE_MODEL__BASE to one"
        raise UserInputError(problem)
    return house.responder


def _measured(
    house: House,
    responder: Responder,
    arms: Sequence[Speaker],
    items: Sequence[Item],
    folder: Path,
) -> tuple[ArmResult, ...]:
    model = house.settings.model
    limits = Limits(
        prompt_tokens=model.prompt_tokens,
        answer_tokens=model.answer_tokens,
        deadline_s=model.deadline_s,
    )
    examiner = Examiner(
        responder,
        SentenceReader(house.embedder).similarity,
        limits,
        embedder=house.embedder_model.version,
        engine=f"{model.server_url or 'here'} {model.server_kind} {model.threads}",
    )
    kept = KeptLines(folder / f"runs-{code_version()[:16]}.jsonl", Measured)
    try:
        with _bar() as bar:
            task = bar.add_task("asking", total=len(items) * len(arms))
            return measured(examiner, arms, items, kept, lambda: bar.advance(task))
    except KeyboardInterrupt:
        sys.stderr.write("What was asked is kept; the same command goes on from here.\n")
        raise


def _checks(house: House, responder: Responder, ref: AdapterRef, data_set: Path | None) -> Checks:
    folder = data_set or house.settings.export_folder / ref.manifest.dataset.version
    sha256 = house.base_model.sha256 if house.base_model else ""
    heard, known = _heard_and_known(house.registry, responder, ref, folder)
    found = {"audience": heard, "memorisation": known}
    return Checks(
        integrity=integrity(ref, sha256, house.voice),
        audience=heard if isinstance(heard, Checked) else None,
        exposures=None if isinstance(known, str) else known,
        could_not={name: why for name, why in found.items() if isinstance(why, str)},
    )


def _heard_and_known(
    registry: Registry, responder: Responder, ref: AdapterRef, folder: Path
) -> tuple[Checked | str, Exposures | Checked | str]:
    try:
        ancestors = registry.ancestors(ref.manifest)
    except AdapterRejectedError as error:
        return str(error), str(error)
    with Console(stderr=True).status("looking for planted secrets"):
        known = exposures(ref, responder, folder, ancestors)
    return audience(ref, folder, ancestors), known


def _report(done: _Measured, found: Checks) -> GatingReport:
    cards = {one.arm: scorecard(one) for one in done.results}
    prompt = cards[BASE_PROMPT]
    return GatingReport(
        version=done.ref.version,
        domain=done.ref.domain,
        at=datetime.now(UTC),
        compared_with=done.champion.version if done.champion else "",
        asked=done.asked,
        of=len(done.held_out.items),
        held_out={", ".join(done.held_out.companies): f"sha256 {done.held_out.sha256}"},
        gates=judge(found.on(cards[CANDIDATE]), cards.get(PREVIOUS, prompt), prompt),
        arms=arm_reports(done.results, done.items),
    )


def _write(report: GatingReport, told: Evaluation, json: Path, page: Path) -> None:
    from bot.evaluation.report import render  # noqa: PLC0415  the plots take a second to load

    make_folder(json.parent)
    write_durably(page, render(told, report.gates).encode())
    write_durably(json, dump(report).encode())  # last: a promotion looks for it


def _tell(report: GatingReport, told: Evaluation, page: Path) -> None:
    console = Console(highlight=False)
    show(console, told)
    console.print(_table(report.gates))
    n_passed = sum(one.passed for one in report.gates)
    summary = f"{report.version}: {n_passed} of {len(report.gates)} gates passed; see {page}"
    console.print(Text(summary), soft_wrap=True)


def _table(gates: Sequence[GateResult]) -> Table:
    table = Table("gate", "", "n", "in words", box=None, padding=(0, 2, 0, 0))
    for one in gates:
        mark = Text("✓", "green") if one.passed else Text("✗", "red")
        table.add_row(Text(one.name), mark, str(one.n), Text(one.detail))
    return table


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True)


def _spread(items: Sequence[Item], limit: int) -> Sequence[Item]:
    n = min(limit or len(items), len(items))
    return [items[place * len(items) // n] for place in range(n)]
