"""Cursor pages, which are shorter than asked for before the end, as Slack's may be."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from bot.workspace.arguments import Args
from bot.workspace.wire import Code, JsonObject, RefusedError

Item = TypeVar("Item")


def page_of(
    items: Sequence[Item], args: Args, *, default: int, most: int
) -> tuple[Sequence[Item], JsonObject]:
    """Cut one page.

    Args:
        items: All there are.
        args: With ``limit`` and ``cursor``.
        default: Page size when the caller names none.
        most: Largest ``limit`` that is accepted.

    Returns:
        The items, and the ``response_metadata`` with the cursor of the next page. Every
        page but the last holds one item less than asked for.

    Raises:
        RefusedError: ``invalid_limit`` or ``invalid_cursor``.
    """
    limit = args.limit(default=default, most=most)
    start = _offset(args.text("cursor"))
    if start >= len(items) > 0 or start < 0:
        raise RefusedError(Code.INVALID_CURSOR)
    rest = items[start:]
    if len(rest) <= limit:
        return rest, {"next_cursor": ""}
    size = max(1, limit - 1)
    return rest[:size], {"next_cursor": _cursor(start + size)}


def _cursor(offset: int) -> str:
    return base64.b64encode(f"next:{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    if not cursor:
        return 0
    try:
        word, _, number = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise RefusedError(Code.INVALID_CURSOR) from None
    return int(number) if word == "next" and number.isdecimal() else -1
