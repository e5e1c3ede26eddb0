"""Which answers may become examples, and why the others may not. Pure.

Knows what people said of an answer and what was found out about it; neither Slack, nor who may
read what, nor how rows are written.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from adapters.exchanges import Consent, Edit, Exchange, Review
from adapters.remarks import ABOUT_FORM, ABOUT_KNOWLEDGE, Reason
from adapters.responder import Message

_MARK = re.compile(r"\s*\[\d{1,2}\]")

POLICY = "house-2"
"""Name of the rules below; it changes with every change of them."""


class Origin(StrEnum):
    """What made an answer an example."""

    EDITED = "edited"
    UPVOTED = "upvoted"
    DOWNVOTED = "downvoted"


class Drop(StrEnum):
    """Why something is left out; the first that applies counts."""

    NO_APPROVAL = "no approval for its workspace"
    FORGOTTEN = "texts forgotten"
    NO_PROMPT = "no prompt"
    NOT_HEARD = "conversation not open to the audience"
    NOT_READABLE = "source not open to the audience"
    NOT_FOR_THEM = "somebody should not have seen it"
    NOT_ABOUT_FORM = "complaint not about form"
    CONTRADICTED = "people disagree"
    TOO_FEW_PEOPLE = "too few people"
    NOT_REVIEWED = "not reviewed"
    REFUSED = "refused by a reviewer"
    REVIEWER_INVOLVED = "reviewer asked, wrote or voted"
    NOT_AS_WRITTEN = "posted otherwise than written"
    NOT_SUPPORTED = "not supported"
    UNCHANGED = "correction changes nothing"
    TOO_LONG = "too long"
    TYPED = "typed in Slack"
    SECRET = "secret"  # noqa: S105  # a reason
    DUPLICATE = "near-duplicate"
    TOO_MUCH_OF_ONE = "one person's or document's share"
    HELD_OUT_BEFORE = "held out by an earlier export"


@dataclass(frozen=True)
class Example:
    """What may become rows: an answer to learn, or one to unlearn.

    Attributes:
        prompt: As it will be exported.
        completion: The answer.
        rejected: The answer that it takes the place of, if people saw it as it was written; empty
            but for an edited one.
        author: Who wrote the completion; empty for the model.
        people: Who stands behind it, an author included.
        against: Who says the opposite.
        flaw: What rules it out by its kind; None if nothing does.
    """

    exchange: Exchange
    origin: Origin
    prompt: tuple[Message, ...]
    completion: str
    people: frozenset[str]
    against: frozenset[str]
    review: Review | None
    rejected: str = ""
    author: str = ""
    flaw: Drop | None = None

    @property
    def label(self) -> bool:
        """Whether the completion is one to learn."""
        return self.origin is not Origin.DOWNVOTED

    @cached_property
    def example_id(self) -> str:
        """Name it; who does not know the answer's id cannot guess what is behind the name."""
        named = (self.exchange.answer_id, self.origin, self.author, self.exchange.text)
        text = self.completion if self.author else ""
        return sha256("\n".join([*named, text]).encode()).hexdigest()[:16]

    @property
    def vote_ids(self) -> tuple[str, ...]:
        """Name the votes of the people behind it."""
        ballots = self.exchange.ballots
        return tuple(sorted(one.vote_id for one in ballots if one.person in self.people))

    @property
    def gist(self) -> str:
        """What tells it from others: the prompt's fixed part would make all alike."""
        return f"{self.exchange.question}\n{self.completion}"


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules that a house may set.

    Attributes:
        audience: Every listener has one of these roles.
        quorum: Distinct people behind an example; its reviewer does not count.
        share: Of all examples, that one person may stand behind, or one document.
        least: So many at any rate, for small exports.
        longest_words: Of an answer.
        kto_ratio: At most so many liked answers for a disliked one, and the other way round.
        seed: Of the split.
    """

    audience: tuple[str, ...] = ("everyone",)
    quorum: int = 3
    share: float = 0.05
    least: int = 10
    longest_words: int = 140
    kto_ratio: int = 4
    seed: int = 13


def examples_of(exchange: Exchange) -> Iterator[Example]:
    """List what could become an example, whether or not it may."""
    has_all = exchange.consent is Consent.ALL
    draft = Example(
        exchange=exchange,
        origin=Origin.UPVOTED,
        prompt=exchange.messages if has_all else exchange.untyped,
        completion=exchange.text,
        people=exchange.people("up"),
        against=exchange.people("down"),
        review=dict(exchange.reviews).get("up"),
        flaw=None if exchange.is_as_written else Drop.NOT_AS_WRITTEN,
    )
    yield from (_edited(draft, one) for one in exchange.edits)
    if draft.people:
        yield draft
    if draft.against:
        yield _downvoted(draft)


def _edited(draft: Example, edit: Edit) -> Example:
    exchange = draft.exchange
    flaw = None if edit.is_supported else Drop.NOT_SUPPORTED
    if _plain(edit.text) == _plain(exchange.text):
        flaw = Drop.UNCHANGED
    if exchange.consent is not Consent.ALL:
        flaw = Drop.TYPED
    return replace(
        draft,
        origin=Origin.EDITED,
        completion=edit.text,
        rejected=exchange.text if exchange.is_as_written else "",
        author=edit.person,
        people=_not_for_knowledge(exchange) | {edit.person},
        against=draft.people,
        review=edit.review,
        flaw=flaw,
    )


def _not_for_knowledge(exchange: Exchange) -> frozenset[str]:
    """Return who dislikes an answer, but for those who say that it, or its source, is wrong."""
    downs = (one for one in exchange.ballots if one.verdict == "down")
    return frozenset(one.person for one in downs if one.reason not in ABOUT_KNOWLEDGE)


def _plain(text: str) -> str:
    return " ".join(_MARK.sub("", text).split())


def _downvoted(draft: Example) -> Example:
    """Blame the text where people complain of its form alone; the documents have a list of gaps."""
    downs = [one for one in draft.exchange.ballots if one.verdict == "down"]
    is_of_form = all(one.reason in ABOUT_FORM | {None} for one in downs)
    return replace(
        draft,
        origin=Origin.DOWNVOTED,
        people=frozenset(one.person for one in downs if one.reason in ABOUT_FORM),
        against=draft.people,
        review=dict(draft.exchange.reviews).get("down"),
        flaw=draft.flaw if is_of_form else Drop.NOT_ABOUT_FORM,
    )


_RULES: tuple[tuple[Drop, Callable[[Example, Policy], bool]], ...] = (
    (Drop.NO_APPROVAL, lambda one, _: one.exchange.consent is Consent.NOTHING),
    (Drop.NOT_FOR_THEM, lambda one, _: _is_not_for_all(one)),
    (Drop.NOT_ABOUT_FORM, lambda one, _: one.flaw is Drop.NOT_ABOUT_FORM),
    (Drop.FORGOTTEN, lambda one, _: not one.exchange.question),
    (Drop.NO_PROMPT, lambda one, _: not (one.exchange.messages and one.completion)),
    (Drop.NOT_HEARD, lambda one, _: not one.exchange.is_heard),
    (Drop.NOT_READABLE, lambda one, _: not one.exchange.is_readable),
    (Drop.CONTRADICTED, lambda one, _: bool(one.against)),
    (Drop.TOO_FEW_PEOPLE, lambda one, policy: not _has_quorum(one, policy)),
    (Drop.NOT_REVIEWED, lambda one, _: one.review is None),
    (Drop.REFUSED, lambda one, _: one.review is not None and not one.review.is_accepted),
    (Drop.REVIEWER_INVOLVED, lambda one, _: _is_involved(one)),
    (Drop.TOO_LONG, lambda one, policy: len(one.completion.split()) > policy.longest_words),
    (Drop.TYPED, lambda one, _: not one.prompt),
)


def objection(example: Example, policy: Policy) -> Drop | None:
    """Say why an example may not be used; None if it may."""
    found = (drop for drop, applies in _RULES if applies(example, policy))
    return next(found, example.flaw)


def waiting(exchanges: Iterable[Exchange], policy: Policy) -> list[Example]:
    """List what lacks nothing but a review, corrections aside: they have one of their own."""
    found = (one for exchange in exchanges for one in examples_of(exchange))
    return [
        one
        for one in found
        if one.origin is not Origin.EDITED
        and one.review is None
        and objection(replace(one, review=Review("", is_accepted=True, at=one.exchange.at)), policy)
        is None
    ]


def _has_quorum(example: Example, policy: Policy) -> bool:
    # Whoever asked may be one of them, and never all of them.
    behind, asker = example.people, example.exchange.asker
    return len(behind) >= policy.quorum and bool(behind - {asker})


def _is_not_for_all(example: Example) -> bool:
    exchange = example.exchange
    is_hidden = any(one.reason is Reason.NOT_FOR_ME for one in exchange.ballots)
    return is_hidden or exchange.is_hidden_before


def _is_involved(example: Example) -> bool:
    users = {person.partition("/")[2] for person in example.exchange.involved}
    return example.review is not None and example.review.reviewer in users


def within_shares(examples: Sequence[Example], policy: Policy) -> list[Example]:
    """Let no person and no document make more than its share; the older come first.

    A vote beyond a person's share does not count, so that the example stands if others suffice.

    Returns:
        What is kept, with the people that count.
    """
    n = len(examples)
    while True:
        kept = _shared_out(examples, limit_of(n, policy), policy)
        if limit_of(len(kept), policy) >= limit_of(n, policy):
            return kept
        n = len(kept)


def limit_of(n_examples: int, policy: Policy) -> int:
    """Return how many examples one person may stand behind."""
    return max(policy.least, int(policy.share * n_examples))


def _shared_out(examples: Iterable[Example], limit: int, policy: Policy) -> list[Example]:
    behind, about = Counter[str](), Counter[str]()
    kept = list[Example]()
    for one in examples:
        people = frozenset(person for person in one.people if behind[person] < limit)
        counted = replace(one, people=people)
        first = one.exchange.documents[:1]
        is_authored = not one.author or one.author in people
        if is_authored and _has_quorum(counted, policy) and _has_room(about, first, limit):
            behind.update(people)
            about.update(first)
            kept.append(counted)
    return kept


def _has_room(about: Counter[str], documents: Collection[str], limit: int) -> bool:
    return all(about[one] < _DOCUMENT * limit for one in documents)


_DOCUMENT = 4
"""Times the share of a person: one document may be behind so many examples."""
