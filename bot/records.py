"""Answers as rows of the ledger, and back. Pure."""

from datetime import UTC, datetime

from pydantic import TypeAdapter

from adapters.ledger import AnswerRow, moment
from bot.arrivals import OpenQuestion
from bot.conversation import Reply, Trace
from bot.worksheet import Working
from knowledge.access import Audience

_REPLY = TypeAdapter(Reply)
_TRACE = TypeAdapter(Trace)


def fingerprint(audience: Audience | None) -> str:
    """Name an audience; empty where a reader is unknown."""
    return "" if audience is None else audience.fingerprint


def row_of(question: OpenQuestion, working: Working, audience: Audience | None) -> AnswerRow:
    """Write down an answer that was made for an audience."""
    place, answer = question.place, working.answer
    seconds, micros = moment(question.ts)
    return AnswerRow(
        answer_id=question.answer_id,
        question_id=question.question_id,
        team=place.team,
        channel=place.channel,
        thread_ts=question.thread_ts,
        question_ts=question.ts,
        message_ts=question.placeholder_ts,
        asker=place.user,
        asked_at=datetime.fromtimestamp(seconds, UTC).replace(microsecond=micros),
        outcome=answer.reply.outcome,
        audience=fingerprint(audience),
        question=question.text or "",
        reply=_REPLY.dump_json(answer.reply).decode(),
        trace=_TRACE.dump_json(answer.trace).decode(),
        doc_ids=tuple(source.doc_id for source in answer.reply.sources),
    )


def reply_of(row: AnswerRow) -> Reply:
    """Read the reply of a row."""
    return _REPLY.validate_json(row.reply)


def trace_of(row: AnswerRow) -> Trace:
    """Read the trace of a row."""
    return _TRACE.validate_json(row.trace)
