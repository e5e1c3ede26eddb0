"""Is the bot well? Asks each of its parts, with patience for all of them together.

Knows no part: it is given a function for each. Says names of parts and states, never a text, a
person or an error's words.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from threading import Event, Lock, Thread

_PATIENCE_S = 2.0


class State(StrEnum):
    """How a part is, from best to worst."""

    OK = "ok"
    DEGRADED = "degraded"
    FAILING = "failing"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a part says of itself."""

    state: State
    note: str = ""


Probe = Callable[[], Finding]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the bot, and how it is."""

    name: str
    status: State
    note: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """How all parts are."""

    parts: tuple[Part, ...]

    @property
    def state(self) -> State:
        """The state of the worst part."""
        order = list(State)
        return max((part.status for part in self.parts), key=order.index, default=State.OK)


class _Round:
    """One visit to all parts, in a thread of its own, for a part may never answer."""

    def __init__(self, probes: Mapping[str, Probe]) -> None:
        self._probes = dict(probes)
        self._found = dict[str, Finding]()
        self.is_over = Event()
        Thread(target=self._run, name="checkup", daemon=True).start()

    def parts(self, patience_s: float) -> tuple[Part, ...]:
        silent = Finding(State.FAILING, f"no answer within {patience_s:g} s")
        found = dict(self._found)
        told = ((name, found.get(name, silent)) for name in self._probes)
        return tuple(Part(name, one.state, one.note) for name, one in told)

    def _run(self) -> None:
        for name, probe in self._probes.items():
            self._found[name] = _asked(probe)
        self.is_over.set()


class Checkup:
    """Asks the parts how they are; one round at a time, however many want to know.

    Args:
        probes: By name of the part, read anew for each round; those that may be slow come last,
            for a part that does not answer keeps the ones behind it from being asked.
        patience_s: What has not answered then is failing.
    """

    def __init__(self, probes: Mapping[str, Probe], *, patience_s: float = _PATIENCE_S) -> None:
        self._probes = probes
        self._patience_s = patience_s
        self._lock = Lock()
        self._round: _Round | None = None

    def __call__(self) -> Health:
        """Return how all parts are."""
        with self._lock:
            if self._round is None or self._round.is_over.is_set():
                self._round = _Round(self._probes)
            current = self._round
        current.is_over.wait(self._patience_s)
        return Health(current.parts(self._patience_s))


def _asked(probe: Probe) -> Finding:
    try:
        return probe()
    except Exception as error:  # noqa: BLE001  what fails to answer is not well
        return Finding(State.FAILING, type(error).__name__)


# What a part says, from facts.


def of_worker(*, is_alive: bool, running_s: float | None, stuck_after_s: float) -> Finding:
    """Judge the thread that answers; it runs no job where the seconds are None."""
    if not is_alive:
        return Finding(State.FAILING, "its thread has ended")
    if running_s is not None and running_s > stuck_after_s:
        return Finding(State.FAILING, f"one job has been running for {running_s:.0f} s")
    return Finding(State.OK)


def of_desk(*, is_alive: bool, is_open: bool) -> Finding:
    """Judge the thread between the inbox and the worker."""
    if not is_open:
        return Finding(State.DEGRADED, "stopping: takes nothing new")
    return Finding(State.OK) if is_alive else Finding(State.FAILING, "its thread has ended")


def of_index(*, age_s: float | None, is_open: bool, stale_after_s: float) -> Finding:
    """Judge the index: its age, and whether it was opened yet."""
    if age_s is None:
        return Finding(State.DEGRADED, "there is none yet")
    if age_s > stale_after_s:
        return Finding(State.DEGRADED, f"last brought up to date {age_s / 3600:.0f} h ago")
    return Finding(State.OK, "" if is_open else "not opened yet")


def of_socket(*, is_connected: bool) -> Finding:
    """Judge the connection to Slack; while it is down Slack keeps what was not acknowledged."""
    return Finding(State.OK) if is_connected else Finding(State.DEGRADED, "not connected")


def of_filter(*, is_in_doubt: bool) -> Finding:
    """Judge the filter of the index, which stops the bot if it ever let something through."""
    if is_in_doubt:
        return Finding(State.FAILING, "the index returned what its filter forbids")
    return Finding(State.OK)


def of_budget(*, is_spent: bool) -> Finding:
    """Judge the budget of all teams and sources together; without it the bot quotes."""
    return Finding(State.DEGRADED, "spent: quoting only") if is_spent else Finding(State.OK)


def of_voices(*, speaking: str, failed: Mapping[str, str]) -> Finding:
    """Judge the versions of the voice: whether each that was promoted speaks.

    Args:
        speaking: Names of those that do.
        failed: What could not be put in service, by domain.
    """
    if failed:
        told = ", ".join(f"{domain} ({problem})" for domain, problem in sorted(failed.items()))
        return Finding(State.DEGRADED, f"could not be put in service: {told}")
    return Finding(State.OK, speaking or "the base model")


def of_rounds(*, age_s: float, every_s: float) -> Finding:
    """Judge the checks and canaries: how long ago the last of their rounds ended."""
    if age_s > 2 * every_s:
        return Finding(State.DEGRADED, f"the last round ended {age_s / 60:.0f} min ago")
    return Finding(State.OK)
