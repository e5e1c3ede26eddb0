"""Work that administrators ask for in Slack: one at a time, told in one message.

A stop interrupts it and the next start takes it up. Knows neither what is done nor who may ask;
whoever asked is told in a direct message, for a command cannot be answered after a restart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock, Thread
from time import monotonic

from bot.blocks import plain_post
from bot.errands import Errand, Errands
from bot.errors import SlackCallError, explain
from bot.listeners.delivery import Delivery
from bot.tracing import note, note_failure, trace_id, wide_event

_MOST_ATTEMPTS = 3
_EDIT_EVERY_S = 2.0
_DENIED = "You are not an administrator any more, so I have not done what you asked for."
_UNKNOWN = "Slack does not tell me who you are just now. I will try again when I am next started."


@dataclass(frozen=True, slots=True)
class Sayings:
    """What is said of one kind of work.

    Attributes:
        running: To whoever asks while it is being done.
        started: At once.
        begun: In the message that its end will replace.
        given_up: After several starts that ended with it.
    """

    running: str
    started: str
    begun: str
    given_up: str


class Chore:
    """Carries out one kind of work.

    Args:
        verb: Names it: to the database, to the log and to its thread.
        work: Does it, with the message in which to tell how far it is; returns what to say then.
        is_admin: Tells whether somebody is an administrator now, by user id; None where that
            cannot be told. May take its time.
        clock: Seconds that only grow.
    """

    def __init__(  # noqa: PLR0913  # the ends that meet here
        self,
        verb: str,
        work: Callable[[Errand, "Progress"], str],
        sayings: Sayings,
        *,
        is_admin: Callable[[str], bool | None],
        errands: Errands,
        delivery: Delivery,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._verb = verb
        self._work = work
        self._sayings = sayings
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
            return self._sayings.running
        is_started = False
        try:
            if self._errands.take(errand):
                self._start([errand])
                is_started = True
        finally:
            if not is_started:
                self._one_at_a_time.release()
        return self._sayings.started

    def resume(self) -> None:
        """Take up what a stop has interrupted."""
        unfinished = [one for one in self._errands.unfinished() if one.verb == self._verb]
        if unfinished and self._one_at_a_time.acquire(blocking=False):
            self._start(unfinished)

    def _start(self, errands: list[Errand]) -> None:
        Thread(target=self._run, args=(errands,), name=self._verb, daemon=True).start()

    def _run(self, errands: list[Errand]) -> None:
        try:
            for errand in errands:
                with wide_event(self._verb, asker=errand.user):
                    self._carry_out(errand)
        except Exception as error:  # noqa: BLE001  the end of a job: the next start takes it up
            note_failure(error)
        finally:
            self._one_at_a_time.release()

    def _carry_out(self, errand: Errand) -> None:
        progress = Progress(self._delivery, errand.user, self._clock)
        is_admin = self._is_admin(errand.user)  # still
        if is_admin is None:
            note(reason="admin_unknown")
            progress.say(_UNKNOWN)
            return  # the next start takes it up
        if is_admin:
            self._attempt(errand, progress)
        else:
            note(reason="denied")
            progress.say(_DENIED)
        self._errands.mark_done(errand.trigger_id)

    def _attempt(self, errand: Errand, progress: "Progress") -> None:
        if errand.attempts >= _MOST_ATTEMPTS:  # it may take the process down
            note(reason="given up", attempts=errand.attempts)
            progress.say(self._sayings.given_up)
        else:
            self._errands.mark_attempt(errand.trigger_id)
            progress.say(self._sayings.begun)
            progress.say(self._outcome(errand, progress))

    def _outcome(self, errand: Errand, progress: "Progress") -> str:
        try:
            return self._work(errand, progress)
        except Exception as error:  # noqa: BLE001  the end of a job: the person hears of it
            note_failure(error)
            return explain(error, trace_id.get())


class Progress:
    """One message to one person, edited now and then."""

    def __init__(self, delivery: Delivery, user: str, clock: Callable[[], float]) -> None:
        self._delivery = delivery
        self._user = user
        self._clock = clock
        self._place: tuple[str, str] | None = None
        self._said_at = clock()

    def say(self, text: str) -> None:
        """Post the message, or edit it; the work does not depend on whether anybody sees it."""
        self._said_at = self._clock()
        try:
            if self._place is None:
                self._place = self._delivery.post_direct(self._user, plain_post(text))
            else:
                self._delivery.show(*self._place, plain_post(text))
        except SlackCallError as error:
            note(method=error.method, slack_error=error.code)

    def tell(self, text: str) -> None:
        """Say how far it is, unless something was said just now."""
        if self._place is not None and self._clock() - self._said_at >= _EDIT_EVERY_S:
            self.say(text)
