"""Answers in a real ledger, as the bot stores them, for tests of what is made of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import count

from pydantic import TypeAdapter
from sqlalchemy import Connection

from adapters import ledger, nominations, remarks
from adapters.exchanges import Consent, Exchange, Review
from adapters.ledger import AnswerRow, Vote
from adapters.nominations import Nomination
from adapters.remarks import Reason, Remark
from adapters.responder import Message
from bot.conversation import KEPT, Outcome, Reply, Sentence, Source, Trace, Turn
from bot.gathering import Gatherer, Wanted, audience_of
from bot.records import Served, ServedEvidence, ServedMessage
from knowledge.catalogue import Entry

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FACT = "Parental leave lasts 30 days."
_REPLY, _SERVED, _TRACE = TypeAdapter(Reply), TypeAdapter(Served), TypeAdapter(Trace)
_TICKS = count(1)
SAID = "You get 30 days of parental leave."
HANDBOOK = "wiki:hr/leave.md"
TEAM, HELP, PRIVATE = "T1", "C1", "C2"


@dataclass(frozen=True)
class Told:
    """What is special about one answer; the rest is as everybody may use it."""

    number: int = 1
    asker: str = "ASKER"
    question: str = "How long is parental leave?"
    text: str = SAID
    fact: str = FACT
    channel: str = HELP
    team: str = TEAM
    thread_ts: str = ""
    audience: str = "everyone"
    doc_id: str = HANDBOOK
    history: tuple[Turn, ...] = ()
    quotes: tuple[Sentence, ...] = ()
    verdicts: tuple[str, ...] = (KEPT,)
    is_asked_of_model: bool = True
    before: tuple[Message, ...] = (Message(role="system", content="Answer kindly."),)
    unserved: tuple[str, ...] = ()

    @cached_property
    def row(self) -> AnswerRow:
        """The row of the ledger."""
        reply = Reply(
            Outcome.ANSWERED,
            (Sentence(self.text, (1,)),),
            self.quotes,
            (Source(1, "Leave", "https://kb.example/leave", self.doc_id),),
        )
        messages = (
            *(ServedMessage(one["role"], one["content"]) for one in self.before),
            ServedMessage("user", f"- {self.fact}\n\nQuestion: {self.question}"),
        )
        served = Served(
            self.history,
            tuple(
                ServedEvidence(f"{self.doc_id}#{at:05d}", fact)
                for at, fact in enumerate((self.fact, *self.unserved))
            ),
            messages if self.is_asked_of_model else (),
            self.text if self.is_asked_of_model else "",
        )
        trace = Trace(self.audience, finish="stop", verdicts=self.verdicts)
        ts = f"{1_790_000_000 + self.number}.000000"
        return AnswerRow(
            answer_id=f"a{self.number:04d}",
            question_id=f"q{self.number:04d}",
            team=self.team,
            channel=self.channel,
            thread_ts=self.thread_ts or ts,
            question_ts=ts,
            message_ts=f"{ts}1",
            asker=self.asker,
            asked_at=NOON + timedelta(minutes=self.number),
            outcome="answered",
            audience=self.audience,
            question=self.question,
            reply=_REPLY.dump_json(reply).decode(),
            trace=_TRACE.dump_json(trace).decode(),
            doc_ids=(self.doc_id,),
            served=_SERVED.dump_json(served).decode(),
        )


def vote(connection: Connection, answer_id: str, user: str, verdict: str, at: int = 1) -> None:
    """Click a thumb."""
    ledger.record_vote(connection, Vote(answer_id, TEAM, user, verdict, f"{at}.000000"))


def complain(
    connection: Connection, answer_id: str, user: str, reason: Reason, text: str = ""
) -> None:
    """Say why, and what would be better; the last to be said counts."""
    at = next(_TICKS)
    remark = Remark(answer_id, TEAM, user, reason, text, NOON + timedelta(seconds=at))
    remarks.record(connection, remark, f"{answer_id} {user} {at}")


def approve(connection: Connection, answer_id: str, reviewer: str = "CHIEF") -> None:
    """Approve every correction of an answer that waits."""
    for one in remarks.corrections_on(connection, answer_id):
        if one.state is remarks.State.PROPOSED and one.author != reviewer:
            remarks.review(connection, one, remarks.Review(reviewer, is_approved=True, at=NOON))


def accept(
    connection: Connection, told: Told, verdict: str = "up", reviewer: str = "CHIEF"
) -> None:
    """Accept an answer as an example."""
    nomination = Nomination(told.row.answer_id, verdict, told.text)
    nominations.decide(connection, nomination, Review(reviewer, is_accepted=True, at=NOON))


def an_entry(doc_id: str = HANDBOOK, roles: Iterable[str] = ("everyone",)) -> Entry:
    """A document of the catalogue."""
    return Entry(
        *(doc_id, doc_id.partition(":")[0], "leave.md", "Leave", "https://kb.example/leave", ""),
        updated=None,
        roles=frozenset(roles),
        asked_roles=frozenset(),
        has_own_url=False,
        content_hash="h",
        raw_hash="r",
        parser="p",
    )


def shared_words(one: str, other: str) -> float:
    """Stand for the cosine: which part of its words a sentence shares."""
    mine, theirs = set(one.lower().split()), set(other.lower().split())
    return len(mine & theirs) / max(1, min(len(mine), len(theirs)))


def gathered(  # noqa: PLR0913  # what a test may change
    connection: Connection,
    *,
    documents: Sequence[Entry] = (an_entry(),),
    roles: Sequence[str] = ("everyone",),
    public: Iterable[str] = (HELP,),
    consents: Mapping[str, Consent] | None = None,
    wanted: Wanted = Wanted(),  # noqa: B008  # it is frozen
) -> list[Exchange]:
    """Read the exchanges as an exporter does."""
    gatherer = Gatherer(
        documents={one.doc_id: one for one in documents},
        audience=audience_of(roles),
        is_public=lambda _team, channel: channel in set(public),
        similarity=shared_words,
        consent_of=lambda team: (consents or {TEAM: Consent.ALL}).get(team, Consent.NOTHING),
    )
    return gatherer.exchanges(connection, wanted)
