"""The thread that makes the rounds, and the worker's time that no person needs."""

from concurrent.futures import CancelledError
from datetime import timedelta
from functools import partial
from threading import Event, Thread

import pytest

from bot.errors import QueueFullError
from bot.monitoring import health
from bot.monitoring.rounds import IdleTime, Rounds
from bot.worker import Worker


def a_held_worker(capacity: int = 2) -> tuple[Worker, Event]:
    """A worker that is busy until the event is set."""
    started, gate = Event(), Event()

    def hold() -> None:
        started.set()
        gate.wait(timeout=5)

    worker = Worker(capacity=capacity)
    worker.submit(hold, asker="somebody")
    assert started.wait(timeout=5)
    return worker, gate


def test_a_person_goes_before_what_can_wait() -> None:
    """What was handed in first, for idle time, runs after the question that came later."""
    worker, gate = a_held_worker()
    done = list[str]()
    worker.when_idle(partial(done.append, "canary 1"))
    worker.when_idle(partial(done.append, "canary 2"))
    worker.submit(partial(done.append, "ann"), asker="ann")
    worker.submit(partial(done.append, "bo"), asker="bo")
    gate.set()
    worker.finish()

    assert done == ["ann", "bo", "canary 1", "canary 2"]


def test_what_can_wait_takes_no_place_in_the_queue() -> None:
    """A full budget of idle jobs turns nobody away, and is not counted as waiting."""
    worker, gate = a_held_worker(capacity=1)
    done = list[str]()
    for n in range(10):
        worker.when_idle(partial(done.append, f"canary {n}"))
    assert worker.waiting == 0
    worker.submit(partial(done.append, "ann"), asker="ann")
    gate.set()
    worker.finish()

    assert done[0] == "ann"
    assert len(done) == 11


def test_a_stop_drops_what_can_wait() -> None:
    """And nothing more is taken."""
    worker, gate = a_held_worker()
    done = list[str]()
    worker.when_idle(partial(done.append, "canary"))
    worker.stop(0.0)
    gate.set()

    assert worker.stop(5.0)
    assert done == []
    with pytest.raises(QueueFullError):
        worker.when_idle(partial(done.append, "late"))


def test_the_outcome_comes_back_from_the_worker() -> None:
    """A value or an error, as if it had run here."""
    worker = Worker(capacity=1)
    idle_time = IdleTime(worker.when_idle)

    def fail() -> None:
        raise ValueError

    assert idle_time(lambda: 7) == 7
    with pytest.raises(ValueError, match=r"^$"):
        idle_time(fail)
    worker.finish()


def test_nobody_waits_for_idle_time_after_the_end() -> None:
    """Neither who waits already nor who comes later is held up by a busy worker."""
    worker, gate = a_held_worker()
    handed_in, outcomes = Event(), list[str]()

    def when_idle(job: object) -> None:
        worker.when_idle(job)  # type: ignore[arg-type]
        handed_in.set()

    idle_time = IdleTime(when_idle)

    def wait() -> None:
        try:
            idle_time(lambda: outcomes.append("ran"))
        except CancelledError:
            outcomes.append("cancelled")

    waiting = Thread(target=wait)
    waiting.start()
    assert handed_in.wait(timeout=5)
    idle_time.end()
    waiting.join(timeout=5)
    with pytest.raises(CancelledError):
        idle_time(lambda: None)
    gate.set()
    worker.finish()

    assert outcomes == ["cancelled"]


def test_a_check_that_fails_does_not_keep_the_others_from_running() -> None:
    """The alerts that wait are posted all the same."""
    done = list[str]()

    def fail() -> None:
        raise ValueError

    delivered = Event()
    rounds = Rounds(
        [fail, partial(done.append, "second")],
        delivered.set,
        timedelta(hours=1),
        IdleTime(lambda _: None),
    )
    rounds.start()

    assert delivered.wait(timeout=5)
    assert rounds.stop(5.0)
    assert done == ["second"]


def test_it_begins_with_a_round_and_delivers_when_woken() -> None:
    """An alert that comes up between two rounds does not wait for an hour."""
    checked, delivered = list[int](), list[int]()
    first, second = Event(), Event()

    def deliver() -> None:
        delivered.append(1)
        (second if first.is_set() else first).set()

    rounds = Rounds(
        [lambda: checked.append(1)], deliver, timedelta(hours=1), IdleTime(lambda _: None)
    )
    rounds.start()
    assert first.wait(timeout=5)
    rounds.wake()
    assert second.wait(timeout=5)

    assert rounds.stop(5.0)
    assert (len(checked), len(delivered)) == (1, 2)


def test_rounds_are_made_again_and_again() -> None:
    """Each interval brings the next one."""
    thrice = Event()
    checked = list[int]()

    def check() -> None:
        checked.append(1)
        if len(checked) == 3:
            thrice.set()

    rounds = Rounds([check], lambda: None, timedelta(milliseconds=1), IdleTime(lambda _: None))
    rounds.start()

    assert thrice.wait(timeout=5)
    assert rounds.stop(5.0)


def test_a_stop_does_not_wait_for_a_busy_worker() -> None:
    """A round that waits for its turn gives up, so that the bot can end."""
    worker, gate = a_held_worker()
    handed_in = Event()

    def when_idle(job: object) -> None:
        worker.when_idle(job)  # type: ignore[arg-type]
        handed_in.set()

    idle_time = IdleTime(when_idle)
    wait = [lambda: idle_time(lambda: None)]
    rounds = Rounds([], lambda: None, timedelta(hours=1), idle_time, canaries=wait)
    rounds.start()
    assert handed_in.wait(timeout=5)

    assert rounds.stop(5.0)
    gate.set()
    worker.finish()


def test_alerts_and_drift_do_not_wait_for_a_stuck_model() -> None:
    """A canary waits for a pass that hangs; the other checks run again and again, posts go out."""
    worker, gate = a_held_worker()
    idle_time = IdleTime(worker.when_idle)
    checked, thrice, delivered = list[int](), Event(), Event()

    def check() -> None:
        checked.append(1)
        if len(checked) == 3:
            thrice.set()

    every = timedelta(milliseconds=1)
    wait = [lambda: idle_time(lambda: None)] * 2
    rounds = Rounds([check], delivered.set, every, idle_time, canaries=wait)
    rounds.start()
    assert thrice.wait(timeout=5)
    delivered.clear()
    rounds.wake()
    assert delivered.wait(timeout=5)
    finding = health.of_rounds(age_s=rounds.age_s, every_s=every.total_seconds())

    assert finding.state is health.State.DEGRADED
    assert rounds.stop(5.0)
    gate.set()
    worker.finish()


def test_a_steady_stream_of_questions_does_not_switch_a_canary_off() -> None:
    """With every place in the queue taken, what has waited too long goes before the next one."""
    worker, gate = a_held_worker(capacity=3)
    done = list[str]()
    worker.when_idle(partial(done.append, "shadow"))
    worker.when_idle(partial(done.append, "later"), within_s=1000.0)
    worker.when_idle(partial(done.append, "canary"), within_s=0.0)
    for asker in ("ann", "bo", "cy"):
        worker.submit(partial(done.append, asker), asker=asker)
    with pytest.raises(QueueFullError):
        worker.submit(partial(done.append, "di"), asker="di")
    gate.set()
    worker.finish()

    assert done == ["canary", "ann", "bo", "cy", "shadow", "later"]
