"""Exchanges for tests of what becomes of them: one that may be used, and how to change it."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.exchanges import Ballot, Consent, Edit, Exchange, Review
from adapters.remarks import Reason
from adapters.responder import Message
from adapters.scrubbing import Scrubbed

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ACCEPTED = Review("CHIEF", is_accepted=True, at=NOON)
REFUSED = Review("CHIEF", is_accepted=False, at=NOON)
PROMPT = (
    Message(role="system", content="Answer kindly."),
    Message(role="user", content="- You get 30 days.\n\nQuestion: How many days off?"),
)


def an_exchange(number: int = 1, **changed: Any) -> Exchange:
    """Build an answer that everybody may learn from; each number has a subject of its own."""
    subject = f"{_WORDS[number % 20]} {_WORDS[(number // 20) % 20]} {number}"
    good = Exchange(
        answer_id=f"a{number:04d}",
        thread=f"T1/C1/{number}",
        asker=f"T1/ASKER{number}",
        at=NOON + timedelta(minutes=number),
        newest_at=NOON + timedelta(minutes=number),
        domain="default",
        question=f"What about {subject}?",
        messages=PROMPT,
        untyped=(PROMPT[0], Message(role="user", content="- You get 30 days.\n\nQuestion: So?")),
        text=f"You get {subject} on {subject}.",
        documents=(f"wiki:{number}.md",),
        consent=Consent.ALL,
        is_as_written=True,
        is_readable=True,
        is_heard=True,
    )
    return replace(good, **changed)


def votes(verdict: str, people: Iterable[str], reason: Reason | None = None) -> tuple[Ballot, ...]:
    """Let some people vote alike."""
    return tuple(Ballot(f"v-{one}-{verdict}", f"T1/{one}", verdict, reason) for one in people)


def liked(number: int = 1, people: Iterable[str] = "ABC", **changed: Any) -> Exchange:
    """Build an answer that three people like and an administrator accepted."""
    ballots = votes("up", people)
    return an_exchange(number, **{"ballots": ballots, "reviews": (("up", ACCEPTED),)} | changed)


def disliked(number: int = 1, people: Iterable[str] = "ABC", **changed: Any) -> Exchange:
    """Build an answer whose tone three people dislike, with an administrator's consent."""
    ballots = votes("down", people, Reason.TONE)
    return an_exchange(number, **{"ballots": ballots, "reviews": (("down", ACCEPTED),)} | changed)


def edited(number: int = 1, people: Iterable[str] = "BC", **changed: Any) -> Exchange:
    """Build an answer that A corrected, two more dislike, and an administrator approved."""
    subject = " ".join(_WORDS[(number + step) % 20] for step in range(4))
    edit = Edit("T1/A", f"Sure, {subject} {number}.", ACCEPTED, is_supported=True)
    ballots = votes("down", ["A", *people])
    return an_exchange(number, **{"ballots": ballots, "edits": (edit,)} | changed)


def as_it_is(texts: Sequence[str]) -> Scrubbed:
    """Scrub nothing."""
    return Scrubbed(tuple(texts))


_WORDS = (
    *("parental", "badges", "travel", "laptops", "invoices", "holidays", "parking", "insurance"),
    *("wifi", "printers", "coffee", "payroll", "visitors", "training", "security", "lunch"),
    *("meetings", "pension", "relocation", "overtime"),
)
