"""Where questions go: by place, by meaning, or to the default voice where that is not clear."""

import numpy as np
import pytest
from fakes import WordsEmbedder

from adapters.errors import DomainsError
from adapters.routing import (
    BY_PLACE,
    BY_QUESTION,
    DEFAULT,
    ONLY_ONE,
    TOO_CLOSE,
    TOO_FAR,
    Domains,
    Route,
    Router,
)

FILE = """
margin: 0.1
floor: 0.2
domains:
  people:
    questions: ["How long is parental leave?", "When is leave paid?", "Who approves leave?"]
    channels: [C0HR]
  finance:
    questions: ["When are invoices paid?", "Who approves invoices?", "Where do I send invoices?"]
"""
EMBED = WordsEmbedder().embed_query


def a_router(text: str = FILE) -> Router:
    """Read a file of domains, and embed its questions."""
    return Router.from_domains(Domains.from_yaml(text, path="domains.yaml"), EMBED)


def route(question: str, channel: str = "", text: str = FILE) -> Route:
    """Say where a question goes."""
    return a_router(text).route(EMBED(question), channel)


def test_a_question_goes_where_questions_are_like_it() -> None:
    """With the cosine to the middle of that domain, and its lead over the next."""
    to = route("How long is my leave?")
    people = np.mean([EMBED(one) for one in ("How long is parental leave?",
        "When is leave paid?", "Who approves leave?")], axis=0)  # fmt: skip
    cosine = float(EMBED("How long is my leave?") @ people / np.linalg.norm(people))

    assert (to.domain, to.why) == ("people", BY_QUESTION)
    assert to.score == pytest.approx(cosine, abs=1e-4)
    assert to.margin >= 0.1


def test_what_fits_two_domains_goes_to_the_default() -> None:
    """Between two voices nobody draws lots."""
    to = route("Who approves it, and when is it paid?")

    assert (to.domain, to.why) == (DEFAULT, TOO_CLOSE)
    assert to.margin < 0.1


def test_what_fits_none_goes_to_the_default() -> None:
    """However far the nearest leads."""
    assert (route("Is there a piano?").domain, route("Is there a piano?").why) == (DEFAULT, TOO_FAR)


def test_a_place_decides_before_the_question() -> None:
    """A channel that a domain claims is that domain's, whatever is asked there."""
    assert route("Where do I send invoices?", "C0HR") == Route("people", 0.0, 0.0, BY_PLACE)
    assert route("Where do I send invoices?", "C0OTHER").domain == "finance"


def test_without_domains_there_is_one_voice() -> None:
    """Nothing is embedded and nothing compared."""

    def never(_: str) -> np.ndarray:
        raise AssertionError

    router = Router.from_domains(Domains(), never)

    assert router.route(EMBED("x")) == Route(DEFAULT, 0.0, 0.0, ONLY_ONE)
    assert router.domains == {DEFAULT}


def test_a_single_domain_needs_more_than_the_floor() -> None:
    """Where there is no second, its lead is counted from the floor."""
    one = FILE.partition("  finance:")[0]

    assert route("How long is my leave?", text=one).why == BY_QUESTION
    assert route("How do I open a window?", text=one).why == TOO_FAR


def test_the_default_may_be_described_too() -> None:
    """Then general questions are nearest to it, and not merely far from the others."""
    described = f'{FILE}  default:\n    questions: ["Where is lunch?", "Where is a map?", "Who?"]\n'
    to = route("Where is lunch?", text=described)

    assert (to.domain, to.why) == (DEFAULT, BY_QUESTION)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("margin: [", "not YAML"),
        ("[]", "the file"),
        ("margins: 1", "margins"),
        ("domains: {People: {questions: [a, b, c]}}", "domains"),
        ("domains: {people: {questions: [a, b]}}", "questions"),
        ("domains: {people: {questions: [a, b, '  ']}}", "questions"),
        (f"{FILE}    channels: [C0HR]", "two domains claim C0HR"),
    ],
)
def test_a_wrong_file_says_where_it_is_wrong(text: str, problem: str) -> None:
    """A misspelt key is not taken for the default."""
    with pytest.raises(DomainsError, match=rf"domains\.yaml.*{problem}"):
        Domains.from_yaml(text, path="domains.yaml")
