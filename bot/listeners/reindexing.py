"""A reindex asked for in Slack: one at a time, told in one message, taken up after a stop.

Knows neither how an index is made nor who may ask; whoever asked is told in a direct message.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic
from typing import Protocol

from bot.blocks import plain_post
from bot.errands import Errand, Errands
from bot.errors import SlackCallError, explain
from bot.listeners.delivery import Delivery
from bot.tracing import note, note_failure, trace_id, wide_event

_RUNNING = "A reindex is already running. Please wait until it has ended."
_STARTED = "I am reading the documents again. How it goes stands in our direct messages."
_GIVEN_UP = "I began to read the documents several times and never finished. I have given up."
_MOST_ATTEMPTS = 3
_EDIT_EVERY_S = 2.0
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


class Reindexing:
    """Runs what administrators ask for.

    Args:
        is_admin: Tells whether somebody is an administrator now, by user id; may take its time.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        reindex: Reindex,
        is_admin: Callable[[str], bool],
        errands: Errands,
        delivery: Delivery,
        *,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._reindex = reindex
        self._is_admin = is_admin
        self._errands = errands
        self._delivery = delivery
        self._clock = clock
        self._one_at_a_time = Lock()

    def begin(self, errand: Errand) -> str:
        """Store an errand, start it, and return what to say at once.

        Raises:
            StoreDownError: If it is not stored; then nothing is started.
        """
        if not self._one_at_a_time.acquire(blocking=False):
            return _RUNNING
        is_started = False
        try:
            if self._errands.take(errand):
                self._start([errand])
                is_started = True
        finally:
            if not is_started:
                self._one_at_a_time.release()
        return _STARTED

    def resume(self) -> None:
        """Take up what a stop has interrupted."""
        unfinished = self._errands.unfinished()
        if unfinished and self._one_at_a_time.acquire(blocking=False):
            self._start(unfinished)

    def _start(self, errands: list[Errand]) -> None:
        Thread(target=self._run, args=(errands,), name="reindex", daemon=True).start()

    def _run(self, errands: list[Errand]) -> None:
        try:
            for errand in errands:
                with wide_event("reindex", asker=errand.user):
                    self._carry_out(errand)
        except Exception as error:  # noqa: BLE001  the end of a job: the next start takes it up
            note_failure(error)
        finally:
            self._one_at_a_time.release()

    def _carry_out(self, errand: Errand) -> None:
        if self._is_admin(errand.user):  # still
            progress = _Progress(self._delivery, errand.user, self._clock)
            if errand.attempts >= _MOST_ATTEMPTS:  # it may take the process down
                note(reason="given up", attempts=errand.attempts)
                progress.say(_GIVEN_UP)
            else:
                self._errands.mark_attempt(errand.trigger_id)
                progress.say("I am reading the documents again.")
                progress.say(self._outcome(errand, progress))
        self._errands.mark_done(errand.trigger_id)

    def _outcome(self, errand: Errand, progress: "_Progress") -> str:
        source = errand.words[0] if errand.words else None
        try:
            done = self._reindex(source, progress.count)
        except Exception as error:  # noqa: BLE001  the end of a job: the person hears of it
            note_failure(error)
            return explain(error, trace_id.get())
        note(documents=sum(done.counts.values()), failures=len(done.failures))
        return reported(done)


class _Progress:
    """One message to one person, edited now and then."""

    def __init__(self, delivery: Delivery, user: str, clock: Callable[[], float]) -> None:
        self._delivery = delivery
        self._user = user
        self._clock = clock
        self._place: tuple[str, str] | None = None
        self._said_at = clock()

    def say(self, text: str) -> None:
        """Post the message, or edit it; a run does not depend on whether anybody sees it."""
        self._said_at = self._clock()
        try:
            if self._place is None:
                self._place = self._delivery.post_direct(self._user, plain_post(text))
            else:
                self._delivery.show(*self._place, plain_post(text))
        except SlackCallError as error:
            note(method=error.method, slack_error=error.code)

    def count(self, done: int, of: int) -> None:
        """Say how far it is, unless something was said just now."""
        if self._place is not None and self._clock() - self._said_at >= _EDIT_EVERY_S:
            total = f" of {of:,}" if of else ""  # 0: nobody knows yet
            self.say(f"I am reading the documents again: {done:,}{total}.")


def reported(done: Reindexed) -> str:
    """Put the end of a run into sentences, with the documents that failed by name."""
    counts = ", ".join(f"{count:,} {what}" for what, count in done.counts.items())
    if not done.failures:
        return f"Done: {counts}."
    named = ", ".join(done.failures[:_MOST_NAMED])
    rest = len(done.failures) - _MOST_NAMED
    more = f" and {rest} more" if rest > 0 else ""
    return f"Done: {counts}. Not read: {named}{more}."
