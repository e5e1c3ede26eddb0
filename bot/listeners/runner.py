"""The bot as Slack sees it: listeners on a Bolt app, a socket, an orderly start and stop."""

import logging
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from threading import Event
from time import monotonic

from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.authorization import AuthorizeResult
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.blocks import FEEDBACK_ACTION, SAY_WHY_ACTION
from bot.database import Writer
from bot.errors import SlackSetupError
from bot.listeners.commands import Commands
from bot.listeners.desk import Desk
from bot.listeners.feedback import Feedback
from bot.listeners.ingress import Ingress
from bot.listeners.questions import BotUser
from bot.listeners.remarks import Remarks
from bot.monitoring.rounds import Rounds
from bot.remark_form import CALLBACK_ID
from bot.tracing import note_failure, quiet_slack
from bot.worker import Worker

STOP_DEADLINE_S = 25.0
_ROUNDS_DEADLINE_S = 2.0
_TOLD_AGAIN_S = 0.05


@dataclass(frozen=True, slots=True)
class Listeners:
    """What hears Slack, and the one command it has."""

    ingress: Ingress
    feedback: Feedback
    remarks: Remarks
    commands: Commands
    command: str


def who_we_are(client: WebClient) -> BotUser:
    """Ask Slack who the token belongs to.

    Raises:
        SlackSetupError: If the token is refused or Slack cannot be reached.
    """
    try:
        us = client.auth_test()
    except SlackApiError as error:
        problem = f"Slack refuses the bot token: {error.response.get('error', 'no reason given')}"
        raise SlackSetupError(problem) from error
    except (SlackClientError, OSError) as error:
        problem = f"Slack cannot be reached at {client.base_url}"
        raise SlackSetupError(problem) from error
    return BotUser(team=us["team_id"], user=us["user_id"], bot=us.get("bot_id") or "")


def build_app(client: WebClient, listeners: Listeners) -> App:
    """Put the listeners on a Bolt app.

    Clicks and commands are handled in the thread that read them from the socket: they store,
    acknowledge and are gone, so there is no second pool that could fill up. Nothing is asked
    of Slack on the way to them.

    Source:
        With Bolt's own pool busy a click is never acknowledged; and where Bolt itself asks
        Slack who the bot is, it acknowledges what it drops when that fails. Both are proven by
        ``tests/integration/test_listeners.py``.
    """
    us = listeners.ingress.us
    ours = AuthorizeResult(
        enterprise_id=None, team_id=us.team, bot_user_id=us.user, bot_id=us.bot or None
    )
    app = App(
        client=WebClient(base_url=client.base_url),  # for the socket; no listener writes with it
        logger=_quiet_logger(),
        process_before_response=True,
        authorize=lambda: ours,
    )
    app.use(listeners.ingress.on_request)
    app.action(FEEDBACK_ACTION)(listeners.feedback.on_click)
    app.action(SAY_WHY_ACTION)(listeners.remarks.on_click)
    app.view(CALLBACK_ID)(listeners.remarks.on_submission)
    app.command(listeners.command)(listeners.commands.on_command)
    app.error(_note_error)
    return app


def _quiet_logger() -> logging.Logger:
    quiet_slack()
    logger = logging.getLogger("slack_bolt")  # Bolt copies its level to each of its own
    logger.setLevel(logging.WARNING)
    return logger


def _note_error(error: Exception) -> None:
    note_failure(error)  # Bolt's own handler would log its text


@dataclass(frozen=True, slots=True)
class Threads:
    """What has to be stopped, in this order."""

    desk: Desk
    courtesies: Worker
    writer: Writer
    rounds: Rounds | None = None


class SlackRunner:
    """Runs the bot in Socket Mode.

    Args:
        threads: Stopped after the socket is closed.
        resume: Called at the start, for what an earlier run left behind.
        concurrency: Payloads handled at the same time.
    """

    def __init__(
        self,
        app: App,
        app_token: str,
        threads: Threads,
        *,
        resume: Callable[[], None],
        concurrency: int = 16,
    ) -> None:
        self._handler = SocketModeHandler(app, app_token, concurrency=concurrency)
        self._threads = threads
        self._resume = resume
        self._stop_asked = Event()

    @property
    def is_connected(self) -> bool:
        """Whether the socket to Slack is open now."""
        return bool(self._handler.client.is_connected())

    def start(self) -> None:
        """Take up what was left behind, then listen.

        Raises:
            SlackSetupError: If the app token is refused or Slack cannot be reached.
        """
        self._threads.desk.start()
        self._resume()
        if self._threads.rounds is not None:
            self._threads.rounds.start()
        try:
            self._handler.connect()  # type: ignore[no-untyped-call]  # so Bolt ships it
        except SlackApiError as error:
            problem = f"Slack refuses the app token: {error.response.get('error', '')}"
            raise SlackSetupError(problem) from error
        except (SlackClientError, OSError) as error:
            problem = "Slack cannot be reached for Socket Mode"
            raise SlackSetupError(problem) from error

    def stop(self, deadline_s: float = STOP_DEADLINE_S) -> bool:
        """Take nothing new, finish what runs, and tell whether it ended in time.

        What has not ended is in the inbox: the next start takes it up.
        """
        until = monotonic() + deadline_s
        self._threads.desk.close()
        self._hang_up()
        if self._threads.rounds is not None:
            self._threads.rounds.stop(min(_ROUNDS_DEADLINE_S, max(0.0, until - monotonic())))
        is_done = self._threads.desk.stop(max(0.0, until - monotonic()))
        self._threads.courtesies.stop(min(1.0, max(0.0, until - monotonic())))
        self._threads.writer.close()
        return is_done

    def run(self, deadline_s: float = STOP_DEADLINE_S) -> None:
        """Run until SIGTERM or SIGINT, then stop; call it from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask_to_stop)
        self.start()
        self._stop_asked.wait()
        self.stop(deadline_s)

    def _hang_up(self) -> None:
        # Closing alone waits seconds for something to read; so its threads are woken first.
        client = self._handler.client
        client.auto_reconnect_enabled = False
        client.closed = True
        client.message_processor.event.set()
        client.enqueue_message("")
        if client.current_session is not None and client.current_session.sock is not None:
            with suppress(OSError):
                client.current_session.sock.shutdown(socket.SHUT_RD)
        client.disconnect()
        reading = client.current_session_runner
        reading.event.set()
        while reading.is_alive():  # what begins to read just now forgets that it was told to end
            client.current_session_state.terminated = True
            reading.thread.join(_TOLD_AGAIN_S)
        self._handler.close()  # type: ignore[no-untyped-call]  # so Bolt ships it

    def _ask_to_stop(self, _number: int, _frame: object) -> None:
        self._stop_asked.set()
