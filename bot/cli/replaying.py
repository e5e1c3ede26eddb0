"""`housevoice replay`: answers of the log made again, and what differs."""

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from difflib import unified_diff

from rich.console import Console
from rich.text import Text
from sqlalchemy import Connection

from adapters import ledger
from adapters.ledger import AnswerRow
from bot.cli.premises import require_database
from bot.conversation import Trace
from bot.errors import NotReplayableError, UserInputError
from bot.evaluation.arms import read_arms
from bot.house import House, open_house, open_variant
from bot.inert import inert
from bot.replaying import MADE, Recorded, Replay, check_settings, replay, settings_of
from bot.settings import Settings
from bot.tracing import configure
from knowledge.errors import StoredIndexError


@dataclass
class _Tally:
    same: int = 0
    other: int = 0
    impossible: int = 0


def replays(settings: Settings, answer_ids: Sequence[str], *, last: int, arm: str | None) -> None:
    """Make answers again and show what differs; exit code 1 if anything does, or cannot be told.

    Args:
        settings: As they are now.
        answer_ids: Which ones.
        last: So many of the latest as well.
        arm: As `housevoice evaluate --arm` takes it: made with these settings and the index of
            now. None: with the settings and the index of then.

    Raises:
        UserInputError: If no answer is named.
        UnknownAnswerError: If there is none of an id.
    """
    configure("ERROR")
    require_database(settings)
    console, tally = Console(highlight=False, soft_wrap=True), _Tally()
    with open_house(settings) as house, ExitStack() as stack:
        houses = _Houses(house, stack, arm)
        for row in _rows(house, answer_ids, last):
            try:
                _show(console, tally, houses.made_again(row))
            except (NotReplayableError, StoredIndexError) as error:
                tally.impossible += 1
                console.print(Text(f"{row.answer_id}  not comparable: {error}"))
    total = tally.same + tally.other + tally.impossible
    told = f"{tally.same} of {total} the same, {tally.other} different"
    console.print(Text(f"{told}, {tally.impossible} not comparable", style="bold"))
    if tally.same < total:
        sys.exit(1)


def _rows(house: House, answer_ids: Sequence[str], last: int) -> list[AnswerRow]:
    if not answer_ids and not last:
        problem = "name an answer, or ask for the latest with --last"
        raise UserInputError(problem)
    with house.engine.connect() as connection:
        latest = ledger.latest(connection, last, MADE)
        return [*(ledger.answer(connection, one) for one in answer_ids), *latest]


@dataclass
class _Houses:
    """Opens one house for all answers that were made alike."""

    house: House
    stack: ExitStack
    arm: str | None
    opened: dict[str, House] = field(default_factory=dict)

    def made_again(self, row: AnswerRow) -> Replay:
        with self.house.engine.connect() as connection:
            recorded = Recorded.from_log(connection, row)
            name, values = self._wanted(connection, recorded.trace)
        key = json.dumps([name, values], sort_keys=True)
        if key not in self.opened:
            variant = open_variant(self.house, name, values)
            self.opened[key] = self.stack.enter_context(variant)
        if self.arm is None:
            check_settings(recorded, self.opened[key])
        return replay(recorded, self.opened[key])

    def _wanted(self, connection: Connection, trace: Trace) -> tuple[str, Mapping[str, str]]:
        if self.arm is None:
            return trace.arm, settings_of(connection, trace)
        chosen, *more = read_arms([self.arm], self.house.settings.model.voice.parent.parent)
        if more:
            problem = f"{self.arm} are several configurations: name one"
            raise UserInputError(problem)
        return chosen.name, chosen.values


def _show(console: Console, tally: _Tally, made: Replay) -> None:
    tally.same += made.is_same
    tally.other += not made.is_same
    told = "same" if made.is_same else f"differs in {', '.join(made.differs)}"
    console.print(Text(f"{made.answer_id}  {told}"))
    for name, (then, now) in made.versions.items():
        console.print(Text(f"  {name}: {inert(then)} -> {inert(now)}", style="dim"))
    for line in _diff(made):
        console.print(Text(f"  {inert(line)}"))


def _diff(made: Replay) -> list[str]:
    if made.is_same:
        return []
    then, now = (
        [*reply.text.splitlines(), *(source.url for source in reply.sources)]
        for reply in (made.then, made.now)
    )
    return list(unified_diff(then, now, "then", "now", lineterm=""))
