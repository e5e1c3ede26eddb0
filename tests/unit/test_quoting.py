import pytest
from asking import LEAVE, QUESTION, a_passage, an_evidence

from bot.quoting import MARKS, is_said, worth_quoting
from knowledge.reading import Evidence

FORM = "Send form P-12 to Joanna Ferreby."


def evidence(*texts: str) -> list[Evidence]:
    """Build evidence, best first, each from a document of its own."""
    return [
        an_evidence(a_passage(text, name=f"page{n}"), rank=n, score=1.0 - n / 10)
        for n, text in enumerate(texts)
    ]


def chosen(*texts: str, said: str = "", question: str = QUESTION, words: int = 80) -> list[str]:
    """Choose among texts and return those to quote."""
    spoken = [said] if said else []
    return [one.text for one in worth_quoting(evidence(*texts), spoken, question, words=words)]


def test_with_nothing_said_all_that_fits_is_quoted() -> None:
    """Best first; what does not fit is passed over for what does."""
    assert chosen(LEAVE, FORM) == [LEAVE, FORM]
    room = len(LEAVE.split()) + MARKS + 4
    assert chosen(LEAVE, FORM, "Short one.", words=room) == [LEAVE, "Short one."]


def test_the_best_quote_is_taken_even_if_it_is_too_long() -> None:
    """It will be cut; a reply without any would be none."""
    assert chosen(LEAVE, FORM, words=1) == [LEAVE]


def test_what_was_said_is_not_quoted_again() -> None:
    """The same facts in other words are enough."""
    assert chosen(LEAVE, FORM, said="Your annual leave is 25 days.") == []


def test_what_was_left_out_is_quoted() -> None:
    """Only the best evidence, for the rest was not worth saying."""
    assert chosen(LEAVE, FORM, said="Your annual leave is generous.") == [LEAVE]


def test_a_quote_that_no_longer_fits_is_left_out() -> None:
    """Below what was said there must be room for all of it."""
    needed = len(LEAVE.split()) + MARKS

    assert chosen(LEAVE, said="It is generous.", words=needed) == [LEAVE]
    assert chosen(LEAVE, said="It is generous.", words=needed - 1) == []


@pytest.mark.parametrize(
    ("said", "is_enough"),
    [
        ("Send P-12 to Joanna Ferreby.", True),
        ("Send twelve forms to Joanna Ferreby.", False),
        ("Send form P-12 to her.", False),
        ("", False),
    ],
)
def test_every_new_fact_must_be_said(said: str, is_enough: bool) -> None:  # noqa: FBT001 - a table
    """A code and a name; with one of them missing the answer is not complete."""
    assert is_said(FORM, said, "Where do I send it?") is is_enough


def test_facts_of_the_question_need_not_be_repeated() -> None:
    """Who asks about form P-12 wants to hear the rest."""
    assert is_said(FORM, "Joanna Ferreby gets it.", "Where does form P-12 go?")
    assert not is_said(FORM, "The mail room gets it.", "Where does form P-12 go?")


def test_without_new_facts_most_words_must_be_said() -> None:
    """A sentence of plain words is said by those words."""
    plain = "Lost badges are reported at the front desk."

    assert is_said(plain, "Please report lost badges at the front desk.", "What now?")
    assert not is_said(plain, "Please be careful with badges.", "What now?")
