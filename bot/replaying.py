"""An answer of the log made again, on the versions it was made on or on others, and compared.

Posts nothing and records nothing. Knows neither Slack nor the command line.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from adapters.ledger import AnswerRow
from bot import decisions
from bot.answering import OVER_BUDGET, SERVER_SILENT
from bot.configurations import recall
from bot.conversation import Outcome, Question, Reply, Trace
from bot.decisions import Kind
from bot.errors import NotReplayableError
from bot.house import House
from bot.judging import DOMAIN
from bot.records import is_as_recorded, reply_of, served_of, trace_of
from bot.voices import NO_ADAPTER
from bot.worksheet import Working
from knowledge.access import Audience

MADE = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})
"""Outcomes of answers that can be made again."""

_SETTINGS = ("knowledge.", "model.")
_WITHOUT_MODEL = frozenset({OVER_BUDGET, SERVER_SILENT})


@dataclass(frozen=True, slots=True)
class Replay:
    """One answer, then and now.

    Attributes:
        differs: What is not as it was: ``outcome``, ``reply``, ``sources``, ``prompt``, ``said``.
        versions: What it was made on and is not made on now, with both values.
        then, now: The replies.
    """

    answer_id: str
    differs: tuple[str, ...]
    versions: Mapping[str, tuple[str, str]]
    then: Reply
    now: Reply

    @property
    def is_same(self) -> bool:
        """Whether a reader would see the same: words, quotes and sources."""
        return not {"outcome", "reply", "sources"} & set(self.differs)


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer as the log has it, with all that making it again needs."""

    row: AnswerRow
    trace: Trace
    question: Question
    said: str

    @classmethod
    def from_log(cls, connection: Connection, row: AnswerRow) -> "Recorded":
        """Read what an answer was made from.

        Raises:
            NotReplayableError: If it was no answer, or its texts are gone or not what they were.
        """
        served = served_of(row)
        if row.outcome not in MADE:
            raise NotReplayableError(row.answer_id, f"it is {row.outcome}, made by no search")
        if row.is_forgotten or served is None:
            raise NotReplayableError(row.answer_id, "its texts are forgotten")
        if not _is_unchanged(connection, row):
            raise NotReplayableError(row.answer_id, "its texts are not those that were recorded")
        audience = Audience.from_fingerprint(row.audience) if row.audience else None
        question = Question(row.question_id, row.question, audience, served.history, row.team)
        return cls(row, trace_of(row), question, served.text)


def settings_of(connection: Connection, trace: Trace) -> dict[str, str]:
    """Return the settings that an answer was made with, to open a house with them.

    Raises:
        NotReplayableError: If the log does not know them.
    """
    known = recall(connection, trace.configuration)
    if known is None:
        raise NotReplayableError(trace.configuration[:12], "the log has no such configuration")
    settings = {name: str(value) for name, value in known.values if name.startswith(_SETTINGS)}
    reader = str(dict(known.values).get("reader", ""))
    return settings | {
        "knowledge.index_version": trace.index_version,
        "model.adapter": trace.adapter or NO_ADAPTER,
        "model.reader": reader if reader.startswith(f"{DOMAIN}-") else NO_ADAPTER,
    }


def check_settings(recorded: Recorded, house: House) -> None:
    """See to it that a house is set as it was then, models and voice included.

    Raises:
        NotReplayableError: If something that is no setting of the log is another one now.
    """
    changed = _changed(recorded, house)
    if changed:
        problem = f"no longer as it was: {', '.join(changed)}"
        raise NotReplayableError(recorded.row.answer_id, problem)


def _changed(recorded: Recorded, house: House) -> list[str]:
    """Name what is not set as it was; who was promoted then is pinned now, and counts as equal."""
    now = house.configuration
    if now.sha256 == recorded.trace.configuration:
        return []
    with house.engine.connect() as connection:
        then = recall(connection, recorded.trace.configuration)
    if then is None:
        return ["its settings"]
    return [name for name in now.changes_from(then) if name != "model.adapter"]


def replay(recorded: Recorded, house: House) -> Replay:
    """Make an answer again and compare; one that saved tokens is made without the model.

    Raises:
        StoredIndexError: If the index has no longer the version that the house is to search.
    """
    if recorded.trace.reason in _WITHOUT_MODEL:
        house = replace(house, may_speak=lambda _team, _source: False)
    working = house.work(recorded.question)
    then, now = reply_of(recorded.row), working.answer.reply
    return Replay(
        answer_id=recorded.row.answer_id,
        differs=tuple(_differences(recorded, working)),
        versions=_versions(recorded, working.answer.trace, house),
        then=then,
        now=now,
    )


def _differences(recorded: Recorded, working: Working) -> Iterator[str]:
    then, now = reply_of(recorded.row), working.answer.reply
    pairs = {
        "outcome": (then.outcome, now.outcome),
        "reply": (then.text, now.text),
        "sources": (then.sources, now.sources),
        "prompt": (recorded.trace.prompt_sha256, working.answer.trace.prompt_sha256),
        "said": (recorded.said, working.generated.text if working.generated else ""),
    }
    yield from (name for name, (old, new) in pairs.items() if old != new)


def _versions(recorded: Recorded, now: Trace, house: House) -> dict[str, tuple[str, str]]:
    names = ["index_version", "embedder", "base", "adapter", "voice"]
    names += ["configuration"] if _changed(recorded, house) else []
    pairs = {name: (getattr(recorded.trace, name), getattr(now, name)) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def _is_unchanged(connection: Connection, row: AnswerRow) -> bool:
    made = [
        one for one in decisions.decisions_of(connection, row.answer_id) if one.kind is Kind.ANSWER
    ]
    return bool(made) and is_as_recorded(row, made[-1].record)
