"""What is searched for a question. Pure."""

import re

from bot.conversation import Question
from knowledge.terms import terms

_POINTS_BACK = re.compile(
    r"\b(?:it|its|that|this|those|these|they|them|there|he|she|him|her|then|same|one|ones)\b",
    re.IGNORECASE,
)
_SHORT_TERMS = 3  # a question with fewer words of its own leans on the one before


def query_of(question: Question) -> str:
    """Return what to search: a follow-up takes the question before it along."""
    asked = [turn.text for turn in question.history if turn.role == "user"]
    leans = _POINTS_BACK.search(question.text) or len(set(terms(question.text))) < _SHORT_TERMS
    return f"{asked[-1]}\n{question.text}" if asked and leans else question.text
