"""`housevoice ask` and `housevoice trace`: one answer, and how it came about."""

import sys
from uuid import uuid4

from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from adapters import ledger
from bot import decisions
from bot.cli import readers
from bot.cli.logbook import decision_line
from bot.cli.premises import require_database
from bot.conversation import Answer, Outcome, Question, Source, Trace
from bot.decisions import Decision, Kind
from bot.house import open_house
from bot.inert import inert
from bot.records import is_as_recorded, trace_of
from bot.settings import Settings
from bot.tracing import configure
from knowledge.access import EVERYONE

_ANSWER = TypeAdapter(Answer)


def ask(
    settings: Settings, question: str, *, roles: str | None, person: str | None, as_json: bool
) -> None:
    """Answer one question and show the reply; nothing is stored."""
    configure("WARNING")  # its wide events are for a log
    audience = (
        readers.with_roles(settings, EVERYONE if roles is None else roles)
        if person is None
        else readers.for_person(settings, person)
    )
    asked = Question(question_id=uuid4().hex, text=question, audience=audience)
    with open_house(settings) as house:
        answer = house.work(asked).answer
    if as_json:
        sys.stdout.write(f"{_ANSWER.dump_json(answer, indent=2).decode()}\n")
    else:
        _show_reply(Console(soft_wrap=True, highlight=False), answer)


def trace(settings: Settings, answer_id: str) -> None:
    """Explain one answer that was posted, and what was decided about it since.

    Raises:
        UnknownAnswerError: If there is none of that id.
    """
    require_database(settings)
    with open_house(settings) as house, house.engine.connect() as connection:
        row = ledger.answer(connection, answer_id)
        votes = ledger.votes_of(connection, answer_id)
        decided = decisions.decisions_of(connection, answer_id)
    console = Console(soft_wrap=True, highlight=False)
    later = {"votes": _votes(votes), "texts": _texts(row, decided)}
    console.print(_grid(_facts(row, trace_of(row)) | later))
    console.print(_candidates(trace_of(row)))
    for decision in decided:
        console.print(decision_line(decision))


def _show_reply(console: Console, answer: Answer) -> None:
    # Line by line through `inert`: a document must not steer the terminal.
    for line in answer.reply.text.splitlines():
        console.print(Text(inert(line)))
    for source in answer.reply.sources:
        console.print(Text(_source(source), style="dim"))
    if answer.trace.adapter and answer.reply.outcome is Outcome.ANSWERED:
        console.print(Text(f"Voice: {answer.trace.adapter}.", style="dim"))


def _source(source: Source) -> str:
    dated = f" ({source.updated})" if source.updated else ""
    return f"[{source.number}] {inert(source.title)}{dated} {source.url}"


def _texts(row: ledger.AnswerRow, decided: list[Decision]) -> str:
    recorded = [one.record for one in decided if one.kind is Kind.ANSWER]
    if row.is_forgotten:
        return "forgotten"
    if not recorded:
        return "kept; the decision log does not know them"
    is_same = is_as_recorded(row, recorded[-1])
    return "kept, as recorded" if is_same else "kept, but NOT as recorded: somebody changed them"


def _votes(votes: list[ledger.Vote]) -> str:
    verdicts = [vote.verdict for vote in votes]
    return f"{verdicts.count('up')} up, {verdicts.count('down')} down"


def _facts(row: ledger.AnswerRow, told: Trace) -> dict[str, str]:
    timings = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in told.timings_s)
    return {
        "answer": row.answer_id,
        "asked": f"{row.asked_at:%Y-%m-%d %H:%M:%S} UTC by {row.asker} in {row.channel}",
        "outcome": f"{row.outcome}, {told.reason}" if told.reason else row.outcome,
        "audience": told.audience or "unknown: nothing internal was used",
        "arm": told.arm,
        "settings": told.configuration or "not recorded",
        "index": f"{told.index_version} by {told.embedder}",
        "model": " + ".join(filter(None, (told.base, told.adapter))) or "none was asked",
        "domain": _domain(told),
        "engine": ", ".join(filter(None, (told.engine, told.finish))) or "none",
        "voice": told.voice,
        "prompt": f"{told.prompt_sha256 or 'none'}, {told.prompt_tokens} tokens",
        "said": f"{told.completion_tokens} tokens; {', '.join(told.verdicts) or 'no sentence'}",
        "cost": f"{told.cost:.6f}" if told.cost else "none",
        "top cosine": f"{told.top_cosine:.3f}",
        "bearing": f"{told.bearing:.2f}",
        "seconds": timings or "none",
    }


def _domain(told: Trace) -> str:
    if not told.domain:
        return "none was chosen"
    return (
        f"{told.domain}: {told.domain_why}, {told.domain_score:.3f}; generation {told.generation}"
    )


def _grid(facts: dict[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(value))
    return table


def _candidates(told: Trace) -> Table:
    table = Table("rank", "passage", "cosine", "words", "score", "fate", box=None)
    for one in told.candidates:
        figures = (f"{one.cosine:.3f}", f"{one.lexical:.2f}", f"{one.score:.3f}")
        table.add_row(*map(Text, (str(one.rank), one.chunk_id, *figures, one.fate)))
    return table
