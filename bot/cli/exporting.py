"""`housevoice export`: data sets, the approval that they need, and the review of candidates."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from adapters import exports, nominations
from adapters.errors import UnknownNominationError
from adapters.exchanges import Review
from adapters.exports import Export
from adapters.nominations import Nomination
from adapters.selection import Example
from bot import approvals, decisions
from bot.approvals import Approval
from bot.cli.premises import require_administrator, require_database
from bot.database import Writer
from bot.decisions import Kind
from bot.directory import SlackDirectory
from bot.errors import SlackSetupError, UserInputError
from bot.exporting import Exporter, SlackRoom, open_exporter
from bot.gathering import Wanted
from bot.house import House, open_house
from bot.inert import inert
from bot.listeners.delivery import reading_client
from bot.listeners.runner import who_we_are
from bot.settings import Settings, SlackSettings

_NO_SLACK = (
    "who can read a channel and what people are called stands in Slack, "
    "and .env has no HOUSEVOICE_SLACK__BOT_TOKEN"
)


_NOTHING_READ = "--terms names no document; say which ones you have read"


def export(settings: Settings, wanted: Wanted, *, out: Path | None) -> None:
    """Write a data set, and show what is in it and what was left out.

    Raises:
        BotError: As of `Exporter.export`.
    """
    with _exporter(settings) as exporter:
        written = exporter.export(wanted, by="", to=out)
    manifest = written.manifest
    _say(f"{written.folder}: {described(written)}")
    _say_counts("rows", written.rows)
    _say_counts("left out", manifest.counts.dropped)


def described(written: Export) -> str:
    """Say in a sentence what a data set holds."""
    counts = written.manifest.counts
    largest = float(written.manifest.split["largest_share"])
    said = f"{counts.examples} examples of {counts.considered} that were considered"
    one_group = f"; {largest:.0%} hang together, so that the split is a matter of luck"
    return said + (one_group if largest > _LARGE else "") + "."


_LARGE = 0.3
"""Share of the largest group above which a split says little."""


def approve(
    settings: Settings, approver: str, *, team: str, terms: Sequence[str], with_typed_texts: bool
) -> None:
    """Record who allowed exports, when, and what they had read.

    Raises:
        UserInputError: If they are no administrator, or name nothing that they have read.
    """
    read = tuple(name for one in terms if (name := " ".join(one.split())))
    if not read:
        raise UserInputError(_NOTHING_READ)
    _record(settings, approver, team, read, (with_typed_texts, True))
    what = "with" if with_typed_texts else "without"
    _say(f"Exports are approved, {what} what people typed.")


def revoke(settings: Settings, approver: str, *, team: str) -> None:
    """Record that nothing may be exported any more.

    Raises:
        UserInputError: If they are no administrator.
    """
    _record(settings, approver, team, (), (False, False))
    _say("Nothing may be exported any more.")


def _record(
    settings: Settings, approver: str, team: str, terms: tuple[str, ...], may: tuple[bool, bool]
) -> None:
    require_administrator(settings, approver)
    require_database(settings)
    team = team or _directory(settings.slack).team
    with_typed_texts, is_granted = may
    approval = Approval(team, approver, terms, with_typed_texts, is_granted, _now())
    with open_house(settings) as house, _writer(house) as writer:
        writer.run(partial(approvals.record, approval=approval))


def show_candidates(settings: Settings) -> None:
    """List what waits for a review: what was asked, what was said, how many are behind it."""
    with _exporter(settings) as exporter:
        waiting = exporter.waiting()
    for one in waiting:
        _show(one)
    _say(f"{len(waiting)} waiting." if waiting else "No answer waits for a review.")


def decide(settings: Settings, candidate: str, *, reviewer: str, is_accepted: bool) -> None:
    """Accept or refuse one candidate, and show which one it was.

    Raises:
        UserInputError: If the reviewer is no administrator.
        ReviewError: If none of that name waits, they have voted on it, or it has been decided.
    """
    require_administrator(settings, reviewer)
    with _exporter(settings) as exporter:
        found = {_nomination(one).nomination_id: one for one in exporter.waiting()}
        if candidate not in found:
            raise UnknownNominationError(candidate)
        _show(found[candidate])
        review = Review(reviewer, is_accepted, _now())
        nomination = _nomination(found[candidate])
        exporter.writer.run(partial(_decide, nomination=nomination, review=review))
    _say(f"{candidate} is {'accepted' if is_accepted else 'refused'}.")


def _decide(connection: Connection, nomination: Nomination, review: Review) -> None:
    nominations.decide(connection, nomination, review)
    told: dict[str, decisions.JSON] = {
        "reviewer": review.reviewer,
        "is_accepted": review.is_accepted,
        "verdict": nomination.verdict,
    }
    decisions.append(connection, Kind.EXPORT, nomination.answer_id, told, review.at)


def show(settings: Settings, *, out: Path | None) -> None:
    """List the data sets, and who approved of what."""
    require_database(settings)
    for one in exports.exports_in(out or settings.export_folder):
        _say(f"{one.folder.name}: {described(one)}")
    with open_house(settings) as house, house.engine.connect() as connection:
        for approval in approvals.approvals(connection):
            _say(_told(approval))


def _told(approval: Approval) -> str:
    by = f"{approval.at:%Y-%m-%d %H:%M} UTC, {approval.team}, {inert(approval.approver)}"
    if not approval.is_granted:
        return f"{by}: revoked"
    typed = "with" if approval.with_typed_texts else "without"
    return f"{by}: approved {typed} typed texts, having read {inert('; '.join(approval.terms))}"


@contextmanager
def _exporter(settings: Settings) -> Iterator[Exporter]:
    require_database(settings)
    directory = _directory(settings.slack)
    with open_house(settings) as house, _writer(house) as writer:
        yield open_exporter(house, SlackRoom(directory), writer, _now)


@contextmanager
def _writer(house: House) -> Iterator[Writer]:
    writer = Writer(house.engine)
    try:
        yield writer
    finally:
        writer.close()


def _directory(slack: SlackSettings) -> SlackDirectory:
    token = slack.bot_token.get_secret_value()
    if not token:
        raise SlackSetupError(_NO_SLACK)
    client = reading_client(token, slack.base_url)
    return SlackDirectory(client, who_we_are(client).team)


def _nomination(one: Example) -> Nomination:
    return Nomination(one.exchange.answer_id, "up" if one.label else "down", one.completion)


def _show(one: Example) -> None:
    facts = {
        "candidate": f"{_nomination(one).nomination_id}: {one.origin}, {len(one.people)} people",
        "answer": one.exchange.answer_id,
        "asked": inert(one.exchange.question),
        "replied": inert(one.completion),
    }
    table = Table.grid(padding=(0, 2))
    for name, value in facts.items():
        table.add_row(Text(name, style="bold"), Text(value))
    _console().print(table)
    _say("")


def _say_counts(head: str, counts: Mapping[str, int]) -> None:
    table = Table(head, "", box=None, padding=(0, 2, 0, 0))
    for name, n in counts.items():
        table.add_row(Text(name), Text(str(n)))
    if counts:
        _console().print(table)


def _now() -> datetime:
    return datetime.now(UTC)


def _say(text: str) -> None:
    _console().print(Text(text))


def _console() -> Console:
    return Console(soft_wrap=True, highlight=False)
