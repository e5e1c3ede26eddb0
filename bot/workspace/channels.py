"""Conversations of every kind, with the flags of ``conversations.info``."""

from dataclasses import dataclass
from enum import StrEnum

from bot.workspace.wire import JsonObject


class Kind(StrEnum):
    """What a conversation is; the value is the ``channel_type`` of message events."""

    PUBLIC = "channel"
    PRIVATE = "group"
    DM = "im"
    GROUP_DM = "mpim"


_SCOPE_FAMILY = {
    Kind.PUBLIC: "channels",
    Kind.PRIVATE: "groups",
    Kind.DM: "im",
    Kind.GROUP_DM: "mpim",
}
_COMMAND_NAME = {
    Kind.PRIVATE: "privategroup",
    Kind.DM: "directmessage",
    Kind.GROUP_DM: "mpdm",
}


@dataclass(frozen=True, slots=True)
class Channel:
    """One conversation.

    Attributes:
        members: User ids, in the order they joined.
        connected_team_ids: Foreign teams on the other side, once they accepted.
        pending_connected_team_ids: Foreign teams that were invited.
        is_read_only: Posting answers ``restricted_action``.
    """

    id: str
    kind: Kind
    name: str = ""
    purpose: str = ""
    creator: str = ""
    created: int = 0
    members: tuple[str, ...] = ()
    context_team_id: str = ""
    connected_team_ids: tuple[str, ...] = ()
    pending_connected_team_ids: tuple[str, ...] = ()
    is_general: bool = False
    is_archived: bool = False
    is_frozen: bool = False
    is_org_shared: bool = False
    is_global_shared: bool = False
    is_read_only: bool = False

    @property
    def is_ext_shared(self) -> bool:
        """Whether another company reads along."""
        return bool(self.connected_team_ids)

    @property
    def is_direct(self) -> bool:
        """Whether this is a DM or a group DM."""
        return self.kind in {Kind.DM, Kind.GROUP_DM}

    @property
    def command_name(self) -> str:
        """The ``channel_name`` of a slash command, which hides the names of private places."""
        return _COMMAND_NAME.get(self.kind, self.name)

    def scope(self, verb: str) -> str:
        """Name the scope that a verb such as ``read`` or ``history`` needs here."""
        return f"{_SCOPE_FAMILY[self.kind]}:{verb}"

    def other(self, user_id: str) -> str:
        """Return the other person of a DM."""
        return next((member for member in self.members if member != user_id), user_id)


def channel_json(channel: Channel, *, viewer: str) -> JsonObject:
    """Lay a conversation out as ``conversations.info`` does for one member or visitor.

    Source:
        https://docs.slack.dev/reference/objects/conversation-object
    """
    if channel.kind is Kind.DM:
        return _im_json(channel, viewer)
    return _core(channel) | _kind_flags(channel) | _sharing(channel) | _texts(channel, viewer)


def _im_json(channel: Channel, viewer: str) -> JsonObject:
    flags = {"is_im": True, "is_org_shared": channel.is_org_shared, "is_user_deleted": False}
    return {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.is_archived,
        "is_frozen": channel.is_frozen,
        "user": channel.other(viewer),
        "context_team_id": channel.context_team_id,
    } | flags


def _core(channel: Channel) -> JsonObject:
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "created": channel.created,
        "creator": channel.creator,
        "is_archived": channel.is_archived,
        "is_frozen": channel.is_frozen,
        "is_general": channel.is_general,
        "context_team_id": channel.context_team_id,
    }


def _kind_flags(channel: Channel) -> JsonObject:
    return {
        "is_channel": channel.kind in {Kind.PUBLIC, Kind.PRIVATE},
        "is_group": channel.kind is Kind.PRIVATE,
        "is_im": False,
        "is_mpim": channel.kind is Kind.GROUP_DM,
        "is_private": channel.kind is not Kind.PUBLIC,
    }


def _sharing(channel: Channel) -> JsonObject:
    return {
        "is_shared": channel.is_ext_shared or channel.is_org_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": channel.is_org_shared,
        "is_global_shared": channel.is_global_shared,
        "is_pending_ext_shared": bool(channel.pending_connected_team_ids),
        "pending_shared": list(channel.pending_connected_team_ids),
        "pending_connected_team_ids": list(channel.pending_connected_team_ids),
        "shared_team_ids": [channel.context_team_id, *channel.connected_team_ids],
        "internal_team_ids": [],
        "connected_team_ids": list(channel.connected_team_ids),
    }


def _texts(channel: Channel, viewer: str) -> JsonObject:
    return {
        "is_member": viewer in channel.members,
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": channel.purpose, "creator": channel.creator, "last_set": 0},
        "previous_names": [],
    }
