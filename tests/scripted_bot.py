"""A tiny bot made of real Bolt, for trying the local workspace without the real bot."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from slack_bolt import App, BoltResponse
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient

from bot.workspace.running import RunningWorkspace

Event = dict[str, Any]


@dataclass
class ScriptedBot:
    """Acknowledges and remembers what it is sent; ``on_mention`` may do more.

    Attributes:
        heard: Bodies of all events, redeliveries included, in order of arrival.
        refusals: How many events it still leaves without an ack.
    """

    client: WebClient
    on_mention: Callable[[Event, WebClient], None] = lambda _event, _client: None
    heard: list[Event] = field(default_factory=list)
    clicks: list[Event] = field(default_factory=list)
    commands: list[Event] = field(default_factory=list)
    refusals: int = 0

    def app(self) -> App:
        """Build the Bolt app."""
        app = App(client=self.client)
        app.use(self._ingress)
        app.action("answer_feedback")(self._click)
        app.command("/housevoice")(self._command)
        return app

    def types(self, ts: str) -> list[str]:
        """The types of the events about one message, in alphabetical order."""
        return sorted(body["event"]["type"] for body in self.heard if body["event"].get("ts") == ts)

    def _ingress(
        self, body: Event, client: WebClient, next_: Callable[[], BoltResponse]
    ) -> BoltResponse:
        if body.get("type") != "event_callback":
            return next_()
        self.heard.append(body)
        if self.refusals:
            self.refusals -= 1
            return BoltResponse(status=503)
        if body["event"]["type"] == "app_mention":
            self.on_mention(body["event"], client)
        return BoltResponse(status=200)

    def _click(self, ack: Callable[[], None], body: Event) -> None:
        self.clicks.append(body)
        ack()

    def _command(self, ack: Callable[[str], None], command: Event) -> None:
        self.commands.append(command)
        ack(f"You said {command['text']}.")


@contextmanager
def connected(workspace: RunningWorkspace, bot: ScriptedBot) -> Iterator[ScriptedBot]:
    """Connect a bot over Socket Mode for as long as the block runs."""
    handler = SocketModeHandler(bot.app(), app_token=workspace.app_token)
    handler.connect()
    workspace.wait_until_connected()
    try:
        yield bot
    finally:
        client: Any = handler.client
        client.default_auto_reconnect_enabled = False  # or it comes back while it is leaving
        client.auto_reconnect_enabled = False
        workspace.cut_sockets()  # its reader waits 3 s otherwise
        handler.close()


def web_client(workspace: RunningWorkspace) -> WebClient:
    """Build a client that sends everything once."""
    return WebClient(token=workspace.bot_token, base_url=workspace.api_url, retry_handlers=[])


def rich_text(*elements: Event) -> Event:
    """Build a rich text block of one section."""
    return {
        "type": "rich_text",
        "elements": [{"type": "rich_text_section", "elements": list(elements)}],
    }


def words(text: str) -> Event:
    """Build a piece of literal text."""
    return {"type": "text", "text": text}


def feedback_block(answer: str = "a1") -> Event:
    """Build a pair of feedback buttons."""
    sides = {
        f"{side}_button": {
            "text": {"type": "plain_text", "text": label},
            "accessibility_label": f"Mark as {label.lower()}",
            "value": f"v1:{answer}:{word}",
        }
        for side, label, word in [("positive", "Good", "up"), ("negative", "Bad", "down")]
    }
    element = {"type": "feedback_buttons", "action_id": "answer_feedback", **sides}
    return {"type": "context_actions", "block_id": f"fb_{answer}", "elements": [element]}
