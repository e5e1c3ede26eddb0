"""Clicks, commands and modals on their way to the app, and what it answers to them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from bot.workspace import posting
from bot.workspace.arguments import Args
from bot.workspace.channels import Channel
from bot.workspace.delivery import COMMANDS, INTERACTIVE
from bot.workspace.drafts import Draft, checked_draft
from bot.workspace.messages import Ephemeral, Message, message_json
from bot.workspace.people import User
from bot.workspace.state import ResponseUrl, Trigger, View, Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

TRIGGER_LIFE_S = 3.0
RESPONSE_URL_LIFE_S = 30 * 60.0
RESPONSE_URL_USES = 5
_NO_ANSWER = "We had some trouble connecting. Try again?"


@dataclass(frozen=True, slots=True)
class Click:
    """One action on one element of a message or an ephemeral."""

    action: JsonObject
    ts: str
    thread_ts: str | None
    is_ephemeral: bool
    message: Message | None


def send_click(workspace: Workspace, user: User, channel: Channel, click: Click) -> None:
    """Send ``block_actions``; every click is sent, also a repeated one."""
    container = {
        "type": "message",
        "message_ts": click.ts,
        "channel_id": channel.id,
        "is_ephemeral": click.is_ephemeral,
    } | ({"thread_ts": click.thread_ts} if click.thread_ts else {})
    reply_to = ResponseUrl(user.id, channel.id, workspace.now(), click.thread_ts, click.ts)
    payload = _interaction(workspace, "block_actions", user) | {
        "channel": {"id": channel.id, "name": channel.command_name},
        "container": container,
        "state": {"values": {}},
        "trigger_id": _new_trigger(workspace, user.id),
        "response_url": _new_response_url(workspace, reply_to),
        "actions": [click.action | {"action_ts": workspace.next_ts()}],
    }
    if click.message:
        payload["message"] = message_json(click.message)
    workspace.delivery.send(
        INTERACTIVE, payload, on_timeout=_warning(workspace, user, channel, "That action")
    )


def send_command(
    workspace: Workspace, user: User, channel: Channel, *, command: str, text: str
) -> None:
    """Send a slash command; what the app acks with is shown to the caller."""
    reply_to = ResponseUrl(user.id, channel.id, workspace.now())
    payload = {
        "token": "local",
        "team_id": workspace.app.team_id,
        "team_domain": workspace.home.domain,
        "channel_id": channel.id,
        "channel_name": channel.command_name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": workspace.app.id,
        "is_enterprise_install": "false",
        "response_url": _new_response_url(workspace, reply_to),
        "trigger_id": _new_trigger(workspace, user.id),
    }

    def on_ack(answer: JsonObject | None) -> None:
        if answer:
            _respond(workspace, reply_to, Args(answer))

    workspace.delivery.send(
        COMMANDS, payload, on_ack=on_ack, on_timeout=_warning(workspace, user, channel, command)
    )


def send_submission(workspace: Workspace, user: User, view: View, values: JsonObject) -> None:
    """Send ``view_submission`` with what was filled in; it is open until the app takes that."""
    payload = _interaction(workspace, "view_submission", user) | {
        "trigger_id": _new_trigger(workspace, user.id),
        "response_urls": [],
        "view": view.body | {"state": {"values": values}},
    }

    def on_ack(answer: JsonObject | None) -> None:
        action = (answer or {}).get("response_action")
        if action in {"update", "push"}:
            body = view.body | (answer or {})["view"]
            workspace.views[view.id] = View(view.id, user.id, body, workspace.new_id("h"))
        elif action == "errors":
            show_errors((answer or {}).get("errors") or {})
        else:
            workspace.views.pop(view.id, None)

    def show_errors(errors: JsonObject) -> None:
        if (shown := workspace.views.get(view.id)) is not None:
            workspace.views[view.id] = replace(shown, errors=errors)

    workspace.delivery.send(
        INTERACTIVE, payload, on_ack=on_ack, on_timeout=lambda: show_errors({"": _NO_ANSWER})
    )


def send_view_closed(workspace: Workspace, user: User, view: View) -> None:
    """Close a modal; the app is told only if it asked for that."""
    workspace.views.pop(view.id, None)
    if view.body.get("notify_on_close"):
        payload = _interaction(workspace, "view_closed", user)
        workspace.delivery.send(INTERACTIVE, payload | {"view": view.body, "is_cleared": False})


def use_trigger(workspace: Workspace, trigger_id: str) -> str:
    """Spend a trigger and return whose it is.

    Raises:
        RefusedError: ``invalid_trigger_id``, ``exchanged_trigger_id``, ``expired_trigger_id``.
    """
    trigger = workspace.triggers.get(trigger_id)
    if trigger is None:
        raise RefusedError(Code.INVALID_TRIGGER_ID)
    if trigger.is_used:
        raise RefusedError(Code.EXCHANGED_TRIGGER_ID)
    if workspace.now() - trigger.at > TRIGGER_LIFE_S:
        raise RefusedError(Code.EXPIRED_TRIGGER_ID)
    trigger.is_used = True
    return trigger.user


def answer_response_url(workspace: Workspace, url_id: str, values: JsonObject) -> None:
    """Take what an app sends to a response URL.

    Raises:
        RefusedError: ``used_url`` or ``expired_url``, else what is wrong with the message.
    """
    reply_to = workspace.response_urls.get(url_id)
    if reply_to is None or workspace.now() - reply_to.at > RESPONSE_URL_LIFE_S:
        raise RefusedError(Code.EXPIRED_URL)
    if reply_to.uses >= RESPONSE_URL_USES:
        raise RefusedError(Code.USED_URL)
    _respond(workspace, reply_to, Args(values))
    reply_to.uses += 1


def _respond(workspace: Workspace, reply_to: ResponseUrl, args: Args) -> None:
    if args.flag("delete_original", default=False):
        _delete_original(workspace, reply_to)
        return
    draft = checked_draft(workspace, args)
    if args.flag("replace_original", default=False) and reply_to.message_ts:
        _replace_original(workspace, reply_to, draft.text, draft.blocks)
    elif args.text("response_type") == "in_channel":
        thread_ts = args.text("thread_ts") or reply_to.thread_ts
        posting.post(workspace, app_message(workspace, reply_to.channel, draft, thread_ts))
    else:
        posting.whisper(workspace, _ephemeral(workspace, reply_to, draft))


def app_message(
    workspace: Workspace, channel: str, draft: Draft, thread_ts: str | None = None
) -> Message:
    """Build a message that the app posts."""
    app = workspace.app
    return Message(
        channel=channel,
        ts=workspace.next_ts(),
        user=app.bot_user_id,
        team=app.team_id,
        text=draft.text,
        blocks=draft.blocks,
        thread_ts=thread_ts,
        bot_id=app.bot_id,
        app_id=app.id,
        metadata=draft.metadata,
        unfurl_links=draft.unfurl_links,
        unfurl_media=draft.unfurl_media,
    )


def _ephemeral(workspace: Workspace, reply_to: ResponseUrl, draft: Draft) -> Ephemeral:
    ts = workspace.next_ts()
    thread_ts = reply_to.thread_ts
    return Ephemeral(reply_to.channel, reply_to.user, ts, draft.text, draft.blocks, thread_ts)


def _delete_original(workspace: Workspace, reply_to: ResponseUrl) -> None:
    if message := workspace.messages[reply_to.channel].get(reply_to.message_ts):
        posting.delete(workspace, message)
    _drop_ephemeral(workspace, reply_to)


def _replace_original(
    workspace: Workspace, reply_to: ResponseUrl, text: str, blocks: tuple[JsonObject, ...]
) -> None:
    if message := workspace.messages[reply_to.channel].get(reply_to.message_ts):
        posting.change(workspace, message, text=text, blocks=blocks)
    elif _drop_ephemeral(workspace, reply_to):
        ts, thread_ts = reply_to.message_ts, reply_to.thread_ts
        new = Ephemeral(reply_to.channel, reply_to.user, ts, text, blocks, thread_ts)
        posting.whisper(workspace, new)


def _drop_ephemeral(workspace: Workspace, reply_to: ResponseUrl) -> bool:
    kept = [each for each in workspace.ephemerals if each.ts != reply_to.message_ts]
    was_there = len(kept) < len(workspace.ephemerals)
    workspace.ephemerals[:] = kept
    return was_there


def _interaction(workspace: Workspace, kind: str, user: User) -> JsonObject:
    return {
        "type": kind,
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": workspace.app.id,
        "token": "local",
        "team": {"id": workspace.home.id, "domain": workspace.home.domain},
        "enterprise": None,
        "is_enterprise_install": False,
    }


def _new_trigger(workspace: Workspace, user_id: str) -> str:
    trigger_id = f"{workspace.new_id('')}.{workspace.home.id}.local"
    workspace.triggers[trigger_id] = Trigger(user_id, workspace.now())
    return trigger_id


def _new_response_url(workspace: Workspace, reply_to: ResponseUrl) -> str:
    url_id = workspace.new_id("R")
    workspace.response_urls[url_id] = reply_to
    return f"{workspace.base_url}/response/{url_id}"


def _warning(workspace: Workspace, user: User, channel: Channel, what: str) -> Callable[[], None]:
    text = f"{what} failed because the app did not respond."

    def warn() -> None:
        ts = workspace.next_ts()
        posting.whisper(workspace, Ephemeral(channel.id, user.id, ts, text, is_warning=True))

    return warn
