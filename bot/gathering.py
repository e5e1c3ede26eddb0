"""Answers of the log, with all that was said and found out of them, as exchanges to learn from.

Knows what the ledger and the catalogue hold; asks who can read a place, and decides nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from hashlib import sha256
from typing import cast

from sqlalchemy import Connection

from adapters import ledger, nominations, remarks
from adapters.exchanges import Ballot, Consent, Edit, Exchange, Review
from adapters.ledger import AnswerRow, Vote
from adapters.nominations import Nomination
from adapters.remarks import Correction, Reason, Remark, State
from adapters.responder import Message
from bot.conversation import KEPT, Outcome, Reply
from bot.grounding import Grounded, Similarity, ground
from bot.prompt import asked_instead, plain_line
from bot.records import Served, reply_of, served_of, trace_of
from knowledge.access import EVERYONE, Audience
from knowledge.catalogue import Entry
from knowledge.documents import Passage
from knowledge.sentences import sentences
from knowledge.terms import terms

_MARKS = re.compile(r"\s*\[\d{1,2}\]")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    Attributes:
        domain: What the voice is for; stands on each row.
        sources: Only answers from documents of these; empty: of any.
        since: Only questions of this day (UTC) or later.
    """

    domain: str = "default"
    sources: tuple[str, ...] = ()
    since: date | None = None


def audience_of(roles: Iterable[str]) -> Audience:
    """Return everyone who holds one of some roles; every full member holds ``everyone`` too."""
    return Audience.from_role_sets({role, EVERYONE} for role in roles)


@dataclass(frozen=True, slots=True)
class Gatherer:
    """Reads exchanges.

    Attributes:
        documents: That are there now, by id.
        audience: Everyone who will hear what is learnt.
        is_public: Whether every full member of the workspace may read a channel now: team, id.
        similarity: Cosine between two sentences.
        consent_of: What may leave a workspace.
    """

    documents: Mapping[str, Entry]
    audience: Audience
    is_public: Callable[[str, str], bool]
    similarity: Similarity
    consent_of: Callable[[str], Consent]
    _public: dict[tuple[str, str], bool] = field(default_factory=dict)

    def exchanges(self, connection: Connection, wanted: Wanted) -> list[Exchange]:
        """Read every answer that somebody has voted on, oldest first."""
        rows = (row for row in ledger.voted_on(connection) if _is_recent(row, wanted.since))
        found = (self._exchange(connection, row, wanted.domain) for row in rows)
        return [one for one in found if _is_from(one, wanted.sources)]

    def _exchange(self, connection: Connection, row: AnswerRow, domain: str) -> Exchange:
        served = served_of(row) or Served()
        before = _turns_before(connection, row, served)
        reply = None if row.is_forgotten else reply_of(row)
        documents = tuple(dict.fromkeys(_documents(row, served, before)))
        messages = tuple(_message(one.role, one.content) for one in served.messages)
        votes = ledger.votes_of(connection, row.answer_id)
        said = remarks.remarks_on(connection, row.answer_id)
        reviews = tuple(_reviews(connection, row.answer_id, served.text))
        edits = tuple(
            self._edit(one, served) for one in remarks.corrections_on(connection, row.answer_id)
        )
        return Exchange(
            answer_id=row.answer_id,
            thread=f"{row.team}/{row.channel}/{row.thread_ts}",
            asker=f"{row.team}/{row.asker}",
            at=row.asked_at,
            newest_at=max([row.asked_at, *_times(votes, said, reviews, edits)]),
            domain=domain,
            question=row.question,
            messages=messages,
            untyped=self._untyped(row, messages, served, reply),
            text=served.text.strip(),
            documents=documents,
            consent=self.consent_of(row.team),
            is_as_written=reply is not None and _is_as_written(row, reply),
            is_readable=self._is_readable(documents),
            is_heard=self._is_heard(row),
            ballots=tuple(_ballots(votes, said)),
            edits=edits,
            reviews=reviews,
            is_hidden_before=any(_is_hidden(connection, one.answer_id) for one in before),
        )

    def _edit(self, one: Correction, served: Served) -> Edit:
        decided = None
        if one.reviewed_at is not None:
            decided = Review(one.reviewer, one.state is State.APPROVED, one.reviewed_at)
        is_supported = one.state is State.APPROVED and self._is_supported(one.text, served)
        return Edit(f"{one.team}/{one.author}", _unmarked(one.text), decided, is_supported)

    def _is_supported(self, text: str, served: Served) -> bool:
        """Tell whether a correction changes no fact: what was served supports what it states."""
        shown = list(self._shown(served))
        checked = [ground(one, shown, self.similarity) for one in sentences(_unmarked(text))]
        return bool(checked) and all(isinstance(one, Grounded) for one in checked)

    def _untyped(
        self, row: AnswerRow, messages: Sequence[Message], served: Served, reply: Reply | None
    ) -> tuple[Message, ...]:
        """Ask in our own words, where the answer repeats none of what was typed.

        A turn of a longer talk says nothing without what was typed before.
        """
        if not messages or served.history or reply is None or not reply.sources:
            return ()
        title = reply.sources[0].title
        shown = " ".join(f"{one.title} {one.text}" for one in self._shown(served))
        if set(terms(row.question)) & set(terms(served.text)) - set(terms(f"{title} {shown}")):
            return ()
        return asked_instead(messages, f"What should I know about {title}?")

    def _shown(self, served: Served) -> Iterator[Passage]:
        """Yield the evidence that stood in the prompt, a passage for each sentence."""
        asked = served.messages[-1].content if served.messages else ""
        for one in served.evidence:
            if plain_line(one.text) not in asked:
                continue  # there was no room for it
            doc_id = _document_of(one.chunk_id)
            known = self.documents.get(doc_id)
            title = known.title if known else ""
            yield Passage(one.chunk_id, doc_id, title, "", one.text, "", frozenset())

    def _is_readable(self, documents: Sequence[str]) -> bool:
        known = [self.documents.get(one) for one in documents]
        return bool(known) and all(
            one is not None and self.audience.may_read(one.roles) for one in known
        )

    def _is_heard(self, row: AnswerRow) -> bool:
        """Tell whether every listener could read the answer then, and can read the channel now.

        The answer's own audience is not enough: a direct message with somebody who has no role
        has the audience of a public channel.
        """
        if not row.audience:
            return False
        then = Audience.from_fingerprint(row.audience).readers
        if not all(any(one <= listener for one in then) for listener in self.audience.readers):
            return False
        place = (row.team, row.channel)
        if place not in self._public:
            self._public[place] = self.is_public(*place)
        return self._public[place]


def _turns_before(connection: Connection, row: AnswerRow, served: Served) -> list[AnswerRow]:
    """List the earlier answers of a thread, where the model was shown any of it."""
    if not served.history:
        return []
    thread = ledger.turns_of_thread(connection, row.team, row.channel, row.thread_ts)
    asked = ledger.moment(row.question_ts)
    return [turn for turn in thread if ledger.moment(turn.question_ts) < asked]


def _documents(row: AnswerRow, served: Served, before: Iterable[AnswerRow]) -> Iterator[str]:
    """Yield what an answer rests on, best first, and what the turns before it rested on."""
    yield from (_document_of(one.chunk_id) for one in served.evidence)
    yield from row.doc_ids
    for turn in before:
        yield from turn.doc_ids


def _is_hidden(connection: Connection, answer_id: str) -> bool:
    """Tell whether somebody says of an answer that they should not have been shown it."""
    votes = ledger.votes_of(connection, answer_id)
    said = remarks.remarks_on(connection, answer_id)
    return any(one.reason is Reason.NOT_FOR_ME for one in _ballots(votes, said))


def _message(role: str, content: str) -> Message:
    return cast("Message", {"role": role, "content": content})  # as one was stored


def _document_of(chunk_id: str) -> str:
    return chunk_id.rpartition("#")[0]


def _is_as_written(row: AnswerRow, reply: Reply) -> bool:
    """Tell whether people saw all that the model wrote, and nothing else."""
    trace = trace_of(row)
    is_whole = trace.finish == "stop" and set(trace.verdicts) == {KEPT}
    is_alone = reply.outcome is Outcome.ANSWERED and not reply.quotes
    return is_whole and is_alone and len(trace.verdicts) == len(reply.sentences)


def _unmarked(text: str) -> str:
    # The marks of a reply count its sources, those of a prompt its evidence.
    return _MARKS.sub("", text).strip()


def _reviews(connection: Connection, answer_id: str, text: str) -> Iterator[tuple[str, Review]]:
    for verdict in ("up", "down"):
        decided = nominations.review_of(connection, Nomination(answer_id, verdict, text.strip()))
        if decided is not None:
            yield verdict, decided


def _ballots(votes: Iterable[Vote], said: Iterable[Remark]) -> Iterator[Ballot]:
    reasons = {(one.team, one.user): one.reason for one in said}
    for vote in votes:
        named = (vote.answer_id, vote.team, vote.user, vote.verdict, vote.action_ts)
        reason = reasons.get((vote.team, vote.user)) if vote.verdict == "down" else None
        yield Ballot(
            vote_id=sha256("\n".join(named).encode()).hexdigest()[:16],
            person=f"{vote.team}/{vote.user}",
            verdict=vote.verdict,
            reason=reason,
        )


def _times(
    votes: Iterable[Vote],
    said: Iterable[Remark],
    reviews: Iterable[tuple[str, Review]],
    edits: Iterable[Edit],
) -> Iterator[datetime]:
    yield from (datetime.fromtimestamp(ledger.moment(one.action_ts)[0], UTC) for one in votes)
    yield from (one.at for one in said)
    yield from (decided.at for _, decided in reviews)
    yield from (one.review.at for one in edits if one.review)


def _is_recent(row: AnswerRow, since: date | None) -> bool:
    return since is None or row.asked_at.date() >= since


def _is_from(exchange: Exchange, sources: Sequence[str]) -> bool:
    named = {one.partition(":")[0] for one in exchange.documents}
    return not sources or (bool(named) and named <= set(sources))
