"""The words that may stand in a label, so that there are few and none of them is a text or an id.

Knows no metric. A word that is not known is called ``other``: it is counted, not lost.
"""

import re
from collections.abc import Collection
from threading import Lock

from adapters.remarks import Reason

OTHER = "other"
NONE = "none"
_NAME = re.compile(r"(?![0-9a-f]{32}$)[a-z0-9][a-z0-9_-]{0,47}")  # such as a source, no id

REASONS = frozenset(
    {
        *("audience unknown", "below the floor", "no evidence", "the voice declined"),  # declined
        *("steps are quoted", "no model speaks", "the budget is spent"),  # quoted
        *("nothing to the point was said", "the model server is silent"),
    }
)
REMARKS = frozenset(Reason)
STAGES = frozenset({"retrieval", "reading", "generation", "grounding"})


class Words:
    """Lets known words through, and of other names the first few.

    Args:
        known: Always let through.
        spare: How many others, which the settings or ``access.yaml`` bring.
    """

    def __init__(self, known: Collection[str] = (), *, spare: int = 0) -> None:
        self._let_through = {NONE, *known}
        self._spare = spare
        self._lock = Lock()

    def __call__(self, word: str) -> str:
        """Return what to put in the label."""
        word = word or NONE
        return word if word in self._let_through or self._is_taken_in(word) else OTHER

    def _is_taken_in(self, word: str) -> bool:
        with self._lock:
            if not self._spare or not _NAME.fullmatch(word):
                return False
            self._spare -= 1
            self._let_through.add(word)
            return True
