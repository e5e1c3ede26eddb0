"""A reindex asked for in Slack: how it is told.

Knows neither how an index is made nor who may ask.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Protocol

from bot.errands import REINDEX, Errand, Errands
from bot.listeners.chores import Chore, Progress, Sayings
from bot.listeners.delivery import Delivery
from bot.tracing import note

_SAYINGS = Sayings(
    running="A reindex is already running. Please wait until it has ended.",
    started="I am reading the documents again. How it goes stands in our direct messages.",
    begun="I am reading the documents again.",
    given_up=("I began to read the documents several times and never finished. I have given up."),
)
_MOST_NAMED = 20


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How a run over the sources ended.

    Attributes:
        counts: What happened to how many documents, in the words to be shown.
        failures: Documents that could not be read, by name.
    """

    counts: Mapping[str, int]
    failures: tuple[str, ...] = ()


class Reindex(Protocol):
    """Brings the index up to date."""

    def __call__(self, source: str | None, progress: Callable[[int, int], None]) -> Reindexed:
        """Read one source, or all; report how many documents are done, and of how many."""
        ...


class Reindexing(Chore):
    """Runs the reindexes that administrators ask for.

    Args:
        is_admin: As of `Chore`.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        reindex: Reindex,
        is_admin: Callable[[str], bool | None],
        errands: Errands,
        delivery: Delivery,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(
            REINDEX,
            self._reindexed,
            _SAYINGS,
            is_admin=is_admin,
            errands=errands,
            delivery=delivery,
            clock=clock,
        )
        self._reindex = reindex

    def _reindexed(self, errand: Errand, progress: Progress) -> str:
        source = errand.words[0] if errand.words else None
        done = self._reindex(source, lambda n, of: progress.tell(_counted(n, of)))
        note(documents=sum(done.counts.values()), failures=len(done.failures))
        return reported(done)


def _counted(done: int, of: int) -> str:
    total = f" of {of:,}" if of else ""  # 0: nobody knows yet
    return f"I am reading the documents again: {done:,}{total}."


def reported(done: Reindexed) -> str:
    """Put the end of a run into sentences, with the documents that failed by name."""
    counts = ", ".join(f"{count:,} {what}" for what, count in done.counts.items())
    if not done.failures:
        return f"Done: {counts}."
    named = ", ".join(done.failures[:_MOST_NAMED])
    rest = len(done.failures) - _MOST_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return f"Done: {counts}. Not read: {named}{more}."
