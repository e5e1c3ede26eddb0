import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.sentences import sentences


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("A line\nand another", ["A line", "and another"]),
        ("Ask Dr. Ames, e.g. by chat. She knows.", ["Ask Dr. Ames, e.g. by chat.", "She knows."]),
        ("It costs 4.50 a day. 12 days are paid.", ["It costs 4.50 a day.", "12 days are paid."]),
        ('She said "Yes." Then she left.', ['She said "Yes."', "Then she left."]),
        ("Open example.com now", ["Open example.com now"]),
        ("It closes at 5 p.m. Come early.", ["It closes at 5 p.m. Come early."]),
        ("  \n\n ", []),
        ("", []),
    ],
)
def test_text_is_split_where_a_reader_would(text: str, parts: list[str]) -> None:
    """Abbreviations, numbers and addresses do not end a sentence; a line break does."""
    assert sentences(text) == parts


@settings(deadline=None)
@given(st.text(alphabet="aB1 .!?\"')\n"))
def test_no_word_is_lost_or_moved(text: str) -> None:
    """The sentences together are the text, but for its white space."""
    parts = sentences(text)

    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part == part.strip() and part for part in parts)
