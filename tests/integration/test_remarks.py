"""Why an answer was bad: from the thumb down over the form in Slack to the stored remark."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from running_bot import Bot, Parts, running_bot, wait_for_reply
from slack_bolt import BoltRequest

from adapters import remarks
from adapters.remarks import LONGEST_CORRECTION, Reason
from bot import decisions
from bot.decisions import Kind
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_EMPLOYEE,
    SEED_HELP,
    SEED_MANAGER,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_TEAM,
    demo_seed,
)

BETTER = "It is 27 days, since July."


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


@dataclass
class Scene:
    """An answer in a channel, and people who have something to say about it."""

    workspace: RunningWorkspace
    bot: Bot
    channel: str
    ts: str
    answer_id: str

    def votes(self, user: str, verdict: str) -> None:
        """Click a thumb, and wait until it is stored."""
        self.workspace.click(user, self.channel, self.ts, f"v1:{self.answer_id}:{verdict}")
        self.workspace.wait_until(lambda: (user, verdict) in self.bot.votes(self.answer_id))

    def says_why(self, user: str) -> dict[str, Any]:
        """Take up the offer that only this person sees, and return the form."""
        self.takes_the_offer(user)
        self.workspace.wait_until(lambda: self.workspace.view_of(user) is not None)
        view = self.workspace.view_of(user)
        assert view is not None
        return view.body

    def takes_the_offer(self, user: str) -> None:
        """Click the button, as soon as it is there."""

        def offers() -> list[str]:
            told = self.workspace.whispers_to(user)
            return [one.ts for one in told if "Say why" in str(one.blocks)]

        self.workspace.wait_until(lambda: bool(offers()))
        self.workspace.click(user, self.channel, offers()[-1], f"v1:{self.answer_id}")

    def fills_in(self, user: str, reason: str, text: str | None = None) -> dict[str, Any]:
        """Send the form, wait for the bot, and return the errors that it shows."""
        before = self.forms_taken
        self.workspace.submit(user, values(reason, text))
        self.workspace.wait_until(lambda: self.forms_taken > before)
        view = self.workspace.view_of(user)
        return view.errors if view else {}

    @property
    def forms_taken(self) -> int:
        """How many forms the bot has acknowledged, with or without errors."""
        return sum(ack.payload["type"] == "view_submission" for ack in self.workspace.acks)

    @property
    def said(self) -> list[tuple[str, str, str]]:
        """Who said what about the answer."""
        with self.bot.engine.connect() as connection:
            said = remarks.remarks_on(connection, self.answer_id)
        return [(one.user, one.reason.value, one.correction) for one in said]


def values(reason: str | None, text: str | None = None) -> dict[str, Any]:
    """What a person filled in, as Slack lays it out."""
    chosen = reason and {"value": reason, "text": {"type": "plain_text", "text": "…"}}
    return {
        "reason": {"choice": {"type": "static_select", "selected_option": chosen}},
        "correction": {"text": {"type": "plain_text_input", "value": text}},
    }


def a_submission(answer_id: str, **changed: Any) -> dict[str, Any]:
    """The payload of one form, as Slack lays it out."""
    user = {"id": SEED_MANAGER, "team_id": SEED_TEAM} | changed.pop("user", {})
    filled = changed.pop("values", values("wrong", BETTER))
    return {
        "type": "view_submission",
        "api_app_id": "A0HOUSEVOICE",
        "team": {"id": SEED_TEAM},
        "user": user,
        "trigger_id": "1.2.first",
        "view": {
            "id": "V1",
            "type": "modal",
            "callback_id": "remark",
            "private_metadata": answer_id,
            "state": {"values": filled},
        },
    } | changed


def answer_to(bot: Bot, body: dict[str, Any]) -> tuple[int | None, str]:
    """What Bolt answers to a payload, as the socket would send it."""
    answer = bot.app.dispatch(BoltRequest(body=body, mode="socket_mode"))
    return answer.status, answer.body


@pytest.fixture
def scene(workspace: RunningWorkspace, tmp_path: Path) -> Iterator[Scene]:
    """Somebody has asked, and the bot has answered."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, asked)
        (reply,) = workspace.thread(SEED_HELP, asked)
        answer_id = bot.answer_at(SEED_HELP, reply.ts).answer_id
        yield Scene(workspace, bot, SEED_HELP, reply.ts, answer_id)


def test_who_votes_down_says_why(scene: Scene) -> None:
    """Thumb, button, form, stored: the form closes, and the log of decisions knows of it."""
    scene.votes(SEED_MANAGER, "down")
    form = scene.says_why(SEED_MANAGER)
    errors = scene.fills_in(SEED_MANAGER, "outdated", f"  {BETTER}\n")

    assert errors == {}
    assert scene.workspace.view_of(SEED_MANAGER) is None
    assert scene.said == [(SEED_MANAGER, "outdated", BETTER)]
    assert form["private_metadata"] == scene.answer_id
    with scene.bot.engine.connect() as connection:
        told = decisions.decisions_of(connection, scene.answer_id)
    (remark,) = [one.record for one in told if one.kind is Kind.REMARK]
    assert remark == {"reason": "outdated", "has_correction": True}
    assert max(ack.latency_s for ack in scene.workspace.acks) < 2.5


def test_sending_the_form_is_acknowledged_to_its_sender_alone(scene: Scene) -> None:
    """Thanks come in the thread once the form is stored; none for one that is refused."""
    scene.votes(SEED_MANAGER, "down")
    scene.says_why(SEED_MANAGER)
    scene.votes(SEED_MANAGER, "up")
    assert scene.fills_in(SEED_MANAGER, "wrong", BETTER)
    scene.votes(SEED_MANAGER, "down")
    assert scene.fills_in(SEED_MANAGER, "wrong", BETTER) == {}
    told = scene.workspace.whispers_to
    scene.workspace.wait_until(lambda: "passed on" in str(told(SEED_MANAGER)))

    thanks = [one for one in told(SEED_MANAGER) if "passed on" in str(one.blocks)]
    (thread,) = {one.thread_ts for one in told(SEED_MANAGER)}
    assert [one.thread_ts for one in thanks] == [thread]
    assert told(SEED_EMPLOYEE) == ()


def test_the_offer_is_for_thumbs_down_and_private(scene: Scene) -> None:
    """A thumb up is thanked for as ever; nobody else sees a button."""
    scene.votes(SEED_EMPLOYEE, "up")
    scene.votes(SEED_MANAGER, "down")
    scene.workspace.wait_until(lambda: bool(scene.workspace.whispers_to(SEED_MANAGER)))

    (thanks,) = scene.workspace.whispers_to(SEED_EMPLOYEE)
    (offer,) = scene.workspace.whispers_to(SEED_MANAGER)
    assert "Say why" not in str(thanks.blocks)
    assert "Say why" in str(offer.blocks)


def test_the_offer_comes_again_with_each_thumb_down(scene: Scene) -> None:
    """What only one person sees is gone when the page is loaded anew; a click brings it back."""
    scene.votes(SEED_MANAGER, "up")
    scene.votes(SEED_MANAGER, "down")
    scene.says_why(SEED_MANAGER)
    scene.votes(SEED_MANAGER, "down")
    scene.workspace.wait_until(lambda: len(scene.workspace.whispers_to(SEED_MANAGER)) == 3)

    told = ["Say why" in str(one.blocks) for one in scene.workspace.whispers_to(SEED_MANAGER)]
    assert told == [False, True, True]


def test_a_reason_alone_is_enough(scene: Scene) -> None:
    """The corrected answer may be left empty."""
    scene.votes(SEED_MANAGER, "down")
    scene.says_why(SEED_MANAGER)

    assert scene.fills_in(SEED_MANAGER, "tone") == {}
    assert scene.said == [(SEED_MANAGER, "tone", "")]


def test_every_reason_of_the_form_is_taken(scene: Scene) -> None:
    """What can be chosen can be stored, and the other way round."""
    scene.votes(SEED_MANAGER, "down")
    for reason in Reason:
        form = scene.says_why(SEED_MANAGER)
        offered = [one["value"] for one in form["blocks"][0]["element"]["options"]]
        assert sorted(offered) == sorted(Reason)
        assert scene.fills_in(SEED_MANAGER, reason) == {}
        assert scene.said == [(SEED_MANAGER, reason, "")]


def test_a_change_of_mind_replaces_the_remark(scene: Scene) -> None:
    """The second form of a person on the same answer is the one that counts."""
    scene.votes(SEED_MANAGER, "down")
    for reason in ("wrong", "too_long"):
        scene.says_why(SEED_MANAGER)
        scene.fills_in(SEED_MANAGER, reason)

    assert scene.said == [(SEED_MANAGER, "too_long", "")]


def test_the_last_remark_counts_when_the_clock_was_set_back(scene: Scene) -> None:
    """Slack sends no time with a form, so the order of arrival decides and not our clock."""
    scene.votes(SEED_MANAGER, "down")
    ahead = datetime.now(UTC) + timedelta(days=1)
    early = remarks.Remark(scene.answer_id, SEED_TEAM, SEED_MANAGER, Reason.TONE, "", ahead)
    scene.bot.writer.run(lambda connection: remarks.record(connection, early, "s0"))

    assert answer_to(scene.bot, a_submission(scene.answer_id)) == (200, "")
    assert scene.said == [(SEED_MANAGER, "wrong", BETTER)]


def test_a_form_sent_twice_counts_once(scene: Scene) -> None:
    """A repetition is acknowledged like the first, and undoes nothing that came after it."""
    scene.votes(SEED_MANAGER, "down")
    first = a_submission(scene.answer_id)
    second = a_submission(scene.answer_id, values=values("other"), trigger_id="1.2.second")

    assert [answer_to(scene.bot, body)[0] for body in (first, second, first)] == [200] * 3
    assert scene.said == [(SEED_MANAGER, "other", "")]
    with scene.bot.engine.connect() as connection:
        told = decisions.decisions_of(connection, scene.answer_id)
    assert len([one for one in told if one.kind is Kind.REMARK]) == 2


FORGED_FORMS: list[tuple[dict[str, Any], str]] = [
    ({"answer_id": "0" * 32}, "reason"),
    ({"answer_id": "' OR 1=1 --"}, "reason"),
    ({"answer_id": ""}, "reason"),
    ({"user": {"id": SEED_EMPLOYEE}}, "reason"),
    ({"user": {"team_id": "T0ORCHARD"}}, "reason"),
    ({"values": values(None)}, "reason"),
    ({"values": values("because")}, "reason"),
    ({"values": {}}, "reason"),
    ({"values": values("wrong", "x" * (LONGEST_CORRECTION + 1))}, "correction"),
]


def test_a_forged_form_changes_nothing(scene: Scene) -> None:
    """Invented answers, other people's votes, values never offered: an error in the form."""
    scene.votes(SEED_MANAGER, "down")
    for forged, where in FORGED_FORMS:
        body = a_submission(**{"answer_id": scene.answer_id} | forged)
        status, told = answer_to(scene.bot, body)

        assert status == 200, forged
        assert '"response_action": "errors"' in told, forged
        assert f'"errors": {{"{where}": ' in told, forged
        assert scene.said == [], forged
    assert answer_to(scene.bot, a_submission(scene.answer_id)) == (200, "")
    assert scene.said == [(SEED_MANAGER, "wrong", BETTER)]


def test_a_vote_that_was_taken_back_has_no_reason(scene: Scene) -> None:
    """Who changes to a thumb up while the form is open is told that nothing was stored."""
    scene.votes(SEED_MANAGER, "down")
    scene.says_why(SEED_MANAGER)
    scene.votes(SEED_MANAGER, "up")

    errors = scene.fills_in(SEED_MANAGER, "wrong", BETTER)
    assert "no thumb down of yours" in errors["reason"]
    assert scene.said == []


FORGED_CLICKS: list[dict[str, Any]] = [
    {"user": {"id": SEED_EMPLOYEE, "team_id": SEED_TEAM}},
    {"user": {"id": SEED_MANAGER, "team_id": "T0ORCHARD"}},
    {"user": {"id": SEED_MANAGER}},
    {"team": {"id": "T0ORCHARD"}},
    {"container": {"message_ts": "1.1", "channel_id": SEED_PARTNER_ORCHARD}},
    {"actions": [{"action_id": "answer_say_why", "value": "v1:" + "0" * 32}]},
    {"actions": [{"action_id": "answer_say_why", "value": "v2"}]},
]


def test_a_forged_button_opens_nothing(scene: Scene) -> None:
    """Only who has voted the answer down, in its own channel, gets a form."""
    scene.votes(SEED_MANAGER, "down")
    value = f"v1:{scene.answer_id}"
    click = {
        "type": "block_actions",
        "api_app_id": "A0HOUSEVOICE",
        "team": {"id": SEED_TEAM},
        "user": {"id": SEED_MANAGER, "team_id": SEED_TEAM},
        "container": {"message_ts": "1.1", "channel_id": SEED_HELP},
        "trigger_id": "1.2.made-up",
        "actions": [{"action_id": "answer_say_why", "block_id": "b", "value": value}],
    }
    for changed in FORGED_CLICKS:
        assert answer_to(scene.bot, click | changed) == (200, ""), changed
        assert scene.workspace.calls_of("views.open") == (), changed

    assert answer_to(scene.bot, click)[0] == 500  # it would open, were the trigger a real one
    (call,) = scene.workspace.calls_of("views.open")
    assert call.error == "invalid_trigger_id"


def test_somebody_of_another_company_is_offered_nothing(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Their thumb does not count, so there is nothing to say about it."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        asked = workspace.say(SEED_EMPLOYEE, SEED_PARTNER_ORCHARD, "@housevoice days off?")
        wait_for_reply(workspace, SEED_PARTNER_ORCHARD, asked)
        (reply,) = workspace.thread(SEED_PARTNER_ORCHARD, asked)
        answer_id = bot.answer_at(SEED_PARTNER_ORCHARD, reply.ts).answer_id
        click = (SEED_PARTNER_ORCHARD, reply.ts, f"v1:{answer_id}:down")
        workspace.click(SEED_OUTSIDER, *click)
        workspace.click(SEED_MANAGER, *click)
        workspace.wait_until(lambda: bool(workspace.whispers_to(SEED_MANAGER)))

        assert workspace.whispers_to(SEED_OUTSIDER) == ()
        forged = a_submission(answer_id, user={"id": SEED_OUTSIDER, "team_id": "T0ORCHARD"})
        assert "no thumb down" in answer_to(bot, forged)[1]


def test_with_the_store_down_the_form_stays_open(scene: Scene) -> None:
    """The person reads why, loses nothing of what they typed, and the next try works."""
    scene.votes(SEED_MANAGER, "down")
    scene.says_why(SEED_MANAGER)
    rename = "ALTER TABLE {} RENAME TO {}"
    with scene.bot.engine.begin() as connection:
        connection.exec_driver_sql(rename.format("remarks", "gone"))

    errors = scene.fills_in(SEED_MANAGER, "wrong", BETTER)
    assert "could not write that down" in errors["reason"]
    assert scene.workspace.view_of(SEED_MANAGER) is not None

    with scene.bot.engine.begin() as connection:
        connection.exec_driver_sql(rename.format("gone", "remarks"))
    assert scene.fills_in(SEED_MANAGER, "wrong", BETTER) == {}
    assert scene.workspace.view_of(SEED_MANAGER) is None
    assert scene.said == [(SEED_MANAGER, "wrong", BETTER)]


def test_a_form_that_does_not_open_is_no_silence(scene: Scene) -> None:
    """Slack refuses to open it: the click is not acknowledged, so that Slack shows an error."""
    scene.votes(SEED_MANAGER, "down")
    scene.workspace.order(Fault("views.open", error="internal_error"))
    scene.takes_the_offer(SEED_MANAGER)
    scene.workspace.wait_until(lambda: len(scene.workspace.calls_of("views.open")) == 1)

    scene.workspace.advance(3.5)
    scene.workspace.wait_until(
        lambda: any(one.is_warning for one in scene.workspace.whispers_to(SEED_MANAGER))
    )
    scene.says_why(SEED_MANAGER)


def test_what_no_database_takes_is_left_out(scene: Scene) -> None:
    """A null character or half of a pair does not make the form fail for ever."""
    scene.votes(SEED_MANAGER, "down")
    body = a_submission(scene.answer_id, values=values("wrong", "27\x00 days\ud800."))

    assert answer_to(scene.bot, body) == (200, "")
    assert scene.said == [(SEED_MANAGER, "wrong", "27 days.")]
