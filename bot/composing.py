"""What is kept of an answer, laid out as a reply: sentences, quotes, numbered sources. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.conversation import Outcome, Reply, Sentence, Source
from bot.quoting import MARKS, is_said, worth_quoting
from knowledge.documents import Passage
from knowledge.reading import Evidence, Reading


@dataclass(frozen=True, slots=True)
class Said:
    """A supported sentence and the passages that support it."""

    text: str
    passages: tuple[Passage, ...]


def compose(
    spoken: Sequence[Said],
    evidence: Sequence[Evidence],
    question: str,
    *,
    lead: str,
    words: int,
) -> Reply:
    """Make the reply to an answerable question.

    Args:
        spoken: Supported sentences, in order; those past the budget are left out, and all of
            them, if they speak of another passage than the best evidence.
        question: Its own facts need not be repeated.
        evidence: Best first, not empty; quoted where nothing supported was said, or where what
            was said leaves out the best of it.
        lead: Stands above quotes where nothing was said.
        words: Budget of the reply [words]; a quote that is longer alone is cut.
    """
    kept = _within(spoken, words)
    if not _is_to_the_point(kept, evidence[0], question):
        kept = []
    left = words - (sum(map(_words, kept)) if kept else len(lead.split()))
    quotes = worth_quoting(evidence, [one.text for one in kept], question, words=left)
    passages = [p for one in kept for p in one.passages] + [one.passage for one in quotes]
    sources = _sources(passages)
    numbers = {source.doc_id: source.number for source in sources}
    return Reply(
        outcome=Outcome.ANSWERED if kept else Outcome.QUOTED,
        sentences=tuple(_sentence(one, numbers) for one in kept) or (Sentence(lead),),
        quotes=tuple(
            Sentence(_cut(one.text, left - MARKS), (numbers[one.passage.doc_id],)) for one in quotes
        ),
        sources=sources,
    )


def numbered(reading: Reading, shown: Sequence[Passage]) -> Iterator[tuple[int, str, str]]:
    """Yield number, title and chosen sentences of each passage that the model will see."""
    for number, passage in enumerate(shown, start=1):
        chosen = [one for one in reading.evidence if one.passage == passage]
        text = " ".join(one.text for one in sorted(chosen, key=lambda one: one.place))
        yield number, passage.title, text


def cited(reply: Reply) -> set[str]:
    """Return the ids of the documents that a reply cites."""
    return {source.doc_id for source in reply.sources}


def _within(spoken: Sequence[Said], words: int) -> list[Said]:
    kept: list[Said] = []
    for one in spoken:
        words -= _words(one)
        if words < 0:
            break
        kept.append(one)
    return kept


def _is_to_the_point(kept: Sequence[Said], best: Evidence, question: str) -> bool:
    """Tell a true sentence that answers from one that is merely true."""
    said = " ".join(one.text for one in kept)
    return any(best.passage in one.passages for one in kept) or is_said(best.text, said, question)


def _sources(passages: Sequence[Passage]) -> tuple[Source, ...]:
    """Number the documents in the order of their first citation."""
    first = {passage.doc_id: passage for passage in reversed(passages)}
    order = dict.fromkeys(passage.doc_id for passage in passages)
    return tuple(
        Source(
            number=number,
            title=first[doc_id].title or doc_id,
            url=first[doc_id].url,
            doc_id=doc_id,
            owner=first[doc_id].owner,
            updated=day.isoformat() if (day := first[doc_id].updated) else "",
        )
        for number, doc_id in enumerate(order, start=1)
    )


def _sentence(said: Said, numbers: dict[str, int]) -> Sentence:
    return Sentence(said.text, tuple(dict.fromkeys(numbers[p.doc_id] for p in said.passages)))


def _words(said: Said) -> int:
    return len(said.text.split()) + len(said.passages)  # and its citations


def _cut(text: str, words: int) -> str:
    parts = text.split()
    return text if len(parts) <= words else " ".join([*parts[: max(words, 1) - 1], "…"])
