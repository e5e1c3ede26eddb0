from itertools import permutations

import pytest
from asking import a_passage
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bot.grounding import SIMILARITY, Dropped, Grounded, facts, ground
from knowledge.documents import Passage
from knowledge.statements import statements
from knowledge.terms import terms

TRAVEL = a_passage(
    "A hotel night may cost up to EUR 140, breakfast included. Ask Joanna Ferreby before 5 March.\n"
    "Send form P-12 to travel@acme.example, or open https://acme.example/travel today.\n"
    "Book at least 14 days ahead, then the train is paid. Contractors must not use the portal.\n"
    "You don\u2019t need a receipt below EUR 20. Ask IT for the app; it takes 3 working days.",
    name="travel",
    title="Travel",
)
BANDS = a_passage(
    "Band: E3; Job: senior engineer; From: EUR 52,400\n"
    "Band: E4; Job: staff engineer; From: EUR 63,100",
    name="bands",
    title="Salary bands",
)


def alike(_one: str, _other: str) -> float:
    """Find any two sentences alike, so that only the words decide."""
    return 1.0


def reason(sentence: str, *passages: Passage) -> str:
    """Say why a sentence is dropped; empty if it is kept."""
    found = ground(sentence, passages or (TRAVEL,), alike)
    return found.reason if isinstance(found, Dropped) else ""


@pytest.mark.parametrize(
    "sentence",
    [
        "You can spend up to EUR 140 on a hotel night, breakfast included.",
        "Please ask Joanna Ferreby before 5 March.",
        "Send form P-12 to travel@acme.example.",
        "Open https://acme.example/travel today.",
        "Book at least fourteen days ahead.",
        "Contractors must not use the portal.",
        "You don't need a receipt below EUR 20.",
        "Ask IT for the app.",
        "The app takes 3 days.",
    ],
)
def test_what_a_passage_states_may_be_said_in_other_words(sentence: str) -> None:
    """Each holds the facts of one sentence, with its number spelled out or a word left away."""
    assert reason(sentence) == ""


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("A hotel night may cost up to EUR 150, breakfast included.", "number"),
        ("A hotel night may cost up to EUR 1400, breakfast included.", "number"),
        ("A hotel night may cost up to USD 140, breakfast included.", "name"),
        ("Ask Joanna Ferreby before 6 March.", "number"),
        ("Ask Joanna Ferreby before 5 April.", "name"),
        ("Ask Joanna Ferreby before 5 May.", "name"),
        ("Ask Martin Ferreby before 5 March.", "name"),
        ("Ask \u00dcmit Ferreby before 5 March.", "name"),
        ("Send form P-13 to travel@acme.example.", "number"),
        ("Send form P-12 to travel@evil.example.", "link"),
        ("Open https://evil.example/travel today.", "link"),
        ("Open acme.example.evil.com/travel today.", "link"),
        ("Open evil\u3002com/travel today.", "link"),
        ("Send form P-12 [today](x).", "link"),
        ("Book at least 14 weeks ahead.", "number"),
        ("Book at least fourteen weeks ahead.", "number"),
        ("Book at least 14 full weeks ahead.", "number"),
        ("Book at least twenty-four days ahead.", "number"),
        ("Book at least fourteen hundred days ahead.", "number"),
        ("Book at most 14 days ahead.", "negation"),
        ("Ask Joanna Ferreby after 5 March.", "negation"),
        ("Then the train is unpaid, book 14 days ahead.", "negation"),
        ("Contractors must use the portal.", "negation"),
        ("You need a receipt below EUR 20.", "negation"),
        ("Ask HR for the app.", "name"),
        ("Contractors sell sausages on the roof.", "words"),
    ],
)
def test_a_fact_that_was_changed_is_not_said(sentence: str, why: str) -> None:
    """Numbers, dates, money, codes, names, links, units, limits and negations stay as they are."""
    assert reason(sentence) == why


@pytest.mark.parametrize(
    "disguised",
    [
        "15\u200b0",  # what is hidden inside does not count, what is read does
        "15\u034f0",
        "15\u28000",
        "1\u20e35\u20e30\u20e3",
        "\uff11\uff15\uff10",
        "\u2460\u2464\u24ea",
        "\u0661\u0665\u0660",
        "\u3251",
        "14\u00bd",
        "[](x)150",
    ],
)
def test_a_number_in_disguise_is_a_number(disguised: str) -> None:
    """However 150 is written, the passage says 140."""
    sentence = f"A hotel night may cost up to EUR {disguised}, breakfast included."

    assert reason(sentence) in {"number", "link"}


ABROAD = a_passage(
    "You may work abroad for 30 days, if it is on the list and your manager agrees. "
    "Ring the desk; if nobody answers, write to it. If you are ill, stay at home. "
    "Guests may park there except on Sundays.",
    name="abroad",
    title="Abroad",
)


@pytest.mark.parametrize(
    ("sentence", "why"),
    [
        ("You may work abroad for 30 days.", "condition"),
        ("You may work abroad for 30 days if it is on the list.", "condition"),
        ("You may work abroad for 30 days if your manager agrees and it is on our list.", ""),
        ("Our guests may park there.", "condition"),
        ("Our guests may park there except on Sundays.", ""),
        ("Please ring the desk.", ""),
        ("Please stay at home.", ""),
    ],
)
def test_what_holds_on_a_condition_is_said_with_all_of_it(sentence: str, why: str) -> None:
    """Half a condition reads like a whole one; what comes before it may be left away."""
    assert reason(sentence, ABROAD) == why


def test_below_zero_is_not_above_it() -> None:
    """A sign belongs to its number, whichever of the two dashes is typed."""
    cold = a_passage("Store the gel at \u22125 degrees in the dark.")

    assert reason("Store the gel at 5 degrees in the dark.", cold) == "number"
    assert reason("Store the gel at -5 degrees in the dark.", cold) == ""


def test_two_rows_of_a_table_are_not_mixed() -> None:
    """The band of one row with the amount of another is no fact."""
    assert reason("Band E4 starts from EUR 63,100.", BANDS) == ""
    assert reason("Band E3 starts from EUR 63,100.", BANDS) == "number"


def test_two_lines_of_an_announced_list_are_not_mixed() -> None:
    """An announcement lends its words to each of its lines, but no figure to another."""
    called = a_passage("Call these extensions:\nJoanna Ferreby: 4410\nOmar Haddad: 4420")

    assert reason("Call Omar Haddad, extensions 4420.", called) == ""
    assert reason("Call Joanna Ferreby, extensions 4420.", called) == "name"
    assert reason("Call Joanna Ferreby or Omar Haddad.", called) == ""


@pytest.mark.parametrize(
    ("marks", "why"),
    [
        ("[1]", "number"),
        ("[2]", ""),
        ("[1][2]", ""),
        ("[1, 2]", ""),
        ("[ 2 ]", ""),
        ("[3]", "citation"),
        ("[0]", "citation"),
        ("[2][99]", "citation"),
        ("[2, 3]", "citation"),
        ("[123]", "number"),
        ("(7)", "number"),
    ],
)
def test_a_mark_must_point_to_what_supports_it(marks: str, why: str) -> None:
    """A passage that was not shown, or says something else, cannot be cited."""
    assert reason(f"Band E4 starts from EUR 63,100 {marks}.", TRAVEL, BANDS) == why


def test_a_sentence_comes_back_without_its_marks() -> None:
    """Citations are written in code, from what supports a sentence."""
    found = ground("Band E4 starts from EUR 63,100 [2] [1].", [TRAVEL, BANDS], alike)

    assert found == Grounded("Band E4 starts from EUR 63,100.", (1,))


def test_without_marks_the_first_passage_that_supports_it_is_cited() -> None:
    """A small model seldom cites; the bot finds out by itself."""
    copies = [TRAVEL, BANDS, a_passage(BANDS.text, title=BANDS.title)]

    assert ground("Band E4 starts from EUR 63,100.", copies, alike) == Grounded(
        "Band E4 starts from EUR 63,100.", (1,)
    )


@pytest.mark.parametrize("sentence", ["", " ", "[1]", "It is what it is.", "And so on [1]."])
def test_a_sentence_that_says_nothing_is_dropped(sentence: str) -> None:
    """Stop words and marks state nothing that could be supported."""
    assert reason(sentence) == "empty"


def test_without_passages_nothing_is_supported() -> None:
    """Neither with a mark nor without."""
    for sentence in ("Book at least 14 days ahead.", "Book at least 14 days ahead [1]."):
        assert ground(sentence, (), alike) == Dropped("citation")


def test_the_threshold_on_similarity_itself_is_enough() -> None:
    """A sentence of the right words in a wrong order is caught by its meaning."""
    sentence = "You can spend up to EUR 140 on a hotel night, breakfast included."

    assert isinstance(ground(sentence, [TRAVEL], lambda *_: SIMILARITY), Grounded)
    assert ground(sentence, [TRAVEL], lambda *_: SIMILARITY - 1e-6) == Dropped("similarity")


def test_similarity_compares_with_the_sentence_that_states_it() -> None:
    """Not with the whole passage, in which everything is a little alike."""
    heard = list[tuple[str, str]]()

    def listening(one: str, other: str) -> float:
        heard.append((one, other))
        return 1.0

    ground("Contractors may not use the portal [1].", [TRAVEL], listening)

    assert heard == [
        ("Contractors may not use the portal.", "Contractors must not use the portal.")
    ]


def test_a_negation_elsewhere_in_a_sentence_changes_nothing() -> None:
    """The clause that says the same decides."""
    passage = a_passage("Interns get 20 days of paid leave, but no company car.")

    assert reason("Interns get 20 days of paid leave.", passage) == ""
    assert reason("Interns do not get 20 days of paid leave.", passage) == "negation"


def test_facts_are_what_style_may_not_change() -> None:
    """Figures, codes, names and addresses; neither plain words nor the first one."""
    assert facts("Send form P-12 to Joanna at kb.example by twenty-five past.") == {
        "p-12",
        "joanna",
        "kb.example",
        "25",
    }


WORDS = ["leave", "day", "office", "badge", "train", "ticket", "hotel", "form", "Joanna", "HR"]
DIGITS = st.from_regex(r"[0-9]{1,6}([.,/:-][0-9]{1,3})?", fullmatch=True)


@st.composite
def said(draw: st.DrawFn) -> str:
    """Draw a sentence of known words and figures."""
    parts = draw(st.lists(st.one_of(st.sampled_from(WORDS), DIGITS), min_size=3, max_size=9))
    return f"{' '.join(parts)}."


@given(text=st.lists(said(), min_size=1, max_size=4).map("\n".join), base=said(), figure=DIGITS)
@example(text="the leave is 25 days.", base="the leave is", figure="2")
def test_a_figure_that_stands_nowhere_is_never_said(text: str, base: str, figure: str) -> None:
    """Whatever else a sentence holds, and however well it fits."""
    assume(figure not in text)
    sentence = f"{base.rstrip('.')} {figure}"

    assert isinstance(ground(sentence, [a_passage(text, title="Guide")], alike), Dropped)


@given(st.lists(said(), min_size=1, max_size=4).map("\n".join))
def test_what_stands_in_a_passage_may_be_repeated(text: str) -> None:
    """Each sentence of it, word by word, with its mark or without."""
    passage = a_passage(text)

    for one in statements(passage):
        assume(terms(one.text))
        for mark in ("", " [2]"):
            found = ground(f"{one.text}{mark}", [TRAVEL, passage], lambda *_: 0.0)
            assert found == Grounded(one.text, (1,))


def test_a_sentence_of_many_clauses_may_be_repeated_as_it_is() -> None:
    """Although the clause nearest to it says nothing of its negation."""
    text = "All members of staff may take leave at any time they like, but not in December."

    assert reason(text, a_passage(text)) == ""


def test_no_order_of_two_rows_mixes_them() -> None:
    """Whichever row comes first, each amount stays with its own band."""
    amounts = {"E3": "52,400", "E4": "63,100", "S1": "36,400"}
    for order in permutations(amounts):
        rows = "\n".join(f"Band: {band}; From: EUR {amounts[band]}" for band in order)
        for band, other in permutations(amounts, 2):
            sentence = f"Band {band} starts from EUR {amounts[other]}."
            assert reason(sentence, a_passage(rows)) == "number"
