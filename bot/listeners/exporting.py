"""An export asked for in Slack: how it is told. Knows neither what is exported nor who may ask."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bot.errands import EXPORT, Errand, Errands
from bot.errors import NothingToExportError
from bot.listeners.chores import Chore, Progress, Sayings
from bot.listeners.delivery import Delivery
from bot.tracing import note

_SAYINGS = Sayings(
    running="An export is already running. Please wait until it has ended.",
    started="I am writing the export. How it goes stands in our direct messages.",
    begun="I am writing the export.",
    given_up="I began to write the export several times and never finished. I have given up.",
)


@dataclass(frozen=True, slots=True)
class Exported:
    """How an export ended.

    Attributes:
        folder: Its name, not where it lies.
        rows: By file.
        dropped: What was left out, by reason.
    """

    folder: str
    rows: Mapping[str, int]
    dropped: Mapping[str, int]


class Exporting(Chore):
    """Runs the exports that administrators ask for.

    Args:
        export: Writes one, on behalf of a user.
        is_admin: As of `Chore`.
    """

    def __init__(
        self,
        export: Callable[[str], Exported],
        is_admin: Callable[[str], bool | None],
        errands: Errands,
        delivery: Delivery,
    ) -> None:
        super().__init__(
            EXPORT,
            self._exported,
            _SAYINGS,
            is_admin=is_admin,
            errands=errands,
            delivery=delivery,
        )
        self._export = export

    def _exported(self, errand: Errand, _progress: Progress) -> str:
        try:
            done = self._export(errand.user)
        except NothingToExportError as error:
            note(rows=0)
            return f"Nothing may become an example yet. {_left_out(error.dropped)}".rstrip()
        note(rows=sum(done.rows.values()))
        rows = ", ".join(f"{name} {n:,}" for name, n in done.rows.items())
        return f"Done: {done.folder}. Rows: {rows}. {_left_out(done.dropped)}".rstrip()


def _left_out(dropped: Mapping[str, int]) -> str:
    told = ", ".join(f"{why} {n:,}" for why, n in dropped.items())
    return f"Left out: {told}." if told else ""
