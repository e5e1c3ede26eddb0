"""A workspace that runs in a thread, with a thread-safe handle for tests and the demo."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, RLock
from typing import Any

from bot.workspace import membership, visitors
from bot.workspace.clock import Clock
from bot.workspace.delivery import Ack
from bot.workspace.faults import Fault
from bot.workspace.messages import Ephemeral, Message
from bot.workspace.options import Options
from bot.workspace.serving import ServingThread
from bot.workspace.state import ApiCall, Seed, View, Workspace, counting_ids
from bot.workspace.wire import JsonObject

_LOOK_AGAIN_S = 0.02  # for claims about what no lock of ours announces


class RunningWorkspace:
    """What a test does to a workspace and reads from it while a bot is connected.

    Every method holds the lock of the workspace; ``state`` gives the rest, inside ``changing()``.

    Attributes:
        clock: Push it forward with ``advance``.
        state: The workspace itself.
    """

    def __init__(
        self, state: Workspace, *, clock: Clock, lock: Condition, serving: ServingThread
    ) -> None:
        self.state = state
        self.clock = clock
        self.lock = lock
        self._serving = serving

    @property
    def url(self) -> str:
        """The page."""
        return self.state.base_url

    @property
    def api_url(self) -> str:
        """What ``WebClient(base_url=...)`` takes."""
        return f"{self.url}/api/"

    @property
    def bot_token(self) -> str:
        """What ``WebClient(token=...)`` takes."""
        return self.state.app.bot_token

    @property
    def app_token(self) -> str:
        """What ``SocketModeHandler(app_token=...)`` takes."""
        return self.state.app.app_token

    @contextmanager
    def changing(self) -> Iterator[Workspace]:
        """Hold the lock, and tell everybody afterwards that something changed."""
        with self.lock:
            yield self.state
            self.lock.notify_all()
        self._serving.wake()

    # What people do

    def say(self, user: str, channel: str, text: str, *, thread_ts: str = "") -> str:
        """Post as a person; ``@housevoice`` mentions. Returns the ts."""
        with self.changing() as state:
            return visitors.say(state, user, channel, text, thread_ts=thread_ts).ts

    def edit(self, user: str, channel: str, ts: str, text: str) -> None:
        """Change a person's own message."""
        with self.changing() as state:
            visitors.edit(state, user, channel, ts, text)

    def delete(self, user: str, channel: str, ts: str) -> None:
        """Delete a person's own message."""
        with self.changing() as state:
            visitors.delete(state, user, channel, ts)

    def react(self, user: str, channel: str, ts: str, name: str) -> None:
        """Put a reaction on a message, or take the same one off again."""
        with self.changing() as state:
            visitors.react(state, user, channel, ts, name)

    def command(self, user: str, channel: str, typed: str, *, thread_ts: str = "") -> None:
        """Call a slash command as typed, such as ``/housevoice status``."""
        with self.changing() as state:
            visitors.call_command(state, user, channel, typed, thread_ts=thread_ts)

    def click(self, user: str, channel: str, ts: str, value: str) -> None:
        """Click the button with this value."""
        with self.changing() as state:
            visitors.click(state, user, channel, ts, value)

    def submit(self, user: str, values: JsonObject) -> None:
        """Submit the modal that a person has open."""
        with self.changing() as state:
            visitors.submit(state, user, values)

    # What happens around them

    def join(self, user: str, channel: str) -> None:
        """Add somebody to a conversation."""
        with self.changing() as state:
            membership.join(state, user, channel)

    def leave(self, user: str, channel: str) -> None:
        """Take somebody, or the bot, out of a conversation."""
        with self.changing() as state:
            membership.leave(state, user, channel)

    def share(self, channel: str, team: str) -> None:
        """Let another company into a conversation."""
        with self.changing() as state:
            membership.share(state, channel, team)

    def change_user(self, user: str, **flags: Any) -> None:
        """Set fields of a person, such as ``is_restricted=True``."""
        with self.changing() as state:
            membership.change_user(state, user, **flags)

    def change_channel(self, channel: str, **flags: Any) -> None:
        """Set fields of a conversation, such as ``is_archived=True``; no event."""
        with self.changing() as state:
            membership.change_channel(state, channel, **flags)

    def change_group(self, group: str, *users: str) -> None:
        """Set the members of a user group."""
        with self.changing() as state:
            membership.change_group(state, group, users)

    # What can be seen

    @property
    def calls(self) -> tuple[ApiCall, ...]:
        """Every call the bot made, in order."""
        with self.lock:
            return tuple(self.state.calls)

    def calls_of(self, method: str) -> tuple[ApiCall, ...]:
        """Every call of one method, in order."""
        return tuple(call for call in self.calls if call.method == method)

    def messages(self, channel: str) -> tuple[Message, ...]:
        """Everything that stands in a conversation, threads included, in order."""
        with self.lock:
            return tuple(self.state.messages[channel].values())

    def thread(self, channel: str, root_ts: str) -> tuple[Message, ...]:
        """The replies in a thread, without its root."""
        with self.lock:
            return tuple(self.state.replies(channel, root_ts))

    def seen_by(self, user: str) -> tuple[Message, ...]:
        """Every message that a person can read anywhere."""
        with self.lock:
            return tuple(visitors.visible_messages(self.state, user))

    def whispers_to(self, user: str) -> tuple[Ephemeral, ...]:
        """Every ephemeral and warning that a person sees."""
        with self.lock:
            return tuple(visitors.visible_ephemerals(self.state, user))

    def view_of(self, user: str) -> View | None:
        """The modal that a person has open."""
        with self.lock:
            return visitors.open_view(self.state, user)

    @property
    def acks(self) -> tuple[Ack, ...]:
        """Everything the bot acknowledged, with how long it took."""
        with self.lock:
            return tuple(self.state.delivery.acks)

    def wait_until(self, claim: Callable[[], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until a claim holds, about the workspace or about what the bot did.

        Raises:
            TimeoutError: If it does not in that time.
        """
        deadline = time.monotonic() + timeout_s
        with self.lock:
            while not claim():
                left_s = deadline - time.monotonic()
                if left_s <= 0:
                    message = "the workspace did not come to that"
                    raise TimeoutError(message)
                self.lock.wait(min(left_s, _LOOK_AGAIN_S))

    def wait_until_settled(self, *, timeout_s: float = 10.0) -> None:
        """Wait until the bot owes no ack."""
        self.wait_until(lambda: not self.state.delivery.unacknowledged, timeout_s=timeout_s)

    def wait_until_connected(self, *, sockets: int = 1, timeout_s: float = 10.0) -> None:
        """Wait until the bot has this many sockets open."""
        self.wait_until(lambda: len(self.state.delivery.sockets) >= sockets, timeout_s=timeout_s)

    # What goes wrong

    def order(self, fault: Fault) -> None:
        """Let a coming call go wrong."""
        with self.lock:
            self.state.faults.order(fault)

    def advance(self, seconds: float) -> None:
        """Let time pass at once, and with it what was due."""
        with self.changing():
            self.clock.advance(seconds)

    def swallow(self, *event_types: str) -> None:
        """Lose every event of these types from now on; none brings them all back."""
        with self.lock:
            self.state.swallowed = set(event_types)

    def hold(self) -> None:
        """Keep envelopes back until ``release``."""
        with self.lock:
            self.state.delivery.hold()

    def release(self, *, is_reversed: bool = False) -> None:
        """Let held envelopes go, if wanted in reversed order."""
        with self.changing() as state:
            state.delivery.release(is_reversed=is_reversed)

    def duplicate(self, copies: int) -> None:
        """Send every event this many times at once."""
        with self.lock:
            self.state.delivery.copies = copies

    def announce_disconnect(self, reason: str) -> None:
        """Tell the bot to reconnect: ``warning``, ``refresh_requested``, ``link_disabled``."""
        with self.changing() as state:
            state.delivery.announce(reason)

    def cut_sockets(self) -> None:
        """Drop every socket without a word."""
        with self.lock:
            self._serving.cut(self.state.delivery.sockets)

    def silence_sockets(self) -> None:
        """Let every open socket live on, but bring nothing over it."""
        with self.lock:
            self._serving.silence(self.state.delivery.sockets)


@contextmanager
def running_workspace(
    seed: Seed,
    *,
    port: int = 0,
    documents: Path | None = None,
    clock: Clock | None = None,
    options: Options | None = None,
) -> Iterator[RunningWorkspace]:
    """Serve a workspace from a thread for as long as the block runs.

    Args:
        seed: What it starts with.
        port: On loopback; 0 picks a free one.
        documents: Folder that ``/docs/`` shows.
        clock: The real one by default; pass ``Clock.standing_still()`` to decide yourself. The
            time of the start stands in every id, so that no two runs share one.
        options: Rate limits, and rules that nobody could verify.

    Raises:
        OSError: If the port is taken.
    """
    clock = clock or Clock()
    lock = Condition(RLock())
    new_id = counting_ids(run=f"{int(clock.now() * 1000):X}")
    state = Workspace(seed, now=clock.now, new_id=new_id, options=options)
    serving = ServingThread(state, lock, documents)
    try:
        serving.start(port)
        yield RunningWorkspace(state, clock=clock, lock=lock, serving=serving)
    finally:
        serving.stop()
