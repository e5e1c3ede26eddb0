"""The one thread that owns the models, and the line in front of it."""

from collections.abc import Callable
from functools import partial
from threading import Event, current_thread

import pytest

from bot.errors import QueueFullError
from bot.tracing import trace_id, wide_event
from bot.worker import Worker


def a_held_worker(capacity: int) -> tuple[Worker, Event]:
    """A worker that is busy until the event is set."""
    started, gate = Event(), Event()

    def hold() -> None:
        started.set()
        gate.wait(timeout=5)

    worker = Worker(capacity=capacity)
    worker.submit(hold, asker="somebody")
    assert started.wait(timeout=5)
    return worker, gate


def test_one_busy_asker_does_not_hold_up_the_others() -> None:
    """Bo asked after Ann's three questions and is answered before her second."""
    worker, gate = a_held_worker(capacity=6)
    done = list[str]()
    for asker, name in [("ann", "ann 1"), ("ann", "ann 2"), ("ann", "ann 3"), ("bo", "bo 1")]:
        worker.submit(partial(done.append, name), asker=asker)
    gate.set()
    worker.finish()

    assert done == ["ann 1", "bo 1", "ann 2", "ann 3"]


def test_a_flood_by_one_leaves_room_for_nine() -> None:
    """One asker with 200 jobs adds at most one answer to each of nine others' wait."""
    worker, gate = a_held_worker(capacity=24)
    done = list[str]()
    refused = 0
    for _ in range(200):
        try:
            worker.submit(partial(done.append, "flood"), asker="flood")
        except QueueFullError:
            refused += 1
    for n in range(9):
        worker.submit(partial(done.append, f"user {n}"), asker=f"user {n}")
    gate.set()
    worker.finish()

    assert refused == 188
    assert done[:10] == ["flood", *(f"user {n}" for n in range(9))]


def test_beyond_the_capacity_jobs_are_refused() -> None:
    """What is refused says how many wait, and is not run later."""
    worker, gate = a_held_worker(capacity=2)
    done = list[int]()
    worker.submit(partial(done.append, 1), asker="ann")
    worker.submit(partial(done.append, 2), asker="bo")
    with pytest.raises(QueueFullError) as refusal:
        worker.submit(partial(done.append, 3), asker="cy")
    gate.set()
    worker.finish()

    assert refusal.value.capacity == 2
    assert done == [1, 2]


def test_all_jobs_run_on_one_thread() -> None:
    """Two threads on one model would mix up its voices."""
    threads = set[str]()

    def look() -> None:
        threads.add(f"{current_thread().name} {current_thread().ident}")

    worker = Worker(capacity=50)
    for n in range(50):
        worker.submit(look, asker=f"user {n}")
    worker.finish()

    assert len(threads) == 1


def test_a_job_that_fails_takes_nobody_along() -> None:
    """The next one runs on the same thread."""
    done = list[str]()

    def fail() -> None:
        raise ValueError

    worker = Worker(capacity=2)
    worker.submit(fail, asker="ann")
    worker.submit(partial(done.append, "bo"), asker="bo")
    worker.finish()

    assert done == ["bo"]


def test_a_stop_drops_what_waits_and_lets_the_running_job_end() -> None:
    """The inbox still has what was dropped; nothing is accepted any more."""
    worker, gate = a_held_worker(capacity=2)
    done = list[str]()
    worker.submit(partial(done.append, "waiting"), asker="ann")

    assert not worker.stop(deadline_s=0.0)
    gate.set()
    assert worker.stop(deadline_s=5.0)
    assert done == []
    with pytest.raises(QueueFullError):
        worker.submit(partial(done.append, "late"), asker="ann")


def test_a_job_has_the_trace_id_of_its_submitter() -> None:
    """A thread has a context of its own; the id comes along all the same."""
    seen = list[str]()
    worker = Worker(capacity=1)
    look: Callable[[], None] = lambda: seen.append(trace_id.get())  # noqa: E731  as submitted
    with wide_event("test") as trace:
        worker.submit(look, asker="ann")
        worker.finish()

    assert seen == [trace]
