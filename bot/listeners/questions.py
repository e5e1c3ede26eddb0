"""Events of Slack on one side, arrivals for the inbox on the other. Pure.

Mentions, direct messages, follow-ups in a thread, edits and deletions. Whether a follow-up
stands in a thread of ours, only the inbox can tell.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import unescape
from typing import Any

from pydantic import BaseModel, ValidationError

from bot.arrivals import Asked, Reworded
from bot.audience import Place

LONGEST_QUESTION = 2000
"""Characters; a longer one is not read but answered with a request to shorten it."""

_READ_SUBTYPES = frozenset({None, "file_share", "thread_broadcast"})
_TOKEN = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_MENTION = re.compile(r"<@([A-Z0-9]+)(?:\|[^<>]*)?>")


@dataclass(frozen=True, slots=True)
class BotUser:
    """Who we are in Slack, as ``auth.test`` says."""

    team: str
    user: str
    bot: str


class _Edited(BaseModel):
    ts: str
    text: str = ""
    user: str | None = None
    bot_id: str | None = None
    subtype: str | None = None


class _Message(BaseModel):
    type: str
    channel: str
    ts: str
    text: str = ""
    user: str | None = None
    bot_id: str | None = None
    subtype: str | None = None
    channel_type: str | None = None
    thread_ts: str | None = None
    deleted_ts: str | None = None
    message: _Edited | None = None


def arrival(body: Mapping[str, Any], us: BotUser) -> Asked | Reworded | None:
    """Read what an event brings for the inbox; None for all that is no business of ours."""
    if (body.get("event") or {}).get("type") not in {"app_mention", "message"}:
        return None
    try:
        message = _Message.model_validate(body["event"])
        if message.subtype in {"message_changed", "message_deleted"}:
            return _reworded(body["team_id"], message, us)
        return _asked(Place.from_envelope(body), message, us) if _is_human(message, us) else None
    except (ValidationError, KeyError):
        return None  # malformed now means malformed at every redelivery


def _is_human(message: _Message, us: BotUser) -> bool:
    is_bot = message.bot_id is not None or message.user in {None, us.user, "USLACKBOT"}
    return message.subtype in _READ_SUBTYPES and not is_bot


def _asked(place: Place, message: _Message, us: BotUser) -> Asked | None:
    named = _MENTION.findall(message.text)
    is_direct = message.type == "app_mention" or message.channel_type == "im"
    is_addressed = is_direct or us.user in named
    if not is_addressed and (message.thread_ts is None or named):
        return None  # people among themselves
    return Asked(
        place=place,
        ts=message.ts,
        thread_ts=message.thread_ts or message.ts,
        text=plain(message.text, us),
        is_addressed=is_addressed,
    )


def _reworded(team: str, message: _Message, us: BotUser) -> Reworded | None:
    if message.deleted_ts is not None:
        return Reworded(team, message.channel, message.deleted_ts, None)
    edited = message.message
    if edited is None or edited.bot_id is not None or edited.user == us.user:
        return None  # our own updates come back as edits
    is_gone = edited.subtype == "tombstone"  # deleted, but others have replied to it
    text = None if is_gone else plain(edited.text, us)
    return Reworded(team, message.channel, edited.ts, text)


def plain(text: str, us: BotUser) -> str:
    """Turn Slack's markup into what the person typed, without the mention of the bot.

    Returns:
        At most one character more than `LONGEST_QUESTION`, so that too long stays visible.
    """
    spoken = re.sub(rf"<@{re.escape(us.user)}(\|[^<>]*)?>", " ", text[: 8 * LONGEST_QUESTION])
    bare = unescape(_TOKEN.sub(_label, spoken))
    storable = bare.encode("utf-8", "ignore").decode().replace("\0", "")
    return storable.strip()[: LONGEST_QUESTION + 1]


def _label(token: re.Match[str]) -> str:
    return token[2] or token[1]
