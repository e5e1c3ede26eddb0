"""The use case: one question, for the room, from passages alone.

Retrieve, read, speak, ground, fall back to quoting, or decline. Knows neither Slack, LanceDB
nor torch; they come in through ports.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from adapters.errors import ResponderUnavailableError
from adapters.responder import Generate, Generated, Responder
from adapters.voice import Voice
from bot.composing import Said, compose, numbered
from bot.conversation import (
    KEPT,
    LIVE,
    Answer,
    Outcome,
    Question,
    Reply,
    Sentence,
    Trace,
)
from bot.grounding import Dropped, Grounded, ground
from bot.prompt import Prompt, PromptEvidence, build_messages
from bot.query import query_of
from bot.quoting import leading
from bot.speakers import Spoken
from bot.voices import Voices
from bot.worksheet import Working, Worksheet
from knowledge.access import Audience
from knowledge.documents import Passage
from knowledge.reading import Evidence, Reading
from knowledge.retrieval import Retrieved
from knowledge.sentences import sentences

OVER_BUDGET = "the budget is spent"
"""The reason of an answer that was quoted to save tokens."""

SERVER_SILENT = "the model server is silent"
"""The reason of an answer that was quoted since the model could not be asked."""

_BESIDE = "beside the point"


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


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, in one currency."""

    prompt: float = 0.0
    completion: float = 0.0

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """Return what so many cost."""
        return (prompt_tokens * self.prompt + completion_tokens * self.completion) / 1_000_000


@dataclass(frozen=True, slots=True)
class Answerer:
    """Answers for the room.

    Attributes:
        responder: None: then the bot only quotes.
        voice: The written one.
        voices: Which version of it speaks; None: the base, always.
        contact: Whom a declining reply points to.
        clock: Seconds that only grow.
        may_speak: Whether the budget lets the model speak, for a team and the source of the best
            evidence; the bot quotes otherwise.
        configuration, arm: For the trace.
    """

    retriever: Retriever
    reader: GroundingReader
    responder: Responder | None
    voice: Voice
    contact: str
    clock: Callable[[], float]
    limits: Limits = Limits()
    embedder: str = ""
    may_speak: Callable[[str, str], bool] = lambda _team, _source: True
    prices: Prices = Prices()
    configuration: str = ""
    arm: str = LIVE
    voices: Voices | None = None

    def answer(self, question: Question) -> Answer:
        """Answer one question; see `work`."""
        return self.work(question).answer

    def work(self, question: Question) -> Working:
        """Answer one question for everyone who can read the reply.

        Args:
            question: What was asked; its audience is None where a reader is unknown.

        Returns:
            The supported sentences, with the best evidence quoted where they leave it out;
            quotes alone, if no sentence is supported; the same refusal whether a document is
            missing or forbidden.
        """
        sheet = Worksheet(question, self.clock)
        answer = self._worked(sheet)
        return Working(
            question, answer, sheet.retrieved, sheet.reading, sheet.prompt, sheet.generated
        )

    def _worked(self, sheet: Worksheet) -> Answer:
        question = sheet.question
        if question.audience is None:
            return self._declined(sheet, "audience unknown")
        found = sheet.retrieved = self.retriever.search(query_of(question), question.audience)
        sheet.lap("retrieval")
        if found.top_cosine < self.limits.floor:
            return self._declined(sheet, "below the floor")
        reading = sheet.reading = self.reader.read(found)
        sheet.lap("reading")
        if not reading.is_answered:
            return self._declined(sheet, "no evidence")
        return self._answered(sheet, reading)

    def _answered(self, sheet: Worksheet, reading: Reading) -> Answer:
        shown = list(dict.fromkeys(one.passage for one in reading.evidence))
        spoken = [] if reading.n_steps else self._spoken(sheet, reading, shown)
        if not spoken and self._refuses(sheet.generated):
            return self._declined(sheet, "the voice declined")
        quotable, lead, words = self._quotable(reading)
        reply = compose(spoken, quotable, sheet.question.text, lead=lead, words=words)
        reason = self._why_quoted(sheet) if reply.outcome is Outcome.QUOTED else ""
        return Answer(reply, self._traced(sheet.trace(reply, reason, shown)))

    def _spoken(self, sheet: Worksheet, reading: Reading, shown: Sequence[Passage]) -> list[Said]:
        """Let the model speak, and keep the sentences that a passage supports."""
        if self.responder is None:
            return []
        source = reading.evidence[0].passage.doc_id.partition(":")[0]
        if not self.may_speak(sheet.question.team, source):
            sheet.is_over_budget = True
            return []
        sheet.charged_to = source
        speaker = sheet.speaker = self._speaker(sheet)
        sheet.prompt = self._prompt(sheet.question, reading, shown, self.responder, speaker.voice)
        request = Generate(
            messages=sheet.prompt.messages,
            max_tokens=self.limits.answer_tokens,
            timeout_s=self.limits.deadline_s,
            adapter=speaker.ref,
        )
        try:
            sheet.generated = self.responder.generate(request)
        except ResponderUnavailableError:  # then it quotes, and its trace says why
            sheet.is_unreached = True
            return []
        sheet.lap("generation")
        kept = self._grounded(sheet, sheet.generated, shown, reading.evidence[0])
        sheet.lap("grounding")
        return kept

    def _refuses(self, said: Generated | None) -> bool:
        """Tell whether a voice says that there is no answer; a base was measured for nothing."""
        return said is not None and bool(said.adapter_name) and self.voice.refuses(said.text)

    def _speaker(self, sheet: Worksheet) -> Spoken:
        question, found = sheet.question, sheet.retrieved
        if self.voices is None or found is None or question.audience is None:
            return Spoken(None, self.voice)
        return self.voices.choose(found.vector, question.audience.readers, question.channel)

    def _prompt(
        self,
        question: Question,
        reading: Reading,
        shown: Sequence[Passage],
        responder: Responder,
        voice: Voice,
    ) -> Prompt:
        evidence = [
            PromptEvidence(number, title, text) for number, title, text in numbered(reading, shown)
        ]
        return build_messages(
            question.text,
            evidence,
            question.history,
            voice,
            count_tokens=responder.count_tokens,
            budget_tokens=self.limits.prompt_tokens,
        )

    def _grounded(
        self, sheet: Worksheet, generated: Generated, shown: Sequence[Passage], best: Evidence
    ) -> list[Said]:
        kept: list[Said] = []
        for sentence in finished(generated):
            checked = ground(sentence, shown, self.reader.similarity)
            if isinstance(checked, Dropped):
                sheet.verdicts.append(checked.reason)
            elif checked.text in {one.text for one in kept}:
                sheet.verdicts.append("repeated")
            else:
                sheet.verdicts.append(KEPT)
                kept.append(_said(checked, shown))
        if not any(self._says(one, best) for one in kept):
            sheet.verdicts = [_BESIDE if one == KEPT else one for one in sheet.verdicts]
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

    def _declined(self, sheet: Worksheet, reason: str) -> Answer:
        text = self.voice.sayings.decline_to(self.contact)
        reply = Reply(Outcome.DECLINED, (Sentence(text),))
        return Answer(reply, self._traced(sheet.trace(reply, reason, ())))

    def _why_quoted(self, sheet: Worksheet) -> str:
        if sheet.reading and sheet.reading.n_steps:
            return "steps are quoted"
        if self.responder is None:
            return "no model speaks"
        if sheet.is_unreached:
            return SERVER_SILENT
        return OVER_BUDGET if sheet.is_over_budget else "nothing to the point was said"

    def _traced(self, trace: Trace) -> Trace:
        return replace(
            trace,
            embedder=self.embedder,
            voice=self.voice.label,
            configuration=self.configuration,
            arm=self.arm,
            cost=self.prices.of(trace.prompt_tokens, trace.completion_tokens),
        )


def finished(generated: Generated) -> list[str]:
    """Return the sentences of an answer, without a last one that was cut off."""
    found = sentences(_marks_inside(generated.text))
    was_cut = generated.finish != "stop" and found and not re.search(r"[.!?]\W*$", found[-1])
    return found[:-1] if was_cut else found


def _marks_inside(text: str) -> str:
    """Move ``. [1]`` before the full stop, so that a mark stays with its sentence."""
    return re.sub(r"([.!?])((?:\s*\[\d{1,2}\])+)", r"\2\1", text)


def _said(grounded: Grounded, shown: Sequence[Passage]) -> Said:
    return Said(grounded.text, tuple(shown[place] for place in grounded.passages))
