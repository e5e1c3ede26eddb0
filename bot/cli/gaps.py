"""`housevoice gaps`: complaints about what documents say or lack, for those who keep them."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from adapters import ledger, remarks
from adapters.ledger import AnswerRow
from adapters.remarks import Reason, Remark
from bot.cli.premises import require_database
from bot.house import open_house
from bot.inert import cut, inert
from bot.settings import Settings

_LONGEST_QUESTION = 120
_GONE = "(not kept any more)"


@dataclass
class Gap:
    """What people complain of at one document, or at one question that was declined."""

    name: str
    reasons: Counter[Reason] = field(default_factory=Counter)
    questions: list[str] = field(default_factory=list)

    def add(self, remark: Remark, question: str) -> None:
        """Count one more complaint."""
        self.reasons[remark.reason] += 1
        if question not in self.questions:
            self.questions.append(question)


@dataclass
class Gaps:
    """All of them, by what they are about."""

    documents: dict[str, Gap] = field(default_factory=dict)
    declined: dict[str, Gap] = field(default_factory=dict)

    def add(self, remark: Remark, row: AnswerRow) -> None:
        """Count a complaint at each document of the answer, or at the question without any."""
        question = " ".join(row.question.split()) or _GONE
        for doc_id in row.doc_ids:
            self.documents.setdefault(doc_id, Gap(doc_id)).add(remark, question)
        if not row.doc_ids:
            self.declined.setdefault(question.casefold(), Gap(question)).add(remark, question)


def gaps(settings: Settings) -> None:
    """List the complaints of those whose thumb is still down, the most frequent first."""
    require_database(settings)
    found = Gaps()
    with open_house(settings) as house, house.engine.connect() as connection:
        for remark, row in _standing(connection, remarks.complaints(connection)):
            found.add(remark, row)
    console = Console(soft_wrap=True, highlight=False)
    if not (found.documents or found.declined):
        console.print("Nobody complains of a document.")
    if found.documents:
        console.print(_table("document", found.documents.values(), with_questions=True))
    if found.declined:
        console.print(_table("declined question", found.declined.values()))


def _standing(
    connection: Connection, complaints: Iterable[Remark]
) -> Iterator[tuple[Remark, AnswerRow]]:
    for remark in complaints:
        votes = ledger.votes_of(connection, remark.answer_id)
        down = {(vote.team, vote.user) for vote in votes if vote.verdict == "down"}
        if (remark.team, remark.user) in down:
            yield remark, ledger.answer(connection, remark.answer_id)


def _table(name: str, found: Iterable[Gap], *, with_questions: bool = False) -> Table:
    heads = (name, "complaints", *(("asked",) if with_questions else ()))
    table = Table(*heads, box=None, padding=(0, 2, 0, 0))
    for gap in sorted(found, key=lambda one: (-one.reasons.total(), one.name)):
        cells = [_shown(gap.name), _counts(gap.reasons)]
        if with_questions:
            cells.append("\n".join(map(_shown, gap.questions)))
        table.add_row(*map(Text, cells))
    return table


def _counts(reasons: Counter[Reason]) -> str:
    return ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in sorted(reasons.items()))


def _shown(text: str) -> str:
    return cut(inert(text), _LONGEST_QUESTION)
