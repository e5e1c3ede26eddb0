"""Thumbs below a reply: whose count, which click is the last, what a forged one does."""

import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from running_bot import Bot, Parts, build_bot, running_bot, wait_for_reply
from slack_bolt import BoltRequest

from bot import decisions
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_HELP,
    SEED_MANAGER,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_TEAM,
    demo_seed,
)


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def answered(workspace: RunningWorkspace, bot: Bot, channel: str = SEED_HELP) -> tuple[str, str]:
    """Ask something and return the ts and the id of the answer."""
    asked = workspace.say(SEED_EMPLOYEE, channel, "@housevoice days off?")
    wait_for_reply(workspace, channel, asked)
    (reply,) = workspace.thread(channel, asked)
    return reply.ts, bot.answer_at(channel, reply.ts).answer_id


def a_click(answer_id: str, ts: str, **changed: Any) -> dict[str, Any]:
    """The payload of one click, as Slack lays it out."""
    values = {
        "user": "U1",
        "user_team": SEED_TEAM,
        "team": SEED_TEAM,
        "channel": SEED_HELP,
        "verdict": "up",
        "action_ts": "1790000001.000001",
    } | changed
    action = {
        "type": "feedback_buttons",
        "action_id": "answer_feedback",
        "block_id": f"fb_{answer_id}",
        "value": values.get("value", f"v1:{answer_id}:{values['verdict']}"),
        "action_ts": values["action_ts"],
    }
    return {
        "type": "block_actions",
        "api_app_id": "A0HOUSEVOICE",
        "team": {"id": values["team"], "domain": "larkfield"},
        "user": {"id": values["user"], "team_id": values["user_team"]},
        "channel": {"id": values["channel"]},
        "container": {
            "type": "message",
            "message_ts": ts,
            "channel_id": values["channel"],
        },
        "actions": [action],
    }


def status_of(bot: Bot, body: dict[str, Any]) -> int | None:
    """What Bolt answers to a payload, as the socket would send it."""
    return bot.app.dispatch(BoltRequest(body=body, mode="socket_mode")).status


def test_a_click_is_stored_and_thanked_in_private(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """The voter alone sees the thanks, in the thread; the shared message stays as it is."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        ts, answer_id = answered(workspace, bot)
        workspace.click(SEED_MANAGER, SEED_HELP, ts, f"v1:{answer_id}:down")
        workspace.wait_until(lambda: len(workspace.calls_of("chat.postEphemeral")) == 1)
        votes = bot.votes(answer_id)

    (thanks,) = workspace.calls_of("chat.postEphemeral")
    assert votes == [(SEED_MANAGER, "down")]
    assert thanks.args["user"] == SEED_MANAGER
    assert len(workspace.calls_of("chat.update")) == 1


def test_a_change_of_mind_is_not_thanked_for_again(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """One line of thanks a person and answer; the votes after it change the count in silence."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        ts, answer_id = answered(workspace, bot)
        for user, verdict in [
            (SEED_MANAGER, "down"),
            (SEED_MANAGER, "up"),
            (SEED_MANAGER, "up"),
            (SEED_ENGINEER, "up"),
        ]:
            workspace.click(user, SEED_HELP, ts, f"v1:{answer_id}:{verdict}")
        workspace.wait_until_settled()
        bot.courtesies.finish()
        votes = bot.votes(answer_id)

    thanked = [one.args["user"] for one in workspace.calls_of("chat.postEphemeral")]
    assert sorted(thanked) == sorted([SEED_MANAGER, SEED_ENGINEER])
    assert sorted(votes) == sorted([(SEED_MANAGER, "up"), (SEED_ENGINEER, "up")])


def test_the_decision_log_has_each_vote_that_counts(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """With the vote that it replaces, and without the person; a late click leaves no record."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        ts, answer_id = answered(workspace, bot)
        for verdict, at in (("up", "9.0"), ("down", "12.0"), ("up", "10.0")):
            body = a_click(answer_id, ts, user=SEED_MANAGER, verdict=verdict, action_ts=at)
            assert status_of(bot, body) == 200
        with bot.engine.connect() as connection:
            decided = decisions.decisions_of(connection, answer_id)

    assert [(one.kind.value, dict(one.record)) for one in decided[1:]] == [
        ("vote", {"verdict": "up", "instead_of": ""}),
        ("vote", {"verdict": "down", "instead_of": "up"}),
    ]


def test_forty_clicks_of_one_person_are_one_vote(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """The same thumb again and again: one record, one in the figures; each moves the last click."""
    parts = Parts()
    with running_bot(workspace, tmp_path, parts) as bot:
        ts, answer_id = answered(workspace, bot)
        for n in range(40):
            body = a_click(answer_id, ts, user=SEED_MANAGER, verdict="down", action_ts=f"{n}.0")
            assert status_of(bot, body) == 200
        with bot.engine.connect() as connection:
            decided = decisions.decisions_of(connection, answer_id)
        votes = bot.votes(answer_id)

    labels = {"verdict": "down", "arm": "live"}
    assert [one.kind.value for one in decided] == ["answer", "vote"]
    assert parts.metrics.registry.get_sample_value("housevoice_votes_total", labels) == 1
    assert votes == [(SEED_MANAGER, "down")]


def test_the_last_click_counts(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """Every shuffle and every repetition of clicks ends with the latest by Slack's clock."""
    times = [f"1790000{n}.{micros}" for n, micros in ((9, "9"), (10, "000001"), (10, "2"))]
    clicks = [
        (user, verdict, ts)
        for user, verdicts in (("U1", "up down up"), ("U2", "down up down"))
        for verdict, ts in zip(verdicts.split(), times, strict=True)
    ]
    with running_bot(workspace, tmp_path, Parts()) as bot:
        for seed in range(20):
            shuffled = [*clicks, *clicks[::2]]
            random.Random(seed).shuffle(shuffled)  # noqa: S311  an order, no secret
            ts, answer_id = answered(workspace, bot)
            for user, verdict, at in shuffled:
                body = a_click(answer_id, ts, user=user, verdict=verdict, action_ts=at)
                assert status_of(bot, body) == 200
            assert bot.votes(answer_id) == [("U1", "up"), ("U2", "down")], f"seed {seed}"


@pytest.mark.parametrize(
    "changed",
    [
        {"user_team": "T0ORCHARD"},
        {"channel": SEED_PARTNER_ORCHARD},
        {"team": "T0ORCHARD"},
        {"value": "v1:" + "0" * 32 + ":up"},
        {"value": "up"},
        {"value": "v2:{id}:up"},
        {"action_ts": "tomorrow"},
        {"ts": "1.000001"},
    ],
    ids=str,
)
def test_a_forged_click_changes_nothing(
    workspace: RunningWorkspace, tmp_path: Path, changed: dict[str, str]
) -> None:
    """Foreign voters, other places and invented values are acknowledged and dropped."""
    parts = Parts()
    bot = build_bot(workspace, tmp_path, parts)
    bot.desk.start()
    asked = {
        "type": "event_callback",
        "event_id": "Ev1",
        "team_id": SEED_TEAM,
        "api_app_id": "A0HOUSEVOICE",
        "is_ext_shared_channel": False,
        "event": {
            "type": "app_mention",
            "user": SEED_EMPLOYEE,
            "channel": SEED_HELP,
            "ts": workspace.say(SEED_EMPLOYEE, SEED_HELP, "days off?"),
            "text": "<@U0HOUSEVOICE> days off?",
        },
    }
    assert status_of(bot, asked) == 200
    root = asked["event"]["ts"]
    wait_for_reply(workspace, SEED_HELP, root)
    (reply,) = workspace.thread(SEED_HELP, root)
    answer_id = bot.answer_at(SEED_HELP, reply.ts).answer_id
    forged = {name: text.format(id=answer_id) for name, text in changed.items()}
    body = a_click(answer_id, forged.pop("ts", reply.ts), **forged)

    assert status_of(bot, body) == 200
    assert bot.votes(answer_id) == []
    assert status_of(bot, a_click(answer_id, reply.ts)) == 200
    assert bot.votes(answer_id) == [("U1", "up")]
    bot.runner.stop(5.0)
    bot.engine.dispose()


def test_a_guest_of_another_company_has_no_vote(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """They see the reply in the shared channel; their click is acknowledged and not counted."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        ts, answer_id = answered(workspace, bot, SEED_PARTNER_ORCHARD)
        workspace.click(SEED_OUTSIDER, SEED_PARTNER_ORCHARD, ts, f"v1:{answer_id}:down")
        workspace.click(SEED_MANAGER, SEED_PARTNER_ORCHARD, ts, f"v1:{answer_id}:up")
        workspace.wait_until_settled()

        assert bot.votes(answer_id) == [(SEED_MANAGER, "up")]


def test_a_vote_that_is_not_stored_is_not_acknowledged(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """With the store down the person sees an error instead of thanks."""
    bot = build_bot(workspace, tmp_path, Parts())
    bot.writer.close()

    assert status_of(bot, a_click("0" * 32, "1.000001")) == 500
    bot.runner.stop(5.0)
    bot.engine.dispose()


def test_thanks_that_fail_do_not_hold_up_votes(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """Slack asks for a long pause before each thanks; the votes are acknowledged all the same."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        ts, answer_id = answered(workspace, bot)
        workspace.order(Fault("chat.postEphemeral", times=1000, error="internal_error"))
        for click in [
            partial(workspace.click, user, SEED_HELP, ts, f"v1:{answer_id}:up")
            for user in (SEED_EMPLOYEE, SEED_ENGINEER, SEED_MANAGER)
        ]:
            click()
        workspace.wait_until_settled()

        assert len(bot.votes(answer_id)) == 3
    assert max(ack.latency_s for ack in workspace.acks) < 2.5
