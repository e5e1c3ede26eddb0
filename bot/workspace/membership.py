"""Who is where, and who is who: joining, leaving, sharing, changed people and groups."""

from dataclasses import replace
from typing import Any

from bot.workspace import events
from bot.workspace.channels import Channel
from bot.workspace.people import User
from bot.workspace.state import Workspace


def join(workspace: Workspace, user: str, channel_id: str, *, inviter: str = "") -> None:
    """Add a person to a conversation and tell the app, if it is there."""
    channel = workspace.channel(channel_id)
    if user in channel.members:
        return
    channel = _keep(workspace, replace(channel, members=(*channel.members, user)))
    events.tell_member(workspace, channel, user=user, joined=True, inviter=inviter)


def leave(workspace: Workspace, user: str, channel_id: str) -> None:
    """Take a person out of a conversation and tell the app, if it is there."""
    channel = workspace.channel(channel_id)
    if user not in channel.members:
        return
    left = tuple(member for member in channel.members if member != user)
    channel = _keep(workspace, replace(channel, members=left))
    events.tell_member(workspace, channel, user=user, joined=False)


def invite_team(workspace: Workspace, channel_id: str, team_id: str) -> None:
    """Offer a conversation to another company, which has not accepted yet."""
    channel = workspace.channel(channel_id)
    pending = (*channel.pending_connected_team_ids, team_id)
    _keep(workspace, replace(channel, pending_connected_team_ids=pending))


def share(workspace: Workspace, channel_id: str, team_id: str) -> None:
    """Let another company into a conversation and tell the app."""
    channel = workspace.channel(channel_id)
    pending = tuple(team for team in channel.pending_connected_team_ids if team != team_id)
    connected = (*channel.connected_team_ids, team_id)
    shared = replace(channel, pending_connected_team_ids=pending, connected_team_ids=connected)
    events.tell_shared(workspace, _keep(workspace, shared), team=team_id, shared=True)


def unshare(workspace: Workspace, channel_id: str, team_id: str) -> None:
    """Take a conversation back from another company, with its people, and tell the app."""
    channel = workspace.channel(channel_id)
    connected = tuple(team for team in channel.connected_team_ids if team != team_id)
    stay = tuple(one for one in channel.members if workspace.users[one].team_id != team_id)
    kept = _keep(workspace, replace(channel, connected_team_ids=connected, members=stay))
    events.tell_shared(workspace, kept, team=team_id, shared=False)


def change_channel(workspace: Workspace, channel_id: str, **flags: Any) -> None:
    """Set fields of a conversation without telling anybody."""
    _keep(workspace, replace(workspace.channel(channel_id), **flags))


def change_user(workspace: Workspace, user_id: str, **flags: Any) -> None:
    """Set fields of a person and tell the app."""
    workspace.users[user_id] = replace(workspace.user(user_id), **flags)
    events.tell_user(workspace, workspace.users[user_id])


def add_user(workspace: Workspace, user: User) -> None:
    """Let somebody join the team and tell the app."""
    workspace.users[user.id] = user
    events.tell_user(workspace, user, is_new=True)


def change_group(workspace: Workspace, group_id: str, users: tuple[str, ...]) -> None:
    """Set the members of a user group and tell the app."""
    previous = workspace.groups[group_id]
    changed = events.stamped(workspace, replace(previous, users=users))
    workspace.groups[group_id] = changed
    events.tell_group(workspace, changed, previous)


def _keep(workspace: Workspace, channel: Channel) -> Channel:
    workspace.channels[channel.id] = channel
    return channel
