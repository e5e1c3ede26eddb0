"""Events out: what the app subscribed to, may see, and the exact payloads.

Source:
    https://docs.slack.dev/reference/events
"""

from collections.abc import Callable
from dataclasses import replace

from bot.workspace.channels import Channel, Kind
from bot.workspace.delivery import EVENTS
from bot.workspace.messages import Message, message_json
from bot.workspace.people import User, UserGroup, user_json
from bot.workspace.state import Workspace
from bot.workspace.wire import JsonObject

_MESSAGE_SUBSCRIPTION = {
    Kind.PUBLIC: "message.channels",
    Kind.PRIVATE: "message.groups",
    Kind.DM: "message.im",
    Kind.GROUP_DM: "message.mpim",
}
_SCOPES: dict[str, Callable[[Channel], str]] = {
    "app_mention": lambda _: "app_mentions:read",
    "message": lambda channel: channel.scope("history"),
    "reaction_added": lambda _: "reactions:read",
    "reaction_removed": lambda _: "reactions:read",
    "member_joined_channel": lambda channel: channel.scope("read"),
    "member_left_channel": lambda channel: channel.scope("read"),
    "channel_shared": lambda channel: channel.scope("read"),
    "channel_unshared": lambda channel: channel.scope("read"),
    "channel_archive": lambda channel: channel.scope("read"),
}
_WORKSPACE_SCOPES = {
    "user_change": "users:read",
    "team_join": "users:read",
    "subteam_members_changed": "usergroups:read",
    "subteam_updated": "usergroups:read",
}


def emit_in_channel(workspace: Workspace, event: JsonObject, channel: Channel) -> None:
    """Send an event about a conversation, if the app subscribed to it and may see it."""
    kind = event["type"]
    subscription = _MESSAGE_SUBSCRIPTION[channel.kind] if kind == "message" else kind
    is_open = kind.startswith("channel_") and channel.kind is Kind.PUBLIC
    sees = is_open or workspace.app.bot_user_id in channel.members
    if sees and _wants(workspace, subscription, _SCOPES[kind](channel)):
        _send(workspace, event, is_ext_shared=channel.is_ext_shared)


def emit(workspace: Workspace, event: JsonObject) -> None:
    """Send an event about the workspace, if the app subscribed to it."""
    if _wants(workspace, event["type"], _WORKSPACE_SCOPES[event["type"]]):
        _send(workspace, event, is_ext_shared=False)


def _wants(workspace: Workspace, subscription: str, scope: str) -> bool:
    return subscription in workspace.app.events and scope in workspace.app.scopes


def _send(workspace: Workspace, event: JsonObject, *, is_ext_shared: bool) -> None:
    if event["type"] in workspace.swallowed:
        return
    app = workspace.app
    authorization = {
        "enterprise_id": None,
        "team_id": app.team_id,
        "user_id": app.bot_user_id,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    envelope = {
        "token": "local",
        "team_id": app.team_id,
        "context_team_id": app.team_id,
        "context_enterprise_id": None,
        "api_app_id": app.id,
        "type": "event_callback",
        "event_id": workspace.new_id("Ev"),
        "event_time": int(workspace.now()),
        "event_context": workspace.new_id("EC"),
        "is_ext_shared_channel": is_ext_shared,
        "authorizations": [authorization],
        "event": event,
    }
    workspace.delivery.send(EVENTS, envelope)


def tell_posted(workspace: Workspace, message: Message) -> None:
    """Send ``app_mention`` and ``message`` for a new message: two events for one post."""
    channel = workspace.channel(message.channel)
    event = _posted_event(workspace, message, channel)
    is_mention = workspace.app.mention in message.text and not message.bot_id
    if is_mention and not channel.is_direct and not message.subtype:
        emit_in_channel(workspace, event | {"type": "app_mention"}, channel)
    emit_in_channel(workspace, event | {"channel_type": channel.kind.value}, channel)


def _posted_event(workspace: Workspace, message: Message, channel: Channel) -> JsonObject:
    event = message_json(message) | {"channel": channel.id, "event_ts": message.ts}
    if message.thread_ts and not message.subtype:
        roots = workspace.messages[channel.id]
        if root := roots.get(message.thread_ts):
            event["parent_user_id"] = root.user
    if channel.is_ext_shared or message.team != workspace.app.team_id:
        event |= _sender_json(workspace.users[message.user])
    return event


def _sender_json(user: User) -> JsonObject:
    return {
        "user_team": user.team_id,
        "source_team": user.team_id,
        "user_profile": {
            "team": user.team_id,
            "name": user.name,
            "real_name": user.real_name,
            "is_restricted": user.is_restricted,
            "is_ultra_restricted": user.is_ultra_restricted,
        },
    }


def tell_changed(workspace: Workspace, message: Message, previous: Message) -> None:
    """Send ``message_changed``."""
    channel = workspace.channel(message.channel)
    event = {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "channel": channel.id,
        "channel_type": channel.kind.value,
        "ts": workspace.next_ts(),
        "message": message_json(message),
        "previous_message": message_json(previous),
    }
    emit_in_channel(workspace, event | {"event_ts": event["ts"]}, channel)


def tell_deleted(workspace: Workspace, previous: Message) -> None:
    """Send ``message_deleted``."""
    channel = workspace.channel(previous.channel)
    event = {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": channel.id,
        "channel_type": channel.kind.value,
        "ts": workspace.next_ts(),
        "deleted_ts": previous.ts,
        "previous_message": message_json(previous),
    }
    emit_in_channel(workspace, event | {"event_ts": event["ts"]}, channel)


def tell_reaction(
    workspace: Workspace, message: Message, *, user: str, name: str, is_added: bool
) -> None:
    """Send ``reaction_added`` or ``reaction_removed``."""
    event = {
        "type": "reaction_added" if is_added else "reaction_removed",
        "user": user,
        "reaction": name,
        "item_user": message.user,
        "item": {"type": "message", "channel": message.channel, "ts": message.ts},
        "event_ts": workspace.next_ts(),
    }
    emit_in_channel(workspace, event, workspace.channel(message.channel))


def tell_member(
    workspace: Workspace, channel: Channel, *, user: str, joined: bool, inviter: str = ""
) -> None:
    """Send ``member_joined_channel`` or ``member_left_channel``."""
    event = {
        "type": "member_joined_channel" if joined else "member_left_channel",
        "user": user,
        "channel": channel.id,
        "channel_type": "C" if channel.kind is Kind.PUBLIC else "G",
        "team": workspace.users[user].team_id,
        "event_ts": workspace.next_ts(),
    }
    emit_in_channel(workspace, event | ({"inviter": inviter} if inviter else {}), channel)


def tell_shared(workspace: Workspace, channel: Channel, *, team: str, shared: bool) -> None:
    """Send ``channel_shared`` or ``channel_unshared``."""
    event: JsonObject = {
        "type": "channel_shared" if shared else "channel_unshared",
        "channel": channel.id,
        "event_ts": workspace.next_ts(),
    }
    if shared:
        event |= {"connected_team_id": team}
    else:
        event |= {"previously_connected_team_id": team, "is_ext_shared": channel.is_ext_shared}
    emit_in_channel(workspace, event, channel)


def tell_user(workspace: Workspace, user: User, *, is_new: bool = False) -> None:
    """Send ``user_change`` or ``team_join``."""
    event = {
        "type": "team_join" if is_new else "user_change",
        "user": shown_user(workspace, user),
        "cache_ts": int(workspace.now()),
        "event_ts": workspace.next_ts(),
    }
    emit(workspace, event)


def tell_group(workspace: Workspace, group: UserGroup, previous: UserGroup) -> None:
    """Send ``subteam_members_changed``, a delta whose counts are strings."""
    added = [user for user in group.users if user not in previous.users]
    removed = [user for user in previous.users if user not in group.users]
    event = {
        "type": "subteam_members_changed",
        "subteam_id": group.id,
        "team_id": group.team_id,
        "date_previous_update": previous.date_update,
        "date_update": group.date_update,
        "added_users": added,
        "added_users_count": str(len(added)),
        "removed_users": removed,
        "removed_users_count": str(len(removed)),
        "event_ts": workspace.next_ts(),
    }
    emit(workspace, event)


def shown_user(workspace: Workspace, user: User) -> JsonObject:
    """Lay a person out as the app may see them."""
    return user_json(
        user,
        home=workspace.app.team_id,
        is_stranger=workspace.is_stranger(user),
        shows_email="users:read.email" in workspace.app.scopes,
        updated=int(workspace.now()),
    )


def stamped(workspace: Workspace, group: UserGroup) -> UserGroup:
    """Return a user group with the time of its change."""
    return replace(group, date_update=int(workspace.now()))
