"""Who can read which place, what is remembered of that, and what makes it forgotten."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from people_on_slack import CHANNEL_CALLS, CREW, EVERYONE, HR, LEAD, House, a_place

from bot.people import FAILURE_TTL_S, MEMBERS_TTL_S, PEOPLE_TTL_S, SMALL_ROOM_TTL_S
from bot.workspace import membership
from bot.workspace.running import running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_BOT,
    SEED_DEACTIVATED,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_GUEST,
    SEED_GUEST_CORNER,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_PARTNER_TEAM,
    SEED_PEOPLE_PRIVATE,
    SEED_PEOPLE_TEAM,
    demo_seed,
    seed_dm,
)
from knowledge.access import Audience


@pytest.fixture
def house() -> Iterator[House]:
    """Run the demo's workspace."""
    with running_workspace(demo_seed()) as slack:
        yield House(slack)


@pytest.mark.parametrize(
    ("channel", "user", "readers"),
    [
        (seed_dm(SEED_HR), SEED_HR, {HR}),
        (seed_dm(SEED_ENGINEER), SEED_ENGINEER, {frozenset({"everyone", "eng"})}),
        (seed_dm(SEED_ADMIN), SEED_ADMIN, {frozenset({"everyone"})}),
        (SEED_HELP, SEED_HR, {frozenset({"everyone"})}),
        (SEED_PEOPLE_PRIVATE, SEED_HR, {HR}),
        (CREW, SEED_HR, {HR, LEAD}),
    ],
)
def test_each_place_is_read_by_whom_it_is_read(
    house: House, channel: str, user: str, readers: set[frozenset[str]]
) -> None:
    """Groups, single people and plain members; being an administrator opens nothing."""
    house.add_channel(SEED_HR, SEED_MANAGER, SEED_DEACTIVATED)

    assert house.audience(channel, user) == Audience(frozenset(readers))


@pytest.mark.parametrize(
    ("channel", "user"),
    [
        (SEED_GUEST_CORNER, SEED_EMPLOYEE),
        (SEED_GUEST_CORNER, SEED_GUEST),
        (SEED_PARTNER_ORCHARD, SEED_EMPLOYEE),
        (SEED_PARTNER_ORCHARD, SEED_OUTSIDER),
        (seed_dm(SEED_GUEST), SEED_GUEST),
        (seed_dm(SEED_OUTSIDER), SEED_OUTSIDER),
        (seed_dm(SEED_HR), SEED_EMPLOYEE),
        (SEED_PEOPLE_PRIVATE, SEED_EMPLOYEE),
        (SEED_HELP, SEED_DEACTIVATED),
        (SEED_HELP, SEED_BOT),
        (SEED_HELP, "U0NOBODY"),
        ("C0NOWHERE", SEED_HR),
    ],
)
def test_outsiders_and_strange_places_get_nothing(house: House, channel: str, user: str) -> None:
    """Guests, other companies, leavers, bots, and whoever is not where they ask."""
    assert house.audience(channel, user) is None


def test_nobody_is_looked_up_for_a_channel_that_is_shared(house: House) -> None:
    """Its flags are enough, and its other side can be long."""
    assert house.audience(SEED_PARTNER_ORCHARD, SEED_EMPLOYEE) is None
    assert house.calls() == house.calls("conversations.info") == 1


def test_an_event_for_another_workspace_gets_nothing(house: House) -> None:
    """Not even when the user and the channel are ours; and Slack is not asked."""
    place = replace(a_place(seed_dm(SEED_HR), SEED_HR), team=SEED_PARTNER_TEAM)

    assert house.people.audience_of(place) is None
    assert house.calls() == 0


@pytest.mark.parametrize("change", [{"is_frozen": True}, {"is_archived": True}])
def test_a_frozen_or_archived_channel_gets_nothing(house: House, change: dict[str, bool]) -> None:
    """Who reads a frozen channel is not ours to know."""
    house.slack.change_channel(SEED_HELP, **change)

    assert house.audience(SEED_HELP, SEED_HR) is None


def test_a_channel_offered_to_another_company_gets_nothing(house: House) -> None:
    """From the invitation on, before anybody has accepted."""
    with house.slack.changing() as state:
        membership.invite_team(state, SEED_PEOPLE_PRIVATE, SEED_PARTNER_TEAM)

    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


def test_facts_are_remembered_for_a_while_and_then_read_again(house: House) -> None:
    """The second question asks Slack nothing; a minute later the members are read anew."""
    first = house.audience(SEED_PEOPLE_PRIVATE, SEED_HR)
    calls = house.calls()
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) == first
    assert house.calls() == calls

    members = house.calls("conversations.members")
    house.clock.at += MEMBERS_TTL_S - 1
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) == first
    assert house.calls() == calls

    house.clock.at += 1
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) == first
    assert house.calls("conversations.members") == members + 1


def test_facts_that_ran_out_are_not_used_when_slack_fails(house: House) -> None:
    """Yesterday's member list is no member list."""
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is not None
    house.clock.at += PEOPLE_TTL_S
    house.order("users.info", error="internal_error")

    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


def test_a_failure_is_remembered_for_seconds_only(house: House) -> None:
    """Slack is not hammered while it is down, and trusted again once it is up."""
    house.order("conversations.info", times=1, error="internal_error")
    assert house.audience(SEED_HELP, SEED_HR) is None
    calls = house.calls()
    assert house.audience(SEED_HELP, SEED_HR) is None
    assert house.calls() == calls

    house.clock.at += FAILURE_TTL_S
    assert house.audience(SEED_HELP, SEED_HR) == EVERYONE


Change = Callable[[House], None]
HERE = {"channel": SEED_PEOPLE_PRIVATE}


def hr_becomes_a_guest(house: House) -> None:
    """Take a full membership away."""
    house.slack.change_user(SEED_HR, is_restricted=True)


def a_guest_joins(house: House) -> None:
    """Let somebody in who may read nothing."""
    house.slack.join(SEED_GUEST, SEED_PEOPLE_PRIVATE)


def hr_leaves(house: House) -> None:
    """Take the asker out."""
    house.slack.leave(SEED_HR, SEED_PEOPLE_PRIVATE)


def it_is_shared(house: House) -> None:
    """Let another company in."""
    house.slack.share(SEED_PEOPLE_PRIVATE, SEED_PARTNER_TEAM)


@pytest.mark.parametrize(
    ("change", "event"),
    [
        (hr_becomes_a_guest, {"type": "user_change", "user": {"id": SEED_HR}}),
        (hr_becomes_a_guest, {"type": "user_profile_changed", "user": {"id": SEED_HR}}),
        (hr_becomes_a_guest, {"type": "team_join", "user": {"id": SEED_HR}}),
        (a_guest_joins, {"type": "member_joined_channel", **HERE, "user": SEED_GUEST}),
        (hr_leaves, {"type": "member_left_channel", **HERE, "user": SEED_HR}),
        *((it_is_shared, {"type": f"channel_{verb}", **HERE}) for verb in ("shared", "unshared")),
        *((it_is_shared, {"type": f"channel_{verb}", **HERE}) for verb in ("archive", "unarchive")),
        (it_is_shared, {"type": "channel_rename", "channel": {"id": SEED_PEOPLE_PRIVATE}}),
        (it_is_shared, {"type": "channel_id_changed", "old_channel_id": SEED_PEOPLE_PRIVATE}),
        (it_is_shared, {"type": "channel_id_changed", "new_channel_id": SEED_PEOPLE_PRIVATE}),
    ],
)
def test_an_event_takes_effect_at_once(house: House, change: Change, event: dict[str, Any]) -> None:
    """What was remembered is forgotten; without the event it would have lasted."""
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is not None
    change(house)
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is not None

    house.people.notice(event)

    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


def test_leaving_a_group_takes_the_role_away(house: House) -> None:
    """On the event, at once."""
    assert house.audience(seed_dm(SEED_HR), SEED_HR) == Audience(frozenset({HR}))
    house.slack.change_group(SEED_PEOPLE_TEAM)

    house.people.notice({"type": "subteam_updated", "subteam": {"id": SEED_PEOPLE_TEAM}})

    assert house.audience(seed_dm(SEED_HR), SEED_HR) == EVERYONE


def test_an_event_during_a_read_is_not_lost(house: House) -> None:
    """What Slack said before the event is not remembered after it."""

    def then_a_guest_joins(answer: dict[str, Any]) -> dict[str, Any]:
        house.slack.join(SEED_GUEST, SEED_PEOPLE_PRIVATE)
        house.people.notice({"type": "member_joined_channel", "channel": SEED_PEOPLE_PRIVATE})
        return answer

    house.order("conversations.members", times=1, rewrite=then_a_guest_joins)
    house.audience(SEED_PEOPLE_PRIVATE, SEED_HR)

    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


@pytest.mark.parametrize("kind", ["user_change", "member_joined_channel", "channel_rename", "x"])
def test_an_odd_event_does_no_harm(house: House, kind: str) -> None:
    """A field that is missing or of another type is no reason to stop."""
    house.people.notice({"type": kind, "user": None, "channel": 7})
    house.people.notice({})

    assert house.audience(SEED_HELP, SEED_HR) == EVERYONE


@pytest.mark.parametrize("change", [a_guest_joins, it_is_shared, hr_becomes_a_guest, hr_leaves])
def test_the_last_look_sees_what_no_event_told(house: House, change: Change) -> None:
    """Right before a reply is posted, place, members and asker are read anew, once each."""
    place = a_place(SEED_PEOPLE_PRIVATE, SEED_HR)
    assert house.people.audience_of(place) is not None
    before = {method: house.calls(method) for method in CHANNEL_CALLS}
    change(house)

    assert house.people.audience_of(place) is not None
    assert house.people.audience_now(place) is None
    for method in CHANNEL_CALLS:
        newcomers = 1 if method == "users.info" and change is a_guest_joins else 0
        assert house.calls(method) <= before[method] + 1 + newcomers


def test_the_last_look_agrees_when_nothing_has_changed(house: House) -> None:
    """Otherwise no reply would ever be posted; failing calls still deny."""
    place = a_place(SEED_PEOPLE_PRIVATE, SEED_HR)
    assert house.people.audience_now(place) == house.people.audience_of(place)

    house.order("conversations.info", error="internal_error")
    assert house.people.audience_now(place) is None


def test_a_reply_is_not_posted_to_whoever_left_the_group_meanwhile(house: House) -> None:
    """No event told of it, and a quarter of an hour of answers for HR would have followed."""
    place = a_place(seed_dm(SEED_HR), SEED_HR)
    assert house.people.audience_of(place) == Audience(frozenset({HR}))
    house.slack.change_group(SEED_PEOPLE_TEAM)

    assert house.people.audience_now(place) == EVERYONE


def test_a_colleague_who_became_a_guest_counts_within_a_minute(house: House) -> None:
    """Not only the asker: everybody in a small room is read anew when a minute has passed."""
    house.add_channel(SEED_HR, SEED_MANAGER)
    place = a_place(CREW, SEED_HR)
    assert house.people.audience_now(place) is not None
    house.slack.change_user(SEED_MANAGER, is_restricted=True)

    house.clock.at += SMALL_ROOM_TTL_S

    assert house.people.audience_now(place) is None


def test_the_last_look_at_a_public_channel_does_not_ask_for_groups(house: House) -> None:
    """Roles count for nothing there, and Slack allows that call only 20 times a minute."""
    place = a_place(SEED_HELP, SEED_HR)
    assert house.people.audience_of(place) == EVERYONE
    groups = house.calls("usergroups.list")

    assert house.people.audience_now(place) == EVERYONE
    assert house.calls("usergroups.list") == groups


def test_somebody_who_changes_while_everybody_is_read_does_not_close_a_large_room(
    house: House,
) -> None:
    """A changed profile of one person made a channel of forty decline, again and again."""
    house.add_crowd(40)

    def then_somebody_changes(answer: dict[str, Any]) -> dict[str, Any]:
        house.people.notice({"type": "user_change", "user": {"id": "U100007"}})
        return answer

    house.order("users.list", rewrite=then_somebody_changes)

    assert house.audience(CREW, SEED_HR) is not None
    assert house.calls("users.info") <= 3  # the asker, and whoever changed


@pytest.mark.parametrize(
    ("user", "is_full"),
    [
        *((SEED_HR, True), (SEED_ADMIN, True), (SEED_GUEST, False), (SEED_OUTSIDER, False)),
        *((SEED_DEACTIVATED, False), (SEED_BOT, False), ("U0NOBODY", False)),
    ],
)
def test_only_full_members_may_ever_be_admins(house: House, user: str, is_full: bool) -> None:  # noqa: FBT001 - a table
    """Whoever left, or never belonged, has no say, whatever a list of ids says."""
    assert house.people.is_full_member(user) is is_full
