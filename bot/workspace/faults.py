"""Faults that a test orders: the nth call of a method goes wrong in a chosen way."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from bot.workspace.wire import JsonObject

HTML_ERROR = "<!doctype html><title>Something went wrong</title>"


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to some calls of one method.

    Attributes:
        method: Such as ``chat.postMessage``.
        nth: First call it happens to, counted from 1 at the time of ordering.
        times: How many calls in a row it happens to.
        is_executed: Whether the call takes effect before it goes wrong.
        error: Answer this code with HTTP 200.
        status: Answer this HTTP status, with ``body``.
        retry_after_s: Answer 429 with this ``Retry-After``.
        is_reset: Cut the connection instead of answering.
        gate: Keep the answer back until this is set.
        before: Runs right before the call, to change the workspace under it.
        rewrite: Changes a successful answer.
    """

    method: str
    nth: int = 1
    times: int = 1
    is_executed: bool = False
    error: str = ""
    status: int = 0
    body: str = HTML_ERROR
    retry_after_s: int | None = None
    is_reset: bool = False
    gate: Event | None = None
    before: Callable[[], None] | None = None
    rewrite: Callable[[JsonObject], JsonObject] | None = None

    @property
    def spoils_the_answer(self) -> bool:
        """Whether the caller gets something else than what the method answers."""
        is_refused = bool(self.error or self.status or self.retry_after_s is not None)
        return is_refused or self.is_reset


class Faults:
    """The faults that are on order, and the calls they count."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self._orders: list[tuple[int, Fault]] = []

    def order(self, fault: Fault) -> None:
        """Order a fault for calls from now on."""
        first = self._seen[fault.method] + fault.nth
        self._orders.append((first, fault))

    def clear(self) -> None:
        """Cancel every order."""
        self._orders.clear()

    def next_for(self, method: str) -> Fault | None:
        """Count one call and return the fault that it meets, if any; the latest order wins."""
        self._seen[method] += 1
        count = self._seen[method]
        for first, fault in reversed(self._orders):
            if fault.method == method and first <= count < first + fault.times:
                return fault
        return None
