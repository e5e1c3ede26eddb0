"""Rich text as Slack checks it.

Source:
    https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
"""

from collections.abc import Iterator
from typing import Any

from bot.workspace.schema import Field, Pointer, check_fields, longest, problem
from bot.workspace.wire import JsonObject

_STYLES = frozenset(
    {"bold", "italic", "strike", "code", "underline", "highlight", "client_highlight", "unlink"}
)
_INLINE: dict[str, dict[str, Field]] = {
    "text": {"text": Field(str, least=1, is_required=True)},
    "link": {"url": Field(str, least=1, most=3000, is_required=True), "text": Field(str)},
    "user": {"user_id": Field(str, is_required=True)},
    "usergroup": {"usergroup_id": Field(str, is_required=True)},
    "channel": {"channel_id": Field(str, is_required=True)},
    "emoji": {"name": Field(str, is_required=True)},
    "broadcast": {"range": Field(str, is_required=True)},
}


def rich_text_problems(block: JsonObject, at: Pointer) -> Iterator[str]:
    """Go through what Slack would refuse in one rich text block."""
    yield from longest(block.get("elements"), (*at, "elements"), most=1000)
    for index, part in enumerate(_listed(block)):
        yield from _part(part, (*at, "elements", index))


def _part(part: Any, at: Pointer) -> Iterator[str]:
    kind = part.get("type") if isinstance(part, dict) else None
    if kind == "rich_text_list":
        yield from _list(part, at)
    elif kind in {"rich_text_section", "rich_text_quote", "rich_text_preformatted"}:
        yield from _leaf(part, at)
    else:
        yield problem(f"unsupported type: {kind}", (*at, "type"))


def _list(part: JsonObject, at: Pointer) -> Iterator[str]:
    if part.get("style") not in {"bullet", "ordered"}:
        yield problem("must be a valid enum value", (*at, "style"))
    yield from longest(part.get("elements"), (*at, "elements"), most=1000)
    for index, item in enumerate(_listed(part)):
        where = (*at, "elements", index)
        if isinstance(item, dict) and item.get("type") == "rich_text_section":
            yield from _leaf(item, where)
        else:
            yield problem("must be a rich_text_section", where)


def _leaf(part: JsonObject, at: Pointer) -> Iterator[str]:
    yield from longest(part.get("elements"), (*at, "elements"), most=10_000)
    for index, element in enumerate(_listed(part)):
        yield from _inline(element, (*at, "elements", index))


def _inline(element: Any, at: Pointer) -> Iterator[str]:
    kind = element.get("type") if isinstance(element, dict) else None
    fields = _INLINE.get(str(kind))
    if fields is None:
        yield problem(f"unsupported type: {kind}", (*at, "type"))
        return
    yield from check_fields(element, fields, at)
    style = element.get("style", {})
    if not isinstance(style, dict) or not style.keys() <= _STYLES:
        yield problem("invalid additional property", (*at, "style"))


def _listed(part: JsonObject) -> list[Any]:
    value = part.get("elements")
    return value if isinstance(value, list) else []
