"""One question, from its placeholder to its reply: the job that the worker runs.

Knows neither how an answer is made nor how readers are found out; it asks, records, shows.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Protocol

from sqlalchemy import Engine

from adapters import ledger
from adapters.errors import UnknownAnswerError
from bot.arrivals import OpenQuestion
from bot.audience import Place
from bot.blocks import Post, plain_post, reply_post
from bot.conversation import Answer, Outcome, Question, Reply, Sentence, Trace, Turn
from bot.errors import QuestionGivenUpError, SlackRefusedError, explain
from bot.inbox import Inbox
from bot.listeners.delivery import Delivery
from bot.listeners.questions import LONGEST_QUESTION
from bot.listeners.small_talk import SmallTalk, small_talk
from bot.memory import Memory
from bot.monitoring.metrics import Metrics
from bot.records import reply_of, row_of, trace_of
from bot.tracing import note, note_failure, trace_id, wide_event
from bot.worksheet import Working
from knowledge.access import Audience

_MOST_ATTEMPTS = 3
_GONE = frozenset(
    {
        *("message_not_found", "cant_update_message", "edit_window_closed"),
        *("channel_not_found", "not_in_channel", "is_archived"),
    }
)
_HELP = "Ask me a question, and I will look it up in our documents."
_SMALL_TALK = {SmallTalk.OPENING: _HELP, SmallTalk.THANKS: "You are welcome."}
_TOO_LONG = f"That is too long for me. Please ask in at most {LONGEST_QUESTION} characters."


class Readers(Protocol):
    """Who can read a place; None where one of them is unknown."""

    def audience_of(self, place: Place) -> Audience | None:
        """Return the audience, from facts a few minutes old at most."""
        ...

    def audience_now(self, place: Place) -> Audience | None:
        """Return the audience from facts read now."""
        ...


class Spans(Protocol):
    """Where the trace of a question is sent; quick, and never raises."""

    def question(
        self, fields: Mapping[str, object], timings_s: Iterable[tuple[str, float]], seconds: float
    ) -> None:
        """Send what the log line has, with the times of the stages."""
        ...


@dataclass(frozen=True, slots=True)
class Replies:
    """Makes the one visible outcome of a question.

    Attributes:
        spans: None where no traces are wanted.
        after: Called when a reply has been posted; quick, and never raises.
    """

    work: Callable[[Question], Working]
    readers: Readers
    memory: Memory
    engine: Engine
    inbox: Inbox
    delivery: Delivery
    metrics: Metrics = field(default_factory=Metrics)
    spans: Spans | None = None
    after: Callable[[OpenQuestion], None] = lambda _: None

    def reply(self, question_id: str) -> None:
        """Answer a question in the place of its placeholder.

        Raises:
            SlackUncertainError: If nobody knows whether the reply is shown; do it again.
            StoreDownError: If it could not be recorded; do it again.
        """
        question = self.inbox.question(question_id)
        if question is not None:
            with wide_event("question", **_ids(question)):
                self._reply(question)

    def turn_away(self, question_id: str, error: Exception) -> None:
        """Say why a question will not be answered.

        Raises:
            SlackUncertainError: As for `reply`.
            StoreDownError: As for `reply`.
        """
        question = self.inbox.question(question_id)
        if question is not None:
            with wide_event("question", outcome=Outcome.BUSY, **_ids(question)):
                busy = _said(question, Outcome.BUSY, explain(error, trace_id.get()))
                self.inbox.record_answer(row_of(question, busy, None))
                self.metrics.turned_away()
                self._close(question, reply_post(busy.answer.reply, question.answer_id))

    def _reply(self, question: OpenQuestion) -> None:
        if question.text is None:
            self._withdraw(question)
        elif advice := _advice(question.text):
            self._close(question, plain_post(advice))
        else:
            row = self._settled(question)
            reply = reply_of(row)
            note(outcome=reply.outcome)
            now = self.inbox.question(question.question_id)
            if now is None or now.text is None:  # the person thought better of it
                self._withdraw(question)
            else:
                speaker = trace_of(row).adapter
                self._close(question, reply_post(reply, question.answer_id, speaker))
                self.after(question)

    def _settled(self, question: OpenQuestion) -> ledger.AnswerRow:
        """Return a recorded answer for the readers of this moment, from what they may read now."""
        row = self._recorded(question)
        if row is None:
            self.inbox.mark_attempt(question.question_id)
            row = self._made(question, self.readers.audience_of(question.place))
        now = self.readers.audience_now(question.place)
        if not self.memory.may_be_used(row, now):
            row = self._made(question, now)
            if not self.memory.may_be_used(row, self.readers.audience_now(question.place)):
                row = self._made(question, None)  # it keeps changing: nothing internal
        return row

    def _recorded(self, question: OpenQuestion) -> ledger.AnswerRow | None:
        # Answered before, but a stop or a failing call came between record and reply.
        with self.engine.connect() as connection:
            try:
                row = ledger.answer(connection, question.answer_id)
            except UnknownAnswerError:
                return None
        return None if row.outcome == Outcome.BUSY else row

    def _made(self, question: OpenQuestion, audience: Audience | None) -> ledger.AnswerRow:
        begun = perf_counter()
        working = self._worked(question, audience)
        seconds = perf_counter() - begun
        note(**_figures(working.answer.trace))
        row = row_of(question, working, audience)
        self.inbox.record_answer(row)
        self._tell(question, working.answer, seconds)
        return row

    def _tell(self, question: OpenQuestion, answer: Answer, seconds: float) -> None:
        trace, outcome = answer.trace, answer.reply.outcome
        self.metrics.answered(trace, outcome, seconds)
        if self.spans is not None:
            fields = {"outcome": outcome, **_ids(question), **_figures(trace)}
            self.spans.question(fields, trace.timings_s, seconds)

    def _worked(self, question: OpenQuestion, audience: Audience | None) -> Working:
        if question.attempts >= _MOST_ATTEMPTS:  # answering it may take the process down
            return _said(question, Outcome.FAILED, explain(QuestionGivenUpError(), trace_id.get()))
        try:
            turns = self.memory.turns(question, audience)
            note(turns=len(turns), readers=len(audience.readers) if audience else 0)
            return self.work(_asked(question, audience, turns))
        except Exception as error:  # noqa: BLE001  the end of a job: the person hears of it
            note_failure(error)
            return _said(question, Outcome.FAILED, explain(error, trace_id.get()))

    def _close(self, question: OpenQuestion, post: Post) -> None:
        try:
            self.delivery.show(question.place.channel, question.placeholder_ts, post)
        except SlackRefusedError as error:  # its place is gone: then it lands nowhere else
            note(method=error.method, slack_error=error.code)
            if error.code not in _GONE:
                self._admit(question, error)
        self.inbox.mark_done(question.question_id)

    def _admit(self, question: OpenQuestion, refusal: SlackRefusedError) -> None:
        """Say that it failed, as simply as can be: better than a wait without end."""
        sentence = explain(refusal, trace_id.get())
        self.inbox.record_answer(row_of(question, _said(question, Outcome.FAILED, sentence), None))
        place, ts = question.place.channel, question.placeholder_ts
        try:
            self.delivery.show(place, ts, plain_post(sentence))
        except SlackRefusedError as error:
            note(method=error.method, slack_error=error.code)

    def _withdraw(self, question: OpenQuestion) -> None:
        try:
            self.delivery.delete(question.place.channel, question.placeholder_ts)
        except SlackRefusedError as error:
            note(method=error.method, slack_error=error.code)
        self.inbox.mark_done(question.question_id)


def _ids(question: OpenQuestion) -> dict[str, str]:
    return {
        "question_id": question.question_id,
        "answer_id": question.answer_id,
        "asker": question.place.user,
        "channel": question.place.channel,
    }


def _figures(trace: Trace) -> dict[str, str | int]:
    return {
        "arm": trace.arm,
        "reason": trace.reason,
        "index_version": trace.index_version,
        "base": trace.base,
        "adapter": trace.adapter,
        "domain": trace.domain,
        "generation": trace.generation,
        "voice": trace.voice,
        "prompt_sha256": trace.prompt_sha256,
        "candidates": len(trace.candidates),
        "prompt_tokens": trace.prompt_tokens,
        "completion_tokens": trace.completion_tokens,
    }


def _advice(text: str) -> str:
    if not text:
        return _HELP
    if len(text) > LONGEST_QUESTION:
        return _TOO_LONG
    kind = small_talk(text)
    return _SMALL_TALK[kind] if kind else ""


def _asked(
    question: OpenQuestion, audience: Audience | None, turns: tuple[Turn, ...] = ()
) -> Question:
    place = question.place
    # What was begun before may have taken the process down: it is no question to try things on.
    channel = "" if question.attempts else place.channel
    return Question(question.question_id, question.text or "", audience, turns, place.team, channel)


def _said(question: OpenQuestion, outcome: Outcome, sentence: str) -> Working:
    answer = Answer(Reply(outcome, (Sentence(sentence),)), Trace(audience=""))
    return Working(_asked(question, None), answer)
