"""A candidate on trial in a running bot: the arm of each question, and what stays in the shadow.

`Trials.work` and what follows from it run in the thread that owns the models. In the shadow a
candidate answers only while nobody waits. Knows neither Slack nor how an answer is made.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from secrets import token_hex
from time import perf_counter
from typing import Protocol

from sqlalchemy import Engine

from bot import shadows
from bot.arrivals import OpenQuestion
from bot.audience import Place
from bot.candidates import Candidates
from bot.conversation import Question
from bot.database import Writer
from bot.errors import QueueFullError, StoreDownError
from bot.house import House
from bot.memory import Memory
from bot.monitoring.alerts import Notice
from bot.records import row_of
from bot.rollouts import Ending, Rollout, Rollouts
from bot.shadows import Pair, Shadow, Side
from bot.tracing import note, note_failure, wide_event
from bot.worker import Worker
from bot.worksheet import Working
from knowledge.access import Audience
from knowledge.errors import FilterBrokenError

MOST_WAITING = 20  # questions that wait for their shadow; of more there are no pairs


Work = Callable[[Question], Working]


class Readers(Protocol):
    """Who can read a place; None where one of them is unknown.

    Asked in the thread that owns the models: it must not wait where Slack asks for that.
    """

    def audience_of(self, place: Place) -> Audience | None:
        """Return the audience, from facts a few minutes old at most."""
        ...

    def audience_now(self, place: Place) -> Audience | None:
        """Return the audience from facts read now."""
        ...


@dataclass(frozen=True, slots=True)
class Answered:
    """What an arm made of one question, and how long that took."""

    question: Question
    working: Working
    seconds: float


@dataclass(frozen=True, slots=True)
class Shadowing:
    """The parts that a shadow passes through.

    Attributes:
        now: The time of day.
    """

    engine: Engine
    writer: Writer
    readers: Readers
    memory: Memory
    now: Callable[[], datetime]


class Trials:
    """Puts the candidate of a rollout beside the live arm.

    Args:
        live: Answers as the settings say.
        house: Of the live arm.
        worker: Its thread owns the models.
        booked: Makes what answers count towards the budgets, too.

    Attributes:
        left_out: Questions without a shadow, since too many waited for theirs.
    """

    def __init__(  # noqa: PLR0913  what both arms are made of
        self,
        live: Work,
        house: House,
        candidates: Candidates,
        worker: Worker,
        shadowing: Shadowing,
        *,
        booked: Callable[[Work], Work] = lambda work: work,
    ) -> None:
        self.left_out = 0
        self._booked = booked
        self._live = live
        self._house = house
        self._candidates = candidates
        self._worker = worker
        self._shadowing = shadowing
        self._last: Answered | None = None
        self._due = deque[tuple[OpenQuestion, Answered]]()

    def prepare(self) -> None:
        """Take up at the start what was on trial before."""
        self._worker.when_idle(self._notice)

    def work(self, question: Question) -> Working:
        """Answer a question by the arm that its channel has.

        A candidate that fails where the live arm does not has its trial ended.
        """
        self._last = None
        failed: Exception | None = None
        rollout, candidate = self._on_trial()
        if rollout and candidate and rollout.takes(question.channel):
            try:
                return self._tried(question, candidate)
            except Exception as error:  # noqa: BLE001  no person sees a candidate fail
                failed = error
        begun = perf_counter()
        working = self._live(question)
        if rollout and failed:
            self._candidates.fail(rollout, failed)
        elif rollout and rollout.is_in_shadow:
            self._last = Answered(question, working, perf_counter() - begun)
        return working

    def after(self, question: OpenQuestion) -> None:
        """Let the candidate answer in the shadow, once the reply to a question is posted."""
        answered, self._last = self._last, None
        if answered is None or answered.question.question_id != question.question_id:
            return
        if answered.question.audience is None:  # then no arm may use anything
            return
        if len(self._due) >= MOST_WAITING:
            self.left_out += 1
            return
        try:
            self._worker.when_idle(self._shadow_next)
        except QueueFullError:  # the bot is stopping
            return
        self._due.append((question, answered))

    def _notice(self) -> None:
        self._candidates.current()

    def _on_trial(self) -> tuple[Rollout | None, House | None]:
        rollout = self._candidates.current()
        # Where the index is in doubt, the candidate may use it as little as the live arm.
        return rollout, self._candidates.house if self._house.is_trusted else None

    def _tried(self, question: Question, candidate: House) -> Working:
        try:
            working = self._booked(candidate.work)(question)
        except FilterBrokenError as error:
            self._house.distrust(error.chunk_id)
            raise
        try:
            self._candidates.mark_answered()
        except StoreDownError as error:
            note_failure(error)
        return working

    def _shadow_next(self) -> None:
        question, answered = self._due.popleft()
        with wide_event("shadow", answer_id=question.answer_id):
            rollout, candidate = self._on_trial()
            if rollout and candidate and rollout.is_in_shadow:
                note(arm=rollout.name)
                self._shadow(question, answered, rollout, candidate)

    def _shadow(
        self, question: OpenQuestion, live: Answered, rollout: Rollout, candidate: House
    ) -> None:
        if not self._may_be_asked(question, live.question):
            note(reason="deleted, or other readers")
            return
        begun = perf_counter()
        try:
            working = self._tried(live.question, candidate)
        except Exception as error:  # noqa: BLE001  no person sees a candidate fail
            self._candidates.fail(rollout, error)
            return
        tried = Answered(live.question, working, perf_counter() - begun)
        note(outcome=working.answer.reply.outcome)
        self._keep(question, live, tried, rollout)

    def _may_be_asked(self, question: OpenQuestion, asked: Question) -> bool:
        parts = self._shadowing
        with parts.engine.connect() as connection:
            if not shadows.is_kept(connection, question.answer_id):
                return False
        return parts.readers.audience_of(question.place) == asked.audience

    def _keep(
        self, question: OpenQuestion, live: Answered, tried: Answered, rollout: Rollout
    ) -> None:
        parts, audience = self._shadowing, live.question.audience
        row = replace(row_of(question, tried.working, audience), salt=token_hex(16))
        if not parts.memory.may_be_used(row, parts.readers.audience_now(question.place)):
            note(reason="other readers")
            return
        shadow = Shadow(rollout, self._pair(question.answer_id, live, tried), row)
        job = partial(shadows.record, shadow=shadow, at=parts.now())
        note(state="kept" if parts.writer.run(job) else "dropped")

    def _pair(self, answer_id: str, live: Answered, tried: Answered) -> Pair:
        voice = self._house.voice
        return Pair(
            answer_id,
            Side.of(live.working, live.seconds, voice),
            Side.of(tried.working, tried.seconds, voice),
            is_same=live.working.answer.reply == tried.working.answer.reply,
        )


def told(rollouts: Rollouts, trials: Trials) -> str:
    """Say in a sentence what is on trial; empty if nothing is. Any thread may ask."""
    rollout = rollouts.current()
    if rollout is None:
        return ""
    where = "in the shadow" if rollout.is_in_shadow else f"in {rollout.share} % of the channels"
    left_out = f", {trials.left_out} questions left out" if trials.left_out else ""
    return f"On trial: {rollout.name} {where}{left_out}."


def ended_notice(rollout: Rollout) -> Notice:
    """Say to the administrators that a trial ended by itself, and why."""
    is_failed = rollout.ending == Ending.FAILED
    verb = "failed" if is_failed else "was rolled back"
    settings = ", ".join(f"{name}={value}" for name, value in rollout.settings.items())
    return Notice(
        alert_id=f"rollout/{rollout.rollout_id}",
        signal="rollout",
        title=f"{rollout.name} {verb}: all channels are answered as the settings say",
        lines=(
            f"It ended with {rollout.reason}." if is_failed else f"{rollout.reason}.",
            f"It was tried with {settings}. `housevoice rollout show` compares it with the rest.",
        ),
    )
