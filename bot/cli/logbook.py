"""`housevoice log`: what the decision log holds, whether it is whole, what is too old."""

import re
from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.text import Text

from bot import decisions
from bot.chain import JSON, canonical
from bot.cli.premises import require_database
from bot.database import Writer
from bot.decisions import Decision, Kind, Verification
from bot.errors import LogBrokenError, UserInputError
from bot.evaluation.running import forget_runs
from bot.house import open_house
from bot.retention import Limits, Sweep
from bot.settings import Settings

_TOLD = ("outcome", "reason", "arm", "index_version", "base", "adapter")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_LONGEST = 160


def verify(settings: Settings, head: str) -> None:
    """Follow the whole chain.

    Raises:
        LogBrokenError: If a record was changed, dropped, moved or added, or the end was cut.
        UserInputError: If the head cannot be one.
    """
    if not re.fullmatch(r"([0-9a-f]{8,64})?", head):
        problem = "a head is 8 to 64 digits of 0-9 and a-f, such as `chain` in a log line"
        raise UserInputError(problem)
    require_database(settings)
    with open_house(settings) as house, house.engine.connect() as connection:
        found = decisions.verify(connection, head)
    if found.problem:
        raise LogBrokenError(found.broken_at, found.problem)
    _console().print(_whole(found))


def _whole(found: Verification) -> str:
    if found.first_at is None:
        return "The decision log is empty."
    first = f"{found.first_at:%Y-%m-%d %H:%M} UTC"
    return f"{found.n} records since {first}, none changed. Head: {found.head}"


def show(settings: Settings, *, age: str, kinds: Collection[str]) -> None:
    """Print what was decided lately, oldest first.

    Raises:
        UserInputError: If the age or a kind is none.
    """
    since, chosen = datetime.now(UTC) - _age(age), [_kind(kind) for kind in kinds]
    require_database(settings)
    with open_house(settings) as house, house.engine.connect() as connection:
        found = decisions.since(connection, since, chosen)
    console = _console()
    for one in found:
        console.print(decision_line(one))


def expire(settings: Settings) -> None:
    """Forget what is older than the settings allow, as the running bot does every hour."""
    require_database(settings)
    limits = Limits(**settings.retention.model_dump())
    with open_house(settings) as house:
        writer = Writer(house.engine)
        try:
            expired = Sweep(house.engine, writer, limits, lambda: datetime.now(UTC)).run()
        finally:
            writer.close()
    runs = forget_runs(settings, datetime.now(UTC))
    counts = ", ".join(f"{n} {kind}" for kind, n in (*expired.counts.items(), ("runs", runs)))
    _console().print(f"Forgotten: {counts}.")


def decision_line(decision: Decision) -> Text:
    """Say in one line what was decided."""
    at = f"{decision.at:%Y-%m-%d %H:%M:%S}"
    said = f"{at}  {decision.kind:<13}  {decision.subject}  {_summary(decision)}"
    printable = "".join(one if one.isprintable() else "?" for one in said)
    return Text(f"{decision.number:>6}  {printable}")


def _summary(decision: Decision) -> str:
    record = decision.record
    if decision.kind is Kind.ANSWER:
        return ", ".join(str(record[name]) for name in _TOLD if record.get(name))
    told = ", ".join(f"{name} {_short(value)}" for name, value in record.items() if value)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]} ..."


def _short(value: JSON) -> str:
    return value if isinstance(value, str) else canonical({"": value})[4:-1]


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"(\d{1,5})([mhd])", text)
    if found is None:
        problem = f"{text} is no age: write 30m, 24h or 7d"
        raise UserInputError(problem)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def _kind(text: str) -> Kind:
    if text not in set(Kind):
        problem = f"{text} is no kind of decision: {', '.join(Kind)}"
        raise UserInputError(problem)
    return Kind(text)


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False, markup=False)
