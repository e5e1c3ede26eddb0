"""The rows of a data set, in the columns that TRL takes. Pure."""

from collections.abc import Sequence
from typing import TypedDict

from adapters.responder import Message

EVALUATION = "evaluation"
"""The file of what is for measuring alone, in the columns of KTO."""


class BaseRow(TypedDict):
    """What all rows have beside TRL's columns.

    Attributes:
        row_id: Of the example; its rows in several files share it.
        group: What it hangs together with.
    """

    row_id: str
    group: str
    origin: str
    domain: str
    prompt: list[Message]


class SftRow(BaseRow):
    """A prompt and the answer that is taught."""

    completion: list[Message]


class DpoRow(BaseRow):
    """A prompt, what was approved, and what the model had written."""

    chosen: list[Message]
    rejected: list[Message]


class KtoRow(BaseRow):
    """A prompt, an answer, and whether people liked it."""

    completion: list[Message]
    label: bool


Row = SftRow | DpoRow | KtoRow


def balanced(name: str, rows: Sequence[Row], ratio: int) -> list[Row]:
    """Mix KTO's labels evenly, with at most so many of one for each of the other; or none.

    Source:
        TRL takes KTO's rows in order, and sorted labels make one-sided batches.
    """
    liked = [one for one in rows if one.get("label") is True]
    disliked = [one for one in rows if one.get("label") is False]
    if not name.startswith("kto/"):
        return list(rows)
    liked, disliked = liked[: ratio * len(disliked)], disliked[: ratio * len(liked)]
    at = {
        id(one): place / len(some) for some in (liked, disliked) for place, one in enumerate(some)
    }
    return sorted([*liked, *disliked], key=lambda one: at[id(one)])
