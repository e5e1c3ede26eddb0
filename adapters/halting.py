"""When a text ends that has not ended itself: too late, or going in circles. Knows no model."""

from collections.abc import Callable, Sequence
from typing import Any

from adapters.responder import Finish

CIRCLE_TOKENS = 12
"""So many tokens said twice are a circle, not a turn of phrase."""


class Halt:
    """Ends a text that takes too long or goes in circles; says so instead of raising.

    An exception out of a generating model can leave it in a state that nobody sees.
    """

    def __init__(self, clock: Callable[[], float], deadline: float, prompt_tokens: int) -> None:
        self._clock = clock
        self._deadline = deadline
        self._prompt_tokens = prompt_tokens
        self.reason: Finish = "length"

    def __call__(self, ids: Any, *_: Any, **__: Any) -> Any:
        """Tell for each row of the batch whether it is done: (1,) bool."""
        if self._clock() >= self._deadline:
            self.reason = "timeout"
        elif goes_in_circles(ids[0, self._prompt_tokens :].tolist()):
            self.reason = "repeat"
        return ids.new_full((ids.shape[0],), self.reason != "length", dtype=bool)


def goes_in_circles(tokens: Sequence[int], span: int = CIRCLE_TOKENS) -> bool:
    """Tell whether the last ``span`` tokens were said before, word for word."""
    last = list(tokens[-span:])
    earlier = range(len(tokens) - span)
    return any(list(tokens[start : start + span]) == last for start in earlier)
