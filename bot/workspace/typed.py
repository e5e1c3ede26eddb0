"""What a person types, as Slack stores it: escaped text, and rich text beside it."""

import re
from collections.abc import Iterable

from bot.workspace.people import User
from bot.workspace.wire import JsonObject

_TOKEN = re.compile(
    r"@(?P<name>[a-z0-9][a-z0-9._-]*)|<@(?P<id>[UW][A-Z0-9]+)>|(?P<url>https?://[^\s<>]+)"
)


def typed_message(text: str, users: Iterable[User]) -> tuple[str, JsonObject]:
    """Read typed text; ``@name`` of somebody who exists becomes a mention.

    Returns:
        The text with ``<@U...>`` and ``& < >`` escaped, and its rich text block.
    """
    by_name = {user.name: user.id for user in users}
    by_id = set(by_name.values())
    escaped: list[str] = []
    elements: list[JsonObject] = []

    def plain(part: str) -> None:
        if part:
            escaped.append(_escaped(part))
            elements.append({"type": "text", "text": part})

    end = 0
    for match in _TOKEN.finditer(text):
        user_id = by_name.get(match["name"] or "") or (match["id"] if match["id"] in by_id else "")
        if not (user_id or match["url"]):
            continue
        plain(text[end : match.start()])
        end = match.end()
        if user_id:
            escaped.append(f"<@{user_id}>")
            elements.append({"type": "user", "user_id": user_id})
        else:
            escaped.append(f"<{_escaped(match['url'])}>")
            elements.append({"type": "link", "url": match["url"]})
    plain(text[end:])
    section = {"type": "rich_text_section", "elements": elements}
    return "".join(escaped), {"type": "rich_text", "elements": [section]}


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
