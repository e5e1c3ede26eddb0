"""Methods ``chat.*`` and ``reactions.*``: what the app writes."""

import re
from dataclasses import replace

from bot.workspace import posting
from bot.workspace.arguments import Args
from bot.workspace.channels import Channel, Kind
from bot.workspace.drafts import UPDATE_CHARACTERS, checked_blocks, checked_draft, checked_metadata
from bot.workspace.interactions import app_message
from bot.workspace.messages import Ephemeral, Message, message_json, reactions_json
from bot.workspace.methods import Method
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

_EMOJI = re.compile(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?")


def seen_by_app(workspace: Workspace, channel_id: str) -> Channel:
    """Return a conversation that the app can see: public ones, and those it is in.

    Raises:
        RefusedError: ``channel_not_found``.
    """
    channel = workspace.channel(channel_id)
    if channel.kind is not Kind.PUBLIC and workspace.app.bot_user_id not in channel.members:
        raise RefusedError(Code.CHANNEL_NOT_FOUND)
    return channel


def _writable(workspace: Workspace, channel_id: str) -> Channel:
    channel = seen_by_app(workspace, channel_id)
    if workspace.app.bot_user_id not in channel.members:
        raise RefusedError(Code.NOT_IN_CHANNEL)
    if channel.is_archived:
        raise RefusedError(Code.IS_ARCHIVED)
    if channel.is_read_only:
        raise RefusedError(Code.RESTRICTED_ACTION)
    return channel


def _place(workspace: Workspace, args: Args) -> Channel:
    """Find where to post; the id of a person means the DM with them."""
    place = args.text("channel")
    if place in workspace.users:
        return workspace.dm_of(workspace.app.bot_user_id, place)
    return _writable(workspace, place)


def _post_message(workspace: Workspace, args: Args) -> JsonObject:
    channel = _place(workspace, args)
    draft = checked_draft(workspace, args)
    draft = replace(draft, metadata=draft.metadata or None)
    new = app_message(workspace, channel.id, draft, args.text("thread_ts") or None)
    broadcast = args.flag("reply_broadcast", default=False)
    message = posting.post(workspace, replace(new, reply_broadcast=broadcast))
    return {"channel": channel.id, "ts": message.ts, "message": message_json(message)}


def _own_message(workspace: Workspace, args: Args, refusal: str) -> Message:
    channel = seen_by_app(workspace, args.required("channel"))
    message = workspace.message(channel.id, args.required("ts"))
    if message.bot_id != workspace.app.bot_id:
        raise RefusedError(refusal)
    if channel.is_archived:
        raise RefusedError(Code.IS_INACTIVE)
    return message


def _update(workspace: Workspace, args: Args) -> JsonObject:
    message = _own_message(workspace, args, Code.CANT_UPDATE_MESSAGE)
    if not (args.text("text") or args.has("blocks")):
        raise RefusedError(Code.NO_TEXT)
    if len(args.text("text")) > UPDATE_CHARACTERS:
        raise RefusedError(Code.MSG_TOO_LONG)
    blocks = checked_blocks(workspace, args.blocks())
    if _is_mismatch(workspace, message, blocks):
        raise RefusedError(Code.BLOCK_MISMATCH)
    metadata = checked_metadata(workspace, args)
    text = args.text("text") or message.text
    changed = replace(message, text=text, blocks=blocks, edited_ts=workspace.next_ts())
    if metadata is not None:
        changed = replace(changed, metadata=metadata or None)
    posting.tell_of_change(workspace, changed, message)
    answer = {"channel": message.channel, "ts": message.ts, "text": text}
    return answer | {"message": message_json(changed)}


def _is_mismatch(workspace: Workspace, old: Message, blocks: tuple[JsonObject, ...]) -> bool:
    looked_at = blocks[:1] if workspace.options.mismatch_reads_first_block else blocks
    return old.is_rich and not any(block["type"] == "rich_text" for block in looked_at)


def _delete(workspace: Workspace, args: Args) -> JsonObject:
    message = _own_message(workspace, args, Code.CANT_DELETE_MESSAGE)
    posting.delete(workspace, message)
    return {"channel": message.channel, "ts": message.ts}


def _post_ephemeral(workspace: Workspace, args: Args) -> JsonObject:
    channel = _writable(workspace, args.required("channel"))
    user = args.required("user")
    if user not in channel.members:
        raise RefusedError(Code.USER_NOT_IN_CHANNEL)
    draft = checked_draft(workspace, args)
    ts = workspace.next_ts()
    thread_ts = args.text("thread_ts") or None
    whispered = Ephemeral(channel.id, user, ts, draft.text, draft.blocks, thread_ts)
    posting.whisper(workspace, whispered)
    return {"message_ts": ts}


def _permalink(workspace: Workspace, args: Args) -> JsonObject:
    channel = seen_by_app(workspace, args.required("channel"))
    message = workspace.message(channel.id, args.required("message_ts"))
    link = f"{workspace.base_url}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def _reacted(workspace: Workspace, args: Args) -> Message:
    channel = seen_by_app(workspace, args.required("channel"))
    return workspace.message(channel.id, args.required("timestamp"))


def _react(workspace: Workspace, args: Args) -> JsonObject:
    return _set_reaction(workspace, args, is_added=True)


def _unreact(workspace: Workspace, args: Args) -> JsonObject:
    return _set_reaction(workspace, args, is_added=False)


def _set_reaction(workspace: Workspace, args: Args, *, is_added: bool) -> JsonObject:
    name = args.required("name")
    if not _EMOJI.fullmatch(name):
        raise RefusedError(Code.INVALID_NAME)
    message = _reacted(workspace, args)
    user = workspace.app.bot_user_id
    posting.react(workspace, message, user=user, name=name, is_added=is_added)
    return {}


def _get_reactions(workspace: Workspace, args: Args) -> JsonObject:
    message = _reacted(workspace, args)
    shown = message_json(message) | {"reactions": reactions_json(message)}
    return {"type": "message", "channel": message.channel, "message": shown}


METHODS = {
    "chat.postMessage": Method(_post_message, scope="chat:write"),
    "chat.update": Method(_update, scope="chat:write", tier=3),
    "chat.delete": Method(_delete, scope="chat:write", tier=3),
    "chat.postEphemeral": Method(_post_ephemeral, scope="chat:write", tier=4),
    "chat.getPermalink": Method(_permalink),
    "reactions.add": Method(_react, scope="reactions:write", tier=3),
    "reactions.remove": Method(_unreact, scope="reactions:write", tier=2),
    "reactions.get": Method(_get_reactions, scope="reactions:read", tier=3),
}
