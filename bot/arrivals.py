"""What comes in: questions, edits, deletions. Knows neither Slack's payloads nor the database."""

from dataclasses import dataclass
from enum import StrEnum

from bot.audience import Place


class State(StrEnum):
    """How far a question has come."""

    RECEIVED = "received"
    POSTING = "posting"  # the placeholder may or may not stand in Slack
    POSTED = "posted"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody asked something.

    Attributes:
        place: Where, and who.
        thread_ts: Root of the thread the reply belongs to.
        text: Without the mention of the bot.
        is_addressed: Whether it was said to the bot; if not, it counts only as a follow-up
            in a thread where the bot has been asked before.
    """

    place: Place
    ts: str
    thread_ts: str
    text: str
    is_addressed: bool


@dataclass(frozen=True, slots=True)
class Reworded:
    """Somebody edited a message, or deleted it: then the text is None."""

    team: str
    channel: str
    ts: str
    text: str | None


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """A question on its way.

    Attributes:
        question_id: Opaque; the placeholder's metadata carries it.
        answer_id: Opaque; the buttons below the reply will carry it.
        text: None once the person has deleted the question.
        placeholder_ts: Where the reply will stand; empty before it is posted.
        attempts: How often answering has been begun.
    """

    question_id: str
    answer_id: str
    place: Place
    ts: str
    thread_ts: str
    text: str | None
    state: State
    placeholder_ts: str
    attempts: int
