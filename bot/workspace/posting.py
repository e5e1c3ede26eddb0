"""Writing, changing and deleting messages: what the app and the people have in common."""

from dataclasses import replace

from bot.workspace import events
from bot.workspace.messages import Ephemeral, Message
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError


def post(workspace: Workspace, message: Message) -> Message:
    """Store a new message and tell the app.

    A reply to a thread whose root is gone lands in the channel, as it does in Slack.
    """
    root = workspace.messages[message.channel].get(message.thread_ts or "")
    message = replace(message, thread_ts=root.root_ts if root else None)
    workspace.keep(message)
    events.tell_posted(workspace, message)
    return message


def change(
    workspace: Workspace, message: Message, *, text: str, blocks: tuple[JsonObject, ...]
) -> Message:
    """Replace the text and blocks of a message and tell the app."""
    edited_ts = workspace.next_ts()
    changed = replace(message, text=text, blocks=blocks, edited_ts=edited_ts)
    return tell_of_change(workspace, changed, message)


def tell_of_change(workspace: Workspace, changed: Message, previous: Message) -> Message:
    """Store a changed message and tell the app."""
    workspace.keep(changed)
    events.tell_changed(workspace, changed, previous)
    return changed


def delete(workspace: Workspace, message: Message) -> None:
    """Delete a message and tell the app; a root with replies leaves a tombstone."""
    if workspace.replies(message.channel, message.ts):
        text = "This message was deleted."
        stone = Message(message.channel, message.ts, "USLACKBOT", message.team, text)
        workspace.keep(replace(stone, subtype="tombstone"))
    else:
        del workspace.messages[message.channel][message.ts]
    events.tell_deleted(workspace, message)


def whisper(workspace: Workspace, ephemeral: Ephemeral) -> None:
    """Show something to one person, if they are there; nothing else keeps it."""
    if ephemeral.user not in workspace.absent:
        workspace.ephemerals.append(ephemeral)


def react(
    workspace: Workspace, message: Message, *, user: str, name: str, is_added: bool = True
) -> None:
    """Put a reaction on a message or take it off, and tell the app.

    Raises:
        RefusedError: ``already_reacted`` or ``no_reaction``.
    """
    users = message.reactions.get(name, ())
    if is_added and user in users:
        raise RefusedError(Code.ALREADY_REACTED)
    if not is_added and user not in users:
        raise RefusedError(Code.NO_REACTION)
    kept = tuple(each for each in users if each != user)
    reactions = message.reactions | {name: (*kept, user) if is_added else kept}
    present = {each: who for each, who in reactions.items() if who}
    workspace.keep(replace(message, reactions=present))
    events.tell_reaction(workspace, message, user=user, name=name, is_added=is_added)
