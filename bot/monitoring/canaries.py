"""Questions whose answers are known: may nobody find the planted document, are golden ones told.

Asks through what it is given; knows neither Slack nor whose thread the models belong to.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from bot.conversation import Outcome, Question, Reply, Turn, exchange, latest
from bot.worksheet import Working
from knowledge.access import EVERYONE, RESERVED, Audience
from knowledge.canary import words_of
from knowledge.errors import FilterBrokenError
from knowledge.golden import GoldenCase, holds
from knowledge.retrieval import HybridRetriever
from knowledge.terms import terms

_CUT = 50  # rows of each half, as for a question
_MOST_ROLES = 50  # asked as in one round; the next ones in the next round
_SAID = frozenset({Outcome.ANSWERED, Outcome.QUOTED})


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one look for the planted document showed.

    Attributes:
        doc_id: Of the document; None where none is planted.
        asked_as: Roles with which it was looked for.
        seen_by: Those of them that found it, or for which the filter broke: there must be none.
        is_blind: Whether not even its own role finds it.
    """

    doc_id: str | None
    asked_as: tuple[str, ...]
    seen_by: tuple[str, ...]
    is_blind: bool


@dataclass
class AccessCanary:
    """Looks for the planted document.

    Attributes:
        retriever: The one that answers; called in the thread that owns it.
        planted: Returns the id of the document.
        roles: Returns every role of ``access.yaml``.
    """

    retriever: Callable[[], HybridRetriever]
    planted: Callable[[], str | None]
    roles: Callable[[], Iterable[str]]
    _next: int = 0

    def look(self) -> Sighting:
        """Look once as ``everyone``, as each role or the next of them, and as its own role.

        Raises:
            StoredIndexError: If there is no index, or it cannot be searched.
        """
        retriever, doc_id = self.retriever(), self.planted()
        if doc_id is None:
            return Sighting(None, (), (), is_blind=True)
        asked_as = self._turn()
        seen_by = tuple(role for role in asked_as if is_found(retriever, doc_id, role))
        try:
            is_blind = doc_id not in _passages(retriever, doc_id, _alone(RESERVED))
        except FilterBrokenError:  # something else came back for its own role
            return Sighting(doc_id, asked_as, (*seen_by, RESERVED), is_blind=False)
        return Sighting(doc_id, asked_as, seen_by, is_blind=is_blind)

    def _turn(self) -> tuple[str, ...]:
        """Return whom to look as this time: all roles in turn, where there are many."""
        roles = sorted({*self.roles()} - {EVERYONE, RESERVED})
        start = self._next if self._next < len(roles) else 0
        self._next = start + _MOST_ROLES
        return (EVERYONE, *roles[start : start + _MOST_ROLES])


def is_found(retriever: HybridRetriever, doc_id: str, role: str) -> bool:
    """Tell whether somebody with one role finds a document, before or after the cut."""
    audience, text = _alone(role), words_of(doc_id)
    vector, query = retriever.embedder.embed_query(text), sorted(set(terms(text)))
    try:
        hits = retriever.index.pin(retriever.version).search(audience, vector, query, cut=_CUT)
        return doc_id in {hit.doc_id for hit in hits} | _passages(retriever, doc_id, audience)
    except FilterBrokenError:  # the row did come back
        return True


def _passages(retriever: HybridRetriever, doc_id: str, audience: Audience) -> set[str]:
    found = retriever.search(words_of(doc_id), audience)
    return {passage.doc_id for passage in found.passages}


def _alone(role: str) -> Audience:
    return Audience.from_role_sets([{role}])


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """How one golden question was answered now.

    Attributes:
        why: It failed; empty where it passed.
    """

    case_id: str
    why: str = ""

    @property
    def has_passed(self) -> bool:
        """Whether it is answered as it should be."""
        return not self.why


def ask_case(case: GoldenCase, work: Callable[[Question], Working]) -> CanaryResult:
    """Ask one golden question, its history first where that has to be asked for."""
    turns = list[Turn]()
    for n, earlier in enumerate(case.history):
        answered = earlier.answered
        if answered is None:
            asked = Question(f"{case.id}/{n}", earlier.asked, case.audience, latest(turns))
            answered = work(asked).answer.reply.unmarked
        turns += exchange(earlier.asked, answered)
    answer = work(Question(case.id, case.question, case.audience, latest(turns))).answer
    return CanaryResult(case.id, _why_failed(case, answer.reply, answer.trace.reason))


def _why_failed(case: GoldenCase, reply: Reply, reason: str) -> str:
    if any(holds(reply.text, one) for one in case.forbidden):
        return "says what it must not"
    if case.expect == "decline":
        return "" if reply.outcome is Outcome.DECLINED else "is answered, and should be declined"
    if reply.outcome not in _SAID:
        return f"{reply.outcome}: {reason}" if reason else str(reply.outcome)
    if not case.is_told(reply.text):
        return "a fact is missing" + (f": {reason}" if reason else "")
    return "" if _is_cited(case, reply) else "none of its sources is cited"


def _is_cited(case: GoldenCase, reply: Reply) -> bool:
    """Tell whether the reply rests on a source of the case, where the case has no facts."""
    if case.facts or case.answers:
        return True
    return bool({source.doc_id.partition(":")[2] for source in reply.sources} & {*case.sources})


def lost(results: Sequence[CanaryResult], before: Iterable[str]) -> tuple[CanaryResult, ...]:
    """Return those that fail now and are among the ids that passed before."""
    passed = frozenset(before)
    return tuple(one for one in results if not one.has_passed and one.case_id in passed)
