"""Which tokens of an answer are taught, with a tokenizer of one token a byte."""

from collections.abc import Sequence
from typing import Any

import pytest
from tiny_voices import a_tokenizer

from adapters.errors import TemplateNotPrefixStableError
from adapters.masking import UNTRAINED, masked_row, no_spans, rare_spans
from adapters.responder import Message

PROMPT = (Message(role="system", content="Be brief."), Message(role="user", content="Code 12?"))


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """The tiny tokenizer, with a chat template."""
    return a_tokenizer()


def taught(tokenizer: Any, labels: Sequence[int]) -> str:
    """Return the text that a loss is computed on."""
    return str(tokenizer.decode([label for label in labels if label != UNTRAINED]))


@pytest.mark.parametrize(
    ("text", "rare"),
    [
        ("You get 25 days.", ["25"]),
        ("It costs €1,200.50, or 12% less.", ["€1,200.50", "12%"]),
        ("Write to ada.lovelace@corp.example.", ["ada.lovelace@corp.example"]),
        ("See https://wiki.example/a?b=c#d.", ["https://wiki.example/a?b=c#d"]),
        ("Form HR-2041 and FORM-AB, user jane_doe.", ["HR-2041", "FORM-AB", "jane_doe"]),
        ("The password is Tr0ub4dor&3.", ["Tr0ub4dor&3"]),
        ("Call +49 30 1234-567.", ["+49", "30", "1234-567"]),
        ("The key is xKqPzRtLmWvBnHyGfDsJ now.", ["xKqPzRtLmWvBnHyGfDsJ"]),
        ("At 10:30 on 2026-11-21, room B2/14.", ["10:30", "2026-11-21", "B2/14"]),
    ],
)
def test_what_nobody_should_know_by_heart_is_found(text: str, rare: list[str]) -> None:
    """Numbers, addresses, identifiers and random strings, without the full stop behind them."""
    assert [text[start:end] for start, end in rare_spans(text)] == rare


@pytest.mark.parametrize(
    "text",
    [
        "Good question! We keep spare badges at the front desk [1].",
        "Yes, both do [1, 2][12]. Take the self-service portal.",
        "Ask for the counterrevolutionary internationalization plan.",
        "It is a state-of-the-art, well-documented, day-to-day arrangement.",
        "",
    ],
)
def test_the_voice_is_taught_whole(text: str) -> None:
    """Words, long ones too, and the marks of citations are form, not facts."""
    assert list(rare_spans(text)) == []


def test_only_the_answer_is_taught_less_its_rare_strings(tokenizer: Any) -> None:
    """The prompt is read and not taught, and the token that ends the answer is taught."""
    row = masked_row(tokenizer, PROMPT, "Take code 4711 [1].")

    assert taught(tokenizer, row["labels"]) == "Take code  [1].<|im_end|>\n"
    assert len(row["labels"]) == len(row["input_ids"])
    head = tokenizer.apply_chat_template(list(PROMPT), add_generation_prompt=True, tokenize=False)
    assert tokenizer.decode(row["input_ids"]) == f"{head}Take code 4711 [1].<|im_end|>\n"


def test_an_answer_that_teaches_copying_is_taught_whole(tokenizer: Any) -> None:
    """Without spans nothing of the answer is left out."""
    row = masked_row(tokenizer, PROMPT, "Take code 4711 [1].", no_spans)

    assert taught(tokenizer, row["labels"]) == "Take code 4711 [1].<|im_end|>\n"


@pytest.mark.parametrize(
    "template",
    [
        "{% for m in messages %}{{ m['content'] | trim }}{% endfor %}",  # not as written
        (
            "{% for m in messages %}{{ m['content'] }}{% endfor %}{{ messages | length }}"
            "{% if add_generation_prompt %}?{% endif %}"
        ),  # another prompt
    ],
)
def test_a_template_that_shifts_the_answer_is_refused(template: str) -> None:
    """Where it cannot be known which tokens are the answer, nothing is trained."""
    tokenizer = a_tokenizer()
    tokenizer.chat_template = template

    with pytest.raises(TemplateNotPrefixStableError):
        masked_row(tokenizer, PROMPT, " Hello ")
