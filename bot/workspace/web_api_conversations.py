"""Methods ``conversations.*``: where the app is, who is there, and what was said."""

from bot.workspace.arguments import Args
from bot.workspace.channels import Channel, Kind, channel_json
from bot.workspace.messages import Message, message_json
from bot.workspace.methods import Method, check_scope
from bot.workspace.paging import page_of
from bot.workspace.state import Workspace
from bot.workspace.web_api_chat import seen_by_app
from bot.workspace.wire import Code, JsonObject, RefusedError

_TYPES = {
    "public_channel": Kind.PUBLIC,
    "private_channel": Kind.PRIVATE,
    "im": Kind.DM,
    "mpim": Kind.GROUP_DM,
}


def _readable(workspace: Workspace, args: Args, verb: str) -> Channel:
    channel = seen_by_app(workspace, args.required("channel"))
    check_scope(workspace, channel.scope(verb))
    return channel


def _info(workspace: Workspace, args: Args) -> JsonObject:
    channel = _readable(workspace, args, "read")
    shown = channel_json(channel, viewer=workspace.app.bot_user_id)
    if args.flag("include_num_members", default=False):
        shown["num_members"] = len(channel.members)
    return {"channel": shown}


def _members(workspace: Workspace, args: Args) -> JsonObject:
    channel = _readable(workspace, args, "read")
    members, metadata = page_of(channel.members, args, default=100, most=1000)
    return {"members": list(members), "response_metadata": metadata}


def _list(workspace: Workspace, args: Args) -> JsonObject:
    kinds = [_kind(name) for name in args.names("types")] or [Kind.PUBLIC]
    skips_archived = args.flag("exclude_archived", default=False)
    found = [
        channel
        for channel in workspace.channels.values()
        if channel.kind in kinds
        and _is_listed(workspace, channel)
        and not (skips_archived and channel.is_archived)
    ]
    page, metadata = page_of(found, args, default=100, most=1000)
    viewer = workspace.app.bot_user_id
    shown = [channel_json(channel, viewer=viewer) for channel in page]
    return {"channels": shown, "response_metadata": metadata}


def _kind(name: str) -> Kind:
    if name not in _TYPES:
        raise RefusedError(Code.INVALID_TYPES)
    return _TYPES[name]


def _is_listed(workspace: Workspace, channel: Channel) -> bool:
    check_scope(workspace, channel.scope("read"))
    return channel.kind is Kind.PUBLIC or workspace.app.bot_user_id in channel.members


def _open(workspace: Workspace, args: Args) -> JsonObject:
    if args.has("channel"):
        channel = seen_by_app(workspace, args.text("channel"))
    else:
        names = args.names("users")
        if not names:
            raise RefusedError(Code.USERS_LIST_NOT_SUPPLIED)
        for name in names:
            if workspace.user(name).deleted:
                raise RefusedError(Code.USER_DISABLED)
        check_scope(workspace, "mpim:write" if len(names) > 1 else "im:write")
        channel = workspace.dm_of(workspace.app.bot_user_id, *names)
    if args.flag("return_im", default=False):
        return {"channel": channel_json(channel, viewer=workspace.app.bot_user_id)}
    return {"channel": {"id": channel.id}}


def _replies(workspace: Workspace, args: Args) -> JsonObject:
    channel = _heard(workspace, args)
    root = workspace.messages[channel.id].get(args.required("ts"))
    if root is None:
        raise RefusedError(Code.THREAD_NOT_FOUND)
    thread = [root, *workspace.replies(channel.id, root.ts)]
    return _messages(workspace, args, thread, default=1000, most=1000)


def _history(workspace: Workspace, args: Args) -> JsonObject:
    channel = _heard(workspace, args)
    there = workspace.messages[channel.id].values()
    top = [message for message in there if not message.thread_ts or message.reply_broadcast]
    return _messages(workspace, args, top[::-1], default=100, most=999)


def _heard(workspace: Workspace, args: Args) -> Channel:
    channel = _readable(workspace, args, "history")
    if workspace.app.bot_user_id not in channel.members:
        raise RefusedError(Code.NOT_IN_CHANNEL)
    return channel


def _messages(
    workspace: Workspace, args: Args, found: list[Message], *, default: int, most: int
) -> JsonObject:
    page, metadata = page_of(found, args, default=default, most=most)
    shows_metadata = args.flag("include_all_metadata", default=False)
    shown = [
        message_json(message, shows_metadata=shows_metadata) | _thread(workspace, message)
        for message in page
    ]
    has_more = bool(metadata["next_cursor"])
    return {"messages": shown, "has_more": has_more, "response_metadata": metadata}


def _thread(workspace: Workspace, message: Message) -> JsonObject:
    replies = workspace.replies(message.channel, message.ts)
    if not replies:
        return {}
    latest = replies[-1].ts
    return {"thread_ts": message.ts, "reply_count": len(replies), "latest_reply": latest}


METHODS = {
    "conversations.info": Method(_info, tier=3, is_read=True),
    "conversations.members": Method(_members, tier=4, is_read=True),
    "conversations.list": Method(_list, tier=2, is_read=True),
    "conversations.open": Method(_open, tier=3),
    "conversations.replies": Method(_replies, tier=3, is_read=True),
    "conversations.history": Method(_history, tier=3, is_read=True),
}
