"""What the page shows one person: a JSON picture that holds nothing they may not see."""

from bot.workspace.channels import Channel, Kind
from bot.workspace.messages import Ephemeral, Message, reactions_json
from bot.workspace.people import User
from bot.workspace.state import Workspace
from bot.workspace.visitors import open_view, seen_channel, visible_ephemerals
from bot.workspace.wire import JsonObject, RefusedError


def people_view(workspace: Workspace) -> JsonObject:
    """List whom a visitor can be."""
    people = [user for user in workspace.users.values() if not (user.is_bot or user.deleted)]
    shown = [_person(workspace, user) for user in people]
    return {"team": workspace.home.name, "people": shown}


def page_view(workspace: Workspace, user_id: str, channel_id: str, thread_ts: str) -> JsonObject:
    """Show one person their sidebar, one conversation and one thread of it.

    A conversation that is not theirs to see is left out like one that does not exist.

    Raises:
        RefusedError: ``user_not_found``.
    """
    user = workspace.user(user_id)
    view = open_view(workspace, user_id)
    picture = {
        "team": workspace.home.name,
        "me": _person(workspace, user),
        "channels": [_entry(workspace, user, each) for each in workspace.visible_channels(user)],
        "names": {each.id: each.real_name for each in workspace.users.values()},
        "commands": list(workspace.app.commands),
        "modal": view.body | {"errors": view.errors} if view else None,
    }
    try:
        _, channel = seen_channel(workspace, user_id, channel_id)
    except RefusedError:
        return picture | {"channel": None, "messages": [], "thread": None}
    return picture | _conversation(workspace, user, channel, thread_ts)


def _person(workspace: Workspace, user: User) -> JsonObject:
    return {
        "id": user.id,
        "name": user.real_name,
        "handle": user.name,
        "title": user.title,
        "badge": _badge(workspace, user),
    }


def _badge(workspace: Workspace, user: User) -> str:
    if user.is_bot:
        return "App"
    if user.team_id != workspace.app.team_id:
        return workspace.teams[user.team_id].name
    if user.is_restricted:
        return "Guest"
    return "Admin" if user.is_admin else ""


def _entry(workspace: Workspace, user: User, channel: Channel) -> JsonObject:
    messages = workspace.messages[channel.id]
    others = (message.ts for message in messages.values() if message.user != user.id)
    return {
        "id": channel.id,
        "name": _title(workspace, user, channel),
        "kind": channel.kind.value,
        "is_shared": channel.is_ext_shared,
        "is_member": user.id in channel.members,
        "latest": max(others, default=""),
    }


def _title(workspace: Workspace, user: User, channel: Channel) -> str:
    if channel.kind is Kind.DM:
        return workspace.users[channel.other(user.id)].real_name
    return channel.name


def _conversation(workspace: Workspace, user: User, channel: Channel, thread_ts: str) -> JsonObject:
    messages = list(workspace.messages[channel.id].values())
    whispers = [
        each for each in visible_ephemerals(workspace, user.id) if each.channel == channel.id
    ]
    top = [message for message in messages if not message.thread_ts or message.reply_broadcast]
    shown = [_message(workspace, user, message) for message in top]
    shown += [_whisper(workspace, user, each) for each in whispers if not each.thread_ts]
    details = _entry(workspace, user, channel) | {
        "purpose": channel.purpose,
        "people": [_person(workspace, workspace.users[one]) for one in channel.members],
    }
    return {
        "channel": details,
        "messages": sorted(shown, key=lambda message: message["ts"]),
        "thread": _thread(workspace, user, channel, thread_ts, whispers),
    }


def _thread(
    workspace: Workspace,
    user: User,
    channel: Channel,
    thread_ts: str,
    whispers: list[Ephemeral],
) -> list[JsonObject] | None:
    root = workspace.messages[channel.id].get(thread_ts)
    if root is None:
        return None
    thread = [root, *workspace.replies(channel.id, thread_ts)]
    shown = [_message(workspace, user, message) for message in thread]
    return shown + [
        _whisper(workspace, user, each) for each in whispers if each.thread_ts == thread_ts
    ]


def _message(workspace: Workspace, viewer: User, message: Message) -> JsonObject:
    replies = workspace.replies(message.channel, message.ts)
    return {
        "ts": message.ts,
        "thread_ts": message.thread_ts,
        "author": _author(workspace, message.user),
        "text": message.text,
        "blocks": list(message.blocks),
        "is_edited": bool(message.edited_ts) and not message.bot_id,
        "is_ephemeral": False,
        "is_warning": False,
        "reply_count": len(replies),
        "latest_reply": replies[-1].ts if replies else "",
        "reactions": reactions_json(message),
        "chosen": _chosen(workspace, viewer, message),
    }


def _author(workspace: Workspace, user_id: str) -> JsonObject:
    if user := workspace.users.get(user_id):
        return _person(workspace, user)
    return {"id": user_id, "name": "Larkbot", "handle": "", "title": "", "badge": ""}


def _whisper(workspace: Workspace, viewer: User, ephemeral: Ephemeral) -> JsonObject:
    return {
        "ts": ephemeral.ts,
        "thread_ts": ephemeral.thread_ts,
        "author": _author(workspace, workspace.app.bot_user_id),
        "text": ephemeral.text,
        "blocks": list(ephemeral.blocks),
        "is_edited": False,
        "is_ephemeral": True,
        "is_warning": ephemeral.is_warning,
        "reply_count": 0,
        "latest_reply": "",
        "reactions": [],
        "chosen": _chosen(workspace, viewer, ephemeral),
    }


def _chosen(workspace: Workspace, viewer: User, shown: Message | Ephemeral) -> JsonObject:
    """Return the side of each pair of feedback buttons that this viewer clicked last."""
    return {
        action_id: value
        for (user, channel, ts, action_id), value in workspace.highlights.items()
        if (user, channel, ts) == (viewer.id, shown.channel, shown.ts)
    }
