"""`housevoice golden`: a set is looked at, and grows by what the log holds."""

import sys
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters import ledger
from bot.cli.premises import require_database
from bot.errors import UserInputError
from bot.golden import Candidate, Choices, candidates, case_of
from bot.house import open_house
from bot.inert import inert
from bot.settings import Settings
from knowledge.golden import GoldenSet, load_golden
from knowledge.golden_entries import add_case, entry


def check(settings: Settings, path: Path) -> None:
    """Say what a set holds; warn of sources that are no document.

    Raises:
        GoldenSetError: If it cannot be used.
    """
    golden = load_golden(path)
    sys.stdout.write(f"{golden.name}, version {golden.version}, sha256 {golden.sha256}\n")
    Console().print(_tags_table(golden))
    with open_house(settings) as house:
        paths = {one.path for one in house.catalogue.known().values()}
    for line in _unknown_sources(golden, paths):
        _say(line)


def add(settings: Settings, answer_id: str, *, to: Path, choices: Choices) -> None:
    """Write the case of an answer at the end of a set, whole or not at all.

    Raises:
        UnknownAnswerError: If there is no such answer.
        UnfitAnswerError: If it makes no case.
        GoldenSetError: If the set is wrong, or has the case already.
        UserInputError: If the folder of the set is not there.
    """
    require_database(settings)
    if not to.parent.is_dir():
        problem = f"there is no folder {to.parent} to write {to.name} into"
        raise UserInputError(problem)
    with open_house(settings) as house, house.engine.connect() as connection:
        case = case_of(ledger.answer(connection, answer_id), choices)
    add_case(to, case)
    sys.stdout.write(f"{to}: added {case.id}\n")


def show_candidates(settings: Settings, *, to: Path | None) -> None:
    """Print approved corrections that are not in a set yet, as cases without their facts."""
    require_database(settings)
    path = to or settings.knowledge.folder / "golden.yaml"
    known = load_golden(path).cases if path.exists() else ()
    with open_house(settings) as house, house.engine.connect() as connection:
        listed = candidates(connection, known)
    for one in listed.found:
        sys.stdout.write(_shown(one))
    if listed.n_unfit:
        _say(f"{listed.n_unfit} more have lost their question or their answer")
    if listed.found:
        _say(f"choose the facts: `housevoice golden add ID --to {path} --fact TEXT`")


def _tags_table(golden: GoldenSet) -> Table:
    tags = Counter(tag for case in golden.cases for tag in case.tags)
    expected = Counter(case.expect for case in golden.cases)
    table = Table("tag", "cases", box=None)
    for tag, number in sorted(tags.items()):
        table.add_row(Text(inert(tag)), str(number))
    for name, number in sorted(expected.items()):
        table.add_row(f"expect {name}", str(number))
    table.add_row("all", str(len(golden.cases)))
    return table


def _unknown_sources(golden: GoldenSet, paths: Collection[str]) -> Iterator[str]:
    if not paths:
        yield "the catalogue is empty, so sources were not compared: run `housevoice index` first"
        return
    for case in golden.cases:
        for source in case.sources:
            if source not in paths:
                yield f"{case.id}: {source} is not in the catalogue"


def _shown(candidate: Candidate) -> str:
    correction, draft = candidate.correction, candidate.draft
    day = f"{correction.reviewed_at:%Y-%m-%d}" if correction.reviewed_at else "an unknown day"
    values = {name: value for name, value in draft.items() if value} | {"facts": ()}
    return (
        f"# {correction.reason}, approved by {correction.reviewer} on {day}; the better answer:\n"
        f"# {inert(correction.text)}\n{entry(values, '.yaml')}"
    )


def _say(line: str) -> None:
    sys.stderr.write(f"housevoice: {line}\n")
