"""Why an answer was bad: the form behind the button, and what is sent with it.

A submission names its answer itself, so it counts only where this very person has voted that
answer down, which takes the buttons below it and no stranger can. Knows nothing of what remarks
are used for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import BaseModel, Field, ValidationError
from sqlalchemy import Connection, Engine

from adapters import ledger, remarks
from adapters.errors import UnknownAnswerError
from adapters.ledger import AnswerRow
from adapters.remarks import LONGEST_CORRECTION, Remark
from bot import decisions
from bot.blocks import thanks_post
from bot.database import Writer
from bot.decisions import Kind
from bot.errors import QueueFullError, StoreDownError, explain
from bot.listeners.delivery import Delivery
from bot.listeners.payloads import Container, Team, User
from bot.monitoring.metrics import Metrics
from bot.remark_form import CORRECTION, NO_REASON, REASON, TOO_LONG, Filled, remark_view
from bot.tracing import note, note_failure, trace_id
from bot.worker import Worker

_NOT_YOURS = "I find no thumb down of yours on that answer, so nothing was stored."
_THANKS = "Thank you, passed on."
_TICK = timedelta(microseconds=1)


class _Action(BaseModel):
    value: str = Field(pattern=r"^v1:[0-9a-f]{32}$")


class _Click(BaseModel):
    user: User
    team: Team
    container: Container
    trigger_id: str
    actions: list[_Action] = Field(min_length=1, max_length=1)

    @property
    def answer_id(self) -> str:
        return self.actions[0].value.removeprefix("v1:")


class _State(BaseModel):
    values: Filled


class _View(BaseModel):
    private_metadata: str
    state: _State


class _Submission(BaseModel):
    user: User
    trigger_id: str
    view: _View

    def remark(self, at: datetime) -> Remark:
        filled = self.view.state.values
        answer_id = self.view.private_metadata
        return Remark(answer_id, self.user.team_id, self.user.id, filled.chosen, filled.text, at)


@dataclass(frozen=True, slots=True)
class Remarks:
    """The form on one side, the database on the other.

    Attributes:
        delivery: Quick enough for an acknowledgement.
        courtesies: Runs what may be late or left out, away from the acknowledgement.
        texts_days, reasons_days: What the form says of how long both are kept.
        now: The time of day.
    """

    engine: Engine
    writer: Writer
    delivery: Delivery
    courtesies: Worker
    texts_days: int
    reasons_days: int
    now: Callable[[], datetime]
    metrics: Metrics = field(default_factory=Metrics)

    def on_click(self, body: dict[str, Any], ack: Callable[[], object]) -> None:
        """Open the form for somebody who has voted the answer down.

        A forged or foreign click is acknowledged, and nothing opens.

        Raises:
            SlackCallError: If the form does not open; then Slack shows the person an error.
        """
        try:
            click = _Click.model_validate(body)
        except ValidationError:
            note(reason="malformed_click")
            ack()
            return
        if self._is_theirs(click):
            view = remark_view(
                click.answer_id, texts_days=self.texts_days, reasons_days=self.reasons_days
            )
            self.delivery.open_modal(click.trigger_id, view)
        else:
            note(reason="click_from_elsewhere", voter=click.user.id)
        ack()

    def on_submission(self, body: dict[str, Any], ack: Callable[..., object]) -> None:
        """Store what was filled in, close the form, give thanks; or leave it open and say why."""
        try:
            sent = _Submission.model_validate(body)
        except ValidationError:
            note(reason="malformed_remark")
            ack(response_action="errors", errors={REASON: NO_REASON})
            return
        if problems := self._problems(sent):
            ack(response_action="errors", errors=problems)
            return
        ack()
        self._thank(sent)

    def _is_theirs(self, click: _Click) -> bool:
        with self.engine.connect() as connection:
            row = _voted_down(connection, click.answer_id, click.user)
        here = (click.team.id, click.container.channel_id)
        return row is not None and here == (row.team, row.channel)

    def _problems(self, sent: _Submission) -> dict[str, str]:
        """Store a submission; return what hinders that, by the block that it is shown below."""
        remark = sent.remark(self.now())
        if len(remark.correction) > LONGEST_CORRECTION:
            return {CORRECTION: TOO_LONG}
        try:
            is_theirs = self.writer.run(partial(_file, remark=remark, sent=sent))
        except StoreDownError as error:
            note_failure(error)
            return {REASON: explain(error, trace_id.get())}
        note(reason=f"remark_{remark.reason}" if is_theirs else "remark_refused", voter=remark.user)
        if not is_theirs:
            return {REASON: _NOT_YOURS}
        self.metrics.remarked(remark.reason)
        return {}

    def _thank(self, sent: _Submission) -> None:
        job = partial(self._whisper, sent.view.private_metadata, sent.user.id)
        try:
            self.courtesies.submit(job, asker=sent.user.id)
        except QueueFullError:
            note(reason="thanks_left_out", voter=sent.user.id)

    def _whisper(self, answer_id: str, user: str) -> None:
        with self.engine.connect() as connection:
            row = ledger.answer(connection, answer_id)
        self.delivery.whisper(row.channel, user, row.thread_ts, thanks_post(_THANKS))


def _file(connection: Connection, remark: Remark, sent: _Submission) -> bool:
    """Store a remark; return False where this person has no thumb down on the answer."""
    if _voted_down(connection, remark.answer_id, sent.user) is None:
        return False
    remark = _after_the_last(connection, remark)
    if remarks.record(connection, remark, sent.trigger_id):
        told = {"reason": remark.reason.value, "has_correction": bool(remark.correction)}
        decisions.append(connection, Kind.REMARK, remark.answer_id, told, remark.at)
    return True


def _voted_down(connection: Connection, answer_id: str, user: User) -> AnswerRow | None:
    try:
        row = ledger.answer(connection, answer_id)
    except UnknownAnswerError:
        return None
    votes = ledger.votes_of(connection, answer_id)
    mine = {vote.verdict for vote in votes if (vote.team, vote.user) == (user.team_id, user.id)}
    return row if "down" in mine else None


def _after_the_last(connection: Connection, remark: Remark) -> Remark:
    """Place a remark behind the person's last one, even if the clock was set back.

    Slack sends no time with a form, so the order of arrival is the order there is.
    """
    said = remarks.remarks_on(connection, remark.answer_id)
    mine = [one.at for one in said if (one.team, one.user) == (remark.team, remark.user)]
    return replace(remark, at=max([remark.at, *(at + _TICK for at in mine)]))
