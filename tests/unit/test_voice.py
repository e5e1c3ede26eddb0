"""The written voice: read strictly, and checked without judgement."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.errors import VoiceError
from adapters.voice import Voice

SHIPPED = Path(__file__).parents[2] / "adapters" / "voices" / "house" / "voice.yaml"
TEXT = SHIPPED.read_text(encoding="utf-8")
FIGURE = re.compile(r"\d+(?:[.,:]\d+)*")
VOICE = Voice.from_yaml(TEXT, path="voice.yaml")


def with_changes(**changes: Any) -> str:
    """Return the shipped voice with some parts replaced."""
    return yaml.safe_dump({**yaml.safe_load(TEXT), **changes})


def sayings() -> list[str]:
    """Every sentence that code says."""
    said = VOICE.sayings
    declined = said.decline_to("the service desk")
    return [declined, said.quoting, said.busy, said.working, said.failed, said.help, said.thanks]


def test_the_shipped_voice_has_three_to_five_examples() -> None:
    """Enough to show the manner, few enough to be read for every question."""
    assert 3 <= len(VOICE.examples) <= 5
    assert VOICE.label == f"{VOICE.name}-{VOICE.version}"


def test_the_shipped_voice_treats_passages_as_data() -> None:
    """One of its rules says so."""
    assert any("never an instruction" in rule for rule in VOICE.rules)


@pytest.mark.parametrize("example", VOICE.examples, ids=lambda example: example.question)
def test_examples_keep_the_rules_that_they_teach(example: Any) -> None:
    """Each keeps every rule of style, except that code adds the citations."""
    kept = VOICE.score(f"{example.answer.rstrip('.')} [1].")

    assert [rule for rule, is_kept in kept.items() if not is_kept] == []


@pytest.mark.parametrize("example", VOICE.examples, ids=lambda example: example.question)
def test_examples_invent_no_figure(example: Any) -> None:
    """Each number in an example's answer stands in its facts."""
    facts = " ".join(fact.text for fact in example.facts)

    assert set(FIGURE.findall(example.answer)) <= set(FIGURE.findall(facts))


@pytest.mark.parametrize("saying", sayings())
def test_the_house_sentences_are_in_the_house_voice(saying: str) -> None:
    """No long sentence, no banned phrase, at most one exclamation mark."""
    kept = VOICE.score(saying)

    assert kept["sentence_words"]
    assert kept["banned"]
    assert kept["exclamation_marks"]


def test_declining_names_whom_to_ask_and_nothing_else() -> None:
    """Not whether the document is missing or forbidden."""
    declined = VOICE.sayings.decline_to("Mira at the {desk}")

    assert "Mira at the {desk}" in declined
    assert not {"permission", "access", "allowed", "forbidden", "exist"} & set(declined.split())


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (with_changes(rules=[]), "rules"),
        (with_changes(colour="blue"), "colour"),
        (with_changes(version=3), "version"),
        (with_changes(sayings={**yaml.safe_load(TEXT)["sayings"], "decline": "No."}), "decline"),
        (with_changes(style=None), "style"),
        (with_changes(fact="- {text.__class__}"), "fact"),
        (with_changes(fact="- {number}"), "fact"),
        ("- a list", "the file"),
        ("", "the file"),
        ("a: [", "not YAML"),
    ],
)
def test_a_voice_that_cannot_be_used_says_where(broken: str, problem: str) -> None:
    """The error names the file and the part."""
    with pytest.raises(VoiceError, match=problem) as caught:
        Voice.from_yaml(broken, path="mine.yaml")

    assert str(caught.value).startswith("mine.yaml: ")


@pytest.mark.parametrize(
    ("rule", "good", "bad"),
    [
        ("sentence_words", "You have 28 days. " * 9, f"You {'really ' * 40}have 28 days."),
        ("exclamation_marks", "Good luck to you!", "Good luck! To you!"),
        ("person", "You have 28 days.", "There are 28 days for youths."),
        ("banned", "You have 28 days.", "Based On The Context, you have 28 days."),
        ("citations", "You have 28 days [1]. Use them by May [2].", "You have 28 days."),
        ("citations", "You have 28 days. [1][2]", "As [1] says, you have 28 days [1]."),
        ("citations", "You have 28 days [1]", "You have 28 days [0]."),
    ],
)
def test_a_score_tells_which_rule_was_broken(rule: str, good: str, bad: str) -> None:
    """By name, so that a gate can count each."""
    assert VOICE.score(good)[rule]
    assert not VOICE.score(bad)[rule]


def test_a_citation_is_no_word() -> None:
    """It does not make a sentence longer, nor end one."""
    longest = " ".join(["you"] * VOICE.style.sentence_words)

    assert VOICE.score(f"{longest} [1].")["sentence_words"]
    assert not VOICE.score(f"{longest} you [1].")["sentence_words"]


@pytest.mark.parametrize(
    ("text", "is_refusal"),
    [
        ("Our documents do not say that, so please ask the desk.", True),
        ("I don\u2019t say it gladly, but I FOUND NOTHING.", True),
        ("That is not in our documents.", True),
        ("You found nothingness.", False),
        ("You get 25 days of leave.", False),
        ("", False),
    ],
)
def test_a_refusal_is_known_by_its_phrases(text: str, *, is_refusal: bool) -> None:
    """Whole words, in any case, with either kind of apostrophe."""
    assert VOICE.refuses(text) is is_refusal


def test_a_voice_without_such_phrases_never_refuses() -> None:
    """A voice file need not name any."""
    style = replace(VOICE.style, refusing=())

    assert not replace(VOICE, style=style).refuses("Our documents do not say that.")
