"""Question, evidence and thread to chat messages, within a budget of tokens.

Knows neither who asks nor who may read what: it is shown only what everyone in the room may
read, and holds no secret, so that its full disclosure does no harm.
"""

import hashlib
import json
import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from adapters.responder import Message
from adapters.voice import Example, Voice
from bot.conversation import Turn
from bot.inert import cut

TokenCounter = Callable[[Sequence[Message]], int]
"""Returns how long a prompt is [tokens]."""

_STEERING = re.compile(r"(?=<\||\|>|</?s>|<(?:start|end)_of_turn>|\[/?INST\])(.)")
_LONGEST_TITLE = 80
_QUESTION = "\nQuestion: "  # after an empty line; in evidence no line begins like that
_SHORTER = (800, 400, 200, 100, 50)


@dataclass(frozen=True, slots=True)
class PromptEvidence:
    """One sentence or passage that bears on the question.

    Attributes:
        number: What an answer cites; counts from 1.
    """

    number: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the model is shown.

    Attributes:
        evidence: What of the evidence is in it; an answer may cite only that.
        sha256: Of the messages, so that an answer can be explained.
    """

    messages: tuple[Message, ...]
    evidence: tuple[PromptEvidence, ...]
    sha256: str


@dataclass(frozen=True, slots=True)
class _Draft:
    question: str
    evidence: tuple[PromptEvidence, ...]
    history: tuple[Turn, ...]
    voice: Voice

    def messages(self) -> tuple[Message, ...]:
        turns = (Message(role=turn.role, content=turn.text) for turn in self.history)
        asked = Message(role="user", content=_asked(self.question, self.evidence, self.voice.fact))
        return (*fixed_messages(self.voice), *turns, asked)


def build_messages(  # noqa: PLR0913  # what a prompt is made of
    question: str,
    evidence: Sequence[PromptEvidence],
    history: Sequence[Turn],
    voice: Voice,
    *,
    count_tokens: TokenCounter,
    budget_tokens: int,
) -> Prompt:
    """Lay out a prompt that fits.

    When space is short, these go, in this order, until it fits: the oldest turns of the thread,
    the weakest evidence, the last examples of the voice. Then the best evidence and the question
    are cut at a word; they are never left out.

    Args:
        question: As typed.
        evidence: Best first.
        history: Earlier turns of this thread alone, oldest first.
        voice: Its rules and examples come first, the same for every question.
        count_tokens: The responder's.
        budget_tokens: Of the whole prompt [tokens]. Below what the rules of the voice alone take,
            no prompt fits, and the smallest is returned.
    """
    draft = _Draft(question, tuple(evidence), tuple(history), voice)
    for smaller in _ever_smaller(draft, budget_tokens):
        draft = smaller
        if count_tokens(draft.messages()) <= budget_tokens:
            break
    messages = draft.messages()
    canonical = json.dumps(messages, ensure_ascii=False, sort_keys=True)
    return Prompt(messages, draft.evidence, hashlib.sha256(canonical.encode()).hexdigest())


def fixed_messages(voice: Voice) -> tuple[Message, ...]:
    """Return what every prompt of a voice begins with: its rules and examples."""
    system = Message(role="system", content=" ".join(voice.rules))
    turns = (turn for example in voice.examples for turn in _as_turns(example, voice.fact))
    return (system, *turns)


def prompt_sha256(voice: Voice) -> str:
    """Return the hash of what every prompt begins with in training: the rules, and no example."""
    canonical = json.dumps(
        fixed_messages(replace(voice, examples=())), ensure_ascii=False, sort_keys=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


def asked_instead(messages: Sequence[Message], question: str) -> tuple[Message, ...]:
    """Return a prompt that asks something else of the same evidence, but for its history.

    Returns:
        Nothing where it does not show where the question begins.
    """
    *before, asked = messages
    evidence, mark, _ = asked["content"].partition(_QUESTION)
    if not mark:
        return ()
    other = Message(role=asked["role"], content=f"{evidence}{mark}{plain_line(question)}")
    return (*before, other)


def plain_line(text: str) -> str:
    """Return text on one line, without invisible characters and without what steers a model."""
    line = " ".join("".join(map(_visible, text)).split())
    return _STEERING.sub(r"\1 ", line)


def _visible(char: str) -> str:
    kind = unicodedata.category(char)
    return " " if kind == "Cc" else "" if kind in {"Cf", "Cs"} else char


def _as_turns(example: Example, layout: str) -> tuple[Message, Message]:
    facts = [
        PromptEvidence(number, fact.title, fact.text)
        for number, fact in enumerate(example.facts, start=1)
    ]
    return (
        Message(role="user", content=_asked(example.question, facts, layout)),
        Message(role="assistant", content=example.answer),
    )


def _asked(question: str, evidence: Sequence[PromptEvidence], layout: str) -> str:
    facts = (layout.format(number=one.number, title=one.title, text=one.text) for one in evidence)
    return "\n".join([*facts, f"{_QUESTION}{question}"])


def _ever_smaller(draft: _Draft, budget_tokens: int) -> Iterator[_Draft]:
    # A character is at least a token in the worst case, and a quarter of one usually.
    yield (draft := _shortened(draft, budget_tokens))
    while draft.history:
        yield (draft := replace(draft, history=draft.history[1:]))
    while len(draft.evidence) > 1:
        yield (draft := replace(draft, evidence=draft.evidence[:-1]))
    while examples := draft.voice.examples:
        yield (draft := replace(draft, voice=replace(draft.voice, examples=examples[:-1])))
    for chars in _SHORTER:
        if chars < budget_tokens:
            yield (draft := _shortened(draft, chars))


def _shortened(draft: _Draft, chars: int) -> _Draft:
    return replace(
        draft,
        question=cut(plain_line(draft.question), chars),
        evidence=tuple(_plain(one, chars) for one in draft.evidence),
        history=tuple(Turn(turn.role, cut(plain_line(turn.text), chars)) for turn in draft.history),
    )


def _plain(one: PromptEvidence, chars: int) -> PromptEvidence:
    return PromptEvidence(
        one.number, cut(plain_line(one.title), _LONGEST_TITLE), cut(plain_line(one.text), chars)
    )
