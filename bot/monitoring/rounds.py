"""The threads that make the rounds: they run the checks now and then, and see to the alerts.

Knows no check. Work on models goes to the worker, when no person waits for it, so that the models
have one owner. Whoever waits for that has a thread of its own: nothing else waits with it.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any, TypeVar

from bot.errors import QueueFullError
from bot.tracing import note_failure, wide_event

T = TypeVar("T")
Check = Callable[[], None]

_LONGEST_PAUSE_S = 300.0  # what could not be posted is tried again after that


class IdleTime:
    """The worker's time that no person needs.

    Args:
        when_idle: Of the worker.
    """

    def __init__(self, when_idle: Callable[[Callable[[], None]], None]) -> None:
        self._when_idle = when_idle
        self._lock = Lock()
        self._is_over = False
        self._pending = set[Future[Any]]()

    def __call__(self, job: Callable[[], T]) -> T:
        """Run a job in the worker, and wait for it.

        Raises:
            CancelledError: If the bot stops before its turn comes.
        """
        done = Future[T]()
        with self._lock:
            if self._is_over:
                raise CancelledError
            self._pending.add(done)
        try:
            self._hand_in(lambda: _settle(done, job))
            return done.result()
        finally:
            with self._lock:
                self._pending.discard(done)

    def end(self) -> None:
        """Let nobody wait any longer, but for a job that runs already."""
        with self._lock:
            self._is_over = True
            for done in self._pending:
                done.cancel()

    def _hand_in(self, job: Callable[[], None]) -> None:
        try:
            self._when_idle(job)
        except QueueFullError as error:
            raise CancelledError from error


def _settle(done: Future[T], job: Callable[[], T]) -> None:
    if done.set_running_or_notify_cancel():
        try:
            done.set_result(job())
        except Exception as error:  # noqa: BLE001  the end of a job: who waits for it hears of it
            done.set_exception(error)


class Rounds:
    """Runs the checks, at the start and then in fixed steps of time.

    Args:
        checks: Need no model. Run one after the other; one that fails does not keep the next
            from running.
        deliver: Posts the alerts that wait; after each round of these checks, when woken, and
            every few minutes.
        every: Time from one round to the next.
        idle_time: What the canaries run work on models in.
        canaries: Checks that wait for the models, each in a thread of its own.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        deliver: Check,
        every: timedelta,
        idle_time: IdleTime,
        canaries: Sequence[Check] = (),
    ) -> None:
        every_s = every.total_seconds()
        self._idle_time = idle_time
        self._first = _Lane("rounds", (*checks, deliver), every_s, between=deliver)
        self._lanes = (self._first, *(_Lane(_name(one), (one,), every_s) for one in canaries))

    @property
    def age_s(self) -> float:
        """How long ago the last round ended, in the thread that is furthest behind [s]."""
        return monotonic() - min(lane.ended_at for lane in self._lanes)

    def start(self) -> None:
        """Begin with a round."""
        for lane in self._lanes:
            lane.start()

    def wake(self) -> None:
        """Say that an alert waits."""
        self._first.wake()

    def stop(self, deadline_s: float) -> bool:
        """Begin nothing more, and tell whether what ran has ended in time."""
        until = monotonic() + deadline_s
        for lane in self._lanes:
            lane.close()
        self._idle_time.end()
        return all(lane.join(max(0.0, until - monotonic())) for lane in self._lanes)


class _Lane:
    """One thread, and the checks that it runs one after the other.

    Args:
        between: Run when woken, and in pauses that are long.

    Attributes:
        ended_at: When its last round ended; before the first, when it was made [s].
    """

    def __init__(
        self,
        name: str,
        checks: Sequence[Check],
        every_s: float,
        between: Check | None = None,
    ) -> None:
        self.ended_at = monotonic()
        self._checks = checks
        self._every_s = every_s
        self._between = between
        self._is_stopping = False
        self._woken = Event()
        self._thread = Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._woken.set()

    def close(self) -> None:
        self._is_stopping = True
        self.wake()

    def join(self, deadline_s: float) -> bool:
        if self._thread.ident is not None:
            self._thread.join(timeout=deadline_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._is_stopping:
            due = monotonic() + self._every_s
            for check in self._checks:
                self._guarded(check)
            self.ended_at = monotonic()
            self._pause(due)

    def _pause(self, due: float) -> None:
        while not self._is_stopping and (left_s := due - monotonic()) > 0:
            is_woken = self._woken.wait(min(left_s, _LONGEST_PAUSE_S))
            self._woken.clear()
            if self._between and (is_woken or left_s > _LONGEST_PAUSE_S):
                self._guarded(self._between)

    def _guarded(self, check: Check) -> None:
        if self._is_stopping:
            return
        try:
            with wide_event("round", reason=_name(check)):
                check()
        except CancelledError:
            pass
        except Exception as error:  # noqa: BLE001  the end of a check: the others go on
            note_failure(error)


def _name(check: Check) -> str:
    return getattr(check, "__qualname__", type(check).__name__)
