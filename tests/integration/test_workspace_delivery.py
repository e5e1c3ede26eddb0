"""Socket Mode of the local workspace: with real Bolt, and frame by frame."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from scripted_bot import ScriptedBot, connected, feedback_block, rich_text, web_client, words
from websocket import WebSocket, create_connection

from bot.workspace.clock import Clock
from bot.workspace.delivery import EVENTS, INTERACTIVE, Delivery
from bot.workspace.options import Options
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_BOT,
    SEED_EMPLOYEE,
    SEED_ENGINEERING,
    SEED_ENGINEERING_CHANNEL,
    SEED_GUEST,
    SEED_GUEST_CORNER,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_PARTNER_TEAM,
    SEED_TEAM,
    demo_seed,
    seed_dm,
)
from bot.workspace.state import counting_ids
from bot.workspace.wire import JsonObject, RefusedError


@pytest.fixture(scope="module")
def house() -> Iterator[tuple[RunningWorkspace, ScriptedBot]]:
    """One workspace with one Bolt app; every test looks at its own messages only."""
    with running_workspace(demo_seed()) as workspace:
        bot = ScriptedBot(web_client(workspace))
        with connected(workspace, bot):
            yield workspace, bot


def event_of(bot: ScriptedBot, kind: str) -> JsonObject:
    """The latest event of a kind."""
    return next(body["event"] for body in reversed(bot.heard) if body["event"]["type"] == kind)


class TestWithBolt:
    """What arrives at a real Bolt app."""

    def test_a_mention_comes_as_two_events(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """``app_mention`` and ``message`` for one post, with two event ids (2.2, M)."""
        workspace, bot = house
        ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice a < b?")
        workspace.wait_until(lambda: len(bot.types(ts)) == 2)

        mention, message = (
            next(
                body
                for body in bot.heard
                if body["event"].get("ts") == ts and body["event"]["type"] == kind
            )
            for kind in ("app_mention", "message")
        )
        assert mention["event_id"] != message["event_id"]
        assert "channel_type" not in mention["event"]
        assert message["event"]["channel_type"] == "channel"
        assert mention["event"]["text"] == f"<@{SEED_BOT}> a &lt; b?"
        assert mention["authorizations"][0]["team_id"] == SEED_TEAM

    def test_a_dm_comes_as_one_event(self, house: tuple[RunningWorkspace, ScriptedBot]) -> None:
        """``app_mention`` is never sent in DMs (2.2, D)."""
        workspace, bot = house
        ts = workspace.say(SEED_HR, seed_dm(SEED_HR), "@housevoice hello")
        workspace.wait_until_settled()

        assert bot.types(ts) == ["message"]
        assert event_of(bot, "message")["channel_type"] == "im"

    def test_a_foreign_sender_is_recognised(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """``user_team``, ``source_team`` and the envelope's flag say it (2.2, 3P)."""
        workspace, bot = house
        ts = workspace.say(SEED_OUTSIDER, SEED_PARTNER_ORCHARD, "@housevoice hello")
        workspace.wait_until(lambda: len(bot.types(ts)) == 2)

        body = next(body for body in bot.heard if body["event"].get("ts") == ts)
        assert body["is_ext_shared_channel"] is True
        assert body["event"]["user_team"] == SEED_PARTNER_TEAM
        assert body["event"]["user_profile"]["team"] == SEED_PARTNER_TEAM

    def test_what_the_bot_cannot_see_is_not_sent(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """Only what is visible to the bot (13.4)."""
        workspace, bot = house
        workspace.leave(SEED_BOT, SEED_ENGINEERING_CHANNEL)
        ts = workspace.say(SEED_MANAGER, SEED_ENGINEERING_CHANNEL, "@housevoice are you there?")
        workspace.wait_until_settled()

        assert bot.types(ts) == []

    def test_people_groups_and_sharing_are_told(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """Membership, sharing, user and group changes emit their events (13.4)."""
        workspace, bot = house
        workspace.join(SEED_HR, SEED_GUEST_CORNER)
        workspace.leave(SEED_HR, SEED_GUEST_CORNER)
        workspace.share(SEED_GUEST_CORNER, SEED_PARTNER_TEAM)
        workspace.change_user(SEED_GUEST, title="Contractor")
        workspace.change_group(SEED_ENGINEERING, SEED_EMPLOYEE)
        workspace.wait_until_settled()

        assert event_of(bot, "member_joined_channel")["channel_type"] == "C"
        assert event_of(bot, "member_left_channel")["user"] == SEED_HR
        assert event_of(bot, "channel_shared")["connected_team_id"] == SEED_PARTNER_TEAM
        assert event_of(bot, "user_change")["user"]["is_restricted"] is True
        delta = event_of(bot, "subteam_members_changed")
        assert (delta["added_users"], delta["added_users_count"]) == ([SEED_EMPLOYEE], "1")
        assert len(delta["removed_users"]) == 1

    def test_an_event_can_get_lost(self, house: tuple[RunningWorkspace, ScriptedBot]) -> None:
        """Events get lost in real life; the option swallows them (13.4)."""
        workspace, bot = house
        before = len(bot.heard)
        workspace.swallow("user_change")
        workspace.change_user(SEED_MANAGER, title="Unheard of")
        workspace.swallow()

        assert workspace.state.delivery.unacknowledged == 0
        assert len(bot.heard) == before

    def test_every_click_is_sent(self, house: tuple[RunningWorkspace, ScriptedBot]) -> None:
        """Also a repeated one; the side shows to the clicker alone (8.1, 3P)."""
        workspace, bot = house
        blocks = [rich_text(words("Yes.")), feedback_block("clicks")]
        ts = bot.client.chat_postMessage(channel=SEED_HELP, text="x", blocks=blocks)["ts"]
        for _ in range(2):
            workspace.click(SEED_EMPLOYEE, SEED_HELP, ts, "v1:clicks:up")
        workspace.wait_until_settled()

        first, second = bot.clicks[-2:]
        assert first["actions"][0]["value"] == "v1:clicks:up"
        assert first["container"]["message_ts"] == ts
        assert first["actions"][0]["action_ts"] < second["actions"][0]["action_ts"]
        viewers = {key[0] for key in workspace.state.highlights if key[2] == ts}
        assert viewers == {SEED_EMPLOYEE}

    def test_a_command_is_answered_to_its_caller(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """What the app acks with is an ephemeral (3.3, M)."""
        workspace, bot = house
        workspace.command(SEED_HR, SEED_HELP, "/housevoice status now")
        workspace.wait_until_settled()

        assert bot.commands[-1]["text"] == "status now"
        assert bot.commands[-1]["channel_name"] == "help"
        assert workspace.whispers_to(SEED_HR)[-1].text == "You said status now."
        assert workspace.whispers_to(SEED_EMPLOYEE) == ()

    @pytest.mark.parametrize(
        ("user", "channel", "thread_ts", "code"),
        [
            (SEED_EMPLOYEE, SEED_HELP, "1.000000", "command_in_thread"),
            (SEED_OUTSIDER, SEED_PARTNER_ORCHARD, "", "foreign_command"),
        ],
    )
    def test_a_command_is_refused_where_slack_refuses_it(
        self,
        house: tuple[RunningWorkspace, ScriptedBot],
        user: str,
        channel: str,
        thread_ts: str,
        code: str,
    ) -> None:
        """Not in threads, not from the other side of a shared channel (2.3, D)."""
        workspace, _ = house
        with pytest.raises(RefusedError, match=code):
            workspace.command(user, channel, "/housevoice status", thread_ts=thread_ts)

    def test_an_event_without_ack_comes_again(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """With the same event id; a bot that is down loses nothing (3.2, 3P)."""
        workspace, bot = house
        bot.refusals = 2
        ts = workspace.say(SEED_HR, seed_dm(SEED_HR), "are you there?")
        workspace.wait_until(lambda: len(bot.types(ts)) == 1)
        workspace.advance(3)
        workspace.wait_until(lambda: len(bot.types(ts)) == 2)
        workspace.advance(63)
        workspace.wait_until(lambda: len(bot.types(ts)) == 3)
        workspace.wait_until_settled()

        bodies = [body for body in bot.heard if body["event"].get("ts") == ts]
        assert len({body["event_id"] for body in bodies}) == 1
        assert workspace.acks[-1].attempt == 2

    def test_a_burst_reaches_the_sdk_whole(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """Without the limit in flight its client failed in 2 of 4 runs (RecursionError)."""
        workspace, bot = house
        said = [
            workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice {number}")
            for number in range(1000)
        ]
        workspace.wait_until_settled(timeout_s=20)

        heard = {body["event"].get("ts") for body in bot.heard}
        assert heard >= set(said)
        assert max(ack.attempt for ack in workspace.acks[-2000:]) == 0

    def test_a_refreshed_connection_goes_on(
        self, house: tuple[RunningWorkspace, ScriptedBot]
    ) -> None:
        """``refresh_requested`` makes the client reconnect (3.2, D)."""
        workspace, bot = house
        (old,) = workspace.state.delivery.sockets
        workspace.announce_disconnect("refresh_requested")
        workspace.wait_until(lambda: set(workspace.state.delivery.sockets) - {old} != set())
        ts = workspace.say(SEED_HR, seed_dm(SEED_HR), "still there?")
        workspace.wait_until(lambda: bool(bot.types(ts)))

        assert bot.types(ts) == ["message"]


class Link:
    """One raw socket."""

    def __init__(self, workspace: RunningWorkspace) -> None:
        client = web_client(workspace)
        url = client.apps_connections_open(app_token=workspace.app_token)["url"]
        self.socket: WebSocket = create_connection(url, timeout=5, suppress_origin=True)

    def frame(self) -> JsonObject:
        """The next frame."""
        frame: JsonObject = json.loads(self.socket.recv())
        return frame

    def ack(self, envelope: JsonObject, **payload: Any) -> None:
        """Acknowledge an envelope."""
        answer = {"envelope_id": envelope["envelope_id"]}
        self.socket.send(json.dumps(answer | ({"payload": payload} if payload else {})))


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace whose time stands still."""
    with running_workspace(demo_seed(), clock=Clock.standing_still()) as running:
        yield running


@pytest.fixture
def link(workspace: RunningWorkspace) -> Iterator[Link]:
    """A socket to it, past its hello."""
    link = Link(workspace)
    assert link.frame()["type"] == "hello"
    yield link
    link.socket.close()


class TestFrames:
    """What stands in each frame."""

    def test_the_first_delivery_has_a_retry_number_of_zero(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """Code that takes the field for a retry drops everything (1.5, 3P)."""
        workspace.say(SEED_HR, seed_dm(SEED_HR), "hi")
        envelope = link.frame()

        assert envelope["type"] == "events_api"
        assert (envelope["retry_attempt"], envelope["retry_reason"]) == (0, "")
        assert envelope["accepts_response_payload"] is False

    def test_redelivery_has_a_fresh_envelope_and_the_same_event(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """At once after 3 s, then after 1 and 5 minutes, and no more (3.2, 3P)."""
        workspace.say(SEED_HR, seed_dm(SEED_HR), "hi")
        envelopes = [link.frame()]
        for seconds in (3, 63, 303):
            workspace.advance(seconds)
            envelopes.append(link.frame())
        workspace.advance(3600)
        workspace.wait_until(lambda: len(workspace.state.delivery.lost) == 1)

        assert [each["retry_attempt"] for each in envelopes] == [0, 1, 2, 3]
        assert {each["retry_reason"] for each in envelopes[1:]} == {"timeout"}
        assert len({each["envelope_id"] for each in envelopes}) == 4
        assert len({each["payload"]["event_id"] for each in envelopes}) == 1

    def test_an_ack_of_an_earlier_envelope_still_counts(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """The bot may be slow and answer the first delivery after the second came."""
        workspace.say(SEED_HR, seed_dm(SEED_HR), "hi")
        first = link.frame()
        workspace.advance(3)
        link.frame()
        link.ack(first)

        workspace.wait_until_settled()
        assert workspace.acks[0].attempt == 1

    def test_each_envelope_goes_to_one_socket(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """Up to ten sockets, each payload to one of them (3.2, D); the eleventh is refused."""
        others = [Link(workspace) for _ in range(9)]
        assert {other.frame()["type"] for other in others} == {"hello"}
        eleventh = Link(workspace)
        assert eleventh.frame()["reason"] == "too_many_websockets"

        for _ in range(10):
            workspace.say(SEED_HR, seed_dm(SEED_HR), "hi")
        events = [each.frame()["payload"]["event_id"] for each in [link, *others]]

        assert len(set(events)) == 10
        for other in [*others, eleventh]:
            other.socket.close()

    def test_an_event_waits_for_a_socket(self, workspace: RunningWorkspace) -> None:
        """A retry may be the only delivery there is (1.5, 3P)."""
        workspace.say(SEED_HR, seed_dm(SEED_HR), "anybody?")
        workspace.wait_until(
            lambda: workspace.state.delivery.next_due_at() == workspace.clock.now() + 3
        )
        link = Link(workspace)
        assert link.frame()["type"] == "hello"
        workspace.advance(3)

        assert link.frame()["retry_attempt"] == 1
        link.socket.close()

    def test_a_command_without_ack_shows_a_warning_and_is_not_repeated(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """Interactive and slash payloads are not retried (3.2, 3P)."""
        workspace.command(SEED_HR, SEED_HELP, "/housevoice status")
        envelope = link.frame()
        workspace.advance(3)
        workspace.wait_until(lambda: bool(workspace.whispers_to(SEED_HR)))

        assert envelope["accepts_response_payload"] is True
        assert "retry_attempt" not in envelope
        (warning,) = workspace.whispers_to(SEED_HR)
        assert warning.is_warning
        assert workspace.state.delivery.unacknowledged == 0

    def test_held_envelopes_can_come_in_another_order(
        self, workspace: RunningWorkspace, link: Link
    ) -> None:
        """Slack promises no order (3.1, D)."""
        workspace.hold()
        said = [workspace.say(SEED_HR, seed_dm(SEED_HR), text) for text in "ab"]
        workspace.wait_until(lambda: workspace.state.delivery.unacknowledged == 2)
        workspace.release(is_reversed=True)

        came = [link.frame()["payload"]["event"]["ts"] for _ in range(2)]
        assert sorted(came) == said

    def test_an_event_can_come_twice_at_once(self, workspace: RunningWorkspace, link: Link) -> None:
        """Duplicates with one event id are reported around reconnects (3.2, 3P)."""
        workspace.duplicate(2)
        workspace.say(SEED_HR, seed_dm(SEED_HR), "hi")
        first, second = link.frame(), link.frame()

        assert first["envelope_id"] != second["envelope_id"]
        assert first["payload"]["event_id"] == second["payload"]["event_id"]

    def test_a_ticket_opens_one_socket(self, workspace: RunningWorkspace) -> None:
        """The URL of ``apps.connections.open`` holds a one-time ticket (13.3)."""
        link = Link(workspace)
        url = workspace.calls[-1].answer["url"]
        with pytest.raises(Exception, match="403"):
            create_connection(url, timeout=5, suppress_origin=True)
        link.socket.close()


def test_acks_may_have_to_come_over_the_same_socket() -> None:
    """Unknown for Slack (3.2, ?): both worlds can be tried."""
    clock = Clock.standing_still()
    taken = {}
    for is_enough in (True, False):
        delivery = _delivery(clock, Options(ack_on_any_socket=is_enough))
        sockets = [delivery.connect(delivery.issue_ticket()) for _ in range(2)]
        delivery.send(EVENTS, {"event_id": "Ev1"})
        frame = next(each for each in delivery.take_due() if each.body.get("envelope_id"))
        (other,) = (each for each in sockets if each not in {None, frame.socket})
        delivery.acknowledge(other or 0, frame.body["envelope_id"], None)
        taken[is_enough] = not delivery.unacknowledged

    assert taken == {True: True, False: False}


def test_a_socket_carries_only_so_many_unacknowledged() -> None:
    """The others wait for room, and none is forgotten."""
    clock = Clock.standing_still()
    delivery = _delivery(clock, Options(envelopes_in_flight=2))
    socket = delivery.connect(delivery.issue_ticket()) or 0
    for number in range(5):
        delivery.send(EVENTS, {"event_id": f"Ev{number}"})
    came: list[str] = []
    while frames := [each.body for each in delivery.take_due() if "payload" in each.body]:
        assert len(frames) <= 2
        for frame in frames:
            came.append(frame["payload"]["event_id"])
            delivery.acknowledge(socket, frame["envelope_id"], None)

    assert came == [f"Ev{number}" for number in range(5)]
    assert delivery.unacknowledged == 0


def test_a_redelivery_may_keep_its_envelope() -> None:
    """Sometimes the envelope id is the same one (3.2, 3P)."""
    clock = Clock.standing_still()
    delivery = _delivery(clock, Options(fresh_envelope_ids=False))
    delivery.connect(delivery.issue_ticket())
    delivery.send(EVENTS, {"event_id": "Ev1"})
    first = delivery.take_due()[-1].body["envelope_id"]
    clock.advance(3)

    assert delivery.take_due()[-1].body["envelope_id"] == first


def test_a_click_with_no_socket_open_fails_at_once() -> None:
    """There is nobody to wait for."""
    warnings: list[str] = []
    delivery = _delivery(Clock.standing_still(), Options())
    delivery.send(INTERACTIVE, {}, on_timeout=lambda: warnings.append("failed"))
    delivery.take_due()
    delivery.take_due()

    assert warnings == ["failed"]


def _delivery(clock: Clock, options: Options) -> Delivery:
    return Delivery(
        now=clock.now, new_id=counting_ids(), options=options, app_id="A1", socket_limit=10
    )
