"""Messages and ephemerals as values, and as Slack lays them out."""

from dataclasses import dataclass, field
from typing import Any

from bot.workspace.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation.

    Attributes:
        ts: Strictly increasing within the workspace, with six decimals.
        thread_ts: Root of the thread; None outside threads, and on a root itself.
        bot_id: Set on what the app posted.
        reactions: Name to the users who reacted, in order.
        subtype: ``channel_join``, ``tombstone``, ...; empty for what people wrote.
    """

    channel: str
    ts: str
    user: str
    team: str
    text: str
    blocks: tuple[JsonObject, ...] = ()
    thread_ts: str | None = None
    bot_id: str = ""
    app_id: str = ""
    client_msg_id: str = ""
    subtype: str = ""
    edited_ts: str = ""
    metadata: JsonObject | None = None
    unfurl_links: bool = True
    unfurl_media: bool = True
    reply_broadcast: bool = False
    reactions: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def root_ts(self) -> str:
        """The ts of the thread that a reply to this message belongs to."""
        return self.thread_ts or self.ts

    @property
    def is_rich(self) -> bool:
        """Whether the message holds rich text."""
        return any(block.get("type") == "rich_text" for block in self.blocks)


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """Something that one person sees until the page is loaded again; not in any history."""

    channel: str
    user: str
    ts: str
    text: str
    blocks: tuple[JsonObject, ...] = ()
    thread_ts: str | None = None
    is_warning: bool = False


def message_json(message: Message, *, shows_metadata: bool = True) -> JsonObject:
    """Lay a message out as answers and events carry it."""
    payload: dict[str, Any] = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": message.team,
    }
    optional: dict[str, Any] = {
        "subtype": message.subtype,
        "client_msg_id": message.client_msg_id,
        "bot_id": message.bot_id,
        "app_id": message.app_id,
        "blocks": list(message.blocks),
        "thread_ts": message.thread_ts,
        "metadata": message.metadata if shows_metadata else None,
        "reactions": reactions_json(message),
    }
    if message.edited_ts:
        optional["edited"] = {"user": message.user, "ts": message.edited_ts}
    return payload | {name: value for name, value in optional.items() if value}


def reactions_json(message: Message) -> list[JsonObject]:
    """List the reactions on a message."""
    return [
        {"name": name, "users": list(users), "count": len(users)}
        for name, users in message.reactions.items()
    ]
