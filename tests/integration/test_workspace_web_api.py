"""The Web API of the local workspace, through the real slack_sdk client."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from scripted_bot import rich_text, web_client, words
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.manifest import EVENTS, SCOPES
from bot.workspace.options import Options
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_BOT,
    SEED_DEACTIVATED,
    SEED_EMPLOYEE,
    SEED_ENGINEERING_CHANNEL,
    SEED_EVENTS,
    SEED_GUEST,
    SEED_GUEST_CORNER,
    SEED_HELP,
    SEED_HR,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_PARTNER_TEAM,
    SEED_PEOPLE_PRIVATE,
    SEED_PEOPLE_TEAM,
    SEED_SCOPES,
    SEED_TEAM,
    demo_seed,
    seed_dm,
)

ALL_SCOPES = (*SEED_SCOPES, "reactions:read", "reactions:write")


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """Larkfield, with the scopes for reactions."""
    with running_workspace(demo_seed(scopes=ALL_SCOPES)) as running:
        yield running


@pytest.fixture
def client(workspace: RunningWorkspace) -> WebClient:
    """The bot's client."""
    return web_client(workspace)


def refused(call: Callable[..., Any], **args: Any) -> Any:
    """Make a call that Slack refuses and return the answer."""
    with pytest.raises(SlackApiError) as caught:
        call(**args)
    return caught.value.response


def error(call: Callable[..., Any], **args: Any) -> str:
    """Make a call that Slack refuses and return its code."""
    return str(refused(call, **args)["error"])


def test_the_demo_grants_what_the_manifest_asks_for() -> None:
    """Otherwise the demo would allow what a real workspace refuses."""
    assert set(SEED_SCOPES) == set(SCOPES)
    assert set(SEED_EVENTS) == set(EVENTS)


def test_auth_test_says_who_the_bot_is(client: WebClient) -> None:
    """A call without arguments has an empty JSON body (slack.md 4.1, M)."""
    answer = client.auth_test()

    assert (answer["user_id"], answer["team_id"]) == (SEED_BOT, SEED_TEAM)
    assert answer["bot_id"]
    assert answer.headers["x-oauth-scopes"].split(",") == list(ALL_SCOPES)


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("", "not_authed"),
        ("xoxb-wrong", "invalid_auth"),
        ("xapp-local", "not_allowed_token_type"),
    ],
)
def test_a_wrong_token_is_refused(workspace: RunningWorkspace, token: str, code: str) -> None:
    """Token checks of slack.md 13.3 (D)."""
    client = WebClient(token=token, base_url=workspace.api_url)

    assert error(client.auth_test) == code


def test_only_the_app_token_opens_a_connection(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``apps.connections.open`` takes ``xapp-`` and nothing else (13.3, D)."""
    opened = client.apps_connections_open(app_token=workspace.app_token)

    assert opened["url"].startswith("ws://127.0.0.1:")
    told = error(client.apps_connections_open, app_token=workspace.bot_token)
    assert told == "not_allowed_token_type"


def test_a_missing_scope_is_named() -> None:
    """``needed`` and ``provided`` stand in the answer (4.1, D)."""
    with running_workspace(demo_seed(scopes=("channels:read",))) as narrow:
        client = web_client(narrow)
        posted = refused(client.chat_postMessage, channel=SEED_HELP, text="hi")
        info = refused(client.conversations_info, channel=SEED_PEOPLE_PRIVATE)

    assert (posted["error"], posted["needed"]) == ("missing_scope", "chat:write")
    assert posted["provided"] == "channels:read"
    assert info["needed"] == "groups:read"


def test_a_revoked_token_is_refused_everywhere(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``token_revoked`` is one of the authentication errors (4.1, D)."""
    with workspace.changing() as state:
        state.app = replace(state.app, auth_error="token_revoked")

    assert error(client.auth_test) == "token_revoked"


def test_an_unknown_method_is_refused(client: WebClient) -> None:
    """13.3 (D)."""
    assert error(client.api_call, api_method="no.such") == "unknown_method"


def test_read_methods_are_deaf_to_json(client: WebClient) -> None:
    """JSON arguments count as missing on read methods (4.1, 3P)."""
    told = refused(client.api_call, api_method="users.info", json={"user": SEED_EMPLOYEE})

    assert told["error"] == "invalid_arguments"
    assert "user" in told["response_metadata"]["messages"][0]
    assert client.users_info(user=SEED_EMPLOYEE)["user"]["name"] == "ada"


def test_a_query_string_is_read_too(client: WebClient) -> None:
    """``GET`` and query strings work beside forms (13.3, D)."""
    answer = client.api_call("users.info", http_verb="GET", params={"user": SEED_HR})

    assert answer["user"]["id"] == SEED_HR


def test_a_person_shows_every_flag(client: WebClient) -> None:
    """The flags of ``users.info`` that decide who may read (9.1, D)."""
    guest = client.users_info(user=SEED_GUEST)["user"]
    outsider = client.users_info(user=SEED_OUTSIDER)["user"]

    assert (guest["is_restricted"], guest["is_ultra_restricted"]) == (True, True)
    assert outsider["team_id"] == SEED_PARTNER_TEAM
    assert outsider["is_stranger"] is False
    assert "email" not in outsider["profile"]
    assert client.users_info(user=SEED_DEACTIVATED)["user"]["deleted"] is True
    assert client.users_info(user=SEED_BOT)["user"]["is_bot"] is True


def test_a_foreign_person_without_a_shared_channel_is_a_stranger(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``is_stranger``: external, in no shared channel (9.1, D)."""
    workspace.leave(SEED_OUTSIDER, SEED_PARTNER_ORCHARD)
    workspace.leave(SEED_OUTSIDER, seed_dm(SEED_OUTSIDER))

    assert client.users_info(user=SEED_OUTSIDER)["user"]["is_stranger"] is True


def test_unknown_and_invisible_people_are_told_apart(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``user_not_found`` and ``user_not_visible`` (9.1, D)."""
    workspace.change_user(SEED_OUTSIDER, is_hidden=True)

    assert error(client.users_info, user="U0NOBODY") == "user_not_found"
    assert error(client.users_info, user=SEED_OUTSIDER) == "user_not_visible"


def test_pages_are_short_before_the_end(client: WebClient) -> None:
    """A page may hold fewer than ``limit`` and still have a next one (13.3, D)."""
    first = client.conversations_members(channel=SEED_HELP, limit=4)
    cursor = first["response_metadata"]["next_cursor"]
    second = client.conversations_members(channel=SEED_HELP, limit=4, cursor=cursor)

    assert len(first["members"]) == 3
    assert cursor
    assert second["response_metadata"]["next_cursor"] == ""
    assert SEED_BOT in second["members"]


def test_every_member_comes_once_over_all_pages(client: WebClient) -> None:
    """The SDK's own paging finds all of them."""
    pages = client.users_list(limit=3)

    people = [user["id"] for page in pages for user in page["members"]]

    assert len(people) == len(set(people)) == 10


def test_a_bad_cursor_or_limit_is_refused(client: WebClient) -> None:
    """``invalid_cursor``, ``invalid_limit`` (13.3, D)."""
    members = client.conversations_members

    assert error(members, channel=SEED_HELP, cursor="bmV4dDo5OTk=") == "invalid_cursor"
    assert error(members, channel=SEED_HELP, cursor="%%") == "invalid_cursor"
    assert error(members, channel=SEED_HELP, limit=5000) == "invalid_limit"


def test_conversations_show_their_kind(client: WebClient) -> None:
    """The flags that decide privacy (9.1, D)."""
    help_, people, orchard, dm = (
        client.conversations_info(channel=channel)["channel"]
        for channel in (SEED_HELP, SEED_PEOPLE_PRIVATE, SEED_PARTNER_ORCHARD, seed_dm(SEED_HR))
    )

    assert (help_["is_private"], help_["is_ext_shared"], help_["is_member"]) == (False, False, True)
    assert (people["is_private"], people["is_group"]) == (True, True)
    assert orchard["is_ext_shared"] is True
    assert orchard["connected_team_ids"] == [SEED_PARTNER_TEAM]
    assert (dm["is_im"], dm["user"]) == (True, SEED_HR)


def test_a_private_channel_without_the_bot_does_not_exist(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``channel_not_found`` on reading and on writing (13.3, D)."""
    workspace.leave(SEED_BOT, SEED_PEOPLE_PRIVATE)

    assert error(client.conversations_info, channel=SEED_PEOPLE_PRIVATE) == "channel_not_found"
    assert error(client.chat_postMessage, channel=SEED_PEOPLE_PRIVATE, text="x") == (
        "channel_not_found"
    )


def test_the_bot_speaks_only_where_it_was_invited(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``not_in_channel``, ``is_archived``, ``restricted_action`` (13.3, D)."""
    workspace.leave(SEED_BOT, SEED_ENGINEERING_CHANNEL)
    workspace.change_channel(SEED_GUEST_CORNER, is_archived=True)
    workspace.change_channel(SEED_PARTNER_ORCHARD, is_read_only=True)

    def code(channel: str) -> str:
        return error(client.chat_postMessage, channel=channel, text="x")

    assert code(SEED_ENGINEERING_CHANNEL) == "not_in_channel"
    assert code(SEED_GUEST_CORNER) == "is_archived"
    assert code(SEED_PARTNER_ORCHARD) == "restricted_action"
    assert code("C0NOWHERE") == "channel_not_found"


def test_the_id_of_a_person_means_the_dm(client: WebClient) -> None:
    """A user id as channel posts to the DM (13.3, D)."""
    assert client.chat_postMessage(channel=SEED_HR, text="psst")["channel"] == seed_dm(SEED_HR)
    assert client.conversations_open(users=[SEED_HR])["channel"]["id"] == seed_dm(SEED_HR)


def test_opening_a_dm_checks_the_person(client: WebClient) -> None:
    """``user_not_found``, ``user_disabled``, ``users_list_not_supplied`` (13.3, D)."""
    opening = client.conversations_open

    assert error(opening, users=["U0NOBODY"]) == "user_not_found"
    assert error(opening, users=[SEED_DEACTIVATED]) == "user_disabled"
    assert error(opening, users=[]) == "users_list_not_supplied"


def test_a_post_keeps_its_flags_and_metadata(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """Unfurl flags, metadata and generated block ids (13.3, D)."""
    metadata = {"event_type": "answer_posted", "event_payload": {"answer_id": "a1"}}
    blocks = [rich_text(words("Looking it up"))]
    posted = client.chat_postMessage(
        channel=SEED_HELP,
        text="x",
        blocks=blocks,
        metadata=metadata,
        unfurl_links=False,
        unfurl_media=False,
    )

    (message,) = workspace.messages(SEED_HELP)
    assert (message.unfurl_links, message.unfurl_media) == (False, False)
    assert message.metadata == metadata
    assert posted["message"]["bot_id"] == message.bot_id
    assert posted["message"]["blocks"][0]["block_id"]


def test_an_update_keeps_or_removes_metadata(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """Without ``metadata`` the old one stays, ``{}`` removes it (5.1, D)."""
    metadata = {"event_type": "answer_posted", "event_payload": {"answer_id": "a1"}}
    ts = client.chat_postMessage(channel=SEED_HELP, text="x", metadata=metadata)["ts"]

    client.chat_update(channel=SEED_HELP, ts=ts, text="y")
    assert workspace.messages(SEED_HELP)[0].metadata == metadata
    client.chat_update(channel=SEED_HELP, ts=ts, text="z", metadata={})
    assert workspace.messages(SEED_HELP)[0].metadata is None


def test_rich_text_is_only_replaced_by_rich_text(client: WebClient) -> None:
    """``block_mismatch`` (1.7, D), also where text alone would remove the blocks."""
    ts = client.chat_postMessage(channel=SEED_HELP, text="x", blocks=[rich_text(words("a"))])["ts"]
    section = {"type": "section", "text": {"type": "plain_text", "text": "b"}}
    update = client.chat_update

    assert error(update, channel=SEED_HELP, ts=ts, text="x", blocks=[section]) == "block_mismatch"
    assert error(update, channel=SEED_HELP, ts=ts, text="x") == "block_mismatch"
    assert update(channel=SEED_HELP, ts=ts, text="x", blocks=[section, rich_text(words("b"))])["ok"]


def test_the_reading_of_mismatch_can_be_narrowed() -> None:
    """Whether the first block alone counts is unknown (14, ?): both worlds can be tried."""
    options = Options(mismatch_reads_first_block=True)
    with running_workspace(demo_seed(), options=options) as workspace:
        client = web_client(workspace)
        blocks = [rich_text(words("a"))]
        ts = client.chat_postMessage(channel=SEED_HELP, text="x", blocks=blocks)["ts"]
        mixed = [{"type": "divider"}, *blocks]

        assert error(client.chat_update, channel=SEED_HELP, ts=ts, text="x", blocks=mixed) == (
            "block_mismatch"
        )


def test_only_own_messages_change(workspace: RunningWorkspace, client: WebClient) -> None:
    """``cant_update_message``, ``cant_delete_message``, ``message_not_found`` (13.3, D)."""
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "mine")

    assert error(client.chat_update, channel=SEED_HELP, ts=ts, text="x") == "cant_update_message"
    assert error(client.chat_delete, channel=SEED_HELP, ts=ts) == "cant_delete_message"
    assert error(client.chat_delete, channel=SEED_HELP, ts="1.000000") == "message_not_found"


def test_an_update_is_shorter_than_a_post(client: WebClient) -> None:
    """A post is cut at 40,000, an update over 4,000 is refused (5.1, D)."""
    posted = client.chat_postMessage(channel=SEED_HELP, text="x" * 50_000)

    assert len(posted["message"]["text"]) == 40_000
    assert error(client.chat_update, channel=SEED_HELP, ts=posted["ts"], text="x" * 4001) == (
        "msg_too_long"
    )


def test_a_reply_to_a_deleted_question_lands_in_the_channel(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """What others saw in Slack (5.1, 3P): callers must check first."""
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "never mind")
    workspace.delete(SEED_EMPLOYEE, SEED_HELP, ts)

    client.chat_postMessage(channel=SEED_HELP, text="x", thread_ts=ts)

    assert workspace.messages(SEED_HELP)[0].thread_ts is None


def test_an_ephemeral_needs_its_reader_in_the_channel(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """Not stored, and only for members (5.1, D); hidden in a thread without replies."""
    root = workspace.say(SEED_EMPLOYEE, SEED_HELP, "hello")
    whisper = client.chat_postEphemeral

    assert whisper(channel=SEED_HELP, user=SEED_EMPLOYEE, text="seen")["message_ts"]
    whisper(channel=SEED_HELP, user=SEED_EMPLOYEE, text="hidden", thread_ts=root)
    assert [each.text for each in workspace.whispers_to(SEED_EMPLOYEE)] == ["seen"]
    assert len(workspace.messages(SEED_HELP)) == 1
    assert error(whisper, channel=SEED_HELP, user=SEED_GUEST, text="x") == "user_not_in_channel"


def test_a_thread_is_read_with_its_metadata_on_request(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``conversations.replies`` with ``include_all_metadata`` (5.5, D)."""
    metadata = {"event_type": "answer_posted", "event_payload": {"answer_id": "a1"}}
    root = workspace.say(SEED_EMPLOYEE, SEED_HELP, "hello")
    client.chat_postMessage(channel=SEED_HELP, text="x", thread_ts=root, metadata=metadata)

    plain = client.conversations_replies(channel=SEED_HELP, ts=root)["messages"]
    full = client.conversations_replies(channel=SEED_HELP, ts=root, include_all_metadata=True)

    assert (plain[0]["reply_count"], "metadata" in plain[1]) == (1, False)
    assert full["messages"][1]["metadata"] == metadata
    assert error(client.conversations_replies, channel=SEED_HELP, ts="1.0") == "thread_not_found"


def test_a_permalink_opens_the_page(workspace: RunningWorkspace, client: WebClient) -> None:
    """A URL of the web page (13.3)."""
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "hello")

    link = client.chat_getPermalink(channel=SEED_HELP, message_ts=ts)["permalink"]

    assert link == f"{workspace.url}/archives/{SEED_HELP}/p{ts.replace('.', '')}"


def test_groups_list_their_people_on_request(client: WebClient) -> None:
    """``include_users``; ``no_such_subteam`` (13.3, D)."""
    (group,) = [
        each
        for each in client.usergroups_list(include_users=True)["usergroups"]
        if each["id"] == SEED_PEOPLE_TEAM
    ]

    assert (group["handle"], group["users"]) == ("people-team", [SEED_HR])
    assert "users" not in client.usergroups_list()["usergroups"][0]
    assert client.usergroups_users_list(usergroup=SEED_PEOPLE_TEAM)["users"] == [SEED_HR]
    assert error(client.usergroups_users_list, usergroup="S0NONE") == "no_such_subteam"


def test_a_reaction_is_added_once(workspace: RunningWorkspace, client: WebClient) -> None:
    """``already_reacted``, ``invalid_name`` (13.3, D)."""
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, "hello")
    add = client.reactions_add

    assert add(channel=SEED_HELP, timestamp=ts, name="eyes")["ok"]
    assert error(add, channel=SEED_HELP, timestamp=ts, name="eyes") == "already_reacted"
    assert error(add, channel=SEED_HELP, timestamp=ts, name="No!") == "invalid_name"


def test_rate_limits_follow_the_tiers() -> None:
    """One post a second and channel; 20 a minute in tier 2; HTTP 429 (4.3, D)."""
    with running_workspace(demo_seed(), options=Options(rate_limits=True)) as workspace:
        client = web_client(workspace)
        client.chat_postMessage(channel=SEED_HELP, text="1")
        told = refused(client.chat_postMessage, channel=SEED_HELP, text="2")
        client.chat_postMessage(channel=SEED_GUEST_CORNER, text="another channel")
        workspace.advance(1.0)
        client.chat_postMessage(channel=SEED_HELP, text="3")
        lists = [_status(client) for _ in range(21)]

    assert (told.status_code, told["error"], told.headers["Retry-After"]) == (
        429,
        "ratelimited",
        "1",
    )
    assert lists == [200] * 20 + [429]


def _status(client: WebClient) -> int:
    try:
        return int(client.usergroups_list().status_code)
    except SlackApiError as caught:
        return int(caught.response.status_code)
