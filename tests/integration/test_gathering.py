"""Answers of a real ledger as exchanges: who said what of them, and who may hear of them."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection
from talked_about import (
    FACT,
    HELP,
    NOON,
    PRIVATE,
    SAID,
    TEAM,
    Told,
    accept,
    an_entry,
    approve,
    complain,
    gathered,
    vote,
)

from adapters import ledger, nominations, remarks
from adapters.errors import AlreadyReviewedError, InvolvedReviewerError
from adapters.exchanges import Consent, Exchange
from adapters.remarks import Reason
from adapters.responder import Message
from bot.conversation import Sentence, exchange
from bot.database import open_engine
from bot.gathering import Wanted
from bot.prompt import asked_instead


@pytest.fixture
def connection() -> Iterator[Connection]:
    """A ledger in memory."""
    engine = open_engine("sqlite://")
    for tables in (ledger, remarks, nominations):
        tables.create_tables(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def store(connection: Connection, told: Told, verdict: str = "up", people: str = "ABC") -> None:
    """Store an answer that some people vote on."""
    ledger.record_answer(connection, told.row)
    for user in people:
        vote(connection, told.row.answer_id, user, verdict)


def the_only(found: list[Exchange]) -> Exchange:
    """The one exchange there is."""
    (one,) = found
    return one


def test_an_answer_comes_with_all_that_was_said_of_it(connection: Connection) -> None:
    """Prompt as served, text, thumbs, reasons, and who accepted what."""
    store(connection, Told(), "down")
    complain(connection, "a0001", "A", Reason.TOO_LONG)
    accept(connection, Told(), "down")

    one = the_only(gathered(connection))

    assert [message["role"] for message in one.messages] == ["system", "user"]
    assert (one.text, one.question) == (SAID, "How long is parental leave?")
    assert {(ballot.person, ballot.reason) for ballot in one.ballots} == {
        ("T1/A", Reason.TOO_LONG),
        ("T1/B", None),
        ("T1/C", None),
    }
    assert [(verdict, decided.reviewer) for verdict, decided in one.reviews] == [("down", "CHIEF")]
    assert one.is_readable
    assert one.is_heard
    assert one.is_as_written
    assert one.newest_at >= NOON


def test_an_answer_that_nobody_voted_on_is_none(connection: Connection) -> None:
    """There is nothing to learn from it."""
    ledger.record_answer(connection, Told().row)

    assert gathered(connection) == []


@pytest.mark.parametrize(
    ("told", "is_heard"),
    [
        (Told(), True),
        (Told(channel=PRIVATE), False),
        (Told(audience=""), False),
        (Told(audience="everyone|hr"), False),
        (Told(audience="everyone&everyone|hr"), True),
    ],
)
def test_who_heard_the_conversation(connection: Connection, told: Told, *, is_heard: bool) -> None:
    """A room that looks like everyone is none: of a private one, others never heard."""
    store(connection, told)

    assert the_only(gathered(connection)).is_heard is is_heard


@pytest.mark.parametrize(
    ("roles", "audience", "is_readable"),
    [
        (["everyone"], ["everyone"], True),
        (["hr"], ["everyone"], False),
        (["hr", "it"], ["hr", "it"], True),
        (["hr"], ["hr", "it"], False),
        (["everyone"], ["hr"], True),
    ],
)
def test_every_listener_may_read_every_source(
    connection: Connection, roles: list[str], audience: list[str], *, is_readable: bool
) -> None:
    """By the roles of now, for each role of the audience."""
    store(connection, Told())

    found = gathered(connection, documents=[an_entry(roles=roles)], roles=audience)
    assert the_only(found).is_readable is is_readable


def test_a_document_that_is_gone_is_readable_to_nobody(connection: Connection) -> None:
    """Its text stands in the prompt, and its roles are not known any more."""
    store(connection, Told())

    assert not the_only(gathered(connection, documents=[])).is_readable


def test_what_was_said_before_counts_among_the_sources(connection: Connection) -> None:
    """A follow-up holds the turns before it, which may rest on what not all may read."""
    first = Told(1, doc_id="hr:pay.md")
    ledger.record_answer(connection, first.row)
    history = exchange(first.question, first.text)
    second = Told(2, thread_ts=first.row.thread_ts, history=history)
    store(connection, second)

    documents = [an_entry(), an_entry("hr:pay.md", ["hr"])]
    found = the_only(gathered(connection, documents=documents))
    assert found.documents == ("wiki:hr/leave.md", "hr:pay.md")
    assert not found.is_readable
    assert found.untyped == ()


@pytest.mark.parametrize(
    ("correction", "is_supported"),
    [
        ("Parental leave lasts 30 days.", True),
        ("Sure, parental leave lasts 30 days [1].", True),
        ("Parental leave lasts 45 days.", False),
        ("Parental leave lasts 30 days. Ask Bob at https://x.example first.", False),
        ("Sure!", False),
    ],
)
def test_a_correction_may_change_the_words_and_no_fact(
    connection: Connection, correction: str, *, is_supported: bool
) -> None:
    """Each sentence of it must be supported by what was served; marks count something else."""
    store(connection, Told(), "down")
    complain(connection, "a0001", "A", Reason.TONE, correction)
    approve(connection, "a0001")

    (edit,) = the_only(gathered(connection)).edits
    assert edit.is_supported is is_supported
    assert "[1]" not in edit.text
    assert edit.review is not None


def test_a_correction_that_waits_is_not_judged(connection: Connection) -> None:
    """Neither approved nor compared: no model is loaded for it."""
    store(connection, Told(), "down")
    complain(connection, "a0001", "A", Reason.TONE, FACT)

    (edit,) = the_only(gathered(connection)).edits
    assert (edit.review, edit.is_supported) == (None, False)


@pytest.mark.parametrize(
    "told",
    [
        Told(quotes=(Sentence("A quote.", (1,)),)),
        Told(verdicts=("kept", "number")),
        Told(verdicts=("kept", "kept")),
    ],
)
def test_people_voted_on_what_they_saw(connection: Connection, told: Told) -> None:
    """Where a quote was added or a sentence dropped, that is not what the model wrote."""
    store(connection, told)

    assert not the_only(gathered(connection)).is_as_written


def test_without_leave_the_question_is_one_of_ours(connection: Connection) -> None:
    """Of what was typed nothing stands in that prompt; the evidence is the same."""
    store(connection, Told(question="I am pregnant, how long is my leave?"))

    one = the_only(gathered(connection, consents={TEAM: Consent.NO_TYPED_TEXTS}))
    assert one.untyped[-1]["content"] == f"- {FACT}\n\nQuestion: What should I know about Leave?"
    assert "pregnant" not in str(one.untyped)


@pytest.mark.parametrize(
    ("question", "is_left"),
    [
        ("How long is parental leave?", True),
        ("I am pregnant and have cancer, how long is my leave?", False),
        ("Does it matter that I am an employee?", False),
    ],
)
def test_without_leave_an_answer_repeats_nothing_that_was_typed(
    connection: Connection, question: str, *, is_left: bool
) -> None:
    """A word that stands in the question, and in no document, came from the person."""
    said = "As a pregnant employee with cancer you get 30 days of parental leave."
    store(connection, Told(question=question, text=said))

    one = the_only(gathered(connection, consents={TEAM: Consent.NO_TYPED_TEXTS}))
    assert bool(one.untyped) is is_left


def test_a_prompt_that_does_not_show_its_question_stays() -> None:
    """Nothing is put in place of what cannot be found."""
    served = (Message(role="user", content="- A fact.\nQ: I am pregnant"),)

    assert asked_instead(served, "What should I know about Leave?") == ()


def test_what_was_cut_from_the_prompt_supports_nothing(connection: Connection) -> None:
    """A voice is not taught to say what it was not shown."""
    store(connection, Told(unserved=("Adoption leave lasts 12 weeks.",)), "down")
    complain(connection, "a0001", "A", Reason.TONE, "Sure, adoption leave lasts 12 weeks.")
    approve(connection, "a0001")

    (edit,) = the_only(gathered(connection)).edits
    assert not edit.is_supported


@pytest.mark.parametrize(("verdict", "is_hidden"), [("down", True), ("up", False)])
def test_what_somebody_should_not_have_seen_spoils_what_follows(
    connection: Connection, verdict: str, *, is_hidden: bool
) -> None:
    """A later turn holds it; who likes it now has taken that back."""
    first = Told(1, text="The bonus pool is 3 million.")
    ledger.record_answer(connection, first.row)
    vote(connection, "a0001", "Z", "down")
    complain(connection, "a0001", "Z", Reason.NOT_FOR_ME)
    vote(connection, "a0001", "Z", verdict, at=9)
    history = exchange(first.question, first.text)
    store(connection, Told(2, thread_ts=first.row.thread_ts, history=history))
    store(connection, Told(3, thread_ts=first.row.thread_ts))

    found = {one.answer_id: one.is_hidden_before for one in gathered(connection)}
    assert found == {"a0001": False, "a0002": is_hidden, "a0003": False}


@pytest.mark.parametrize("reviewer", ["ASKER", "A", "W"])
def test_who_is_involved_does_not_review(connection: Connection, reviewer: str) -> None:
    """Neither who asked, nor who voted, nor who would put it in other words."""
    store(connection, Told(), people="AB")
    complain(connection, "a0001", "W", Reason.TONE, FACT)

    with pytest.raises(InvolvedReviewerError):
        accept(connection, Told(), reviewer=reviewer)


def test_an_answer_made_without_a_model_has_no_prompt(connection: Connection) -> None:
    """It was quoted: there is nothing of a voice in it."""
    store(connection, Told(is_asked_of_model=False))

    one = the_only(gathered(connection))
    assert (one.messages, one.untyped, one.text) == ((), (), "")


def test_a_selection_by_day_and_source(connection: Connection) -> None:
    """Older ones and those that rest on another source are left out."""
    store(connection, Told(1))
    store(connection, Told(2, doc_id="it:vpn.md"))

    def found(**changed: object) -> list[str]:
        named = gathered(connection, wanted=Wanted("people", **changed))  # type: ignore[arg-type]
        return [one.answer_id for one in named]

    assert found() == ["a0001", "a0002"]
    assert found(sources=("it",)) == ["a0002"]
    assert found(since=NOON.date()) == ["a0001", "a0002"]
    assert found(since=NOON.date().replace(day=22)) == []
    assert gathered(connection, wanted=Wanted("people"))[0].domain == "people"


def test_an_answer_is_reviewed_once_by_somebody_uninvolved(connection: Connection) -> None:
    """Who has voted on it may not; a second decision names the first."""
    store(connection, Told(), people="AB")

    with pytest.raises(InvolvedReviewerError):
        accept(connection, Told(), reviewer="A")
    accept(connection, Told())
    with pytest.raises(AlreadyReviewedError, match="accepted by CHIEF"):
        accept(connection, Told(), reviewer="BOSS")


def test_a_review_is_of_the_text_that_was_looked_at(connection: Connection) -> None:
    """An answer that was made anew waits for a review of its own."""
    store(connection, Told())
    accept(connection, Told())
    ledger.record_answer(connection, Told(text="You get 31 days of parental leave.").row)

    assert the_only(gathered(connection)).reviews == ()


def test_reviews_go_with_the_answer(connection: Connection) -> None:
    """When an answer is forgotten for good, who reviewed it is, too."""
    store(connection, Told(), people="")
    accept(connection, Told())
    connection.exec_driver_sql("DELETE FROM answers")

    assert connection.exec_driver_sql("SELECT count(*) FROM nomination_reviews").scalar() == 0


def test_the_place_is_asked_about_once(connection: Connection) -> None:
    """Slack is asked for each channel, not for each answer."""
    for number in range(3):
        store(connection, Told(number))
    asked = list[str]()

    def public() -> Iterator[str]:
        asked.append("once more")
        yield HELP

    class Channels:
        def __iter__(self) -> Iterator[str]:
            return public()

    gathered(connection, public=Channels())  # type: ignore[arg-type]
    assert asked == ["once more"]
