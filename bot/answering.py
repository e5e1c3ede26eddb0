"""The use case: one question, for the room, from passages alone.

Retrieve, read, speak, ground, fall back to quoting, or decline. Knows neither Slack, LanceDB
nor torch; they come in through ports.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from adapters.responder import Generate, Generated, Responder
from adapters.voice import Voice
from bot.composing import Said, cited, compose, numbered
from bot.conversation import Answer, Candidate, Outcome, Question, Reply, Sentence, Trace
from bot.grounding import Dropped, Grounded, ground
from bot.prompt import Prompt, PromptEvidence, build_messages
from bot.quoting import leading
from knowledge.access import Audience
from knowledge.documents import Passage
from knowledge.reading import Evidence, Reading
from knowledge.retrieval import Retrieved
from knowledge.sentences import sentences
from knowledge.terms import terms

_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|those|these|they|them|there|he|she|him|her|then|same|one|ones)\b",
    re.IGNORECASE,
)
_SHORT_TERMS = 3  # a question with fewer words of its own leans on the one before


class Retriever(Protocol):
    """Finds passages that a whole audience may read."""

    def search(self, text: str, audience: Audience) -> Retrieved:
        """Search for one text."""
        ...


class GroundingReader(Protocol):
    """Chooses evidence, and compares sentences."""

    def read(self, retrieved: Retrieved) -> Reading:
        """Read what was retrieved."""
        ...

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine between two sentences [-1..1]."""
        ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one answer.

    Attributes:
        floor: Top cosine below which nothing is read [-1..1].
        words: Of the whole reply, sources list apart.
        step_words: The same where the steps of a how-to are quoted.
    """

    floor: float = 0.30
    prompt_tokens: int = 900
    answer_tokens: int = 72
    deadline_s: float = 30.0
    words: int = 80
    step_words: int = 140


@dataclass
class _Record:
    """What one answer's trace is made from, as it comes about."""

    question: Question
    clock: Callable[[], float]
    retrieved: Retrieved | None = None
    reading: Reading | None = None
    prompt: Prompt | None = None
    generated: Generated | None = None
    dropped: list[str] = field(default_factory=list)
    timings_s: list[tuple[str, float]] = field(default_factory=list)
    _since: float = 0.0

    def __post_init__(self) -> None:
        self._since = self.clock()

    def lap(self, stage: str) -> None:
        now = self.clock()
        self.timings_s.append((stage, round(now - self._since, 4)))
        self._since = now


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers for the room.

    Attributes:
        responder: None: then the bot only quotes.
        contact: Whom a declining reply points to.
        clock: Seconds that only grow.
    """

    retriever: Retriever
    reader: GroundingReader
    responder: Responder | None
    voice: Voice
    contact: str
    clock: Callable[[], float]
    limits: Limits = Limits()
    embedder: str = ""

    def answer(self, question: Question) -> Answer:
        """Answer one question for everyone who can read the reply.

        Args:
            question: What was asked; its audience is None where a reader is unknown.

        Returns:
            The supported sentences, with the best evidence quoted where they leave it out;
            quotes alone, if no sentence is supported; the same refusal whether a document is
            missing or forbidden.
        """
        record = _Record(question, self.clock)
        if question.audience is None:
            return self._declined(record, "audience unknown")
        found = record.retrieved = self.retriever.search(_query(question), question.audience)
        record.lap("retrieval")
        if found.top_cosine < self.limits.floor:
            return self._declined(record, "below the floor")
        reading = record.reading = self.reader.read(found)
        record.lap("reading")
        if not reading.is_answered:
            return self._declined(record, "no evidence")
        return self._answered(record, reading)

    def _answered(self, record: _Record, reading: Reading) -> Answer:
        shown = list(dict.fromkeys(one.passage for one in reading.evidence))
        spoken = [] if reading.n_steps else self._spoken(record, reading, shown)
        quotable, lead, words = self._quotable(reading)
        reply = compose(spoken, quotable, record.question.text, lead=lead, words=words)
        reason = _why_quoted(reading) if reply.outcome is Outcome.QUOTED else ""
        return Answer(reply, self._trace(record, reason, shown, reply))

    def _spoken(self, record: _Record, reading: Reading, shown: Sequence[Passage]) -> list[Said]:
        """Let the model speak, and keep the sentences that a passage supports."""
        if self.responder is None:
            return []
        record.prompt = self._prompt(record.question, reading, shown, self.responder)
        request = Generate(
            messages=record.prompt.messages,
            max_tokens=self.limits.answer_tokens,
            timeout_s=self.limits.deadline_s,
        )
        record.generated = self.responder.generate(request)
        record.lap("generation")
        kept = self._grounded(record, record.generated, shown, reading.evidence[0])
        record.lap("grounding")
        return kept

    def _prompt(
        self,
        question: Question,
        reading: Reading,
        shown: Sequence[Passage],
        responder: Responder,
    ) -> Prompt:
        evidence = [
            PromptEvidence(number, title, text) for number, title, text in numbered(reading, shown)
        ]
        return build_messages(
            question.text,
            evidence,
            question.history,
            self.voice,
            count_tokens=responder.count_tokens,
            budget_tokens=self.limits.prompt_tokens,
        )

    def _grounded(
        self, record: _Record, generated: Generated, shown: Sequence[Passage], best: Evidence
    ) -> list[Said]:
        kept: list[Said] = []
        for sentence in _finished(generated):
            checked = ground(sentence, shown, self.reader.similarity)
            if isinstance(checked, Dropped):
                record.dropped.append(checked.reason)
            elif checked.text not in {one.text for one in kept}:
                kept.append(_said(checked, shown))
        if not any(self._says(one, best) for one in kept):
            record.dropped += ["beside the point"] * len(kept)
            return []
        return kept

    def _quotable(self, reading: Reading) -> tuple[Sequence[Evidence], str, int]:
        """Return what may be quoted, what stands above it, and how many words it may take."""
        sayings, limits = self.voice.sayings, self.limits
        if not reading.n_steps:
            return reading.evidence, sayings.quoting, limits.words
        steps = reading.evidence[: reading.n_steps]
        fitting = leading(steps, words=limits.step_words - len(sayings.first_steps.split()))
        is_whole = len(fitting) == len(steps)
        return fitting, sayings.quoting if is_whole else sayings.first_steps, limits.step_words

    def _says(self, said: Said, best: Evidence) -> bool:
        """Tell whether a sentence rests on the best evidence itself, not on its neighbours."""
        alone = replace(best.passage, text=best.text)
        return isinstance(ground(said.text, [alone], self.reader.similarity), Grounded)

    def _declined(self, record: _Record, reason: str) -> Answer:
        text = self.voice.sayings.decline_to(self.contact)
        reply = Reply(Outcome.DECLINED, (Sentence(text),))
        return Answer(reply, self._trace(record, reason, (), reply))

    def _trace(self, record: _Record, reason: str, shown: Sequence[Passage], reply: Reply) -> Trace:
        audience, found, spoken = record.question.audience, record.retrieved, record.generated
        return Trace(
            audience=audience.fingerprint if audience else "",
            index_version=found.version if found else "",
            embedder=self.embedder,
            base=spoken.base_id if spoken else "",
            adapter=(spoken.adapter_name or "") if spoken else "",
            voice=self.voice.label,
            prompt_sha256=record.prompt.sha256 if record.prompt else "",
            reason=reason,
            bearing=record.reading.bearing if record.reading else 0.0,
            candidates=_candidates(found, shown, reply),
            dropped=tuple(record.dropped),
            prompt_tokens=spoken.prompt_tokens if spoken else 0,
            completion_tokens=spoken.completion_tokens if spoken else 0,
            timings_s=tuple(record.timings_s),
        )


def _why_quoted(reading: Reading) -> str:
    return "steps are quoted" if reading.n_steps else "nothing to the point was said"


def _query(question: Question) -> str:
    """Return what to search: a follow-up takes the question before it along."""
    asked = [turn.text for turn in question.history if turn.role == "user"]
    leans = _POINTS_BACK.search(question.text) or len(set(terms(question.text))) < _SHORT_TERMS
    return f"{asked[-1]}\n{question.text}" if asked and leans else question.text


def _finished(generated: Generated) -> list[str]:
    """Return the sentences of an answer, without a last one that was cut off."""
    found = sentences(_marks_inside(generated.text))
    was_cut = generated.finish != "stop" and found and not re.search(r"[.!?]\W*$", found[-1])
    return found[:-1] if was_cut else found


def _marks_inside(text: str) -> str:
    """Move ``. [1]`` before the full stop, so that a mark stays with its sentence."""
    return re.sub(r"([.!?])((?:\s*\[\d{1,2}\])+)", r"\2\1", text)


def _said(grounded: Grounded, shown: Sequence[Passage]) -> Said:
    return Said(grounded.text, tuple(shown[place] for place in grounded.passages))


def _candidates(
    found: Retrieved | None, shown: Sequence[Passage], reply: Reply
) -> tuple[Candidate, ...]:
    if found is None:
        return ()
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
