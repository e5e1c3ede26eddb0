"""How the parts of the bot are judged, and what is said of those that do not answer."""

from threading import Event

import pytest

from bot.monitoring import health
from bot.monitoring.health import Checkup, Finding, Health, Part, State

OK, DEGRADED, FAILING = State.OK, State.DEGRADED, State.FAILING


@pytest.mark.parametrize(
    ("states", "whole"),
    [
        ([OK, OK], OK),
        ([OK, DEGRADED], DEGRADED),
        ([FAILING, DEGRADED, OK], FAILING),
        ([], OK),
    ],
)
def test_the_whole_is_as_its_worst_part(states: list[State], whole: State) -> None:
    """One failing part makes the bot fail."""
    assert Health(tuple(Part("part", state) for state in states)).state is whole


def test_a_part_that_does_not_answer_holds_nobody_up() -> None:
    """It is failing, so is what would have been asked after it, and later both are well again."""
    gate = Event()
    asked = list[str]()

    def slow() -> Finding:
        asked.append("store")
        gate.wait(timeout=5)
        return Finding(OK)

    checkup = Checkup(
        {"desk": lambda: Finding(OK), "store": slow, "index": lambda: Finding(OK)},
        patience_s=0.05,
    )

    first, second = checkup(), checkup()
    gate.set()
    patient = Checkup({"store": slow, "index": lambda: Finding(OK)})()

    assert [part.status for part in first.parts] == [OK, FAILING, FAILING]
    assert first.parts[1] == Part("store", FAILING, "no answer within 0.05 s")
    assert second == first
    assert asked == ["store", "store"]  # the second look waited with the first
    assert patient.state is OK


def test_a_part_that_breaks_is_named_by_its_error_alone() -> None:
    """The words of an error may quote a document."""

    def broken() -> Finding:
        problem = "the bonus is 412,000 euros"
        raise OSError(problem)

    (part,) = Checkup({"store": broken})().parts

    assert part == Part("store", FAILING, "OSError")


def test_a_part_that_comes_later_is_asked_too() -> None:
    """The endpoint is there before the bot is put together, and is asked meanwhile."""

    def putting_together() -> Finding:
        probes["desk"] = lambda: Finding(DEGRADED)
        return Finding(OK)

    probes = {"filter": putting_together}
    checkup = Checkup(probes)

    assert checkup().parts == (Part("filter", OK),)
    assert checkup().parts == (Part("filter", OK), Part("desk", DEGRADED))


@pytest.mark.parametrize(
    ("finding", "state"),
    [
        (health.of_worker(is_alive=True, running_s=None, stuck_after_s=60), OK),
        (health.of_worker(is_alive=True, running_s=59.0, stuck_after_s=60), OK),
        (health.of_worker(is_alive=True, running_s=61.0, stuck_after_s=60), FAILING),
        (health.of_worker(is_alive=False, running_s=None, stuck_after_s=60), FAILING),
        (health.of_desk(is_alive=True, is_open=True), OK),
        (health.of_desk(is_alive=False, is_open=True), FAILING),
        (health.of_desk(is_alive=False, is_open=False), DEGRADED),
        (health.of_index(age_s=None, is_open=False, stale_after_s=60), DEGRADED),
        (health.of_index(age_s=61.0, is_open=True, stale_after_s=60), DEGRADED),
        (health.of_index(age_s=5.0, is_open=True, stale_after_s=60), OK),
        (health.of_index(age_s=5.0, is_open=False, stale_after_s=60), OK),
        (health.of_socket(is_connected=True), OK),
        (health.of_socket(is_connected=False), DEGRADED),
        (health.of_rounds(age_s=119.0, every_s=60), OK),
        (health.of_rounds(age_s=121.0, every_s=60), DEGRADED),
        (health.of_filter(is_in_doubt=False), OK),
        (health.of_filter(is_in_doubt=True), FAILING),
    ],
)
def test_facts_become_a_state(finding: Finding, state: State) -> None:
    """What a restart or a person must mend is failing; what mends itself is degraded."""
    assert finding.state is state
    assert (finding.note == "") is (state is OK) or finding.note == "not opened yet"
