"""Which answers may become examples, and the reason for each that may not."""

from dataclasses import replace

import pytest
from exchanged import ACCEPTED, NOON, REFUSED, an_exchange, disliked, edited, liked, votes

from adapters.exchanges import Consent, Edit, Exchange, Review
from adapters.remarks import Reason
from adapters.selection import (
    Drop,
    Example,
    Origin,
    Policy,
    examples_of,
    limit_of,
    objection,
    waiting,
    within_shares,
)

POLICY = Policy()


def outcome(exchange: Exchange, policy: Policy = POLICY) -> list[tuple[Origin, Drop | None]]:
    """What could come of an exchange, and what stands against it."""
    return [(one.origin, objection(one, policy)) for one in examples_of(exchange)]


def the_only(exchange: Exchange) -> Example:
    """The one thing that could come of it."""
    (one,) = examples_of(exchange)
    return one


def by(reviewer: str) -> Review:
    """An acceptance by somebody."""
    return Review(reviewer, is_accepted=True, at=NOON)


def test_what_people_like_and_an_administrator_accepts_is_used() -> None:
    """The words of the model are what is learnt, with the people who liked them behind it."""
    one = the_only(liked())

    assert objection(one, POLICY) is None
    assert (one.completion, one.label) == (one.exchange.text, True)
    assert one.people == {"T1/A", "T1/B", "T1/C"}


def test_a_correction_is_used_with_its_author_among_the_people() -> None:
    """Two who dislike the answer and the author make three; the model's words are rejected."""
    exchange = edited()
    one = next(examples_of(exchange))

    assert objection(one, POLICY) is None
    assert (one.completion, one.rejected) == (exchange.edits[0].text, exchange.text)
    assert one.people == {"T1/A", "T1/B", "T1/C"}


def test_a_complaint_about_form_is_an_answer_to_unlearn() -> None:
    """Tone and length are of the text; who gives no reason does not count and spoils nothing."""
    too_long = votes("down", "C", Reason.TOO_LONG)
    tone = votes("down", "AB", Reason.TONE)
    silent = votes("down", "D")

    enough = disliked(ballots=(*tone, *too_long, *silent))
    assert outcome(enough) == [(Origin.DOWNVOTED, None)]
    assert not the_only(enough).label
    assert outcome(disliked(ballots=(*tone, *silent))) == [(Origin.DOWNVOTED, Drop.TOO_FEW_PEOPLE)]


@pytest.mark.parametrize(
    "reason", [Reason.WRONG, Reason.OUTDATED, Reason.MISSING_SOURCE, Reason.OTHER]
)
def test_a_complaint_about_knowledge_never_blames_the_voice(reason: Reason) -> None:
    """One such complaint among three about tone is enough; the list of gaps has it."""
    ballots = (*votes("down", "ABC", Reason.TONE), *votes("down", "D", reason))

    assert outcome(disliked(ballots=ballots)) == [(Origin.DOWNVOTED, Drop.NOT_ABOUT_FORM)]


def test_what_somebody_should_not_have_seen_is_used_for_nothing() -> None:
    """Neither the answer nor a correction of it."""
    ballots = (*votes("down", "ABC", Reason.TONE), *votes("down", "D", Reason.NOT_FOR_ME))
    exchange = edited(ballots=ballots)

    assert {drop for _, drop in outcome(exchange)} == {Drop.NOT_FOR_THEM}


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        (liked(consent=Consent.NOTHING), Drop.NO_APPROVAL),
        (liked(question=""), Drop.FORGOTTEN),
        (liked(messages=()), Drop.NO_PROMPT),
        (liked(text=""), Drop.NO_PROMPT),
        (liked(is_heard=False), Drop.NOT_HEARD),
        (liked(is_readable=False), Drop.NOT_READABLE),
        (liked(people="AB"), Drop.TOO_FEW_PEOPLE),
        (liked(reviews=()), Drop.NOT_REVIEWED),
        (liked(reviews=(("down", ACCEPTED),)), Drop.NOT_REVIEWED),
        (liked(reviews=(("up", REFUSED),)), Drop.REFUSED),
        (liked(reviews=(("up", by("A")),)), Drop.REVIEWER_INVOLVED),
        (liked(asker="T1/CHIEF"), Drop.REVIEWER_INVOLVED),
        (
            liked(edits=(Edit("T1/CHIEF", "Sure.", None, is_supported=False),)),
            Drop.REVIEWER_INVOLVED,
        ),
        (liked(is_hidden_before=True), Drop.NOT_FOR_THEM),
        (liked(is_as_written=False), Drop.NOT_AS_WRITTEN),
        (liked(text="word " * 141), Drop.TOO_LONG),
        (liked(consent=Consent.NO_TYPED_TEXTS, untyped=()), Drop.TYPED),
    ],
)
def test_what_keeps_a_liked_answer_out(exchange: Exchange, why: Drop) -> None:
    """Each condition on its own is enough, and is the one that is counted."""
    assert dict(outcome(exchange))[Origin.UPVOTED] is why


def test_people_who_disagree_prove_nothing() -> None:
    """One thumb down among many up rules the answer out both ways."""
    ballots = (*votes("up", "ABC"), *votes("down", "D", Reason.TONE))
    both = (("up", ACCEPTED), ("down", ACCEPTED))

    assert {drop for _, drop in outcome(an_exchange(ballots=ballots, reviews=both))} == {
        Drop.CONTRADICTED
    }


def test_a_correction_by_somebody_who_likes_the_answer_now_is_not_used() -> None:
    """Who changed to a thumb up has taken the complaint back."""
    exchange = edited(ballots=(*votes("up", "A"), *votes("down", "BC")))

    assert outcome(exchange)[0] == (Origin.EDITED, Drop.CONTRADICTED)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"review": None}, Drop.NOT_REVIEWED),
        ({"review": REFUSED}, Drop.REFUSED),
        ({"review": by("A")}, Drop.REVIEWER_INVOLVED),
        ({"review": by("B")}, Drop.REVIEWER_INVOLVED),
        ({"is_supported": False}, Drop.NOT_SUPPORTED),
        ({"text": f"{edited().text[:-1]} [1]."}, Drop.UNCHANGED),
    ],
)
def test_what_keeps_a_correction_out(change: dict[str, object], why: Drop) -> None:
    """Whoever approved it has neither written it nor voted, and it changes no fact."""
    edit = replace(edited().edits[0], **change)

    assert outcome(edited(edits=(edit,)))[0] == (Origin.EDITED, why)


@pytest.mark.parametrize("reason", [Reason.WRONG, Reason.OUTDATED, Reason.MISSING_SOURCE])
def test_who_misses_knowledge_backs_no_other_words(reason: Reason) -> None:
    """They asked for another document, not for another tone."""
    ballots = (*votes("down", "A"), *votes("down", "BC", reason))

    assert outcome(edited(ballots=ballots))[0] == (Origin.EDITED, Drop.TOO_FEW_PEOPLE)


def test_the_reviewer_is_nobody_of_the_three() -> None:
    """Two people and the administrator who approves are two people."""
    edit = Edit("T1/A", "Sure.", ACCEPTED, is_supported=True)

    assert outcome(edited(people="B", edits=(edit,)))[0] == (Origin.EDITED, Drop.TOO_FEW_PEOPLE)


def test_an_asker_alone_is_never_enough() -> None:
    """Even where the settings ask for one person, that is somebody else."""
    lenient = Policy(quorum=1)
    alone = liked(asker="T1/A", people="A")

    assert outcome(alone, lenient) == [(Origin.UPVOTED, Drop.TOO_FEW_PEOPLE)]
    assert outcome(liked(asker="T1/A", people="B"), lenient) == [(Origin.UPVOTED, None)]


def test_without_leave_nothing_that_was_typed_is_in_a_row() -> None:
    """The question is one of ours, and a correction is left out whoever approved it."""
    kept = the_only(liked(consent=Consent.NO_TYPED_TEXTS))

    assert objection(kept, POLICY) is None
    assert kept.prompt == kept.exchange.untyped
    assert outcome(edited(consent=Consent.NO_TYPED_TEXTS))[0] == (Origin.EDITED, Drop.TYPED)


def test_what_waits_lacks_a_review_alone() -> None:
    """An administrator is not asked about what could not be used anyway, nor about corrections."""
    fit, unfit = liked(1, reviews=()), liked(2, people="AB", reviews=())
    proposed = replace(edited().edits[0], review=None)
    down = disliked(4, reviews=())

    found = waiting([fit, unfit, edited(3, edits=(proposed,)), down, liked(5)], POLICY)

    assert [one.exchange.answer_id for one in found] == ["a0001", "a0004"]


def test_nobody_stands_behind_more_than_their_share() -> None:
    """With enough people, no one is counted for more than 5 %; the oldest examples come first."""
    people = [f"P{n}" for n in range(80)]
    trios = [[people[(3 * n + step) % 80] for step in range(3)] for n in range(400)]
    examples = [the_only(liked(n, ["BUSY", *trio])) for n, trio in enumerate(trios)]

    kept = within_shares(examples, POLICY)

    behind = [sum(person in one.people for one in kept) for person in ("T1/BUSY", "T1/P7")]
    assert behind[0] == limit_of(len(kept), POLICY) == int(0.05 * len(kept))
    assert behind[1] <= behind[0]
    assert [one.exchange.answer_id for one in kept[:3]] == ["a0000", "a0001", "a0002"]
    assert "T1/BUSY" not in kept[-1].people  # others suffice, so the example stands


def test_a_few_people_make_a_few_examples() -> None:
    """Three people who like everything get no more than ten examples in."""
    examples = [the_only(liked(n)) for n in range(50)]

    assert len(within_shares(examples, POLICY)) == 10


def test_one_document_is_not_all_there_is() -> None:
    """A page that everybody asks about makes no more than its share of a small export."""
    trios = [(f"A{n}", f"B{n}", f"C{n}") for n in range(60)]
    examples = [the_only(liked(n, trio, documents=("wiki:x.md",))) for n, trio in enumerate(trios)]

    assert len(within_shares(examples, POLICY)) == 40


def test_a_name_tells_nothing_and_changes_with_the_text() -> None:
    """It is no id of the log, and an answer made anew has another one."""
    one, other = the_only(liked()), the_only(liked(text="Something else."))

    assert one.example_id != other.example_id
    assert "a0001" not in one.example_id
