"""What is asked and what is replied; knows neither Slack nor any model."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from knowledge.access import Audience

LIVE = "live"
"""The arm that answers as the settings say."""

_MOST_TURNS = 4
_LONGEST_TURN = 600

KEPT = "kept"
"""The verdict of grounding on a sentence that a passage supports."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier message of the same thread."""

    role: Literal["user", "assistant"]
    text: str


def exchange(asked: str, answered: str) -> tuple[Turn, Turn]:
    """Return an earlier question and its answer, each cut to 600 characters."""
    return Turn("user", asked[:_LONGEST_TURN]), Turn("assistant", answered[:_LONGEST_TURN])


def latest(turns: Iterable[Turn]) -> tuple[Turn, ...]:
    """Return the last 4 turns, as many as an answer takes into account."""
    return tuple(turns)[-_MOST_TURNS:]


@dataclass(frozen=True, slots=True)
class Question:
    """What a person asked, and who will read the reply.

    Attributes:
        question_id: Opaque; the placeholder's metadata carries it.
        text: As typed, without the mention of the bot.
        audience: None where a reader is unknown: then nothing internal may be used.
        history: Earlier turns of this thread alone, oldest first.
        team: Whose budget it is asked on.
        channel: Decides whether a candidate on trial answers (empty: it does not), and which
            domain it is, where one claims the channel.
    """

    question_id: str
    text: str
    audience: Audience | None
    history: tuple[Turn, ...] = ()
    team: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A document that a reply rests on, as listed below it.

    Attributes:
        number: What ``[1]`` in a sentence refers to; counts from 1.
        doc_id: For the ledger, so that a reply can be withdrawn; never shown.
    """

    number: int
    title: str
    url: str
    doc_id: str
    owner: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the numbers of the sources that support it."""

    text: str
    sources: tuple[int, ...] = ()


class Outcome(StrEnum):
    """How a question ended."""

    ANSWERED = "answered"
    QUOTED = "quoted"
    DECLINED = "declined"
    BUSY = "busy"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Reply:
    """What will be posted: sentences in the house voice, verbatim quotes, linked sources.

    Attributes:
        sentences: In the voice. A declining, busy or failing reply has only these.
        quotes: Verbatim from the sources, shown as quotations.
        sources: Numbered from 1, each cited by at least one sentence or quote.
    """

    outcome: Outcome
    sentences: tuple[Sentence, ...]
    quotes: tuple[Sentence, ...] = ()
    sources: tuple[Source, ...] = ()

    @property
    def unmarked(self) -> str:
        """What it says, without citations, on one line."""
        return " ".join(sentence.text for sentence in (*self.sentences, *self.quotes))

    @property
    def text(self) -> str:
        """The reply as plain text with citations, for the terminal and for measuring."""
        spoken = " ".join(map(_cited, self.sentences))
        quoted = [f"> {_cited(quote)}" for quote in self.quotes]
        return "\n".join([spoken, *quoted] if spoken else quoted)


def _cited(sentence: Sentence) -> str:
    return " ".join([sentence.text, *(f"[{number}]" for number in sentence.sources)])


@dataclass(frozen=True, slots=True)
class Candidate:
    """What became of one retrieved passage; ids and figures, no text.

    Attributes:
        fate: ``cited``, ``shown`` (in the prompt) or ``unused``.
    """

    chunk_id: str
    doc_id: str
    rank: int
    cosine: float
    lexical: float
    score: float
    fate: str


@dataclass(frozen=True, slots=True)
class Trace:
    """How one answer came about: enough to explain it, without a word of any document.

    Attributes:
        audience: Fingerprint of the audience; empty when a reader was unknown.
        arm: ``live``, or the name of what was tried in its place.
        configuration: SHA-256 of the settings that the answer depends on.
        reason: Why it declined or fell back to quoting; empty for a spoken answer.
        top_cosine: Of everything that the audience may read [-1..1]; 0 if nothing was searched.
        domain: Where the question belongs; empty where nobody chose a voice.
        domain_score: Cosine to that domain [-1..1]; 0 where none was compared.
        domain_why: What decided it, or why another voice speaks for it.
        generation: Of the registry of adapters.
        bearing: The reader's score that the evidence answers the question [0..1].
        verdicts: One for each sentence of the model: ``kept``, or why grounding dropped it.
        engine, finish: What ran the model, and why its text ended.
        charged_to: The source of documents on whose budget a model was asked; empty without one.
        cost: In the currency of the prices in the settings.
        timings_s: Seconds by stage.
    """

    audience: str
    arm: str = LIVE
    configuration: str = ""
    index_version: str = ""
    embedder: str = ""
    base: str = ""
    adapter: str = ""
    domain: str = ""
    domain_score: float = 0.0
    domain_why: str = ""
    generation: int = 0
    voice: str = ""
    prompt_sha256: str = ""
    reason: str = ""
    top_cosine: float = 0.0
    bearing: float = 0.0
    candidates: tuple[Candidate, ...] = ()
    verdicts: tuple[str, ...] = ()
    engine: str = ""
    finish: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    charged_to: str = ""
    cost: float = 0.0
    timings_s: tuple[tuple[str, float], ...] = ()

    @property
    def dropped(self) -> tuple[str, ...]:
        """Why grounding dropped a sentence, one reason each."""
        return tuple(one for one in self.verdicts if one != KEPT)


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and how it came about."""

    reply: Reply
    trace: Trace
