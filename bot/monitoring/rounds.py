"""The thread that makes the rounds: it runs the checks now and then, and sees to the alerts.

Knows no check. Work on models goes to the worker, when no person waits for it, so that the models
have one owner; this thread waits for the outcome.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from datetime import timedelta
from threading import Event, Lock, Thread
from time import monotonic
from typing import TypeVar

from bot.errors import QueueFullError
from bot.tracing import note_failure, wide_event

T = TypeVar("T")
Check = Callable[[], None]


class IdleTime:
    """The worker's time that no person needs.

    Args:
        when_idle: Of the worker.
    """

    def __init__(self, when_idle: Callable[[Callable[[], None]], None]) -> None:
        self._when_idle = when_idle
        self._lock = Lock()
        self._is_over = False
        self._pending: Future[object] | None = None

    def __call__(self, job: Callable[[], T]) -> T:
        """Run a job in the worker, and wait for it.

        Raises:
            CancelledError: If the bot stops before its turn comes.
        """
        done = Future[T]()
        with self._lock:
            if self._is_over:
                raise CancelledError
            self._pending = done  # type: ignore[assignment]  # it is only ever cancelled
        try:
            self._when_idle(lambda: _settle(done, job))
        except QueueFullError as error:
            raise CancelledError from error
        return done.result()

    def end(self) -> None:
        """Let nobody wait any longer, but for a job that runs already."""
        with self._lock:
            self._is_over = True
            if self._pending is not None:
                self._pending.cancel()


def _settle(done: Future[T], job: Callable[[], T]) -> None:
    if done.set_running_or_notify_cancel():
        try:
            done.set_result(job())
        except Exception as error:  # noqa: BLE001  the end of a job: who waits for it hears of it
            done.set_exception(error)


class Rounds:
    """Runs the checks, at the start and then in fixed steps of time.

    Args:
        checks: Run one after the other; one that fails does not keep the next from running.
        deliver: Posts the alerts that wait; after each round, and when woken.
        every: Time from one round to the next.
        idle_time: What the checks run work on models in.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        deliver: Check,
        every: timedelta,
        idle_time: IdleTime,
    ) -> None:
        self._checks = checks
        self._deliver = deliver
        self._every_s = every.total_seconds()
        self._idle_time = idle_time
        self._is_stopping = False
        self._woken = Event()
        self._thread = Thread(target=self._run, name="rounds", daemon=True)

    def start(self) -> None:
        """Begin with a round."""
        self._thread.start()

    def wake(self) -> None:
        """Say that an alert waits."""
        self._woken.set()

    def stop(self, deadline_s: float) -> bool:
        """Begin nothing more, and tell whether what ran has ended in time."""
        self._is_stopping = True
        self._idle_time.end()
        self._woken.set()
        if self._thread.ident is not None:
            self._thread.join(timeout=deadline_s)
        return not self._thread.is_alive()

    def go(self) -> None:
        """Make one round."""
        for check in self._checks:
            if not self._is_stopping:
                self._guarded(check)
        self._guarded(self._deliver)

    def _run(self) -> None:
        while not self._is_stopping:
            due = monotonic() + self._every_s
            self.go()
            while not self._is_stopping and self._woken.wait(max(0.0, due - monotonic())):
                self._woken.clear()
                if not self._is_stopping:
                    self._guarded(self._deliver)

    def _guarded(self, check: Check) -> None:
        try:
            with wide_event("round", reason=_name(check)):
                check()
        except CancelledError:
            pass
        except Exception as error:  # noqa: BLE001  the end of a check: the others go on
            note_failure(error)


def _name(check: Check) -> str:
    return getattr(check, "__qualname__", type(check).__name__)
