"""What people ask in Slack, and what they see: real Bolt, a real socket, the local workspace."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

import pytest
from running_bot import (
    EVERYBODY,
    SOURCE,
    GivenReaders,
    Parts,
    ScriptedAnswerer,
    build_bot,
    running_bot,
    shown,
    wait_for_reply,
)
from slack_bolt import BoltRequest
from sqlalchemy import text

from bot.arrivals import Asked
from bot.audience import Place
from bot.conversation import Question, Turn
from bot.database import open_engine
from bot.house import House
from bot.listeners.desk import Desk
from bot.settings import Settings
from bot.worksheet import Working
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    demo_seed,
    seed_dm,
)
from knowledge.access import Audience
from knowledge.errors import CatalogueDownError, FilterBrokenError

HR_ONLY = Audience.from_role_sets([{"hr", "everyone"}])


@dataclass
class Catalogue:
    """Who may read what, until a test closes it."""

    roles: dict[str, frozenset[str]] = field(
        default_factory=lambda: {SOURCE.doc_id: frozenset({"everyone"})}
    )
    is_down: bool = False

    def __call__(self, doc_ids: Iterable[str]) -> dict[str, frozenset[str]]:
        if self.is_down:
            raise CatalogueDownError
        return {one: self.roles[one] for one in doc_ids if one in self.roles}

    def narrow(self) -> None:
        self.roles[SOURCE.doc_id] = frozenset({"hr"})

    def go_down(self) -> None:
        self.is_down = True


CLOSINGS: dict[str, Callable[[Catalogue], None]] = {
    "deleted": lambda catalogue: catalogue.roles.clear(),
    "narrowed": Catalogue.narrow,
    "unknown": Catalogue.go_down,
}


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def test_a_mention_is_answered_in_its_thread(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The placeholder becomes the answer; nothing else is posted, and the inbox keeps no text."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice how many days &amp; nights?")
        assert "30 days" in wait_for_reply(workspace, SEED_HELP, asked)
        bot.worker.finish()
        with bot.engine.connect() as connection:
            kept = connection.execute(text("SELECT state, text FROM questions")).all()

    (question,) = parts.answerer.heard
    assert "how many days" in question.text
    assert "housevoice" not in question.text
    assert len(workspace.thread(SEED_HELP, asked)) == 1
    assert len(workspace.calls_of("chat.postMessage")) == 1
    assert len(workspace.calls_of("chat.update")) == 1
    assert kept == [("done", None)]


def test_a_new_workspace_is_answered_too(tmp_path: Path) -> None:
    """What the inbox knows of a workspace that ended is not taken for a delivery of the next."""
    for _ in range(2):
        with running_workspace(demo_seed()) as running, running_bot(running, tmp_path, Parts()):
            asked = running.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice how many days?")
            assert "30 days" in wait_for_reply(running, SEED_HELP, asked)


def test_a_direct_message_needs_no_mention(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """In a DM every message is a question, answered in a thread below it."""
    place = seed_dm(SEED_HR)
    with running_bot(workspace, tmp_path, Parts()):
        asked = workspace.say(SEED_HR, place, "how many days off?")
        assert "30 days" in wait_for_reply(workspace, place, asked)


def test_a_follow_up_needs_no_mention(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """In a thread of ours the bot listens on, and knows what was said there and only there."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        other = workspace.say(SEED_MANAGER, SEED_HELP, "@housevoice what of the budget?")
        wait_for_reply(workspace, SEED_HELP, other)
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        workspace.say(SEED_ENGINEER, SEED_HELP, "and for contractors?", thread_ts=asked)
        wait_for_reply(workspace, SEED_HELP, asked, nth=2)

    assert parts.answerer.heard[-1].text == "and for contractors?"
    assert parts.answerer.heard[-1].history == (
        Turn("user", "days off?"),
        Turn("assistant", "You get 30 days."),
    )


def test_people_among_themselves_are_left_alone(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """No reply in a thread of others, to a word for a colleague, or to what is just said."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        lunch = workspace.say(SEED_EMPLOYEE, SEED_HELP, "who is up for lunch?")
        workspace.say(SEED_MANAGER, SEED_HELP, "me", thread_ts=lunch)
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "@berit is that right?", thread_ts=asked)
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "and in May?", thread_ts=asked)
        wait_for_reply(workspace, SEED_HELP, asked, nth=2)
        workspace.wait_until_settled()

    assert [one.text for one in parts.answerer.heard] == ["days off?", "and in May?"]


def test_what_was_said_to_others_is_not_remembered(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """A turn answered for another audience stays out of the prompt, either way round."""
    parts = Parts(readers=GivenReaders([HR_ONLY]))
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        parts.readers.now = [EVERYBODY]
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "and in May?", thread_ts=asked)
        wait_for_reply(workspace, SEED_HELP, asked, nth=2)

    assert parts.answerer.heard[-1].history == ()


def test_an_empty_mention_gets_help(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """Just the name is no question, and not worth a look into the documents."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice")
        assert "Ask me a question" in wait_for_reply(workspace, SEED_HELP, asked)

    assert parts.answerer.heard == []


def test_thanks_are_not_answered_with_a_refusal(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Hello and thanks get a friendly line without a search; the question after them is heard."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice hello!")
        assert "Ask me a question" in wait_for_reply(workspace, SEED_HELP, asked)
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "hi, how many days off?", thread_ts=asked)
        assert "30 days" in wait_for_reply(workspace, SEED_HELP, asked, nth=2)
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "thanks, that helped", thread_ts=asked)
        assert "You are welcome." in wait_for_reply(workspace, SEED_HELP, asked, nth=3)

    assert [one.text for one in parts.answerer.heard] == ["hi, how many days off?"]


def test_a_long_question_is_not_read(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The person is told the limit; 2,000 characters are still a question."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        fits = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice " + "a" * 2000)
        assert "30 days" in wait_for_reply(workspace, SEED_HELP, fits)
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice " + "a" * 2001)
        assert "2000 characters" in wait_for_reply(workspace, SEED_HELP, asked)

    assert len(parts.answerer.heard) == 1


def test_somebody_joined_while_the_model_was_writing(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """What was written for the old readers is never posted; it is answered for the new ones."""
    parts = Parts(readers=GivenReaders([HR_ONLY, EVERYBODY]))
    with running_bot(workspace, tmp_path, parts) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        row = bot.answer_at(SEED_HELP, reply.ts)

    assert [one.audience for one in parts.answerer.heard] == [HR_ONLY, EVERYBODY]
    assert row.audience == "everyone"
    assert len(workspace.calls_of("chat.update")) == 1


def test_people_who_keep_coming_get_nothing_internal(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Readers that change twice while one question is answered are readers nobody knows."""
    parts = Parts(readers=GivenReaders([HR_ONLY, EVERYBODY, HR_ONLY]))
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert "I do not know." in wait_for_reply(workspace, SEED_HELP, asked)

    assert parts.answerer.heard[-1].audience is None


def test_an_error_becomes_a_sentence(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The person gets a number to quote; the text of the exception stays inside."""

    def fail(_: Question) -> None:
        message = f"the salary of {SEED_HR} is 90,000"
        raise ValueError(message)

    parts = Parts(answerer=ScriptedAnswerer(before=fail))
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        reply = wait_for_reply(workspace, SEED_HELP, asked)

    assert "Something went wrong" in reply
    assert "90,000" not in str(workspace.calls)


def test_one_too_many_is_told_so(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """With the line full a question gets its one reply at once: ask again."""
    started, gate = Event(), Event()

    def wait(_: Question) -> None:
        started.set()
        gate.wait(timeout=5)

    parts = Parts(answerer=ScriptedAnswerer(before=wait), capacity=1)
    with running_bot(workspace, tmp_path, parts) as bot:
        first = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice one?")
        assert started.wait(timeout=5)
        second = workspace.say(SEED_MANAGER, SEED_HELP, "@housevoice two?")
        workspace.wait_until(lambda: bot.worker.waiting == 1)
        third = workspace.say(SEED_ENGINEER, SEED_HELP, "@housevoice three?")
        told = wait_for_reply(workspace, SEED_HELP, third)
        gate.set()
        served = [wait_for_reply(workspace, SEED_HELP, one) for one in (first, second)]

    assert "ask again in a minute" in told
    assert all("30 days" in reply for reply in served)


def test_a_placeholder_that_is_gone_is_not_replaced(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """With its place deleted, the answer lands nowhere else and is not tried again."""

    def delete_placeholder(_: Question) -> None:
        with workspace.changing() as state:
            messages = state.messages[SEED_HELP]
            for ts in [ts for ts, one in messages.items() if one.bot_id]:
                del messages[ts]

    parts = Parts(answerer=ScriptedAnswerer(before=delete_placeholder))
    with running_bot(workspace, tmp_path, parts) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        workspace.wait_until(lambda: len(workspace.calls_of("chat.update")) == 1)
        bot.worker.finish()
        assert bot.inbox.next_questions(set()) == []

    assert shown(workspace, SEED_HELP, asked) == []
    assert len(workspace.calls_of("chat.postMessage")) == 1


def test_a_question_thought_better_of_is_not_answered(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """The person deleted it while the model was writing: the placeholder goes too."""
    asked, gate = list[str](), Event()

    def think_better(_: Question) -> None:
        assert gate.wait(timeout=5)
        workspace.delete(SEED_EMPLOYEE, SEED_HELP, asked[0])
        workspace.wait_until_settled()

    parts = Parts(answerer=ScriptedAnswerer(before=think_better))
    with running_bot(workspace, tmp_path, parts) as bot:
        asked.append(workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?"))
        gate.set()
        workspace.wait_until(lambda: len(workspace.calls_of("chat.delete")) == 1)
        bot.worker.finish()
        with bot.engine.connect() as connection:
            kept = connection.execute(text("SELECT count(*) FROM answers")).scalar()

    assert shown(workspace, SEED_HELP, asked[0]) == []
    assert workspace.calls_of("chat.update") == ()
    assert kept == 0


@pytest.mark.parametrize("changed", ["@housevoice nights off?", None], ids=["edited", "deleted"])
def test_an_old_answer_is_not_filed_under_a_new_question(
    workspace: RunningWorkspace, tmp_path: Path, changed: str | None
) -> None:
    """Once its question is edited or deleted, an answer stands in the ledger without one."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        before = bot.answer_at(SEED_HELP, reply.ts).question
        if changed is None:
            workspace.delete(SEED_EMPLOYEE, SEED_HELP, asked)
        else:
            workspace.edit(SEED_EMPLOYEE, SEED_HELP, asked, changed)
        workspace.wait_until_settled()
        after = bot.answer_at(SEED_HELP, reply.ts).question

    assert (before, after) == ("days off?", "")


def test_what_was_edited_during_the_answer_is_not_what_was_answered(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """The ledger does not pair the answer with other words, and keeps none that are gone."""
    asked, gate = list[str](), Event()

    def reword(_: Question) -> None:
        assert gate.wait(timeout=5)
        workspace.edit(SEED_EMPLOYEE, SEED_HELP, asked[0], "@housevoice nights off?")
        workspace.wait_until_settled()

    with running_bot(workspace, tmp_path, Parts(answerer=ScriptedAnswerer(before=reword))) as bot:
        asked.append(workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?"))
        gate.set()
        wait_for_reply(workspace, SEED_HELP, asked[0])
        (reply,) = workspace.thread(SEED_HELP, asked[0])
        assert bot.answer_at(SEED_HELP, reply.ts).is_forgotten


def test_what_nobody_handles_is_acknowledged(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """An event without a listener would come four times; people's facts hear of it at once."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts):
        workspace.join(SEED_ADMIN, "C0PEOPLE")
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "lunch?")
        workspace.wait_until_settled()

    assert {ack.attempt for ack in workspace.acks} == {0}
    assert "member_joined_channel" in {event["type"] for event in parts.readers.heard}


def test_a_full_disk_loses_no_question(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """What cannot be stored is not acknowledged; Slack brings it again, and it is answered."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts) as bot:
        bot.writer.close()  # refuses, as a full disk does
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        workspace.wait_until(lambda: bool(parts.readers.heard))
        body = {
            "type": "event_callback",
            "event_id": "Ev1",
            "team_id": bot.us.team,
            "event": parts.readers.heard[0],
        }
        answer = bot.app.dispatch(BoltRequest(body=body, mode="socket_mode"))
        assert answer.status == 503
    assert workspace.acks == ()
    with running_bot(workspace, tmp_path, Parts()):
        workspace.advance(70)
        reply = wait_for_reply(workspace, SEED_HELP, asked)
        workspace.wait_until_settled()

    assert "30 days" in reply
    assert len(workspace.thread(SEED_HELP, asked)) == 1


def test_the_place_reaches_the_readers_unchanged(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """What the envelope said of a foreign sender and a shared channel survives the inbox."""
    places = list[Place]()

    class Watching(GivenReaders):
        def audience_of(self, place: Place) -> Audience | None:
            places.append(place)
            return super().audience_of(place)

    with running_bot(workspace, tmp_path, Parts(readers=Watching())) as bot:
        asked = workspace.say("U0GRETA", "C0ORCHARD", "@housevoice days off?")
        wait_for_reply(workspace, "C0ORCHARD", asked)
        ours = bot.us.team

    (place,) = places
    assert (place.team, place.channel, place.user) == (ours, "C0ORCHARD", "U0GRETA")
    assert place.is_ext_shared_channel is True
    assert place.sender_teams == {"T0ORCHARD"}


@pytest.mark.parametrize("close", CLOSINGS.values(), ids=CLOSINGS)
def test_a_document_closed_while_the_model_was_writing_is_not_shown(
    workspace: RunningWorkspace, tmp_path: Path, close: Callable[[Catalogue], None]
) -> None:
    """Readers are the same, the document is not: the reply is made anew, without it."""
    catalogue = Catalogue()
    answerer = ScriptedAnswerer(before=lambda _: close(catalogue))
    with running_bot(workspace, tmp_path, Parts(answerer=answerer, roles_of=catalogue)):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert "I do not know." in wait_for_reply(workspace, SEED_HELP, asked)

    assert "30 days" not in str(workspace.calls)


@pytest.mark.parametrize("close", CLOSINGS.values(), ids=CLOSINGS)
def test_a_document_closed_before_a_restart_is_not_shown(
    workspace: RunningWorkspace, tmp_path: Path, close: Callable[[Catalogue], None]
) -> None:
    """An answer that was recorded and never shown is checked again before it is."""
    catalogue = Catalogue()
    workspace.order(Fault("chat.update", error="internal_error", times=1000))
    with running_bot(workspace, tmp_path, Parts(roles_of=catalogue)):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        workspace.wait_until(lambda: bool(workspace.calls_of("chat.update")))
    workspace.state.faults.clear()
    close(catalogue)
    with running_bot(workspace, tmp_path, Parts(roles_of=catalogue)):
        assert "I do not know." in wait_for_reply(workspace, SEED_HELP, asked)


def test_a_reply_that_slack_makes_wait_is_checked_again(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Slack asks for a pause, and the document is closed in it: what was checked is not shown."""
    catalogue = Catalogue()
    with running_bot(workspace, tmp_path, Parts(roles_of=catalogue)):
        workspace.order(Fault("chat.update", retry_after_s=1, before=catalogue.roles.clear))
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert "I do not know." in wait_for_reply(workspace, SEED_HELP, asked)


def test_what_a_closed_document_said_is_not_remembered(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """A turn of the thread that rests on it stays out of the prompt."""
    catalogue = Catalogue()
    parts = Parts(roles_of=catalogue)
    with running_bot(workspace, tmp_path, parts):
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        catalogue.narrow()
        workspace.say(SEED_EMPLOYEE, SEED_HELP, "and in May?", thread_ts=asked)
        wait_for_reply(workspace, SEED_HELP, asked, nth=2)

    assert parts.answerer.heard[1].audience == EVERYBODY
    assert {one.history for one in parts.answerer.heard} == {()}


@pytest.mark.parametrize("code", ["invalid_blocks", "msg_too_long"])
def test_a_reply_that_slack_does_not_take_ends_the_wait(
    workspace: RunningWorkspace, tmp_path: Path, code: str
) -> None:
    """The placeholder does not stand for ever: the person gets a number to quote."""
    workspace.order(Fault("chat.update", error=code))
    with running_bot(workspace, tmp_path, Parts()) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert "Something went wrong" in wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        assert bot.answer_at(SEED_HELP, reply.ts).outcome == "failed"

    assert len(workspace.calls_of("chat.update")) == 2


def test_what_is_asked_while_slack_does_not_say_who_we_are_is_answered(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Events and clicks are stored without a question to Slack."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        workspace.order(Fault("auth.test", error="internal_error", times=5))
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert "30 days" in wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        answer_id = bot.answer_at(SEED_HELP, reply.ts).answer_id
        workspace.click(SEED_MANAGER, SEED_HELP, reply.ts, f"v1:{answer_id}:up")
        workspace.wait_until_settled()
        assert bot.votes(answer_id) == [(SEED_MANAGER, "up")]

    assert len(workspace.calls_of("auth.test")) == 1


def test_a_question_closed_meanwhile_does_not_keep_the_desk_busy(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Slack asked for a pause; the desk keeps it, and waits for nothing once it is over."""
    bot = build_bot(workspace, tmp_path, Parts())
    time_s = [0.0]
    desk = Desk(bot.replies, bot.worker, clock=lambda: time_s[0])
    place = Place(bot.us.team, SEED_HELP, SEED_EMPLOYEE, is_ext_shared_channel=False)
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "days off?")
    bot.inbox.take("Ev1", Asked(place, ts, ts, "days off?", is_addressed=True))
    (question,) = bot.inbox.next_questions(set())
    workspace.order(Fault("chat.postMessage", retry_after_s=7))
    assert desk.step()
    pause_s = desk.patience_s()
    bot.inbox.mark_done(question.question_id)
    time_s[0] += 8.0
    assert not desk.step()
    rest_s = desk.patience_s()
    bot.runner.stop(5.0)
    bot.engine.dispose()

    assert pause_s == 7.0
    assert rest_s > 60.0


class LeakyOnce:
    """Finds its filter broken at the first question, and would answer every other one."""

    def __init__(self) -> None:
        self._healthy = ScriptedAnswerer()
        self._is_first = True

    def work(self, question: Question) -> Working:
        if self._is_first:
            self._is_first = False
            raise FilterBrokenError(question.question_id)
        return self._healthy.work(question)


def test_a_bot_that_says_it_has_stopped_answering_has(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """One row against its filter, and nobody gets an answer until somebody has looked."""
    house = House(Settings(data=tmp_path), open_engine("sqlite://"))
    house.answerer = LeakyOnce()
    with running_bot(workspace, tmp_path, Parts(answerer=house)):
        for _ in range(2):
            asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
            assert "I have stopped answering" in wait_for_reply(workspace, SEED_HELP, asked)
    house.engine.dispose()
