"""Clicks on the thumbs below a reply: checked, stored, acknowledged, thanked for once.

Whoever votes down is offered to say why. Knows nothing of what votes are used for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection

from adapters import ledger
from adapters.errors import UnknownAnswerError
from adapters.ledger import AnswerRow, Vote
from bot import decisions
from bot.blocks import say_why_post, thanks_post
from bot.database import Writer
from bot.decisions import Kind
from bot.errors import QueueFullError
from bot.listeners.delivery import Delivery
from bot.listeners.payloads import Container, Team, User
from bot.listeners.questions import BotUser
from bot.monitoring.metrics import Metrics
from bot.records import trace_of
from bot.tracing import note
from bot.worker import Worker

_VALUE = r"^v1:[0-9a-f]{32}:(up|down)$"


class _Action(BaseModel):
    value: str = Field(pattern=_VALUE)
    action_ts: str = Field(pattern=r"^\d{1,12}(\.\d{1,6})?$")


class _Click(BaseModel):
    user: User
    team: Team
    container: Container
    actions: list[_Action] = Field(min_length=1, max_length=1)

    @property
    def vote(self) -> Vote:
        action = self.actions[0]
        _, answer_id, verdict = action.value.split(":")
        return Vote(answer_id, self.user.team_id, self.user.id, verdict, action.action_ts)


@dataclass(frozen=True, slots=True)
class Feedback:
    """Votes on one side, the ledger on the other.

    Attributes:
        courtesies: Runs what may be late or left out, away from the acknowledgement.
        now: The time of day, for the decision log; what orders clicks is Slack's own time.
        on_vote: Told of the answer when a verdict is new; quick, and never raises.
    """

    us: BotUser
    writer: Writer
    delivery: Delivery
    courtesies: Worker
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    metrics: Metrics = field(default_factory=Metrics)
    on_vote: Callable[[AnswerRow], None] = lambda _: None

    def on_click(self, body: dict[str, Any], ack: Callable[[], object]) -> None:
        """Store a vote, then acknowledge the click.

        A forged, foreign or stale click is acknowledged and changes nothing.

        Raises:
            StoreDownError: If the vote is not stored; then Slack shows the person an error.
        """
        try:
            click = _Click.model_validate(body)
        except ValidationError:
            note(reason="malformed_click")
            ack()
            return
        stored = self._stored(click)
        ack()
        if stored is not None and stored.is_worth_a_word:
            self._thank(click, stored.row)
        if stored is not None and stored.is_news:
            self.metrics.voted(click.vote.verdict, trace_of(stored.row).arm)
            self.on_vote(stored.row)

    def _stored(self, click: _Click) -> "_Stored | None":
        if click.user.team_id != self.us.team:
            note(reason="foreign_voter", voter=click.user.id)
            return None
        return self.writer.run(partial(_cast, click=click, at=self.now()))

    def _thank(self, click: _Click, row: AnswerRow) -> None:
        is_down = click.vote.verdict == "down"
        post = say_why_post(row.answer_id) if is_down else thanks_post()
        job = partial(self.delivery.whisper, row.channel, click.user.id, row.thread_ts, post)
        try:
            self.courtesies.submit(job, asker=click.user.id)
        except QueueFullError:
            note(reason="thanks_left_out", voter=click.user.id)


@dataclass(frozen=True, slots=True)
class _Stored:
    """A vote on one of our answers, and whether this person had not voted like that before."""

    row: AnswerRow
    is_news: bool
    is_worth_a_word: bool


def _cast(connection: Connection, click: _Click, at: datetime) -> _Stored | None:
    """Store the vote of a click; None where it is on no answer of ours, or not from there.

    Thanks are for a person's first vote on an answer, so a change of mind is stored in silence.
    To say why is offered at each thumb down, for what is offered vanishes with the page.
    """
    try:
        row = ledger.answer(connection, click.vote.answer_id)
    except UnknownAnswerError:
        return None
    where = (click.team.id, click.container.channel_id, click.container.message_ts)
    if where != (row.team, row.channel, row.message_ts):
        note(reason="click_from_elsewhere", voter=click.user.id)
        return None
    votes = ledger.votes_of(connection, row.answer_id)
    voted = {(one.team, one.user): one.verdict for one in votes}
    earlier = voted.get((click.vote.team, click.vote.user), "")
    counts = ledger.record_vote(connection, click.vote)
    is_news = counts and earlier != click.vote.verdict
    if is_news:  # without the voter: a person can be forgotten, the log cannot
        record = {"verdict": click.vote.verdict, "instead_of": earlier}
        decisions.append(connection, Kind.VOTE, row.answer_id, record, at)
    is_first = not earlier
    return _Stored(row, is_news, is_first or (counts and click.vote.verdict == "down"))
