"""What one answer was made from, and its trace, as both come about. Pure; takes no decision."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from adapters.responder import Generated
from bot.composing import cited
from bot.conversation import Answer, Candidate, Question, Reply, Trace
from bot.prompt import Prompt
from bot.speakers import Spoken
from knowledge.documents import Passage
from knowledge.reading import Reading
from knowledge.retrieval import Retrieved


@dataclass(frozen=True, slots=True)
class Working:
    """An answer and all that it was made from, texts included; None for stages not reached."""

    question: Question
    answer: Answer
    retrieved: Retrieved | None = None
    reading: Reading | None = None
    prompt: Prompt | None = None
    generated: Generated | None = None


@dataclass
class Worksheet:
    """What was found, read, shown and said for one question; None for stages not reached.

    Attributes:
        verdicts: One for each sentence of the model.
        charged_to: Source on whose budget the model was asked.
        is_over_budget: Whether the model was kept silent to save its budget.
        is_unreached: Whether the model was asked and did not answer.
        speaker: Who was chosen to speak.
    """

    question: Question
    clock: Callable[[], float]
    retrieved: Retrieved | None = None
    reading: Reading | None = None
    prompt: Prompt | None = None
    generated: Generated | None = None
    verdicts: list[str] = field(default_factory=list)
    timings_s: list[tuple[str, float]] = field(default_factory=list)
    charged_to: str = ""
    is_over_budget: bool = False
    is_unreached: bool = False
    speaker: Spoken | None = None
    _since: float = 0.0

    def __post_init__(self) -> None:
        self._since = self.clock()

    def lap(self, stage: str) -> None:
        """Write down how long a stage took."""
        now = self.clock()
        self.timings_s.append((stage, round(now - self._since, 4)))
        self._since = now

    def trace(self, reply: Reply, reason: str, shown: Sequence[Passage]) -> Trace:
        """Return how the reply came about, but for what only the answerer knows."""
        audience, found, spoken = self.question.audience, self.retrieved, self.generated
        speaker = self.speaker
        return Trace(
            audience=audience.fingerprint if audience else "",
            index_version=found.version if found else "",
            base=spoken.base_id if spoken else "",
            adapter=(spoken.adapter_name or "") if spoken else "",
            domain=speaker.domain if speaker else "",
            domain_score=speaker.score if speaker else 0.0,
            domain_why=speaker.why if speaker else "",
            generation=speaker.generation if speaker else 0,
            prompt_sha256=self.prompt.sha256 if self.prompt else "",
            reason=reason,
            top_cosine=round(found.top_cosine, 4) if found else 0.0,
            bearing=self.reading.bearing if self.reading else 0.0,
            candidates=_candidates(found, shown, reply) if found else (),
            verdicts=tuple(self.verdicts),
            engine=spoken.engine if spoken else "",
            finish=spoken.finish if spoken else "",
            prompt_tokens=spoken.prompt_tokens if spoken else 0,
            completion_tokens=spoken.completion_tokens if spoken else 0,
            charged_to=self.charged_to,
            timings_s=tuple(self.timings_s),
        )


def _candidates(found: Retrieved, shown: Sequence[Passage], reply: Reply) -> tuple[Candidate, ...]:
    was_shown, was_cited = {one.chunk_id for one in shown}, cited(reply)
    return tuple(
        Candidate(
            chunk_id=one.chunk_id,
            doc_id=one.doc_id,
            rank=rank,
            cosine=round(one.cosine, 4),
            lexical=round(one.lexical, 4),
            score=round(one.score, 4),
            fate=_fate(one, was_shown, was_cited),
        )
        for rank, one in enumerate(found.passages, start=1)
    )


def _fate(passage: Passage, shown: set[str], cited_documents: set[str]) -> str:
    if passage.chunk_id not in shown:
        return "unused"
    return "cited" if passage.doc_id in cited_documents else "shown"
