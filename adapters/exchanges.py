"""One answer with all that decides what may become of it: votes, edits, reviews, readers. Pure.

Knows neither Slack, nor who may read what: whoever fills it in has found that out.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from adapters.remarks import Reason
from adapters.responder import Message


class Consent(Enum):
    """What the approval of a workspace lets out of it."""

    NOTHING = "no approval"
    NO_TYPED_TEXTS = "what the bot wrote, from documents"
    ALL = "what people typed as well"


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one person thinks of one answer.

    Attributes:
        person: Team and user.
        verdict: ``up`` or ``down``.
        reason: Of a thumb down; None where none was given.
    """

    vote_id: str
    person: str
    verdict: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Review:
    """What an administrator decided, by user id."""

    reviewer: str
    is_accepted: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Edit:
    """A better answer that a person proposes.

    Attributes:
        review: None while it is proposed.
        is_supported: Whether what was served supports every sentence of it.
    """

    person: str
    text: str
    review: Review | None
    is_supported: bool


@dataclass(frozen=True, slots=True)
class Exchange:
    """One answer with all that decides what may become of it.

    Attributes:
        thread: Team, channel and root.
        asker: As ``Ballot.person``.
        messages: As served; empty where no model was asked.
        untyped: The same with nothing in it that somebody typed; empty where that cannot be.
        text: Of the model; empty where none was asked, or it is forgotten.
        documents: All that it rests on, best first.
        is_as_written: Whether exactly this text was posted.
        is_readable: Whether the whole audience may read every document it rests on.
        is_heard: Whether the whole audience may read the conversation.
        is_hidden_before: Whether somebody should not have seen an earlier turn that was served.
        newest_at: Time of the last thing that was said of it or decided about it.
        reviews: Of the text as it is, by verdict.
    """

    answer_id: str
    thread: str
    asker: str
    at: datetime
    newest_at: datetime
    domain: str
    question: str
    messages: tuple[Message, ...]
    untyped: tuple[Message, ...]
    text: str
    documents: tuple[str, ...]
    consent: Consent
    is_as_written: bool
    is_readable: bool
    is_heard: bool
    ballots: tuple[Ballot, ...] = ()
    edits: tuple[Edit, ...] = ()
    reviews: tuple[tuple[str, Review], ...] = ()
    is_hidden_before: bool = False

    @property
    def involved(self) -> frozenset[str]:
        """Return who asked, voted or proposed something better: they review none of it."""
        voters = {one.person for one in self.ballots}
        return frozenset({self.asker} | voters | {one.person for one in self.edits})

    def people(self, verdict: str) -> frozenset[str]:
        """Return who voted like that."""
        return frozenset(one.person for one in self.ballots if one.verdict == verdict)
