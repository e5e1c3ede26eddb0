"""The candidate of the present rollout: noticed, loaded when nobody waits, closed at its end.

Everything here runs in the thread that owns the models. Knows no question and no answer.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace

from sqlalchemy.exc import SQLAlchemyError

from bot.errors import CandidateError, QueueFullError, StoreDownError
from bot.house import House, open_variant
from bot.rollouts import Ending, Rollout, Rollouts
from bot.tracing import note, note_failure, wide_event

MAY_DIFFER = frozenset(
    {
        *("knowledge.chunks_per_document", "knowledge.floor", "knowledge.passages"),
        *("model.answer_tokens", "model.base", "model.deadline_s", "model.evidence_sentences"),
        *("model.adapter", "model.examples", "model.prompt_tokens", "model.reader", "model.voice"),
    }
)
"""The settings that a candidate may change: what an answer depends on, and nothing that says
who may read what or where things are stored."""


_MOST_ATTEMPTS = 3
_GIVEN_UP = "opened several times, and the bot ended before it had answered"

OpenCandidate = Callable[[House, Rollout], AbstractContextManager[House]]


def read_candidate(name: str, given: Iterable[str]) -> dict[str, str]:
    """Read what a candidate has different, each like ``knowledge.floor=0.35``.

    Raises:
        CandidateError: If it is nothing, or no setting that a candidate may change.
    """
    pairs = [one.partition("=") for one in given]
    for setting, equals, _ in pairs:
        if setting.strip() not in MAY_DIFFER or not equals:
            may = ", ".join(sorted(MAY_DIFFER))
            raise CandidateError(name, f"{setting} has no new value, or is none of {may}")
    if not pairs:
        raise CandidateError(name, "give at least one --set, such as knowledge.floor=0.35")
    return {setting.strip(): value.strip() for setting, _, value in pairs}


@contextmanager
def open_beside(house: House, rollout: Rollout) -> Iterator[House]:
    """Open a candidate and load what it needs; what the live arm has loaded is shared.

    Raises:
        CandidateError: If it is not what was tried out at its start, for other settings or files
            have changed since.
    """
    models = house.models.copied()
    shared = replace(house, models=models)  # a model of its own goes when the candidate goes
    with open_variant(shared, rollout.name, rollout.settings) as candidate:
        if candidate.configuration.sha256 != rollout.configuration:
            problem = "its settings are not those that it was started with"
            raise CandidateError(rollout.name, problem)
        _ = candidate.answerer
        yield candidate


@dataclass(frozen=True, slots=True)
class _Opened:
    rollout_id: str
    house: House
    closing: ExitStack


class Candidates:
    """Follows the rollouts in the database.

    Args:
        live: House of the live arm.
        when_idle: Runs a job in this thread as soon as nobody waits.
        open_candidate: Opens the house of a rollout beside that of the live arm.
    """

    def __init__(
        self,
        live: House,
        rollouts: Rollouts,
        when_idle: Callable[[Callable[[], None]], None],
        open_candidate: OpenCandidate = open_beside,
    ) -> None:
        self._live = live
        self._rollouts = rollouts
        self._when_idle = when_idle
        self._open_candidate = open_candidate
        self._opened: _Opened | None = None
        self._is_awaited = False
        self._has_answered = False
        self._failed = ("", "")  # a rollout, and why it is not to go on

    @property
    def house(self) -> House | None:
        """The candidate; None where there is none, or it is not loaded yet."""
        opened = self._opened
        return opened.house if opened else None

    def current(self) -> Rollout | None:
        """Return the rollout that goes on, and see to it that its candidate gets loaded."""
        try:
            rollout = self._rollouts.current()
        except SQLAlchemyError as error:
            note_failure(error)
            return None
        if self._opened and (rollout is None or rollout.rollout_id != self._opened.rollout_id):
            self.close()
        if rollout is None or self._is_over(rollout):
            return None
        if self._opened is None:
            self._open_later()
        return rollout

    def mark_answered(self) -> None:
        """Say that the candidate has answered, so that the bot survives it.

        Raises:
            StoreDownError: If that is not stored.
        """
        if self._opened and not self._has_answered:
            self._rollouts.mark_working(self._opened.rollout_id)
            self._has_answered = True

    def fail(self, rollout: Rollout, error: Exception) -> None:
        """End the rollout of a candidate that failed."""
        note_failure(error)
        self._end(rollout, type(error).__name__)

    def close(self) -> None:
        """Let go of the candidate."""
        opened, self._opened = self._opened, None
        if opened:
            opened.closing.close()

    def _is_over(self, rollout: Rollout) -> bool:
        failed, reason = self._failed
        if failed == rollout.rollout_id:  # the database did not take its end before
            self._end(rollout, reason)
        return failed == rollout.rollout_id

    def _end(self, rollout: Rollout, reason: str) -> None:
        self.close()
        self._failed = (rollout.rollout_id, reason)
        try:
            self._rollouts.end(rollout.rollout_id, Ending.FAILED, reason)
        except StoreDownError as error:
            note_failure(error)

    def _open_later(self) -> None:
        if self._is_awaited:
            return
        try:
            self._when_idle(self._open)
        except QueueFullError:  # the bot is stopping
            return
        self._is_awaited = True

    def _open(self) -> None:
        self._is_awaited = False
        with wide_event("candidate"):
            rollout = self._rollouts.current()
            if rollout is None or self._opened:
                return
            note(arm=rollout.name)
            if rollout.attempts >= _MOST_ATTEMPTS:
                self._end(rollout, _GIVEN_UP)
                return
            _ = self._live.answerer  # where it cannot answer either, the candidate is not to blame
            self._rollouts.mark_attempt(rollout.rollout_id)
            self._load(rollout)

    def _load(self, rollout: Rollout) -> None:
        closing = ExitStack()
        try:
            house = closing.enter_context(self._open_candidate(self._live, rollout))
        except Exception as error:  # noqa: BLE001  no person sees a candidate fail
            self.fail(rollout, error)
            return
        self._opened = _Opened(rollout.rollout_id, house, closing)
        self._has_answered = False
