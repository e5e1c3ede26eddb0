"""Envelopes on their way to the app: one live socket each, acks, redelivery.

Knows no WebSocket: it hands out frames that are due and is told what came back.

Source:
    https://docs.slack.dev/apis/events-api/using-socket-mode and the retry schedule of the
    Events API: at once, after one minute, after five.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count

from bot.workspace.options import Options
from bot.workspace.wire import JsonObject

ACK_TIMEOUT_S = 3.0
RETRY_AFTER_S = (0.0, 60.0, 300.0)
"""How long after a timeout the next attempt is made, for each of the three."""

EVENTS = "events_api"
INTERACTIVE = "interactive"
COMMANDS = "slash_commands"


@dataclass(frozen=True, slots=True)
class Frame:
    """Something to write to one socket; the socket is closed behind it where it is the last."""

    socket: int
    body: JsonObject
    is_last: bool = False


@dataclass(frozen=True, slots=True)
class Ack:
    """What the app acknowledged, and how long after the sending [s] of that attempt."""

    kind: str
    payload: JsonObject
    answer: JsonObject | None
    attempt: int
    latency_s: float


@dataclass(slots=True)
class _Parcel:
    number: int
    kind: str
    payload: JsonObject
    on_ack: Callable[[JsonObject | None], None] | None = None
    on_timeout: Callable[[], None] | None = None
    attempt: int = 0
    sent_at: float = 0.0
    is_waiting: bool = False  # for an ack
    sockets: dict[str, int] = field(default_factory=dict)  # by envelope_id


class Delivery:
    """Brings each payload to one live socket until it is acknowledged or given up.

    Attributes:
        copies: How often each event is sent at once; 2 makes duplicates.
        script: Sockets that the next envelopes go to; then it is round robin again.
        acks: Everything acknowledged so far, in order.
        lost: Payloads given up after the last attempt.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float],
        new_id: Callable[[str], str],
        options: Options,
        app_id: str,
        socket_limit: int,
    ) -> None:
        self._now = now
        self._new_id = new_id
        self._options = options
        self._app_id = app_id
        self._socket_limit = socket_limit
        self._tickets: set[str] = set()
        self._live: list[int] = []
        self._opened = 0
        self._turn = 0
        self._parcels: dict[int, _Parcel] = {}  # those still on their way, by number
        self._numbers = count()
        self._due: list[tuple[float, int]] = []  # a heap; finished ones are skipped
        self._by_envelope: dict[str, int] = {}
        self._queue: deque[int] = deque()  # due, but the sockets are full
        self._in_flight = 0
        self._frames: deque[Frame] = deque()
        self._is_holding = False
        self.copies = 1
        self.script: deque[int] = deque()
        self.acks: list[Ack] = []
        self.lost: list[JsonObject] = []

    @property
    def sockets(self) -> tuple[int, ...]:
        """Sockets that get envelopes, oldest first."""
        return tuple(self._live)

    @property
    def unacknowledged(self) -> int:
        """How many payloads the app still owes an ack."""
        return len(self._parcels)

    def issue_ticket(self) -> str:
        """Return the ticket that one socket may be opened with."""
        ticket = self._new_id("ticket-")
        self._tickets.add(ticket)
        return ticket

    def connect(self, ticket: str) -> int | None:
        """Admit a socket; None if the ticket is unknown or was used."""
        if ticket not in self._tickets:
            return None
        self._tickets.remove(ticket)
        self._opened += 1
        if len(self._live) >= self._socket_limit:
            self._frames.append(_farewell(self._opened, "too_many_websockets"))
        else:
            self._live.append(self._opened)
            self._frames.append(Frame(self._opened, self._hello()))
        return self._opened

    def disconnect(self, socket: int) -> None:
        """Forget a socket that is gone."""
        if socket in self._live:
            self._live.remove(socket)

    def announce(self, reason: str) -> None:
        """Tell every socket to go; Slack closes it behind this frame, but not on a warning."""
        for socket in self.sockets:
            is_warning = reason == "warning"
            self._frames.append(_farewell(socket, reason, is_last=not is_warning))
            if not is_warning:
                self.disconnect(socket)

    def send(
        self,
        kind: str,
        payload: JsonObject,
        *,
        on_ack: Callable[[JsonObject | None], None] | None = None,
        on_timeout: Callable[[], None] | None = None,
    ) -> None:
        """Accept one payload for delivery, at once."""
        number = next(self._numbers)
        self._parcels[number] = _Parcel(number, kind, payload, on_ack, on_timeout)
        heappush(self._due, (self._now(), number))

    def hold(self) -> None:
        """Keep what is sent from now on back, so that it can be released in another order."""
        self._is_holding = True

    def release(self, *, is_reversed: bool = False) -> None:
        """Let go of what was held."""
        self._is_holding = False
        if is_reversed:
            self._frames.reverse()

    def next_due_at(self) -> float | None:
        """Return when something is to be sent or given up next; None if nothing is."""
        while self._due and self._due[0][1] not in self._parcels:
            heappop(self._due)
        return self._due[0][0] if self._due else None

    def take_due(self) -> list[Frame]:
        """Return the frames to write now, in order."""
        while (due_at := self.next_due_at()) is not None and due_at <= self._now():
            _, number = heappop(self._due)
            parcel = self._parcels[number]
            if parcel.is_waiting:
                self._time_out(parcel, due_at)
            else:
                self._queue.append(number)
        while self._queue and self._has_room():
            if queued := self._parcels.get(self._queue.popleft()):
                self._attempt(queued)
        if self._is_holding:
            return []
        frames = list(self._frames)
        self._frames.clear()
        return frames

    def acknowledge(self, socket: int, envelope_id: str, answer: JsonObject | None) -> None:
        """Take an ack; an unknown or repeated one is ignored."""
        parcel = self._parcels.get(self._by_envelope.get(envelope_id, -1))
        if parcel is None:
            return
        if self._options.ack_on_any_socket or parcel.sockets[envelope_id] == socket:
            self._finish(parcel, answer)

    def _finish(self, parcel: _Parcel, answer: JsonObject | None) -> None:
        del self._parcels[parcel.number]
        self._in_flight -= parcel.is_waiting
        latency_s = self._now() - parcel.sent_at
        self.acks.append(Ack(parcel.kind, parcel.payload, answer, parcel.attempt, latency_s))
        if parcel.on_ack:
            parcel.on_ack(answer)

    def _has_room(self) -> bool:
        return self._in_flight < self._options.envelopes_in_flight * max(1, len(self._live))

    def _attempt(self, parcel: _Parcel) -> None:
        parcel.is_waiting = True
        self._in_flight += 1
        parcel.sent_at = self._now()
        has_reader = bool(self._live)
        patience_s = ACK_TIMEOUT_S if has_reader or parcel.kind == EVENTS else 0.0
        heappush(self._due, (self._now() + patience_s, parcel.number))
        if has_reader:
            self._frames.extend(self._envelopes(parcel))

    def _envelopes(self, parcel: _Parcel) -> Iterator[Frame]:
        for _ in range(self.copies if parcel.kind == EVENTS else 1):
            socket = self._next_socket()
            envelope_id = self._envelope_id(parcel)
            parcel.sockets[envelope_id] = socket
            self._by_envelope[envelope_id] = parcel.number
            yield Frame(socket, _envelope(parcel, envelope_id))

    def _envelope_id(self, parcel: _Parcel) -> str:
        if parcel.attempt and not self._options.fresh_envelope_ids:
            return next(reversed(parcel.sockets), "") or self._new_id("envelope-")
        return self._new_id("envelope-")

    def _next_socket(self) -> int:
        while self.script:
            if (chosen := self.script.popleft()) in self._live:
                return chosen
        self._turn += 1
        return self._live[self._turn % len(self._live)]

    def _time_out(self, parcel: _Parcel, at: float) -> None:
        parcel.is_waiting = False
        self._in_flight -= 1
        if parcel.kind == EVENTS and parcel.attempt < len(RETRY_AFTER_S):
            heappush(self._due, (at + RETRY_AFTER_S[parcel.attempt], parcel.number))
            parcel.attempt += 1
            return
        del self._parcels[parcel.number]
        self.lost.append(parcel.payload)
        if parcel.on_timeout:
            parcel.on_timeout()

    def _hello(self) -> JsonObject:
        return {
            "type": "hello",
            "num_connections": len(self._live),
            "connection_info": {"app_id": self._app_id},
            "debug_info": {"host": "local", "approximate_connection_time": 18060},
        }


def _farewell(socket: int, reason: str, *, is_last: bool = True) -> Frame:
    return Frame(
        socket,
        {"type": "disconnect", "reason": reason, "debug_info": {"host": "local"}},
        is_last=is_last,
    )


def _envelope(parcel: _Parcel, envelope_id: str) -> JsonObject:
    envelope: JsonObject = {
        "envelope_id": envelope_id,
        "type": parcel.kind,
        "payload": parcel.payload,
        "accepts_response_payload": parcel.kind != EVENTS,
    }
    if parcel.kind == EVENTS:
        reason = "timeout" if parcel.attempt else ""
        envelope |= {"retry_attempt": parcel.attempt, "retry_reason": reason}
    return envelope
