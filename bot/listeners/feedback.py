"""Clicks on the buttons below a reply: checked, stored, acknowledged, thanked for once.

Knows nothing of what votes are used for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection

from adapters import ledger
from adapters.errors import UnknownAnswerError
from adapters.ledger import AnswerRow, Vote
from bot.blocks import thanks_post
from bot.database import Writer
from bot.errors import QueueFullError
from bot.listeners.delivery import Delivery
from bot.listeners.questions import BotUser
from bot.tracing import note
from bot.worker import Worker

_VALUE = r"^v1:[0-9a-f]{32}:(up|down)$"


class _User(BaseModel):
    id: str
    team_id: str  # without it nobody knows whose vote it is


class _Team(BaseModel):
    id: str


class _Container(BaseModel):
    message_ts: str
    channel_id: str


class _Action(BaseModel):
    value: str = Field(pattern=_VALUE)
    action_ts: str = Field(pattern=r"^\d{1,12}(\.\d{1,6})?$")


class _Click(BaseModel):
    user: _User
    team: _Team
    container: _Container
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
    """

    us: BotUser
    writer: Writer
    delivery: Delivery
    courtesies: Worker

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
        row = self._stored(click)
        ack()
        if row is not None:
            self._thank(click, row)  # a change of mind is stored in silence

    def _stored(self, click: _Click) -> AnswerRow | None:
        if click.user.team_id != self.us.team:
            note(reason="foreign_voter", voter=click.user.id)
            return None
        return self.writer.run(partial(_cast, click=click))

    def _thank(self, click: _Click, row: AnswerRow) -> None:
        job = partial(
            self.delivery.whisper, row.channel, click.user.id, row.thread_ts, thanks_post()
        )
        try:
            self.courtesies.submit(job, asker=click.user.id)
        except QueueFullError:
            note(reason="thanks_left_out", voter=click.user.id)


def _cast(connection: Connection, click: _Click) -> AnswerRow | None:
    """Store the vote of a click; return its answer if it is this person's first vote on it."""
    try:
        row = ledger.answer(connection, click.vote.answer_id)
    except UnknownAnswerError:
        return None
    where = (click.team.id, click.container.channel_id, click.container.message_ts)
    if where != (row.team, row.channel, row.message_ts):
        note(reason="click_from_elsewhere", voter=click.user.id)
        return None
    voted = {(one.team, one.user) for one in ledger.votes_of(connection, row.answer_id)}
    ledger.record_vote(connection, click.vote)
    return None if (click.vote.team, click.vote.user) in voted else row
