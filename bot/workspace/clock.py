"""The clock of a workspace, which a test may push forward."""

import time
from collections.abc import Callable


class Clock:
    """Tells the time [s since 1970] and can be ahead of the real one.

    Args:
        source: What ticks underneath; a test that wants time to stand still passes a constant.
    """

    def __init__(self, source: Callable[[], float] = time.time) -> None:
        self._source = source
        self._ahead_s = 0.0

    @classmethod
    def standing_still(cls, at: float = 1_790_000_000.0) -> "Clock":
        """Build a clock that moves only when it is told to."""
        return cls(lambda: at)

    def now(self) -> float:
        """Return the time [s since 1970]."""
        return self._source() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self._ahead_s += seconds
