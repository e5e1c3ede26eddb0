"""Who is next: takes questions from the inbox, posts placeholders, hands on to the worker.

Knows neither payloads nor answers. What it has not finished stays in the inbox, so a stop or
a kill at any point costs time only.
"""

from collections.abc import Callable
from functools import partial
from threading import Event, Lock, Thread
from time import monotonic

from bot.arrivals import OpenQuestion, State
from bot.errors import QueueFullError, SlackRefusedError, SlackUncertainError
from bot.listeners.replies import Replies
from bot.tracing import note, note_failure
from bot.worker import Worker

_PRUNE_EVERY_S = 3600.0
_LONGEST_DELAY_S = 60.0
_UNREADABLE = frozenset({"missing_scope", "no_permission", "access_denied"})


class Desk:
    """The thread between the inbox and the worker.

    Args:
        sweep: Forgets what is too old; called at the start and every hour.
        clock: Seconds that only grow; never the time of day.
        first_delay_s: Pause before the second try of what Slack may not have taken; then
            twice as long each time, up to a minute.
    """

    def __init__(
        self,
        replies: Replies,
        worker: Worker,
        *,
        sweep: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = monotonic,
        first_delay_s: float = 1.0,
    ) -> None:
        self._inbox = replies.inbox
        self._delivery = replies.delivery
        self._replies = replies
        self._worker = worker
        self._sweep = sweep
        self._clock = clock
        self._first_delay_s = first_delay_s
        self._woken = Event()
        self._is_stopping = Event()
        self._lock = Lock()
        self._in_hand = set[str]()  # with the worker
        self._due = dict[str, float]()  # to be tried again, and when
        self._failures = dict[str, int]()
        self._served = dict[str, int]()  # when each asker last had a turn
        self._turn = 0
        self._pruned_at = -_PRUNE_EVERY_S
        self._thread = Thread(target=self._run, name="desk", daemon=True)

    @property
    def is_open(self) -> bool:
        """Whether questions are taken on."""
        return not self._is_stopping.is_set()

    @property
    def is_alive(self) -> bool:
        """Whether its thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin, with what an earlier run left behind."""
        self._thread.start()

    def wake(self) -> None:
        """Say that something waits in the inbox."""
        self._woken.set()

    def close(self) -> None:
        """Take on nothing more."""
        self._is_stopping.set()
        self.wake()

    def stop(self, deadline_s: float) -> bool:
        """Take on nothing more, let the running job end, and tell whether it did in time."""
        until = monotonic() + deadline_s
        self.close()
        if self._thread.ident is not None:
            self._thread.join(timeout=deadline_s)
        return self._worker.stop(max(0.0, until - monotonic())) and not self._thread.is_alive()

    def step(self) -> bool:
        """Take the next question one step further; return False if none is waiting now."""
        question = self._next()
        if question is not None:
            self._begin(question)
        return question is not None

    def _run(self) -> None:
        while self.is_open:
            self._woken.clear()
            try:
                if not self.step():
                    self._woken.wait(self.patience_s())
            except Exception as error:  # noqa: BLE001  the database cannot be read just now
                note_failure(error)
                self._is_stopping.wait(self._first_delay_s)

    def _next(self) -> OpenQuestion | None:
        """Choose the asker who has waited longest for a turn."""
        self._prune()
        now = self._clock()
        with self._lock:
            later = {one for one, due in self._due.items() if due > now}
            taken = later | self._in_hand
        waiting = self._inbox.next_questions(taken)
        if not waiting:
            self._forget_due(now)
            return None
        chosen = min(waiting, key=lambda one: self._served.get(one.place.user, -1))
        self._turn += 1
        self._served[chosen.place.user] = self._turn
        return chosen

    def _forget_due(self, now: float) -> None:
        """Drop what was to be tried by now and is not open any more."""
        with self._lock:
            for question_id in [one for one, due in self._due.items() if due <= now]:
                del self._due[question_id]
                self._failures.pop(question_id, None)

    def _begin(self, question: OpenQuestion) -> None:
        with self._lock:
            self._due.pop(question.question_id, None)
            self._in_hand.add(question.question_id)
        try:
            is_with_worker = self._is_placed(question) and self._is_handed_over(question)
        except SlackRefusedError as error:  # nothing of ours can stand there
            note(method=error.method, slack_error=error.code, question_id=question.question_id)
            self._guarded(partial(self._inbox.mark_done, question.question_id), question)
        except Exception as error:  # noqa: BLE001  the question stays in the inbox
            self._postpone(question.question_id, error)
        else:
            if not is_with_worker:
                self._put_down(question.question_id)

    def _is_placed(self, question: OpenQuestion) -> bool:
        """See to it that a placeholder stands; False if none is wanted any more."""
        ts = question.placeholder_ts or self._earlier_placeholder(question)
        if question.text is None and not ts:
            self._inbox.mark_done(question.question_id)
            return False
        if not ts:
            if not self._inbox.mark_posting(question.question_id):
                return False
            ts = self._delivery.post_placeholder(question)
        if question.state is not State.POSTED:
            self._inbox.mark_posted(question.question_id, ts)
        return True

    def _earlier_placeholder(self, question: OpenQuestion) -> str | None:
        if question.state is not State.POSTING:
            return None
        try:
            return self._delivery.find_placeholder(question)
        except SlackRefusedError as error:
            if error.code in _UNREADABLE:  # without the scope nobody can tell: it may appear twice
                return None
            raise

    def _is_handed_over(self, question: OpenQuestion) -> bool:
        job = partial(self._work, question)
        try:
            self._worker.submit(job, asker=question.place.user)
        except QueueFullError as error:
            self._replies.turn_away(question.question_id, error)
            return False
        return True

    def _work(self, question: OpenQuestion) -> None:
        self._guarded(partial(self._replies.reply, question.question_id), question)
        self.wake()

    def _guarded(self, job: Callable[[], None], question: OpenQuestion) -> None:
        try:
            job()
        except Exception as error:  # noqa: BLE001  the end of a job: the inbox still has it
            self._postpone(question.question_id, error)
        else:
            self._put_down(question.question_id)

    def _put_down(self, question_id: str) -> None:
        with self._lock:
            self._in_hand.discard(question_id)
            self._failures.pop(question_id, None)

    def _postpone(self, question_id: str, error: Exception) -> None:
        note(failed=type(error).__name__, question_id=question_id)
        with self._lock:
            failures = self._failures.get(question_id, 0)
            delay_s = min(_LONGEST_DELAY_S, self._first_delay_s * 2 ** min(failures, 10))
            self._failures[question_id] = failures + 1
            self._due[question_id] = self._clock() + max(delay_s, _asked_for_s(error))
            self._in_hand.discard(question_id)

    def patience_s(self) -> float:
        """How long nothing is to be tried again [s]."""
        with self._lock:
            soonest = min(self._due.values(), default=self._clock() + _PRUNE_EVERY_S)
        return max(0.0, soonest - self._clock())

    def _prune(self) -> None:
        if self._clock() - self._pruned_at >= _PRUNE_EVERY_S:
            self._pruned_at = self._clock()
            self._inbox.prune()
            self._sweep()


def _asked_for_s(error: Exception) -> float:
    wait_s = error.retry_after_s if isinstance(error, SlackUncertainError) else 0.0
    return min(_LONGEST_DELAY_S, wait_s)
