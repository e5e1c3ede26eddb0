"""What was answered before, and whether it may be used yet. Never reads Slack."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Engine

from adapters import ledger
from bot.arrivals import OpenQuestion
from bot.conversation import Outcome, Turn, exchange, latest
from bot.records import fingerprint, reply_of
from bot.tracing import note_failure
from knowledge.access import Audience
from knowledge.errors import CatalogueDownError
from knowledge.retrieval import RolesOf

_REMEMBERED = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})


@dataclass(frozen=True, slots=True)
class Memory:
    """Earlier answers, out of our own tables.

    Attributes:
        roles_of: The catalogue's present truth; a document that is gone has no roles.
    """

    engine: Engine
    roles_of: RolesOf

    def may_be_used(self, row: ledger.AnswerRow, audience: Audience | None) -> bool:
        """Tell whether an answer was made for exactly this audience, and it may still read it.

        Every document that the answer rests on must be there now and be open to all readers;
        where that cannot be told, it is not. What is forgotten cannot be used.
        """
        if row.is_forgotten or row.audience != fingerprint(audience):
            return False
        return not row.doc_ids or (audience is not None and self._are_open(row.doc_ids, audience))

    def _are_open(self, doc_ids: Collection[str], audience: Audience) -> bool:
        try:
            roles = self.roles_of(doc_ids)
        except CatalogueDownError as error:
            note_failure(error)
            return False
        return all(one in roles and audience.may_read(roles[one]) for one in doc_ids)

    def turns(self, question: OpenQuestion, audience: Audience | None) -> tuple[Turn, ...]:
        """Return what was said before in the thread of a question, oldest first.

        Only what was answered for exactly this audience, from documents that it may read yet:
        whoever can read the reply now could then, and the other way round. At most 4 turns of
        600 characters.
        """
        if audience is None:
            return ()
        place = question.place
        with self.engine.connect() as connection:
            rows = ledger.turns_of_thread(connection, place.team, place.channel, question.thread_ts)
        asked = ledger.moment(question.ts)
        earlier = [row for row in rows if _is_remembered(row, asked)]
        usable = [row for row in earlier if self.may_be_used(row, audience)]
        return latest(turn for row in usable for turn in _exchange(row))


def _is_remembered(row: ledger.AnswerRow, before: tuple[int, int]) -> bool:
    return row.outcome in _REMEMBERED and ledger.moment(row.question_ts) < before


def _exchange(row: ledger.AnswerRow) -> tuple[Turn, Turn]:
    return exchange(row.question, reply_of(row).unmarked)
