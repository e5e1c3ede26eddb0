"""What is read from Slack, when Slack refuses, breaks off or says something odd."""

from collections.abc import Iterator
from threading import Event
from typing import Any

import pytest
from people_on_slack import CHANNEL_CALLS, CREW, EVERYONE, HR, House, a_place
from slack_sdk import WebClient

from bot.directory import MOST_MEMBERS, SlackDirectory
from bot.people import People
from bot.roles import RoleMap
from bot.workspace.people import UserGroup
from bot.workspace.running import running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_GUEST,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    SEED_PARTNER_TEAM,
    SEED_PEOPLE_PRIVATE,
    SEED_PEOPLE_TEAM,
    SEED_TEAM,
    demo_seed,
    seed_dm,
)
from knowledge.access import Audience


@pytest.fixture
def house() -> Iterator[House]:
    """Run the demo's workspace."""
    with running_workspace(demo_seed()) as slack:
        yield House(slack)


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


def test_a_crowd_that_cannot_be_listed_is_not_asked_for_one_by_one(house: House) -> None:
    """A thousand calls would only run into the rate limit."""
    house.add_crowd(1_100)
    house.order("users.list", error="internal_error")

    assert house.audience(CREW, SEED_HR) is None
    assert house.calls("users.info") == 1


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


def test_a_group_that_is_listed_whole_is_not_read_again(house: House) -> None:
    """One call for all groups; and none at all where no group is mapped."""
    house.audience(seed_dm(SEED_HR), SEED_HR)
    assert house.calls("usergroups.list") == 1
    assert house.calls("usergroups.users.list") == 0

    client = WebClient(house.slack.bot_token, house.slack.api_url, retry_handlers=[])
    plain = People(SlackDirectory(client, SEED_TEAM), RoleMap(version=1), now=house.clock)
    assert plain.audience_of(a_place(seed_dm(SEED_HR), SEED_HR)) == EVERYONE
    assert house.calls("usergroups.list") == 1


def test_a_group_that_slack_calls_deleted_gives_no_role(house: House) -> None:
    """Even if Slack should list it."""

    def deleted(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"usergroups": [one | {"date_delete": 1} for one in answer["usergroups"]]}

    house.order("usergroups.list", rewrite=deleted)
    assert house.audience(seed_dm(SEED_HR), SEED_HR) == EVERYONE


def test_facts_about_somebody_else_are_no_facts(house: House) -> None:
    """An answer must be about the person who was asked for."""

    def another(answer: dict[str, Any]) -> dict[str, Any]:
        return answer | {"user": answer["user"] | {"id": SEED_ADMIN}}

    house.order("users.info", rewrite=another)
    assert house.audience(SEED_HELP, SEED_HR) is None


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


@pytest.mark.parametrize("way", WAYS)
def test_names_that_are_half_read_are_none(house: House, way: str) -> None:
    """A list of some of the people would let the others' names out."""
    client = WebClient(house.slack.bot_token, house.slack.api_url, timeout=1, retry_handlers=[])
    directory = SlackDirectory(client, SEED_TEAM)
    found = directory.names() or frozenset()
    assert {"Ada Brandt", "ada"} <= found
    assert not {"housevoice", "Housevoice"} & found  # it is no person

    house.order("users.list", **WAYS[way])
    assert directory.names() is None
