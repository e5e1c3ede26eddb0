"""`housevoice corrections`: what people propose instead of an answer, and who approves it."""

from datetime import UTC, datetime
from functools import partial

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection, Engine

from adapters import ledger, remarks
from adapters.errors import UnknownAnswerError
from adapters.ledger import AnswerRow
from adapters.remarks import Correction, Review
from bot import decisions
from bot.chain import JSON
from bot.cli.premises import require_administrator, require_database
from bot.database import Writer
from bot.decisions import Kind
from bot.house import open_house
from bot.inert import inert
from bot.records import reply_of
from bot.settings import Settings

_GONE = "(not kept any more)"


def show_pending(settings: Settings) -> None:
    """List what waits for a review: question, reply, correction, reason."""
    require_database(settings)
    with open_house(settings) as house, house.engine.connect() as connection:
        waiting = remarks.pending(connection)
        for one in waiting:
            _show(connection, one)
    _say(f"{len(waiting)} waiting." if waiting else "No correction waits for a review.")


def decide(settings: Settings, correction_id: str, *, reviewer: str, is_approved: bool) -> None:
    """Approve or reject one correction, and show which one it was.

    Raises:
        UserInputError: If the reviewer is no administrator.
        ReviewError: If there is no such correction, they wrote it, or it has been decided.
        StoreDownError: If the decision is not stored.
    """
    require_administrator(settings, reviewer)
    require_database(settings)
    decided = Review(reviewer, is_approved, datetime.now(UTC))
    with open_house(settings) as house:
        with house.engine.connect() as connection:
            correction = remarks.find_correction(connection, correction_id)
            _show(connection, correction)
        _store(house.engine, correction, decided)
    _say(f"{correction_id} is {'approved' if is_approved else 'rejected'}.")


def _store(engine: Engine, correction: Correction, decided: Review) -> None:
    writer = Writer(engine)
    try:
        writer.run(partial(_decide, correction=correction, decided=decided))
    finally:
        writer.close()


def _decide(connection: Connection, correction: Correction, decided: Review) -> None:
    remarks.review(connection, correction, decided)
    told: dict[str, JSON] = {"reviewer": decided.reviewer, "is_approved": decided.is_approved}
    decisions.append(connection, Kind.REMARK, correction.answer_id, told, decided.at)


def _show(connection: Connection, correction: Correction) -> None:
    row = _answer(connection, correction.answer_id)
    facts = {
        "correction": f"{correction.correction_id} by {correction.author}: {correction.reason}",
        "answer": correction.answer_id,
        "asked": (row and row.question) or _GONE,
        "replied": reply_of(row).text if row and not row.is_forgotten else _GONE,
        "better": correction.text,
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(_inert_lines(value)))
    _console().print(table)
    _say("")


def _answer(connection: Connection, answer_id: str) -> AnswerRow | None:
    try:
        return ledger.answer(connection, answer_id)
    except UnknownAnswerError:
        return None


def _inert_lines(text: str) -> str:
    # Line by line: what people write must not steer the terminal.
    return "\n".join(inert(line) for line in text.splitlines())


def _say(text: str) -> None:
    _console().print(Text(text))


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)
