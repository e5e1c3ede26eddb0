"""What the bot writes into Slack, and reads back when it cannot know what became of it.

Knows nothing of questions beyond where they were asked.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http.client import HTTPException
from typing import Any

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry.builtin_handlers import (
    ConnectionErrorRetryHandler,
    RateLimitErrorRetryHandler,
    ServerErrorRetryHandler,
)

from bot.arrivals import OpenQuestion
from bot.blocks import EVENT_TYPE, Post, working_post
from bot.errors import SlackRefusedError, SlackUncertainError

_PASSING = frozenset(
    {
        *("", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("ratelimited", "rate_limited", "team_added_to_org"),
        # a person has to act, and then the question is still there
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"),
    }
)
_CODE = re.compile(r"[a-z0-9_]+")
_PAGES = 20


def reading_client(token: str, base_url: str) -> WebClient:
    """Build the client for calls that change nothing: they may be repeated at will."""
    handlers = [
        ConnectionErrorRetryHandler(),
        ServerErrorRetryHandler(),
        RateLimitErrorRetryHandler(max_retry_count=2),
    ]
    return WebClient(token=token, base_url=base_url, retry_handlers=handlers)


def writing_client(token: str, base_url: str) -> WebClient:
    """Build the client for posts: it repeats nothing and waits for nothing.

    A repetition by the client would post what was checked before the wait.

    Source:
        The default handler sends ``chat.postMessage`` again after a reset connection, and
        two messages stand there; ``tests/integration/test_delivery.py`` catches it.
    """
    return WebClient(token=token, base_url=base_url, retry_handlers=[])


def reporting_client(token: str, base_url: str) -> WebClient:
    """Build the client for what nobody has to check again: it waits where Slack asks it to."""
    handlers = [RateLimitErrorRetryHandler(max_retry_count=2)]
    return WebClient(token=token, base_url=base_url, retry_handlers=list(handlers))


def hasty_client(token: str, base_url: str) -> WebClient:
    """Build the client for a read that somebody's acknowledgement waits for."""
    return WebClient(token=token, base_url=base_url, timeout=1, retry_handlers=[])


@dataclass(frozen=True, slots=True)
class Delivery:
    """Posts, updates and deletes; each call once.

    Attributes:
        bot_user: Only what this user has posted is ours.
    """

    writes: WebClient
    reads: WebClient
    bot_user: str

    def post_placeholder(self, question: OpenQuestion) -> str:
        """Post that the answer is being looked up, and return the place's ``ts``.

        Raises:
            SlackRefusedError: If it cannot be posted, or the question is gone.
            SlackUncertainError: If it may stand there; `find_placeholder` tells.
        """
        method = "chat.postMessage"
        with _translated(method):
            answer = self.writes.chat_postMessage(
                channel=question.place.channel,
                thread_ts=question.thread_ts,
                **working_post(question.question_id).as_post(),
            )
        ts = str(answer["ts"])
        if (answer.get("message") or {}).get("thread_ts") != question.thread_ts:
            self.delete(question.place.channel, ts)  # the thread is gone: it fell into the channel
            raise SlackRefusedError(method, "thread_not_found")
        return ts

    def find_placeholder(self, question: OpenQuestion) -> str | None:
        """Look for the placeholder of a question, after a post whose outcome is unknown.

        Raises:
            SlackRefusedError: If the thread cannot be read.
            SlackUncertainError: If it could not be read just now.
        """
        for message in self._thread(question):
            asked = _payload(message).get("question_id")
            if message.get("user") == self.bot_user and asked == question.question_id:
                return str(message["ts"])
        return None

    def show(self, channel: str, ts: str, post: Post) -> None:
        """Replace a message of ours; to repeat it does no harm.

        Raises:
            SlackRefusedError: If it is gone or must not be changed any more.
            SlackUncertainError: If it may have been replaced.
        """
        with _translated("chat.update"):
            self.writes.chat_update(channel=channel, ts=ts, **post.as_update())

    def delete(self, channel: str, ts: str) -> None:
        """Delete a message of ours.

        Raises:
            SlackRefusedError: If it is gone already or must not be deleted.
            SlackUncertainError: If it may have been deleted.
        """
        with _translated("chat.delete"):
            self.writes.chat_delete(channel=channel, ts=ts)

    def whisper(self, channel: str, user: str, thread_ts: str, post: Post) -> None:
        """Tell one person something that is shown once and kept nowhere.

        Raises:
            SlackCallError: If it is not known to be shown.
        """
        with _translated("chat.postEphemeral"):
            self.writes.chat_postEphemeral(
                channel=channel, user=user, thread_ts=thread_ts, **post.as_update()
            )

    def announce(self, channel: str, post: Post) -> None:
        """Post in a channel, outside of any thread.

        Raises:
            SlackRefusedError: If it cannot be posted.
            SlackUncertainError: If it may stand there; `has_announced` tells.
        """
        with _translated("chat.postMessage"):
            self.writes.chat_postMessage(channel=channel, **post.as_post())

    def has_announced(self, channel: str, ids: Mapping[str, str], since: datetime) -> bool:
        """Look for a post of ours by its ids, among those since a time.

        Raises:
            SlackRefusedError: If the channel cannot be read.
            SlackUncertainError: If it could not be read just now.
        """
        oldest = f"{since.timestamp():.6f}"
        read = partial(self.reads.conversations_history, channel=channel, oldest=oldest)
        return any(
            message.get("user") == self.bot_user and _payload(message) == ids
            for message in _pages("conversations.history", read)
        )

    def open_modal(self, trigger_id: str, view: Mapping[str, Any]) -> None:
        """Show a form to whoever has just clicked.

        Raises:
            SlackCallError: If it is not known to be open; a trigger lives for three seconds.
        """
        with _translated("views.open"):
            self.writes.views_open(trigger_id=trigger_id, view=dict(view))

    def post_direct(self, user: str, post: Post) -> tuple[str, str]:
        """Write to one person, and return channel and ``ts``.

        Raises:
            SlackCallError: If it is not known to stand there.
        """
        with _translated("conversations.open"):
            channel = str(self.writes.conversations_open(users=[user])["channel"]["id"])
        with _translated("chat.postMessage"):
            answer = self.writes.chat_postMessage(channel=channel, **post.as_post())
        return channel, str(answer["ts"])

    def _thread(self, question: OpenQuestion) -> Iterator[Mapping[str, Any]]:
        read = partial(
            self.reads.conversations_replies,
            channel=question.place.channel,
            ts=question.thread_ts,
            oldest=question.ts,
        )
        yield from _pages("conversations.replies", read)


def _pages(method: str, read: Callable[..., Any]) -> Iterator[Mapping[str, Any]]:
    cursor: str | None = None
    for _ in range(_PAGES):
        with _translated(method):
            page = read(include_all_metadata=True, limit=200, cursor=cursor)
        yield from page["messages"]
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return


def _payload(message: Mapping[str, Any]) -> Mapping[str, Any]:
    metadata = message.get("metadata") or {}
    is_ours = metadata.get("event_type") == EVENT_TYPE
    return (metadata.get("event_payload") or {}) if is_ours else {}


@contextmanager
def _translated(method: str) -> Iterator[None]:
    try:
        yield
    except SlackApiError as error:
        code = _code(error)
        if code in _PASSING:
            raise SlackUncertainError(method, code, _retry_after_s(error)) from error
        raise SlackRefusedError(method, code) from error
    except (SlackClientError, OSError, HTTPException) as error:
        raise SlackUncertainError(method, type(error).__name__) from error


def _code(error: SlackApiError) -> str:
    # A page in HTML from somewhere on the way has no code, and the SDK quotes it instead: then
    # nobody knows whether the call was carried out.
    code = error.response.get("error") if error.response else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""


def _retry_after_s(error: SlackApiError) -> float:
    headers = getattr(error.response, "headers", None) or {}
    named = {str(name).lower(): value for name, value in headers.items()}
    value = str(named.get("retry-after", ""))
    return float(value) if value.isdecimal() else 0.0
