from dataclasses import astuple, replace
from itertools import pairwise
from typing import Any

import pytest
from asking import (
    CONTACT,
    EVERYONE,
    LEAVE,
    QUESTION,
    VOICE,
    GivenPassages,
    a_passage,
    an_answerer,
    ask,
)
from fakes import ScriptedResponder

from adapters.responder import Generate, Generated
from bot.answering import Limits, Prices
from bot.conversation import Answer, Outcome, Question, Turn
from knowledge.access import Audience

SPOKEN = "Your annual leave is 25 days."
NO_ANSWER = "Our documents don\u2019t say that, so please ask the desk."
LUNCH = a_passage("Lunch is served at noon.", name="lunch", title="Canteen")


def test_the_answer_is_spoken_and_cited() -> None:
    """One supported sentence, and the document that supports it."""
    reply = ask([a_passage(), LUNCH], SPOKEN).reply

    assert reply.outcome is Outcome.ANSWERED
    assert reply.text == f"{SPOKEN} [1]"
    assert [source.url for source in reply.sources] == ["https://wiki.example/leave"]


def test_an_unknown_audience_is_declined_and_nothing_is_called() -> None:
    """Neither the index nor the model hears of a question with an unknown reader."""
    passages, responder = GivenPassages([a_passage()]), ScriptedResponder(SPOKEN)
    answer = an_answerer(passages, responder).answer(Question("q1", QUESTION, None))

    assert answer.reply.outcome is Outcome.DECLINED
    assert answer.trace.audience == ""
    assert answer.trace.candidates == ()
    assert (passages.asked, responder.heard) == ([], [])


def test_a_secret_never_reaches_the_model() -> None:
    """One person in the room who may not read it is enough."""
    responder = ScriptedResponder("The pool is 4 M.")
    secret = a_passage("The bonus pool of this year is 4 M.", roles=["hr"])
    room = Audience.from_role_sets([{"hr", "everyone"}, {"everyone"}])

    reply = ask([secret], responder, "How large is the bonus pool?", room=room).reply

    assert reply.outcome is Outcome.DECLINED
    assert responder.heard == []


def test_an_invented_number_is_not_posted() -> None:
    """Voice may not change facts: what no passage supports is dropped."""
    answer = ask([a_passage()], f"{SPOKEN} Last year your annual leave was 31 days.")

    assert [one.text for one in answer.reply.sentences] == [SPOKEN]
    assert answer.trace.dropped == ("number",)


def test_nothing_good_enough_is_declined() -> None:
    """Below the floor nothing is read, although the passage would answer."""
    passages, responder = GivenPassages([a_passage()], top_cosine=0.29), ScriptedResponder(SPOKEN)
    answer = an_answerer(passages, responder).answer(Question("q1", QUESTION, EVERYONE))

    assert answer.trace.reason == "below the floor"
    assert answer.trace.bearing == 0.0
    assert responder.heard == []


def test_the_floor_itself_is_good_enough() -> None:
    """A question at the floor is read."""
    passages = GivenPassages([a_passage()], top_cosine=Limits().floor)
    answer = an_answerer(passages, SPOKEN).answer(Question("q1", QUESTION, EVERYONE))

    assert answer.reply.outcome is Outcome.ANSWERED


def test_passages_that_do_not_answer_are_declined() -> None:
    """Near enough to be found, but no sentence bears on the question."""
    responder = ScriptedResponder("Lunch is at noon.")
    answer = ask([LUNCH], responder)

    assert answer.reply.outcome is Outcome.DECLINED
    assert answer.trace.reason == "no evidence"
    assert responder.heard == []


class GatedVoice(ScriptedResponder):
    """Speaks as an adapter does that has passed its gates."""

    def generate(self, request: Generate) -> Generated:
        """Answer one prompt."""
        return replace(super().generate(request), adapter_name="default-0123456789abcdef")


def test_a_voice_that_finds_no_answer_is_believed() -> None:
    """The bot declines in its own words then, and does not quote what the voice refused to use."""
    answer = ask([a_passage()], GatedVoice(NO_ANSWER))

    assert answer.reply == ask([], SPOKEN).reply
    assert answer.trace.reason == "the voice declined"


def test_a_base_model_cannot_silence_the_documents() -> None:
    """Nobody measured when it refuses; an order planted in a page may make it."""
    answer = ask([a_passage()], NO_ANSWER)

    assert answer.reply.outcome is Outcome.QUOTED
    assert LEAVE in answer.reply.unmarked


def test_a_refusal_beside_an_answer_is_none() -> None:
    """What a passage supports is posted, whatever else the model says."""
    answer = ask([a_passage()], GatedVoice(f"{LEAVE} Our documents do not say more."))

    assert answer.reply.outcome is Outcome.ANSWERED
    assert answer.reply.unmarked == LEAVE


def test_every_refusal_is_the_same() -> None:
    """Unknown reader, nothing found, nothing near, nothing allowed: not a byte differs."""
    secret = a_passage(roles=["hr"])
    refusals = [
        ask([a_passage()], SPOKEN, room=None),
        ask([], SPOKEN),
        ask([LUNCH], SPOKEN),
        ask([secret], SPOKEN),
        ask([LUNCH], None),
    ]

    assert {one.reply for one in refusals} == {refusals[0].reply}
    assert CONTACT in refusals[0].reply.text
    assert all(one.reply.sources == () for one in refusals)


def test_without_a_model_the_passage_is_quoted() -> None:
    """The house can answer before any model is there, and says so in its voice."""
    answer = ask([a_passage(), LUNCH], None)

    assert answer.reply.outcome is Outcome.QUOTED
    assert answer.reply.text == f"{VOICE.sayings.quoting}\n> {LEAVE} [1]"
    assert (answer.trace.base, answer.trace.prompt_sha256) == ("", "")


@pytest.mark.parametrize("said", ["", "Lunch is at noon.", "You get 31 days of annual leave.", "?"])
def test_a_model_that_says_nothing_of_use_is_replaced_by_the_passage(said: str) -> None:
    """Whatever it says instead, the best evidence stands there."""
    answer = ask([a_passage()], said)

    assert answer.reply.outcome is Outcome.QUOTED
    assert LEAVE in answer.reply.text
    assert answer.trace.reason == "nothing to the point was said"


@pytest.mark.parametrize("finish", ["length", "timeout", "repeat"])
def test_a_sentence_that_was_cut_off_is_not_posted(finish: Any) -> None:
    """It ends nowhere; the one before it is whole."""
    cut = ScriptedResponder(f"{SPOKEN} You get 25 days of annual", finish=finish)
    reply = ask([a_passage()], cut).reply

    assert [one.text for one in reply.sentences] == [SPOKEN]


def test_a_last_sentence_without_a_stop_is_whole_if_the_model_had_ended() -> None:
    """Small models forget their full stops."""
    reply = ask([a_passage()], SPOKEN.rstrip(".")).reply

    assert [one.text for one in reply.sentences] == [SPOKEN.rstrip(".")]


@pytest.mark.parametrize("mark", [" [1].", ". [1]", ".[1]", ". [1] [1]", " [1, 1]."])
def test_a_mark_stays_with_its_sentence(mark: str) -> None:
    """Before the full stop or after it; the one that is posted is written in code."""
    reply = ask([a_passage()], f"{SPOKEN.rstrip('.')}{mark} And so on.").reply

    assert [one.text.rstrip(".") for one in reply.sentences] == [SPOKEN.rstrip(".")]
    assert reply.sentences[0].sources == (1,)


def test_a_sentence_is_posted_once() -> None:
    """A small model likes to say things twice."""
    reply = ask([a_passage()], f"{SPOKEN} {SPOKEN} {SPOKEN} [1]").reply

    assert [one.text for one in reply.sentences] == [SPOKEN]


def test_the_model_is_asked_within_its_limits() -> None:
    """Tokens and seconds are those of the settings, evidence is all that it is shown."""
    responder = ScriptedResponder(SPOKEN)
    limits = Limits(prompt_tokens=400, answer_tokens=33, deadline_s=4.5)
    passage = a_passage(f"{LEAVE} The boiler room is locked at night.")
    an_answerer([passage], responder, limits=limits).answer(Question("q1", QUESTION, EVERYONE))

    (request,) = responder.heard
    assert (request.max_tokens, request.timeout_s) == (33, 4.5)
    assert responder.count_tokens(request.messages) <= 400
    assert LEAVE in request.messages[-1]["content"]
    assert "boiler" not in request.messages[-1]["content"]


def test_a_reply_keeps_its_words() -> None:
    """However much is said and however long the evidence is."""
    long = a_passage(" ".join([LEAVE.rstrip("."), *["of annual leave"] * 60]) + ".")
    for said in (SPOKEN * 40, "", f"{SPOKEN} " * 40):
        assert len(ask([long], said).reply.text.split()) <= Limits().words


ASKED = "How many days of annual leave do I get?"
EARLIER = [Turn("user", ASKED), Turn("assistant", "You get 25 days.")]


@pytest.mark.parametrize(
    ("text", "leans"),
    [
        ("Can I carry them over?", True),
        ("And in May?", True),
        ("What about that for contractors in the north office?", True),
        ("Why?", True),
        ("Where is the boiler room of the office?", False),
        ("How do I reset my password on the VPN?", False),
    ],
)
def test_a_follow_up_takes_the_last_question_along_if_it_leans_on_it(
    text: str,
    leans: bool,  # noqa: FBT001 - a table
) -> None:
    """What points back, or says too little, is searched together with what was asked before."""
    passages = GivenPassages([a_passage()])
    history = (Turn("user", "Who pays the train?"), Turn("assistant", "We do."), *EARLIER)
    an_answerer(passages, SPOKEN).answer(Question("q1", text, EVERYONE, history))

    assert passages.asked == [f"{ASKED}\n{text}" if leans else text]


def test_a_first_question_is_searched_as_it_is() -> None:
    """There is nothing to lean on."""
    passages = GivenPassages([a_passage()])
    an_answerer(passages, SPOKEN).answer(Question("q1", "Why?", EVERYONE))

    assert passages.asked == ["Why?"]


def test_the_thread_reaches_the_model() -> None:
    """Earlier turns stand before the question, in order."""
    responder = ScriptedResponder(SPOKEN)
    ask([a_passage()], responder, "And how many days of annual leave is it?", history=EARLIER)

    contents = [message["content"] for message in responder.heard[0].messages]
    places = [contents.index(turn.text) for turn in EARLIER]
    assert all(one < other for one, other in pairwise([*places, len(contents) - 1]))


def test_a_trace_explains_an_answer() -> None:
    """Audience, versions, prompt, scores, fates and timings."""
    other = a_passage("Annual leave of 25 days is for all of us.", name="other")
    trace = ask([a_passage(), other, LUNCH], f"{SPOKEN} It was 31.").trace

    assert (trace.audience, trace.index_version) == ("everyone", "chunks_v1@1")
    assert (trace.embedder, trace.base, trace.voice) == ("words-1", "scripted-1", VOICE.label)
    assert len(trace.prompt_sha256) == 64
    assert trace.bearing > 0.69
    assert [one.fate for one in trace.candidates] == ["cited", "shown", "unused"]
    assert [one.rank for one in trace.candidates] == [1, 2, 3]
    assert (trace.prompt_tokens, trace.completion_tokens) == (7, 5)
    assert [stage for stage, _ in trace.timings_s] == [
        "retrieval",
        "reading",
        "generation",
        "grounding",
    ]
    assert all(seconds >= 0 for _, seconds in trace.timings_s)


def words_of(value: object) -> str:
    """Spell out everything a trace holds."""
    inner = value if isinstance(value, tuple) else ()
    return f"{value if isinstance(value, str) else ''} {' '.join(map(words_of, inner))}"


@pytest.mark.parametrize("said", ["Your annual leave is 25 days of zebra-3.", "Zebra-3 31.", ""])
def test_a_trace_holds_no_word_of_what_was_asked_read_or_said(said: str) -> None:
    """Ids and figures only: whoever reads traces reads no documents."""
    planted = ["zebra-1", "zebra-2", "zebra-3", "zebra-4"]
    passage = a_passage(f"{LEAVE} Ask zebra-2 for it.", title="Page of zebra-4")
    history = (Turn("user", "zebra-1"), Turn("assistant", "zebra-1"))
    for text in (f"{QUESTION} zebra-1", "Where is zebra-1 of the zebra-1?"):
        answer: Answer = ask([passage], said, text, history=history)
        spelled = words_of(astuple(answer.trace)).casefold()
        assert "everyone" in spelled
        assert not [token for token in planted if token in spelled]


def test_equal_questions_get_equal_answers() -> None:
    """Nothing of one question stays for the next; only the clock goes on."""
    use = an_answerer([a_passage(), LUNCH], SPOKEN)
    question = Question("q1", QUESTION, EVERYONE)
    first = use.answer(question)
    use.answer(replace(question, text="When is lunch served?"))

    assert use.answer(question).reply == first.reply
    assert replace(use.answer(question).trace, timings_s=()) == replace(first.trace, timings_s=())


def test_a_deadline_of_another_sentence_is_no_answer() -> None:
    """A newcomer read that a new laptop takes 10 days: so long one may keep the old one."""
    page = a_passage(
        "A new laptop is ready within 6 working days. Return the laptop within 10 working days.",
        name="laptop",
        title="New laptop",
    )

    answer = ask([page], "A laptop takes 10 working days.", "When is a new laptop ready?")

    assert answer.reply.outcome is Outcome.QUOTED
    assert "takes 10" not in answer.reply.text
    assert answer.reply.quotes[0].text == "A new laptop is ready within 6 working days."


FIRE = a_passage(
    "Press the nearest red button. Leave by the stairs. Go to the lime tree.",
    name="fire",
    title="Fire",
)


def test_the_steps_of_a_fire_drill_are_all_quoted_in_order() -> None:
    """A newcomer was told to close the doors and nothing more; the model is not asked."""
    responder = ScriptedResponder("Press the nearest red button.")

    reply = ask([FIRE], responder, "What should I do in a fire? Press the red button?").reply

    assert [quote.text for quote in reply.quotes] == FIRE.text.replace(". ", ".\n").splitlines()
    assert reply.sentences[0].text == VOICE.sayings.quoting
    assert responder.heard == []


def test_steps_that_do_not_fit_say_that_there_are_more() -> None:
    """Nobody takes the first steps for all of them."""
    limits = Limits(step_words=len(VOICE.sayings.first_steps.split()) + 8)
    answerer = an_answerer([FIRE], None, limits=limits)

    question = Question("q1", "What should I do in a fire? Press the red button?", EVERYONE)
    reply = answerer.answer(question).reply

    assert [quote.text for quote in reply.quotes] == ["Press the nearest red button."]
    assert reply.sentences[0].text == VOICE.sayings.first_steps


def test_a_spent_budget_quotes_and_says_why() -> None:
    """The model is not asked; the team and the source of the evidence decide."""
    asked = list[tuple[str, str]]()

    def may_speak(team: str, source: str) -> bool:
        asked.append((team, source))
        return False

    responder = ScriptedResponder(SPOKEN)
    frugal = replace(an_answerer([a_passage()], responder), may_speak=may_speak)

    answer = frugal.answer(Question("q1", QUESTION, EVERYONE, team="T1"))

    assert answer.reply.outcome is Outcome.QUOTED
    assert answer.trace.reason == "the budget is spent"
    assert (asked, responder.heard) == ([("T1", "wiki")], [])


def test_an_answer_names_its_arm_and_configuration() -> None:
    """So that answers of a trial can be told from those of the bot as it is set."""
    trial = replace(an_answerer([a_passage()], SPOKEN), arm="warmer", configuration="c0ffee")

    trace = trial.answer(Question("q1", QUESTION, EVERYONE)).trace

    assert (trace.arm, trace.configuration) == ("warmer", "c0ffee")
    assert trace.verdicts == ("kept",)


def test_an_answer_names_what_it_cost() -> None:
    """7 tokens of prompt at 100 and 5 of completion at 200 for a million."""
    dear = replace(an_answerer([a_passage()], SPOKEN), prices=Prices(100.0, 200.0))

    assert dear.answer(Question("q1", QUESTION, EVERYONE)).trace.cost == pytest.approx(0.0017)
    assert ask([a_passage()], SPOKEN).trace.cost == 0


def test_the_working_holds_all_that_an_answer_was_made_from() -> None:
    """For the log, for replaying and for finding the stage that lost a fact."""
    working = an_answerer([a_passage()], SPOKEN).work(Question("q1", QUESTION, EVERYONE))

    assert working.generated is not None
    assert working.generated.text == SPOKEN
    assert working.prompt is not None
    assert LEAVE in working.prompt.messages[-1]["content"]
    assert working.retrieved is not None
    assert working.reading is not None
