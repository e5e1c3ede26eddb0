"""Whether the index has returned what its filter forbids, remembered beyond the end of the bot.

A supervisor starts a failing bot again within a minute, which mends nothing; only a rebuilt index
does. Knows neither who searched nor any text.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Connection, Engine

from bot import decisions
from bot.database import Writer
from bot.decisions import Decision, Kind
from bot.errors import StoreDownError
from bot.tracing import note_failure

BREACH = "breach"
"""What the decision log calls it, among the records of canaries."""

_EVER = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True)
class Breaches:
    """The breaches in the decision log.

    Attributes:
        now: The time of day.
    """

    engine: Engine
    writer: Writer
    now: Callable[[], datetime]

    def current(self) -> Decision | None:
        """Return the one after which the index was not rebuilt yet; its record names the find."""
        with self.engine.connect() as connection:
            return _current(connection)

    def note(self, found: str) -> None:
        """Write one down, unless one is known that is not mended.

        Args:
            found: Id of what the filter forbids.
        """
        try:
            self.writer.run(partial(_note, found=found, at=self.now()))
        except StoreDownError as error:  # the next round of the canary tries again
            note_failure(error)


def _note(connection: Connection, found: str, at: datetime) -> None:
    if _current(connection) is None:
        decisions.append(connection, Kind.CANARY, BREACH, {"found": found}, at)


def _current(connection: Connection) -> Decision | None:
    found = decisions.decisions_of(connection, BREACH)
    if not found:
        return None
    runs = decisions.since(connection, _EVER, {Kind.INDEX})
    is_mended = any(one.number > found[-1].number and one.record["is_rebuild"] for one in runs)
    return None if is_mended else found[-1]
