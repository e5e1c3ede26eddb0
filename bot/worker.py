"""The thread that owns the models, and the line in front of it.

Knows nothing of Slack, models or the database: it runs jobs, one at a time and askers in turn.
"""

from collections import deque
from collections.abc import Callable
from contextvars import copy_context
from functools import partial
from math import inf
from threading import Condition, Thread
from time import monotonic

from bot.errors import QueueFullError
from bot.tracing import note_failure

Job = Callable[[], None]


class Worker:
    """Runs one job at a time, since two threads on one model mix up its voices.

    Args:
        capacity: Jobs that may wait, askers in turn; more are refused, not queued. One
            asker may take half of the places, so that a flood does not shut out the others.
    """

    def __init__(self, *, capacity: int, name: str = "worker") -> None:
        self._capacity = capacity
        self._share = (capacity + 1) // 2
        self._waiting: dict[str, deque[Job]] = {}  # askers in turn
        self._idle = deque[tuple[float, Job]]()  # for when nobody waits, or it is due
        self._is_open = True
        self._began: float | None = None
        self._changed = Condition()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many jobs wait for their turn."""
        with self._changed:
            return self._count()

    @property
    def is_alive(self) -> bool:
        """Whether its thread has not ended."""
        return self._thread.is_alive()

    @property
    def running_s(self) -> float | None:
        """How long the present job has been running [s]; None while there is none."""
        began = self._began
        return None if began is None else monotonic() - began

    def submit(self, job: Job, *, asker: str) -> None:
        """Run a job when its asker's turn comes, with the caller's trace id.

        Raises:
            QueueFullError: If the capacity or the asker's share of it is used up, or the
                worker takes no more.
        """
        with self._changed:
            mine = self._waiting.get(asker, ())
            if not self._is_open or self._count() >= self._capacity or len(mine) >= self._share:
                raise QueueFullError(self._capacity)
            self._waiting.setdefault(asker, deque()).append(partial(copy_context().run, job))
            self._changed.notify_all()

    def when_idle(self, job: Job, *, within_s: float = inf) -> None:
        """Run a job as soon as nobody waits; it takes no place, and a stop drops it.

        Args:
            job: What can wait.
            within_s: How long it can; then it goes before whoever waits [s].

        Raises:
            QueueFullError: If the worker takes no more.
        """
        with self._changed:
            if not self._is_open:
                raise QueueFullError(self._capacity)
            self._idle.append((monotonic() + within_s, partial(copy_context().run, job)))
            self._changed.notify_all()

    def finish(self) -> None:
        """Wait until every accepted job is done; accept no more."""
        with self._changed:
            self._close()
        self._thread.join()

    def stop(self, deadline_s: float) -> bool:
        """Drop what waits, wait for the running job, and tell whether it ended in time."""
        with self._changed:
            self._waiting.clear()
            self._idle.clear()
            self._close()
        self._thread.join(timeout=deadline_s)
        return not self._thread.is_alive()

    def _close(self) -> None:
        self._is_open = False
        self._changed.notify_all()

    def _count(self) -> int:
        return sum(map(len, self._waiting.values()))

    def _run(self) -> None:
        while (job := self._next()) is not None:
            self._began = monotonic()
            try:
                job()
            except Exception as error:  # noqa: BLE001  the end of a job: nobody is listening
                note_failure(error)
            finally:
                self._began = None

    def _next(self) -> Job | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._idle or not self._is_open)
            if self._waiting and not self._is_overdue():
                return self._take()
            return self._idle.popleft()[1] if self._idle else None

    def _is_overdue(self) -> bool:
        """Tell whether an idle job is due, and bring it to the front if so."""
        soonest = min(self._idle, default=None, key=_due_at)
        if soonest is None or _due_at(soonest) > monotonic():
            return False
        self._idle.remove(soonest)
        self._idle.appendleft(soonest)
        return True

    def _take(self) -> Job:
        asker = next(iter(self._waiting))
        jobs = self._waiting.pop(asker)
        job = jobs.popleft()
        if jobs:
            self._waiting[asker] = jobs  # back to the end of the line
        return job


def _due_at(idle: tuple[float, Job]) -> float:
    return idle[0]
