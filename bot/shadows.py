"""What a candidate answers in the shadow: kept beside the live answer, and never shown.

Figures of both go to the decision log. The candidate's texts hang on those of the live answer,
so that whatever forgets these forgets them, too. Knows neither Slack nor any model.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from statistics import fmean
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

from adapters.ledger import AnswerRow
from adapters.ledger_schema import ANSWERS, TEXTS
from adapters.voice import Voice
from bot import decisions, rollouts
from bot.conversation import KEPT, Outcome
from bot.decisions import JSON, Kind
from bot.records import decision_of
from bot.rollouts import Rollout
from bot.worksheet import Working

OUTCOMES = (Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED)
_METADATA = MetaData()

_TEXTS = Table(
    "shadow_texts",
    _METADATA,
    Column("answer_id", ForeignKey(TEXTS.c.answer_id, ondelete="CASCADE"), primary_key=True),
    Column("salt", String(64), nullable=False),
    Column("reply", Text, nullable=False),
    Column("served", Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two answers to a question, in figures.

    Attributes:
        measures: By name, as in an evaluation; one for each outcome, 1 for its own.
        sources: Documents that the reply lists.
    """

    measures: Mapping[str, float]
    sources: frozenset[str]

    @classmethod
    def of(cls, working: Working, seconds: float, voice: Voice) -> "Side":
        """Measure an answer."""
        return cls(
            dict(_measures(working, seconds, voice)),
            frozenset(source.doc_id for source in working.answer.reply.sources),
        )


@dataclass(frozen=True, slots=True)
class Pair:
    """One question answered by both.

    Attributes:
        is_same: Whether the replies are, word for word.
    """

    answer_id: str
    live: Side
    candidate: Side
    is_same: bool

    @property
    def overlap(self) -> float | None:
        """Share of the sources that both list, of those that one lists; None without any."""
        together = self.live.sources | self.candidate.sources
        return len(self.live.sources & self.candidate.sources) / len(together) if together else None


@dataclass(frozen=True, slots=True)
class Shadow:
    """What is to be kept of one pair.

    Attributes:
        row: The candidate's answer, as a row of the ledger would be.
    """

    rollout: Rollout
    pair: Pair
    row: AnswerRow


def create_tables(engine: Engine) -> None:
    """Make the table if it is not there yet; those of the ledger must be."""
    _METADATA.create_all(engine)


def is_kept(connection: Connection, answer_id: str) -> bool:
    """Tell whether the texts of a live answer are there; they go with a deleted question."""
    kept = select(TEXTS.c.answer_id).where(TEXTS.c.answer_id == answer_id)
    return connection.scalar(kept) is not None


def record(connection: Connection, shadow: Shadow, at: datetime) -> bool:
    """Keep a pair; return False where the rollout has ended or the question was deleted."""
    row = shadow.row
    is_wanted = rollouts.is_open(connection, shadow.rollout.rollout_id)
    if not is_wanted or not is_kept(connection, row.answer_id):
        return False
    texts = {column.name: getattr(row, column.name) for column in _TEXTS.c}
    connection.execute(insert(_TEXTS).values(texts))
    decisions.append(connection, Kind.SHADOW, row.answer_id, _told(shadow), at)
    return True


def pairs_of(connection: Connection, rollout: Rollout) -> list[Pair]:
    """List the pairs of a rollout, oldest first."""
    found = decisions.since(connection, rollout.started_at, [Kind.SHADOW])
    return [
        _pair(one.subject, one.record)
        for one in found
        if one.record["rollout_id"] == rollout.rollout_id
    ]


def reply_in_shadow(connection: Connection, answer_id: str) -> str | None:
    """Return a candidate's reply as JSON; None where there is none, or it is forgotten."""
    mine = select(_TEXTS.c.reply).where(_TEXTS.c.answer_id == answer_id)
    return connection.scalar(mine)


def count_answers(connection: Connection, rollout: Rollout, arm: str) -> int:
    """Count what people were shown of an arm since a rollout began: replies, no failures."""
    began_us = round(rollout.started_at.timestamp() * 1_000_000)
    is_theirs = ANSWERS.c.trace.contains(f'"arm":"{arm}"')
    mine = (ANSWERS.c.asked_at_us >= began_us) & ANSWERS.c.outcome.in_(OUTCOMES) & is_theirs
    return connection.scalar(select(func.count()).select_from(ANSWERS).where(mine)) or 0


def _measures(working: Working, seconds: float, voice: Voice) -> Iterator[tuple[str, float]]:
    reply, trace = working.answer.reply, working.answer.trace
    yield from ((str(one), float(reply.outcome is one)) for one in OUTCOMES)
    if trace.verdicts:
        yield "supported claims", fmean(one == KEPT for one in trace.verdicts)
    if reply.outcome is Outcome.ANSWERED:
        rules = voice.score(replace(reply, quotes=()).text)  # with its citations
        yield "voice", fmean(rules.values())
        yield from ((f"voice: {rule}", float(is_kept)) for rule, is_kept in rules.items())
    yield "seconds", round(seconds, 4)
    yield "tokens", float(trace.prompt_tokens + trace.completion_tokens)


def _told(shadow: Shadow) -> dict[str, JSON]:
    pair = shadow.pair
    more: dict[str, JSON] = {
        "rollout_id": shadow.rollout.rollout_id,
        "is_same": pair.is_same,
        "live": _side_told(pair.live),
        "candidate": _side_told(pair.candidate),
    }
    return decision_of(shadow.row) | more


def _side_told(side: Side) -> dict[str, JSON]:
    return {"measures": dict(side.measures), "sources": sorted(side.sources)}


def _pair(answer_id: str, record: Mapping[str, Any]) -> Pair:
    live, candidate = (_side(record[name]) for name in ("live", "candidate"))
    return Pair(answer_id, live, candidate, record["is_same"])


def _side(told: Mapping[str, Any]) -> Side:
    return Side(told["measures"], frozenset(told["sources"]))
