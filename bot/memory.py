"""What was said before in a thread, as far as it may be used. Never reads Slack."""

from dataclasses import dataclass

from sqlalchemy import Engine

from adapters import ledger
from bot.arrivals import OpenQuestion
from bot.conversation import Outcome, Turn
from bot.records import fingerprint, reply_of
from knowledge.access import Audience

_MOST_TURNS = 4
_LONGEST_TURN = 600
_REMEMBERED = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})


@dataclass(frozen=True, slots=True)
class Memory:
    """Earlier turns of the same thread, out of our own tables."""

    engine: Engine

    def turns(self, question: OpenQuestion, audience: Audience | None) -> tuple[Turn, ...]:
        """Return what was said before in the thread of a question, oldest first.

        Only what was answered for exactly this audience: whoever can read the reply now
        could then, and the other way round. At most 4 turns of 600 characters.
        """
        if audience is None:
            return ()
        place = question.place
        with self.engine.connect() as connection:
            rows = ledger.turns_of_thread(connection, place.team, place.channel, question.thread_ts)
        asked = ledger.moment(question.ts)
        usable = [row for row in rows if _is_usable(row, fingerprint(audience))]
        earlier = [row for row in usable if ledger.moment(row.question_ts) < asked]
        return tuple(turn for row in earlier for turn in _exchange(row))[-_MOST_TURNS:]


def _is_usable(row: ledger.AnswerRow, audience: str) -> bool:
    return row.audience == audience and row.outcome in _REMEMBERED and bool(row.question)


def _exchange(row: ledger.AnswerRow) -> tuple[Turn, Turn]:
    reply = reply_of(row)
    said = " ".join(sentence.text for sentence in (*reply.sentences, *reply.quotes))
    return Turn("user", row.question[:_LONGEST_TURN]), Turn("assistant", said[:_LONGEST_TURN])
