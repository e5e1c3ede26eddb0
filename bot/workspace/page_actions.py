"""What the page may ask for in a person's name, by name."""

from collections.abc import Callable

from bot.workspace import visitors
from bot.workspace.arguments import Args
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

_REASONS = {
    "not_in_channel": "Join the channel before you write in it.",
    "is_archived": "This channel is archived.",
    "command_in_thread": "Slash commands do not work in threads.",
    "foreign_command": "Commands of this app are for people at its own company.",
    "unknown_command": "There is no such command here.",
    "channel_not_found": "There is no such channel.",
    "message_not_found": "That message is gone.",
    "no_text": "There is nothing to send.",
}


def act(workspace: Workspace, values: JsonObject) -> JsonObject:
    """Do what a person asked for on the page.

    Returns:
        ``ok``, and the ``ts`` of a new message or a sentence that says why not.
    """
    args = Args(values)
    action = _ACTIONS.get(args.text("do"), _unknown)
    try:
        return {"ok": True} | action(workspace, args)
    except RefusedError as refused:
        reason = _REASONS.get(refused.code, "That did not work.")
        return {"ok": False, "error": refused.code, "reason": reason}


def _unknown(_workspace: Workspace, _args: Args) -> JsonObject:
    raise RefusedError(Code.UNKNOWN_ACTION)


def _say(workspace: Workspace, args: Args) -> JsonObject:
    thread_ts = args.text("thread_ts")
    message = visitors.say(
        workspace, args.text("as"), args.text("channel"), args.text("text"), thread_ts=thread_ts
    )
    return {"ts": message.ts}


def _command(workspace: Workspace, args: Args) -> JsonObject:
    thread_ts = args.text("thread_ts")
    visitors.call_command(
        workspace, args.text("as"), args.text("channel"), args.text("text"), thread_ts=thread_ts
    )
    return {}


def _click(workspace: Workspace, args: Args) -> JsonObject:
    user, channel = args.text("as"), args.text("channel")
    visitors.click(workspace, user, channel, args.text("ts"), args.text("value"))
    return {}


def _join(workspace: Workspace, args: Args) -> JsonObject:
    visitors.join(workspace, args.text("as"), args.text("channel"))
    return {}


def _delete(workspace: Workspace, args: Args) -> JsonObject:
    visitors.delete(workspace, args.text("as"), args.text("channel"), args.text("ts"))
    return {}


def _submit(workspace: Workspace, args: Args) -> JsonObject:
    values = args.object("values", "invalid_arguments") or {}
    visitors.submit(workspace, args.text("as"), values)
    return {}


def _close(workspace: Workspace, args: Args) -> JsonObject:
    visitors.close_view(workspace, args.text("as"))
    return {}


def _reload(workspace: Workspace, args: Args) -> JsonObject:
    visitors.reload_page(workspace, args.text("as"))
    return {}


_ACTIONS: dict[str, Callable[[Workspace, Args], JsonObject]] = {
    "say": _say,
    "command": _command,
    "click": _click,
    "join": _join,
    "delete": _delete,
    "submit": _submit,
    "close": _close,
    "reload": _reload,
}
