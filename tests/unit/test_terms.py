import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.terms import STOP_WORDS, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The printers are on the third floor.", ["printer", "third", "floor"]),
        ("password Password passwords", ["password"] * 3),
        ("Café CAFÉ cafe\u0301", ["cafe"] * 3),
        ("ﬁle", ["file"]),
        ("A-561", ["561", "a561"]),
        ("ERR-4012", ["err", "4012", "err4012"]),
        ("max_connections", ["max", "connect"]),
        ("a and the of", []),
        ("", []),
        ("🎉 !!! \x00", []),
    ],
)
def test_a_text_becomes_folded_stems(text: str, found: list[str]) -> None:
    """Case, accents, ligatures and endings do not matter; a code counts as a whole too."""
    assert terms(text) == found


def test_a_question_about_a_code_meets_the_code_however_it_is_joined() -> None:
    """``A-561``, ``A_561`` and ``A561`` are the same code to a person."""
    assert set(terms("A-561")) & set(terms("A_561")) & set(terms("A561")) == {"a561"}


def test_stop_words_yield_nothing() -> None:
    """A question made of them alone has no lexical half."""
    assert terms(" ".join(sorted(STOP_WORDS))) == []


def test_only_the_first_hundred_thousand_characters_count() -> None:
    """A giant text costs no more than a large one."""
    assert terms("x" * 100_000 + " printer") == ["x" * 100_000]


@settings(deadline=None)
@given(st.text())
def test_any_text_has_terms_without_blanks_or_capitals(text: str) -> None:
    """Whatever a person or a file says, lone surrogates included, the analyser takes it."""
    found = terms(text + "\ud800")

    assert all(found)
    assert not any(character.isspace() for term in found for character in term)
    assert not STOP_WORDS & set(found) or found == terms(text)
