"""Facts about people, read from a Slack that answers, refuses, breaks off and changes."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from threading import Event
from typing import Any

import pytest
from slack_sdk import WebClient

from bot.audience import Place
from bot.directory import MOST_MEMBERS, SlackDirectory
from bot.people import FAILURE_TTL_S, MEMBERS_TTL_S, PEOPLE_TTL_S, People
from bot.roles import RoleMap
from bot.workspace import membership
from bot.workspace.channels import Channel, Kind
from bot.workspace.faults import Fault
from bot.workspace.people import User, UserGroup
from bot.workspace.running import RunningWorkspace, running_workspace
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
    SEED_TEAM,
    demo_seed,
    seed_dm,
)
from knowledge.access import Audience

ROLES = RoleMap(
    version=1,
    groups={"people-team": ["hr"], "managers": ["lead"], "no-such-group": ["exec"]},
    users={SEED_ENGINEER: ["eng"]},
)
EVERYONE = Audience(frozenset({frozenset({"everyone"})}))
HR = frozenset({"everyone", "hr"})
LEAD = frozenset({"everyone", "lead"})
CREW = "G0CREW"


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.at


class House:
    """A workspace and the people in it, as the bot knows them."""

    def __init__(self, slack: RunningWorkspace) -> None:
        self.slack = slack
        self.clock = Clock()
        client = WebClient(slack.bot_token, slack.api_url, timeout=1, retry_handlers=[])
        self.people = People(SlackDirectory(client, SEED_TEAM), ROLES, now=self.clock)

    def calls(self, method: str = "") -> int:
        """Count the calls of one method, or of all."""
        return len(self.slack.calls_of(method) if method else self.slack.calls)

    def add_channel(self, *members: str, kind: Kind = Kind.PRIVATE) -> None:
        """Add a conversation that the bot is in."""
        there = (*members, SEED_BOT)
        with self.slack.changing() as state:
            state.channels[CREW] = Channel(CREW, kind, members=there, context_team_id=SEED_TEAM)

    def add_crowd(self, n: int) -> None:
        """Add a channel with so many more full members."""
        crowd = [User(f"U1{k:05}", SEED_TEAM, f"user{k}", f"User {k}") for k in range(n)]
        with self.slack.changing() as state:
            state.users.update({user.id: user for user in crowd})
        self.add_channel(SEED_HR, *(user.id for user in crowd))

    def order(self, method: str, **fault: Any) -> None:
        """Let calls of a method go wrong from now on."""
        self.slack.order(Fault(method, **{"times": 1_000} | fault))

    def audience(self, channel: str, user: str) -> Audience | None:
        """Ask who reads a place."""
        return self.people.audience_of(a_place(channel, user))


def a_place(channel: str, user: str) -> Place:
    """Build a place of the home team."""
    return Place(SEED_TEAM, channel, user, is_ext_shared_channel=False)


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


CHANNEL_CALLS = ["conversations.info", "conversations.members", "users.info", "usergroups.list"]
WAYS: dict[str, dict[str, Any]] = {
    "refused": {"error": "internal_error"},
    "not visible": {"error": "user_not_visible"},
    "no paid plan": {"error": "plan_upgrade_required"},
    "html": {"status": 500},
    "empty body": {"status": 200, "body": ""},
    "not an object": {"status": 200, "body": "[]"},
    "too many calls": {"retry_after_s": 60},
    "connection cut": {"is_reset": True},
    "other fields": {"rewrite": lambda _: {"ok": True}},
    "wrong types": {"rewrite": lambda answer: dict.fromkeys(answer, "x") | {"ok": True}},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", CHANNEL_CALLS)
def test_a_call_that_goes_wrong_means_nothing_internal(house: House, method: str, way: str) -> None:
    """Whichever call it is, and however it goes wrong."""
    house.order(method, **WAYS[way])

    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


@pytest.mark.parametrize("method", CHANNEL_CALLS)
def test_a_call_without_an_answer_means_nothing_internal(house: House, method: str) -> None:
    """Slack takes longer than the client waits."""
    gate = Event()
    house.order(method, gate=gate)
    try:
        assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None
    finally:
        gate.set()


def test_one_member_who_is_not_visible_shuts_the_room(house: House) -> None:
    """The others are known; that is not enough."""
    house.add_channel(SEED_HR, SEED_MANAGER)
    house.slack.change_user(SEED_MANAGER, is_hidden=True)

    assert house.audience(CREW, SEED_HR) is None


def test_a_list_that_breaks_off_on_page_two_is_no_list(house: House) -> None:
    """The first thousand are all full members; the next could be anybody."""
    house.add_crowd(1_100)
    house.order("conversations.members", nth=2, error="fetch_members_failed")

    assert house.audience(CREW, SEED_HR) is None
    assert house.calls("conversations.members") == 2


def test_a_long_list_is_read_page_by_page(house: House) -> None:
    """Short pages are not the end, and everybody is listed rather than asked for one by one."""
    house.add_crowd(1_100)

    assert house.audience(CREW, SEED_HR) == EVERYONE
    assert house.calls("conversations.members") == 2
    assert house.calls("users.info") <= 3


def test_a_guest_on_the_last_page_shuts_the_room(house: House) -> None:
    """It takes the whole list to know."""
    house.add_crowd(1_100)
    house.slack.join(SEED_GUEST, CREW)

    assert house.audience(CREW, SEED_HR) is None


def test_a_list_without_end_is_no_list(house: House) -> None:
    """More members than we look at, or a cursor that leads on for ever."""
    house.add_crowd(MOST_MEMBERS)
    assert house.audience(CREW, SEED_HR) is None

    def same_page(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"response_metadata": {"next_cursor": "bmV4dDow"}}

    house.order("conversations.members", rewrite=same_page)
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is None


def test_a_group_that_is_cut_off_in_the_list_is_read_apart(house: House) -> None:
    """Slack lists 500 members of a group at most; who is missing would lose a role."""

    def cut(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"usergroups": [one | {"users": []} for one in answer["usergroups"]]}

    house.order("usergroups.list", rewrite=cut)
    assert house.audience(seed_dm(SEED_HR), SEED_HR) == Audience(frozenset({HR}))

    house.order("usergroups.users.list", error="internal_error")
    house.people.notice({"type": "subteam_members_changed", "subteam_id": SEED_PEOPLE_TEAM})
    assert house.audience(seed_dm(SEED_HR), SEED_HR) is None


def test_a_group_of_others_or_one_switched_off_gives_no_role(house: House) -> None:
    """A handle alone is not enough."""
    both = (SEED_ADMIN,)
    foreign = UserGroup("S1", SEED_PARTNER_TEAM, "people-team", "Theirs", users=both)
    switched_off = UserGroup("S2", SEED_TEAM, "managers", "Old", users=both, date_delete=1)
    with house.slack.changing() as state:
        state.groups.update({"S1": foreign, "S2": switched_off})

    assert house.audience(seed_dm(SEED_ADMIN), SEED_ADMIN) == EVERYONE


def test_what_slack_calls_roles_gives_none(house: House) -> None:
    """Roles come from roles.yaml alone, whatever a profile says."""

    def with_roles(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"user": answer["user"] | {"roles": ["exec", "A B"]}}

    house.order("users.info", rewrite=with_roles)

    assert house.audience(seed_dm(SEED_ADMIN), SEED_ADMIN) == EVERYONE


def test_facts_are_remembered_for_a_while_and_then_read_again(house: House) -> None:
    """The second question asks Slack nothing; a minute later the members are read anew."""
    first = house.audience(SEED_PEOPLE_PRIVATE, SEED_HR)
    calls = house.calls()
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) == first
    assert house.calls() == calls

    house.clock.at += MEMBERS_TTL_S
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) == first
    assert house.calls() == calls + 1


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
CHANGES: dict[str, tuple[Change, dict[str, Any]]] = {
    "user_change": (
        lambda house: house.slack.change_user(SEED_HR, is_restricted=True),
        {"user": {"id": SEED_HR}},
    ),
    "member_joined_channel": (
        lambda house: house.slack.join(SEED_GUEST, SEED_PEOPLE_PRIVATE),
        {"channel": SEED_PEOPLE_PRIVATE, "user": SEED_GUEST, "channel_type": "G"},
    ),
    "member_left_channel": (
        lambda house: house.slack.leave(SEED_HR, SEED_PEOPLE_PRIVATE),
        {"channel": SEED_PEOPLE_PRIVATE, "user": SEED_HR},
    ),
    "channel_shared": (
        lambda house: house.slack.share(SEED_PEOPLE_PRIVATE, SEED_PARTNER_TEAM),
        {"channel": SEED_PEOPLE_PRIVATE, "connected_team_id": SEED_PARTNER_TEAM},
    ),
    "channel_archive": (
        lambda house: house.slack.change_channel(SEED_PEOPLE_PRIVATE, is_archived=True),
        {"channel": SEED_PEOPLE_PRIVATE},
    ),
    "channel_id_changed": (
        lambda house: house.slack.change_channel(SEED_PEOPLE_PRIVATE, is_frozen=True),
        {"old_channel_id": SEED_PEOPLE_PRIVATE, "new_channel_id": "C0NEW"},
    ),
    "channel_rename": (
        lambda house: house.slack.change_channel(SEED_PEOPLE_PRIVATE, is_frozen=True),
        {"channel": {"id": SEED_PEOPLE_PRIVATE, "name": "new"}},
    ),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_an_event_takes_effect_at_once(house: House, kind: str) -> None:
    """What was remembered is forgotten; without the event it would have lasted."""
    change, event = CHANGES[kind]
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is not None
    change(house)
    assert house.audience(SEED_PEOPLE_PRIVATE, SEED_HR) is not None

    house.people.notice({"type": kind, **event})

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


LOST: dict[str, Change] = {
    "a guest joined": lambda house: house.slack.join(SEED_GUEST, SEED_PEOPLE_PRIVATE),
    "it was shared": lambda house: house.slack.share(SEED_PEOPLE_PRIVATE, SEED_PARTNER_TEAM),
    "the asker became a guest": lambda house: house.slack.change_user(SEED_HR, is_restricted=True),
    "the asker left": lambda house: house.slack.leave(SEED_HR, SEED_PEOPLE_PRIVATE),
}


@pytest.mark.parametrize("lost", LOST)
def test_the_last_look_sees_what_no_event_told(house: House, lost: str) -> None:
    """Right before a reply is posted, place, members and asker are read anew, once each."""
    place = a_place(SEED_PEOPLE_PRIVATE, SEED_HR)
    assert house.people.audience_of(place) is not None
    before = {method: house.calls(method) for method in CHANNEL_CALLS}
    LOST[lost](house)

    assert house.people.audience_of(place) is not None
    assert house.people.audience_now(place) is None
    for method in CHANNEL_CALLS:
        newcomers = 1 if method == "users.info" and lost == "a guest joined" else 0
        assert house.calls(method) <= before[method] + 1 + newcomers


def test_the_last_look_agrees_when_nothing_has_changed(house: House) -> None:
    """Otherwise no reply would ever be posted; failing calls still deny."""
    place = a_place(SEED_PEOPLE_PRIVATE, SEED_HR)
    assert house.people.audience_now(place) == house.people.audience_of(place)

    house.order("conversations.info", error="internal_error")
    assert house.people.audience_now(place) is None


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
