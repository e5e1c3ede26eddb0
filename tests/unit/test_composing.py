import pytest
from asking import LEAVE, QUESTION, a_passage, an_evidence
from hypothesis import given
from hypothesis import strategies as st

from bot.composing import Said, cited, compose, numbered
from bot.conversation import Outcome, Reply, Source
from knowledge.documents import Passage
from knowledge.reading import Evidence, Reading

LEAD = "Here is what I found:"
MARK = a_passage("The mark is a lark on a weather vane.", name="mark", title="The mark")
BEST = a_passage(LEAVE, name="leave", title="Leave")
MORE = a_passage("You may carry 5 days over to March.", name="leave", title="Leave", number=1)


def evidence(*passages: Passage) -> list[Evidence]:
    """Take all of each passage as evidence, best first."""
    return [an_evidence(one, rank=rank, score=1.0 - rank / 10) for rank, one in enumerate(passages)]


def composed(said: list[Said], *passages: Passage, words: int = 80) -> Reply:
    """Make a reply from what was said and from evidence."""
    return compose(said, evidence(*passages), QUESTION, lead=LEAD, words=words)


def test_what_was_said_stands_with_its_source() -> None:
    """In the voice, without a quote, for nothing is missing."""
    reply = composed([Said("You have 25 days of annual leave.", (BEST,))], BEST, MARK)

    assert reply.outcome is Outcome.ANSWERED
    assert reply.text == "You have 25 days of annual leave. [1]"
    assert reply.sources == (Source(1, "Leave", BEST.url, BEST.doc_id),)


def test_the_best_evidence_is_quoted_where_it_was_left_out() -> None:
    """A true answer without the figure that was asked for gets the figure below it."""
    reply = composed([Said("We give you generous leave.", (BEST,))], BEST, MARK)

    assert reply.outcome is Outcome.ANSWERED
    assert reply.text == f"We give you generous leave. [1]\n> {LEAVE} [1]"


def test_a_true_sentence_beside_the_point_is_not_said() -> None:
    """It speaks of another passage and leaves out the evidence: then that is quoted."""
    reply = composed([Said("Our mark is a lark on a weather vane.", (MARK,))], BEST)

    assert reply.outcome is Outcome.QUOTED
    assert reply.text == f"{LEAD}\n> {LEAVE} [1]"
    assert cited(reply) == {BEST.doc_id}


def test_another_passage_that_says_the_same_is_to_the_point() -> None:
    """Two documents may hold the same fact."""
    copy = a_passage(LEAVE, name="welcome", title="Welcome")
    reply = composed([Said("You have 25 days of annual leave.", (copy,))], BEST, copy)

    assert reply.outcome is Outcome.ANSWERED
    assert [source.title for source in reply.sources] == ["Welcome"]


def test_nothing_said_is_quoted() -> None:
    """Below a sentence in the house voice, best evidence first."""
    reply = composed([], BEST, MARK)

    assert reply.outcome is Outcome.QUOTED
    assert reply.text == f"{LEAD}\n> {LEAVE} [1]\n> {MARK.text} [2]"


def test_sources_are_numbered_in_the_order_of_first_citation() -> None:
    """Whatever numbers the model was shown; one per document, though two passages are cited."""
    said = [
        Said("Our mark is a lark.", (MARK, BEST)),
        Said("You have 25 days of annual leave.", (MORE, BEST)),
    ]
    reply = composed(said, BEST, MORE, MARK)

    assert [one.sources for one in reply.sentences] == [(1, 2), (2,)]
    assert [(one.number, one.title) for one in reply.sources] == [(1, "The mark"), (2, "Leave")]


def test_a_document_without_a_title_is_called_by_its_id() -> None:
    """A source is never a link without a word."""
    reply = composed([], a_passage(LEAVE, title=""))

    assert reply.sources[0].title == "wiki:leave.md"


def test_a_long_quote_is_cut() -> None:
    """With a sign that there is more, and within the words of the reply."""
    long = a_passage(" ".join(f"word{n}" for n in range(200)))
    reply = composed([], long, words=80)

    assert len(reply.text.split()) == 80
    assert reply.quotes[0].text.startswith("word0 word1")
    assert reply.quotes[0].text.endswith(" …")


def test_what_passes_the_budget_is_left_out_whole() -> None:
    """Sentences end where they end; the rest is not said."""
    first = Said("You have 25 days of annual leave.", (BEST,))
    words = len(first.text.split()) + 1

    assert len(composed([first, first], BEST, words=2 * words).sentences) == 2
    assert len(composed([first, first], BEST, words=2 * words - 1).sentences) == 1
    assert composed([first], BEST, words=words - 1).outcome is Outcome.QUOTED


PASSAGES = [
    a_passage(f"Page {n} says {'so ' * length}much.", name=f"p{n}", title=f"Page {n}")
    for n, length in enumerate([1, 5, 20, 60, 120])
]
a_said = st.builds(
    lambda words, passages: Said(" ".join(["so"] * words), tuple(passages)),
    st.integers(1, 90),
    st.lists(st.sampled_from(PASSAGES), min_size=1, max_size=2, unique=True),
)


@given(
    said=st.lists(a_said, max_size=6),
    passages=st.lists(st.sampled_from(PASSAGES), min_size=1, max_size=5, unique=True),
    words=st.integers(20, 80),
)
def test_every_reply_keeps_its_budget_and_its_table(
    said: list[Said], passages: list[Passage], words: int
) -> None:
    """Never more words than asked for; sources count from 1 and each of them is cited."""
    reply = composed(said, *passages, words=words)

    assert len(reply.text.split()) <= words
    used = [number for one in (*reply.sentences, *reply.quotes) for number in one.sources]
    assert list(dict.fromkeys(used)) == [one.number for one in reply.sources]
    assert [one.number for one in reply.sources] == list(range(1, len(reply.sources) + 1))
    assert len({one.doc_id for one in reply.sources}) == len(reply.sources)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_model_sees_each_passage_once_with_its_sentences_in_order(
    order: tuple[int, int],
) -> None:
    """Numbers count the passages; sentences stand as in the document, not by score."""
    passage = a_passage("First this. Then that.", title="Steps")
    parts = [("First this.", 0), ("Then that.", 1)]
    chosen = [an_evidence(passage, parts[n][0], number=parts[n][1]) for n in order]
    reading = Reading((*chosen, *evidence(MARK)), 1.0, is_answered=True)

    assert list(numbered(reading, [passage, MARK])) == [
        (1, "Steps", "First this. Then that."),
        (2, "The mark", MARK.text),
    ]
