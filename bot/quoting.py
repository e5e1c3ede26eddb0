"""The answer without a model: the best sentences, quoted and cited.

Also decides whether what a model said still lacks the best evidence. Pure.
"""

from collections.abc import Iterable, Sequence
from itertools import accumulate

from bot.grounding import facts
from knowledge.reading import Evidence
from knowledge.terms import terms

MARKS = 2
"""Words that a quote takes beside its own: the sign before it and its citation."""

_COVERED = 0.7  # share of the evidence's words from which it counts as said


def worth_quoting(
    evidence: Sequence[Evidence], spoken: Iterable[str], question: str, *, words: int
) -> list[Evidence]:
    """Choose what to quote below what was said.

    Args:
        evidence: Best first.
        spoken: Sentences that will be posted anyway.
        question: Its own facts need not be repeated.
        words: Budget for the quotes; the best quote is taken even if it alone is longer.

    Returns:
        With nothing spoken the best evidence that fits; otherwise the best one alone, and
        only if what was said leaves out its facts.
    """
    said = " ".join(spoken)
    if said:
        missing = evidence[:1] if not is_said(evidence[0].text, said, question) else ()
        return [one for one in missing if _words(one) <= words]
    taken: list[Evidence] = []
    for one in evidence:
        if not taken or _words(one) <= words:
            taken.append(one)
            words -= _words(one)
    return taken


def leading(steps: Sequence[Evidence], *, words: int) -> Sequence[Evidence]:
    """Return the first steps that fit, in order; at least one."""
    lengths = accumulate(map(_words, steps))
    return steps[: max(1, sum(length <= words for length in lengths))]


def _words(evidence: Evidence) -> int:
    return len(evidence.text.split()) + MARKS


def is_said(evidence: str, said: str, question: str) -> bool:
    """Tell whether what was said holds every new fact of a piece of evidence.

    Facts of the question need not be repeated. Evidence without facts of its own is said when
    most of its words are.
    """
    new = facts(evidence) - facts(question)
    held = set(terms(evidence))
    share = len(held & set(terms(said))) / len(held) if held else 1.0
    return new <= facts(f"... {said}") if new else share >= _COVERED  # a name may start it
