"""Answers as rows of the ledger, and back; and what the decision log says of them. Pure."""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter

from adapters.ledger import AnswerRow, moment
from bot.arrivals import OpenQuestion
from bot.chain import JSON
from bot.conversation import Reply, Trace, Turn, exchange
from bot.errors import TextsForgottenError
from bot.worksheet import Working
from knowledge.access import Audience

_CANDIDATE = ("chunk_id", "rank", "cosine", "lexical", "score", "fate")


@dataclass(frozen=True, slots=True)
class ServedMessage:
    """One chat message that the model was shown."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class ServedEvidence:
    """One sentence that bore on the question, as it stood in its chunk."""

    chunk_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Served:
    """What an answer was made from, word for word, so that it can be made again.

    Attributes:
        messages: Empty where no model was asked.
        text: Of the model, before grounding.
    """

    history: tuple[Turn, ...] = ()
    evidence: tuple[ServedEvidence, ...] = ()
    messages: tuple[ServedMessage, ...] = ()
    text: str = ""


_REPLY = TypeAdapter(Reply)
_SERVED = TypeAdapter(Served)
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
        served=_SERVED.dump_json(_served(working)).decode(),
    )


def _served(working: Working) -> Served:
    evidence = working.reading.evidence if working.reading else ()
    messages = working.prompt.messages if working.prompt else ()
    return Served(
        history=working.question.history,
        evidence=tuple(ServedEvidence(one.passage.chunk_id, one.text) for one in evidence),
        messages=tuple(ServedMessage(one["role"], one["content"]) for one in messages),
        text=working.generated.text if working.generated else "",
    )


def reply_of(row: AnswerRow) -> Reply:
    """Read the reply of a row.

    Raises:
        TextsForgottenError: If it is not kept any more.
    """
    if row.is_forgotten:
        raise TextsForgottenError(row.answer_id)
    return _REPLY.validate_json(row.reply)


def served_of(row: AnswerRow) -> Served | None:
    """Read what an answer was made from; None where it was never kept, or is not any more."""
    return _SERVED.validate_json(row.served) if row.served else None


def oldest_turn(row: AnswerRow, thread: Sequence[AnswerRow]) -> datetime | None:
    """Tell since when there is what an answer was made from; None if some of it is gone.

    Args:
        row: The answer; without earlier turns it is as old as its own question.
        thread: The answers of its thread as they are kept now, oldest question first.
    """
    served = served_of(row)
    history = served.history if served else ()
    asked_at = {
        exchange(one.question, reply_of(one).unmarked): one.asked_at
        for one in reversed(thread)  # so that of two equal ones the older counts
        if not one.is_forgotten and moment(one.question_ts) < moment(row.question_ts)
    }
    turns = list(zip(history[::2], history[1::2], strict=True))
    if not all(turn in asked_at for turn in turns):
        return None
    return min([row.asked_at, *(asked_at[turn] for turn in turns)])


def trace_of(row: AnswerRow) -> Trace:
    """Read the trace of a row."""
    return _TRACE.validate_json(row.trace)


def decision_of(row: AnswerRow) -> dict[str, JSON]:
    """Say for the decision log how an answer came about.

    Of its texts there are only hashes, and short texts can be guessed; so these need the salt,
    which is forgotten with the texts.
    """
    told: dict[str, Any] = json.loads(row.trace)
    ranked = [[one[name] for name in _CANDIDATE] for one in told["candidates"]]
    ids = {name: getattr(row, name) for name in ("question_id", "team", "channel", "outcome")}
    return told | ids | hashes_of(row) | {"candidates": ranked}


def hashes_of(row: AnswerRow) -> dict[str, JSON]:
    """Hash the texts of a row with its salt."""
    texts = {"question": row.question, "reply": row.reply, "served": row.served}
    key = row.salt.encode()
    return {
        f"{name}_hmac": hmac.digest(key, text.encode(), "sha256").hex()
        for name, text in texts.items()
    }


def is_as_recorded(row: AnswerRow, record: Mapping[str, JSON]) -> bool:
    """Tell whether the texts of a row are those that the decision log was told of."""
    return all(record.get(name) == hashed for name, hashed in hashes_of(row).items())
