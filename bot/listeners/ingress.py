"""What every event passes first: stored, then acknowledged; or not stored, and delivered again.

Knows nothing of what is done about an event.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from slack_bolt import BoltResponse

from bot.errors import StoreDownError
from bot.inbox import Inbox
from bot.listeners.questions import BotUser, arrival
from bot.tracing import note


@dataclass(frozen=True, slots=True)
class Ingress:
    """A global middleware of Bolt that answers every event itself, of whatever type.

    It is the catch-all too: an event without an answer would be delivered four times.

    Attributes:
        heard: Told of each inner event before it is acknowledged, so that facts about people
            and channels that are not true any more are not used any more.
        wake: Called when a question waits.
        is_open: False once the bot stops: then Slack delivers to whoever comes next.
    """

    us: BotUser
    inbox: Inbox
    heard: Callable[[Mapping[str, Any]], None]
    wake: Callable[[], None]
    is_open: Callable[[], bool]

    def on_request(self, body: dict[str, Any], next: Callable[[], None]) -> BoltResponse | None:  # noqa: A002  Bolt's name
        """Store an event and acknowledge it, or neither.

        Source:
            Bolt acknowledges before a listener runs, and an exception in it still does; a
            503 is not acknowledged in Socket Mode, so Slack delivers again.
        """
        if body.get("type") == "event_callback":
            return self._answer(body)
        if not self.is_open():
            return BoltResponse(status=503, body="")
        next()
        return None

    def _answer(self, body: Mapping[str, Any]) -> BoltResponse:
        if not self.is_open():
            return BoltResponse(status=503, body="")
        self.heard(body.get("event") or {})
        try:
            self._store(body)
        except StoreDownError:
            note(failed="StoreDownError")
            return BoltResponse(status=503, body="")
        return BoltResponse(status=200, body="")

    def _store(self, body: Mapping[str, Any]) -> None:
        arrived = arrival(body, self.us)
        if arrived is not None and self.inbox.take(str(body["event_id"]), arrived):
            self.wake()
