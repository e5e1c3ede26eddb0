"""Passages and an answerer over them, for tests that ask: no files, no model, no Slack."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from fakes import ScriptedResponder, WordsEmbedder

from adapters.responder import Responder
from adapters.voice import Voice
from bot.answering import Answerer, Limits
from bot.conversation import Answer, Question, Turn
from knowledge.access import Audience
from knowledge.documents import Passage
from knowledge.reading import Evidence, SentenceReader
from knowledge.retrieval import Retrieved
from knowledge.terms import terms

EVERYONE = Audience.from_role_sets([{"everyone"}])
VOICE_FILE = Path(__file__).parents[1] / "adapters/voices/house/voice.yaml"
VOICE = Voice.from_yaml(VOICE_FILE.read_text(encoding="utf-8"), path=str(VOICE_FILE))
CONTACT = "the desk"
LEAVE = "You get 25 days of annual leave."
QUESTION = "How many days of annual leave do I get?"


def a_passage(
    text: str = LEAVE,
    *,
    name: str = "leave",
    title: str = "Handbook",
    roles: Iterable[str] = ("everyone",),
    number: int = 0,
) -> Passage:
    """Build one passage, as well found as can be."""
    doc_id = f"wiki:{name}.md"
    url = f"https://wiki.example/{name}"
    crumb = title
    return Passage(
        f"{doc_id}#{number:05d}", doc_id, title, crumb, text, url, frozenset(roles), 0.9, 3.0, 0.9
    )


def an_evidence(
    passage: Passage, text: str = "", *, rank: int = 0, number: int = 0, score: float = 1.0
) -> Evidence:
    """Build one piece of evidence: a sentence of a passage, or all of it."""
    return Evidence(
        passage=passage,
        heading="",
        text=text or passage.text,
        place=(rank, number),
        score=score,
    )


@dataclass
class GivenPassages:
    """Returns those of its passages that the audience may read, and remembers the queries."""

    passages: Sequence[Passage]
    top_cosine: float = 0.9
    asked: list[str] = field(default_factory=list)

    def search(self, text: str, audience: Audience) -> Retrieved:
        """Search for one text."""
        self.asked.append(text)
        readable = tuple(one for one in self.passages if audience.may_read(one.roles))
        return Retrieved(
            query=text,
            version="chunks_v1@1",
            vector=WordsEmbedder().embed_query(text),
            passages=readable,
            top_cosine=self.top_cosine if readable else -1.0,
            idf=dict.fromkeys(terms(text), 1.0),
        )


def an_answerer(
    passages: Sequence[Passage] | GivenPassages,
    responder: Responder | str | None,
    *,
    limits: Limits | None = None,
) -> Answerer:
    """Put the use case together; its clock counts the times it is read."""
    is_text = isinstance(responder, str)
    ticks: Callable[[], int] = count().__next__
    return Answerer(
        retriever=passages if isinstance(passages, GivenPassages) else GivenPassages(passages),
        reader=SentenceReader(WordsEmbedder()),
        responder=ScriptedResponder(responder) if is_text else responder,
        voice=VOICE,
        contact=CONTACT,
        clock=ticks,
        limits=limits or Limits(),
        embedder="words-1",
    )


def ask(
    passages: Sequence[Passage],
    responder: Responder | str | None,
    text: str = QUESTION,
    *,
    room: Audience | None = EVERYONE,
    history: Sequence[Turn] = (),
) -> Answer:
    """Ask one question."""
    question = Question("q1", text, room, tuple(history))
    return an_answerer(passages, responder).answer(question)
