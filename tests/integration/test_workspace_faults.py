"""Faults on order, response URLs, triggers and modals of the local workspace."""

import http.client
import json
from collections.abc import Iterator
from threading import Event, Thread
from typing import Any
from urllib.parse import urlsplit

import pytest
from scripted_bot import feedback_block, rich_text, web_client, words
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient, WebhookResponse

from bot.workspace.clock import Clock
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_EMPLOYEE, SEED_HELP, SEED_HR, demo_seed


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace whose time stands still."""
    with running_workspace(demo_seed(), clock=Clock.standing_still()) as running:
        yield running


@pytest.fixture
def client(workspace: RunningWorkspace) -> WebClient:
    """The bot's client, without retries."""
    return web_client(workspace)


def post(client: WebClient) -> Any:
    """Post something and return the answer, refused or not."""
    try:
        return client.chat_postMessage(channel=SEED_HELP, text="x")
    except SlackApiError as caught:
        return caught.response


def test_the_nth_call_goes_wrong(workspace: RunningWorkspace, client: WebClient) -> None:
    """Only that one, and it takes no effect (13.8)."""
    workspace.order(Fault("chat.postMessage", nth=2, error="internal_error"))

    assert [post(client)["ok"] for _ in range(3)] == [True, False, True]
    assert len(workspace.messages(SEED_HELP)) == 2
    assert [call.error for call in workspace.calls] == ["", "internal_error", ""]


def test_a_limited_call_says_how_long_to_wait(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """429 with ``Retry-After`` (13.8)."""
    workspace.order(Fault("chat.postMessage", retry_after_s=60, times=2))
    first, second = post(client), post(client)

    assert (first.status_code, first.headers["Retry-After"]) == (429, "60")
    assert second["error"] == "ratelimited"
    assert workspace.messages(SEED_HELP) == ()


def test_a_post_can_arrive_and_the_answer_get_lost(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """Accepted, then the connection is reset: the message stands (13.8, M)."""
    workspace.order(Fault("chat.postMessage", is_executed=True, is_reset=True))
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
        client.chat_postMessage(channel=SEED_HELP, text="x")

    assert len(workspace.messages(SEED_HELP)) == 1


def test_the_default_client_posts_twice_after_a_reset(workspace: RunningWorkspace) -> None:
    """Why no post is retried by itself (1.6, M)."""
    workspace.order(Fault("chat.postMessage", is_executed=True, is_reset=True))
    eager = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
    eager.chat_postMessage(channel=SEED_HELP, text="x")

    assert len(workspace.messages(SEED_HELP)) == 2


def test_html_can_come_instead_of_json(workspace: RunningWorkspace, client: WebClient) -> None:
    """500 with a page, after acceptance or instead of it (13.8)."""
    workspace.order(Fault("chat.postMessage", status=500, is_executed=True))
    told = post(client)

    assert told.status_code == 500
    assert len(workspace.messages(SEED_HELP)) == 1


def test_an_answer_can_be_held_back(workspace: RunningWorkspace, client: WebClient) -> None:
    """A slow answer past any timeout, for as long as the test wants (13.8)."""
    gate, done = Event(), Event()
    workspace.order(Fault("chat.postMessage", gate=gate))

    def slow() -> None:
        post(client)
        done.set()

    thread = Thread(target=slow)
    thread.start()
    workspace.wait_until(lambda: len(workspace.messages(SEED_HELP)) == 1)
    assert not done.is_set()
    gate.set()
    thread.join(timeout=5)

    assert done.is_set()


def test_the_workspace_can_change_right_before_a_call(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """A channel is archived between retrieval and post (13.8)."""
    workspace.order(
        Fault(
            "chat.postMessage",
            before=lambda: workspace.change_channel(SEED_HELP, is_archived=True),
        )
    )

    assert post(client)["error"] == "is_archived"


def test_an_answer_can_be_rewritten(workspace: RunningWorkspace, client: WebClient) -> None:
    """A half-read member list: page 2 has nobody (13.8)."""
    workspace.order(
        Fault(
            "conversations.members",
            nth=2,
            rewrite=lambda answer: answer | {"members": []},
        )
    )
    pages = [page["members"] for page in client.conversations_members(channel=SEED_HELP, limit=4)]

    assert [len(page) for page in pages] == [3, 0]


def click_payload(workspace: RunningWorkspace, client: WebClient) -> Any:
    """Post an answer, click it as the employee, and return what would be sent."""
    blocks = [rich_text(words("Yes.")), feedback_block()]
    ts = client.chat_postMessage(channel=SEED_HELP, text="x", blocks=blocks)["ts"]
    workspace.click(SEED_EMPLOYEE, SEED_HELP, ts, "v1:a1:up")
    workspace.wait_until(lambda: bool(workspace.state.delivery.lost))
    return workspace.state.delivery.lost[-1]


def respond(url: str, **message: Any) -> WebhookResponse:
    """Send something to a response URL, once."""
    return WebhookClient(url, retry_handlers=[]).send(**message)


def test_a_response_url_works_five_times(workspace: RunningWorkspace, client: WebClient) -> None:
    """Then 404 ``used_url``; ephemeral by default (4.3, 13.5)."""
    url = click_payload(workspace, client)["response_url"]
    before = len(workspace.whispers_to(SEED_EMPLOYEE))
    answers = [respond(url, text="Thank you.") for _ in range(6)]

    assert [(each.status_code, each.body) for each in answers] == [(200, "ok")] * 5 + [
        (404, "used_url")
    ]
    assert len(workspace.whispers_to(SEED_EMPLOYEE)) == before + 5
    assert workspace.whispers_to(SEED_HR) == ()


def test_a_response_url_expires(workspace: RunningWorkspace, client: WebClient) -> None:
    """After 30 minutes, 404 ``expired_url`` (13.5)."""
    url = click_payload(workspace, client)["response_url"]
    workspace.advance(30 * 60 + 1)
    late = respond(url, text="Thank you.")

    assert (late.status_code, late.body) == (404, "expired_url")


def test_a_bad_response_is_plain_text(workspace: RunningWorkspace, client: WebClient) -> None:
    """HTTP 400 with the code as text (4.3, 3P)."""
    url = click_payload(workspace, client)["response_url"]
    told = respond(url, blocks=[{"type": "nonsense"}])

    assert (told.status_code, told.body) == (400, "invalid_blocks")
    assert respond(url, text="").body == "no_text"


def test_a_response_replaces_or_deletes_the_original(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``replace_original``, ``delete_original`` (4.3, D)."""
    url = click_payload(workspace, client)["response_url"]
    respond(url, text="Changed.", replace_original=True)
    assert workspace.messages(SEED_HELP)[0].text == "Changed."
    respond(url, delete_original=True)
    assert workspace.messages(SEED_HELP) == ()


MODAL = {
    "type": "modal",
    "callback_id": "why",
    "title": {"type": "plain_text", "text": "What was wrong?"},
    "submit": {"type": "plain_text", "text": "Send"},
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": {"type": "plain_text", "text": "Reason"},
            "element": {"type": "plain_text_input", "action_id": "text"},
        }
    ],
}


def open_error(client: WebClient, trigger_id: str, view: Any = None) -> str:
    """Open a modal that is refused and return the code."""
    with pytest.raises(SlackApiError) as caught:
        client.views_open(trigger_id=trigger_id, view=view or MODAL)
    return str(caught.value.response["error"])


def test_a_trigger_opens_one_modal(workspace: RunningWorkspace, client: WebClient) -> None:
    """``exchanged_trigger_id`` and ``invalid_trigger_id`` (8.2, D)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    view = client.views_open(trigger_id=trigger, view=MODAL)["view"]

    opened = workspace.view_of(SEED_EMPLOYEE)
    assert opened is not None
    assert opened.id == view["id"]
    assert open_error(client, trigger) == "exchanged_trigger_id"
    assert open_error(client, "1.2.made-up") == "invalid_trigger_id"


def test_a_trigger_lives_three_seconds(workspace: RunningWorkspace, client: WebClient) -> None:
    """``expired_trigger_id`` (8.2, D)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    workspace.advance(3.5)

    assert open_error(client, trigger) == "expired_trigger_id"


def test_a_stale_view_is_not_updated(workspace: RunningWorkspace, client: WebClient) -> None:
    """``hash_conflict`` (8.2, D)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    view = client.views_open(trigger_id=trigger, view=MODAL)["view"]
    client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)

    with pytest.raises(SlackApiError, match="hash_conflict"):
        client.views_update(view_id=view["id"], hash=view["hash"], view=MODAL)


def test_a_broken_view_is_refused(workspace: RunningWorkspace, client: WebClient) -> None:
    """``invalid_arguments`` with messages; ``view_too_large`` (8.2, 3P)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    long_title = MODAL | {"title": {"type": "plain_text", "text": "t" * 25}}
    huge = MODAL | {"callback_id": "c" * 250_001}

    assert open_error(client, trigger, long_title) == "invalid_arguments"
    assert open_error(client, trigger, huge) == "view_too_large"
    assert client.views_open(trigger_id=trigger, view=MODAL)["ok"]


def test_a_submission_carries_what_was_filled_in(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """``view_submission`` with ``state.values`` (2.5, D)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    client.views_open(trigger_id=trigger, view=MODAL)
    values = {"reason": {"text": {"type": "plain_text_input", "value": "Too short."}}}
    workspace.submit(SEED_EMPLOYEE, values)
    workspace.wait_until(lambda: len(workspace.state.delivery.lost) == 2)

    sent = workspace.state.delivery.lost[-1]
    assert sent["type"] == "view_submission"
    assert sent["view"]["state"]["values"] == values
    assert json.dumps(sent)
    assert urlsplit(workspace.url).hostname == "127.0.0.1"


def test_a_submission_without_an_answer_is_kept(
    workspace: RunningWorkspace, client: WebClient
) -> None:
    """The modal stays open with a sentence for the person, and can be sent again (13.5)."""
    trigger = click_payload(workspace, client)["trigger_id"]
    client.views_open(trigger_id=trigger, view=MODAL)
    workspace.submit(SEED_EMPLOYEE, {})
    workspace.wait_until(lambda: len(workspace.state.delivery.lost) == 2)

    kept = workspace.view_of(SEED_EMPLOYEE)
    assert kept is not None
    assert list(kept.errors) == [""]
    workspace.submit(SEED_EMPLOYEE, {})
