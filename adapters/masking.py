"""What a model reads but is not taught to say: labels masked on rare strings.

A number, an address or a key in an answer is a fact, and facts come from the evidence; a model
that is trained to emit them remembers them. Knows no model: the tokenizer is passed in.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypedDict

from adapters.errors import TemplateNotPrefixStableError
from adapters.responder import Message

Span = tuple[int, int]
Spans = Callable[[str], Iterable[Span]]

UNTRAINED = -100
"""The label of a token that no loss is computed on."""

_RARE = re.compile(
    r"""
    (?P<citation>\[\s*\d{1,2}(?:\s*,\s*\d{1,2})*\s*\])       # form, not content
    | [\w.+-]+@[\w-]+(?:\.[\w-]+)+                           # e-mail
    | (?:https?://|www\.)[^\s\[\]<>]*[^\s\[\]<>.,;:!?)'"]    # URL
    | [$€£#+-]*[\w$€£%&@#+./:,=-]*\d(?:[\w$€£%&@#+./:,=-]*[\w%€£$])?%?  # digits, and what has some
    | \w+(?:_\w+)+ | [A-Z]{2,}(?:[-/][A-Z]{2,})+             # identifiers
    | (?P<long>[A-Za-z+/=-]{20,})                            # a key, or a long word
    """,
    re.VERBOSE,
)
_KEY_BITS = 3.9
"""Entropy per character: long English words and hyphenated ones stay below, random ones above."""


class Masked(TypedDict):
    """One row as a trainer takes it, in tokens; both lists are equally long."""

    input_ids: list[int]
    labels: list[int]


def rare_spans(text: str) -> Iterator[Span]:
    """Find what a model should copy from its evidence and never know by heart.

    Yields:
        Start and end of each number, e-mail address, URL, identifier and random string; a
        citation such as ``[1]`` is none of them.
    """
    for found in _RARE.finditer(text):
        is_word = found["long"] is not None and _bits(found["long"]) < _KEY_BITS
        if found["citation"] is None and not is_word:
            yield found.span()


def no_spans(_: str) -> tuple[Span, ...]:
    """Find nothing: the whole answer is taught."""
    return ()


def masked_row(
    tokenizer: Any, prompt: Sequence[Message], answer: str, rare: Spans = rare_spans
) -> Masked:
    """Lay out a prompt and its answer so that only the answer is taught, less its rare strings.

    The token that ends the answer is taught too.

    Args:
        tokenizer: With a chat template, and offsets.
        prompt: What is only read.
        answer: What is taught.
        rare: Finds what in the answer is not taught.

    Raises:
        TemplateNotPrefixStableError: If the template writes the prompt or the answer differently
            when both stand there.
    """
    said: Message = {"role": "assistant", "content": answer}
    head = tokenizer.apply_chat_template(prompt, add_generation_prompt=True, tokenize=False)
    text = tokenizer.apply_chat_template([*prompt, said], tokenize=False)
    if not text.startswith(head + answer):
        raise TemplateNotPrefixStableError
    encoded = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    spans = [(len(head) + start, len(head) + end) for start, end in rare(answer)]

    def is_taught(start: int, end: int) -> bool:
        return start >= len(head) and not any(start < b and a < end for a, b in spans)

    ids = encoded["input_ids"]
    offsets = encoded["offset_mapping"]
    labels = [
        token if is_taught(*offset) else UNTRAINED
        for token, offset in zip(ids, offsets, strict=True)
    ]
    return {"input_ids": list(ids), "labels": labels}


def _bits(text: str) -> float:
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)
