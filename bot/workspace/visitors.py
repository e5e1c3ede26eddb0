"""What people do on the page, as far as each of them may."""

from bot.workspace import interactions, membership, posting
from bot.workspace.channels import Channel
from bot.workspace.interactions import Click
from bot.workspace.messages import Ephemeral, Message
from bot.workspace.people import User
from bot.workspace.state import View, Workspace
from bot.workspace.typed import typed_message
from bot.workspace.wire import Code, JsonObject, RefusedError


def seen_channel(workspace: Workspace, user_id: str, channel_id: str) -> tuple[User, Channel]:
    """Return a person and a conversation that they can open.

    Raises:
        RefusedError: ``channel_not_found`` also where it exists and is not theirs to see.
    """
    user = workspace.user(user_id)
    channel = workspace.channel(channel_id)
    if not workspace.may_see(user, channel):
        raise RefusedError(Code.CHANNEL_NOT_FOUND)
    return user, channel


def say(
    workspace: Workspace, user_id: str, channel_id: str, text: str, *, thread_ts: str = ""
) -> Message:
    """Post as a person; ``@name`` mentions.

    Raises:
        RefusedError: ``not_in_channel``, ``is_archived``, ``no_text`` and the like.
    """
    user, channel = seen_channel(workspace, user_id, channel_id)
    if user.id not in channel.members:
        raise RefusedError(Code.NOT_IN_CHANNEL)
    if channel.is_archived:
        raise RefusedError(Code.IS_ARCHIVED)
    if not text.strip():
        raise RefusedError(Code.NO_TEXT)
    stored, block = typed_message(text, workspace.users.values())
    message = Message(
        channel=channel.id,
        ts=workspace.next_ts(),
        user=user.id,
        team=user.team_id,
        text=stored,
        blocks=(block | {"block_id": workspace.new_id("b")},),
        thread_ts=thread_ts or None,
        client_msg_id=workspace.new_id("client-"),
    )
    return posting.post(workspace, message)


def edit(workspace: Workspace, user_id: str, channel_id: str, ts: str, text: str) -> Message:
    """Change one's own message."""
    message = _own(workspace, user_id, channel_id, ts)
    stored, block = typed_message(text, workspace.users.values())
    blocks = (block | {"block_id": workspace.new_id("b")},)
    return posting.change(workspace, message, text=stored, blocks=blocks)


def delete(workspace: Workspace, user_id: str, channel_id: str, ts: str) -> None:
    """Delete one's own message."""
    posting.delete(workspace, _own(workspace, user_id, channel_id, ts))


def _own(workspace: Workspace, user_id: str, channel_id: str, ts: str) -> Message:
    seen_channel(workspace, user_id, channel_id)
    message = workspace.message(channel_id, ts)
    if message.user != user_id:
        raise RefusedError(Code.CANT_UPDATE_MESSAGE)
    return message


def react(workspace: Workspace, user_id: str, channel_id: str, ts: str, name: str) -> None:
    """Put a reaction on a message, or take the same one off again."""
    seen_channel(workspace, user_id, channel_id)
    message = workspace.message(channel_id, ts)
    is_added = user_id not in message.reactions.get(name, ())
    posting.react(workspace, message, user=user_id, name=name, is_added=is_added)


def call_command(
    workspace: Workspace, user_id: str, channel_id: str, typed: str, *, thread_ts: str = ""
) -> None:
    """Call a slash command as typed, such as ``/housevoice status``.

    Raises:
        RefusedError: ``command_in_thread``, ``foreign_command`` or ``unknown_command``.
    """
    user, channel = seen_channel(workspace, user_id, channel_id)
    command, _, text = typed.strip().partition(" ")
    if thread_ts:
        raise RefusedError(Code.COMMAND_IN_THREAD)
    if user.team_id != workspace.app.team_id:
        raise RefusedError(Code.FOREIGN_COMMAND)
    if command not in workspace.app.commands:
        raise RefusedError(Code.UNKNOWN_COMMAND)
    interactions.send_command(workspace, user, channel, command=command, text=text.strip())


def click(workspace: Workspace, user_id: str, channel_id: str, ts: str, value: str) -> None:
    """Click the button of a message or an ephemeral that has this value.

    Raises:
        RefusedError: ``message_not_found`` or ``no_such_button``.
    """
    user, channel = seen_channel(workspace, user_id, channel_id)
    shown = _shown(workspace, user, channel, ts)
    action = _action(shown.blocks, value)
    if action is None:
        raise RefusedError(Code.NO_SUCH_BUTTON)
    if action["type"] == "feedback_buttons":
        workspace.highlights[user.id, channel.id, ts, action["action_id"]] = value
    message = shown if isinstance(shown, Message) else None
    sent = Click(action, ts, shown.thread_ts, message is None, message)
    interactions.send_click(workspace, user, channel, sent)


def _shown(workspace: Workspace, user: User, channel: Channel, ts: str) -> Message | Ephemeral:
    for ephemeral in workspace.ephemerals:
        if (ephemeral.user, ephemeral.channel, ephemeral.ts) == (user.id, channel.id, ts):
            return ephemeral
    return workspace.message(channel.id, ts)


def _action(blocks: tuple[JsonObject, ...], value: str) -> JsonObject | None:
    for block in blocks:
        for element in [*block.get("elements", []), block.get("accessory")]:
            pressed = _pressed(element, value) if isinstance(element, dict) else None
            if pressed is not None:
                core = {name: element[name] for name in ("type", "action_id")}
                return core | {"block_id": block["block_id"]} | pressed
    return None


def _pressed(element: JsonObject, value: str) -> JsonObject | None:
    for part in (element, element.get("positive_button"), element.get("negative_button")):
        if isinstance(part, dict) and part.get("value", part.get("action_id")) == value:
            return {name: part[name] for name in ("value", "text", "url") if name in part}
    return None


def open_view(workspace: Workspace, user_id: str) -> View | None:
    """Return the modal that a person opened last, while it is open."""
    opened = [view for view in workspace.views.values() if view.user == user_id]
    return opened[-1] if opened else None


def submit(workspace: Workspace, user_id: str, values: JsonObject) -> None:
    """Submit the open modal.

    Raises:
        RefusedError: ``not_found`` without one.
    """
    view = open_view(workspace, user_id)
    if view is None:
        raise RefusedError(Code.NOT_FOUND)
    interactions.send_submission(workspace, workspace.user(user_id), view, values)


def close_view(workspace: Workspace, user_id: str) -> None:
    """Close the open modal, if there is one."""
    if view := open_view(workspace, user_id):
        interactions.send_view_closed(workspace, workspace.user(user_id), view)


def reload_page(workspace: Workspace, user_id: str) -> None:
    """Drop what only this person saw, as loading the page again does."""
    workspace.ephemerals[:] = [each for each in workspace.ephemerals if each.user != user_id]


def visible_messages(workspace: Workspace, user_id: str) -> list[Message]:
    """List every message that a person can read anywhere, in order of time."""
    user = workspace.user(user_id)
    found = [
        message
        for channel in workspace.visible_channels(user)
        for message in workspace.messages[channel.id].values()
    ]
    return sorted(found, key=lambda message: message.ts)


def visible_ephemerals(workspace: Workspace, user_id: str) -> list[Ephemeral]:
    """List what only this person sees; in a thread without replies it stays hidden."""
    return [
        each
        for each in workspace.ephemerals
        if each.user == user_id
        and (not each.thread_ts or workspace.replies(each.channel, each.thread_ts))
    ]


def join(workspace: Workspace, user_id: str, channel_id: str) -> None:
    """Join a public channel that is open to this person.

    Raises:
        RefusedError: ``channel_not_found`` where it is not.
    """
    user, channel = seen_channel(workspace, user_id, channel_id)
    membership.join(workspace, user.id, channel.id)
