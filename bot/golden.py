"""A golden case from an answer of the log, and what approved corrections could become one.

Knows the rows of the log; stores nothing and writes no file.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection

from adapters import ledger, remarks
from adapters.errors import UnknownAnswerError
from bot.conversation import Outcome, Turn
from bot.errors import UnfitAnswerError
from bot.records import served_of
from knowledge.access import Audience
from knowledge.golden import GoldenCase
from knowledge.golden_entries import rival_of

_TOLD = frozenset({Outcome.ANSWERED, Outcome.QUOTED, Outcome.DECLINED})
_UNDECIDED = (
    "it was declined: --decline, if that was right, or --fact for what a right answer holds"
)


@dataclass(frozen=True, slots=True)
class Choices:
    """What only a person can say of an answer.

    Attributes:
        case_id: Empty: that of the answer.
        is_decline: A right bot declines.
    """

    case_id: str = ""
    facts: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    is_decline: bool = False


@dataclass(frozen=True, slots=True)
class Candidate:
    """An approved correction, and what the log says of the case that it could become."""

    correction: remarks.Correction
    draft: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Candidates:
    """What could be added to a set.

    Attributes:
        n_unfit: Corrections whose answer is gone, or has lost what a case needs.
    """

    found: tuple[Candidate, ...]
    n_unfit: int


def case_of(row: ledger.AnswerRow, choices: Choices) -> GoldenCase:
    """Make a case of an answer.

    Raises:
        UnfitAnswerError: If the log lacks what a case needs, or it is not said whether declining
            was right.
    """
    if row.outcome == Outcome.DECLINED and not (choices.is_decline or choices.facts):
        raise UnfitAnswerError(row.answer_id, _UNDECIDED)
    chosen: dict[str, Any] = {"facts": choices.facts, "tags": choices.tags}
    if choices.case_id:
        chosen["id"] = choices.case_id
    if choices.is_decline:
        chosen |= {"expect": "decline", "sources": ()}
    try:
        return GoldenCase.model_validate(draft_of(row) | chosen)
    except ValidationError as error:
        problem = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise UnfitAnswerError(row.answer_id, problem) from error


def draft_of(row: ledger.AnswerRow) -> dict[str, Any]:
    """Return what the log alone says of a case.

    Which of the readers asked is not in the log: any one of them stands for the asker.

    Raises:
        UnfitAnswerError: If the log lacks what a case needs.
    """
    served = served_of(row)
    problem = _lack(row)
    if problem or served is None:
        raise UnfitAnswerError(row.answer_id, problem or "what it was made from was never kept")
    audience = Audience.from_fingerprint(row.audience)
    asker, *readers = sorted(tuple(sorted(reader)) for reader in audience.readers)
    return {
        "id": row.answer_id,
        "question": row.question,
        "roles": asker,
        "readers": tuple(readers),
        "history": _exchanges(served.history),
        "sources": tuple(doc_id.partition(":")[2] for doc_id in row.doc_ids),
    }


def candidates(connection: Connection, known: Sequence[GoldenCase]) -> Candidates:
    """List the approved corrections of answers that no case was made from."""
    corrections = remarks.approved(connection)
    fit = tuple(_fit(connection, corrections))
    new = tuple(one for one in fit if rival_of(_stand_in(one), known) is None)
    return Candidates(new, len(corrections) - len(fit))


def _fit(connection: Connection, corrections: Iterable[remarks.Correction]) -> Iterator[Candidate]:
    for one in corrections:
        try:
            draft = draft_of(ledger.answer(connection, one.answer_id))
        except (UnknownAnswerError, UnfitAnswerError):
            continue
        yield Candidate(one, draft)


def _stand_in(candidate: Candidate) -> GoldenCase:
    return GoldenCase.model_validate(candidate.draft | {"sources": (), "expect": "decline"})


def _lack(row: ledger.AnswerRow) -> str:
    if row.outcome not in _TOLD:
        return f"nothing was answered, it is {row.outcome}"
    if not row.question:
        return "its question was deleted or forgotten"
    return "" if row.audience else "a reader of it was unknown"


def _exchanges(turns: Sequence[Turn]) -> tuple[dict[str, str], ...]:
    pairs = zip(turns[::2], turns[1::2], strict=True)
    return tuple({"asked": asked.text, "answered": said.text} for asked, said in pairs)
