"""Block Kit as Slack checks it: unknown types, lengths, counts, with a JSON pointer each.

Covers the blocks that an app of this kind posts; anything else is an unsupported type.

Source:
    https://docs.slack.dev/reference/block-kit and the limits of its reference pages.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from bot.workspace.rich_text_check import rich_text_problems
from bot.workspace.schema import Field, Pointer, check_fields, longest, problem
from bot.workspace.wire import JsonObject

MESSAGE_BLOCKS = 50
VIEW_BLOCKS = 100
_ID = 255
_BLOCK_ID = Field(str, most=_ID)
_ACTION_ID = Field(str, most=_ID)


def block_problems(blocks: list[Any], *, most: int = MESSAGE_BLOCKS) -> list[str]:
    """List what Slack would refuse in the blocks of a message or a view; empty if nothing."""
    if len(blocks) > most:
        return [problem(f"no more than {most} items allowed", ("blocks",))]
    found = [
        each
        for index, block in enumerate(blocks)
        for each in _block_problems(block, ("blocks", index), is_view=most == VIEW_BLOCKS)
    ]
    return found + list(_repeated(blocks, "block_id")) + list(_repeated(blocks, "action_id"))


def text_length(value: Any) -> int:
    """Count the characters of all texts in some blocks [characters]."""
    if isinstance(value, list):
        return sum(map(text_length, value))
    if not isinstance(value, dict):
        return 0
    own = value.get("text")
    rest = [inner for inner in value.values() if isinstance(inner, dict | list)]
    return (len(own) if isinstance(own, str) else 0) + sum(map(text_length, rest))


def with_ids(blocks: list[JsonObject], new_id: Callable[[str], str]) -> tuple[JsonObject, ...]:
    """Return the blocks with an id for each block and each interactive element without one."""
    return tuple(_with_id(block, new_id) for block in blocks)


def _with_id(block: JsonObject, new_id: Callable[[str], str]) -> JsonObject:
    named: JsonObject = {"block_id": new_id("b")} | block
    if isinstance(accessory := block.get("accessory"), dict):
        named["accessory"] = {"action_id": new_id("a")} | accessory
    if block["type"] not in {"actions", "context_actions"}:
        return named
    elements = [{"action_id": new_id("a")} | element for element in block["elements"]]
    return named | {"elements": elements}


def _repeated(blocks: list[Any], name: str) -> Iterator[str]:
    holders = [each for block in blocks if isinstance(block, dict) for each in _holders(block)]
    counts = Counter(str(each[name]) for each in holders if each.get(name))
    for value, count in counts.items():
        if count > 1:
            yield problem(f"`{name}` {value} already exists", ("blocks",))


def _holders(block: JsonObject) -> Iterator[JsonObject]:
    yield block
    elements = block.get("elements")
    for element in elements if isinstance(elements, list) else ():
        if isinstance(element, dict):
            yield element


def _block_problems(block: Any, at: Pointer, *, is_view: bool) -> Iterator[str]:
    kind = block.get("type") if isinstance(block, dict) else None
    check = _CHECKS.get(str(kind))
    if check is None or (is_view and kind in _MESSAGE_ONLY) or (not is_view and kind == "input"):
        yield problem(f"unsupported type: {kind}", (*at, "type"))
        return
    yield from check_fields(block, {"type": Field(str), "block_id": _BLOCK_ID}, at)
    yield from check(block, at)


_MESSAGE_ONLY = frozenset({"context_actions", "markdown"})


def _section(block: JsonObject, at: Pointer) -> Iterator[str]:
    fields = block.get("fields")
    if "text" not in block and not fields:
        yield problem("missing required field: text", at)
    if "text" in block:
        yield from _text(block["text"], (*at, "text"), most=3000)
    if fields is not None:
        yield from longest(fields, (*at, "fields"), most=10)
        for index, each in enumerate(fields):
            yield from _text(each, (*at, "fields", index), most=2000)
    if "accessory" in block:
        yield from _element(block["accessory"], (*at, "accessory"))


def _text(text: Any, at: Pointer, *, most: int, kinds: str = "plain_text mrkdwn") -> Iterator[str]:
    kind = text.get("type") if isinstance(text, dict) else None
    if kind not in kinds.split():
        yield problem(f"unsupported type: {kind}", (*at, "type"))
        return
    yield from check_fields(text, {"text": Field(str, least=1, most=most, is_required=True)}, at)


def _context(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from longest(block.get("elements"), (*at, "elements"), most=10)
    for index, element in enumerate(_listed(block, "elements")):
        where = (*at, "elements", index)
        if isinstance(element, dict) and element.get("type") == "image":
            yield from _image(element, where)
        else:
            yield from _text(element, where, most=3000)


def _actions(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from longest(block.get("elements"), (*at, "elements"), most=25)
    for index, element in enumerate(_listed(block, "elements")):
        yield from _element(element, (*at, "elements", index))


def _context_actions(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from longest(block.get("elements"), (*at, "elements"), most=5)
    for index, element in enumerate(_listed(block, "elements")):
        where = (*at, "elements", index)
        kind = element.get("type") if isinstance(element, dict) else None
        if kind == "feedback_buttons":
            yield from _feedback(element, where)
        elif kind == "icon_button":
            yield from _icon(element, where)
        else:
            yield problem(f"unsupported type: {kind}", (*where, "type"))


def _feedback(element: JsonObject, at: Pointer) -> Iterator[str]:
    yield from check_fields(element, {"action_id": _ACTION_ID}, at)
    for side in ("positive_button", "negative_button"):
        button = element.get(side)
        if not isinstance(button, dict):
            yield problem(f"missing required field: {side}", at)
            continue
        yield from _text(button.get("text"), (*at, side, "text"), most=75, kinds="plain_text")
        fields = {
            "value": Field(str, most=2000, is_required=True),
            "accessibility_label": Field(str, most=75),
        }
        yield from check_fields(button, fields, (*at, side))


def _icon(element: JsonObject, at: Pointer) -> Iterator[str]:
    fields = {
        "icon": Field(str, is_required=True),
        "action_id": _ACTION_ID,
        "value": Field(str, most=2000),
        "accessibility_label": Field(str, most=75),
    }
    yield from check_fields(element, fields, at)
    yield from _text(element.get("text"), (*at, "text"), most=75, kinds="plain_text")


def _element(element: Any, at: Pointer) -> Iterator[str]:
    kind = element.get("type") if isinstance(element, dict) else None
    if kind == "button":
        fields = {
            "action_id": _ACTION_ID,
            "value": Field(str, most=2000),
            "url": Field(str, most=3000),
            "accessibility_label": Field(str, most=75),
        }
        yield from check_fields(element, fields, at)
        yield from _text(element.get("text"), (*at, "text"), most=75, kinds="plain_text")
    elif kind == "static_select":
        yield from _options(element, at)
    elif kind == "plain_text_input":
        yield from check_fields(element, {"action_id": _ACTION_ID}, at)
    elif kind == "radio_buttons":
        yield from _options(element, at)
    else:
        yield problem(f"unsupported type: {kind}", (*at, "type"))


def _options(element: JsonObject, at: Pointer) -> Iterator[str]:
    yield from check_fields(element, {"action_id": _ACTION_ID}, at)
    yield from longest(element.get("options"), (*at, "options"), most=100)
    for index, option in enumerate(_listed(element, "options")):
        where = (*at, "options", index)
        yield from check_fields(option, {"value": Field(str, most=150, is_required=True)}, where)
        yield from _text(option.get("text"), (*where, "text"), most=75)


def _header(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from _text(block.get("text"), (*at, "text"), most=150, kinds="plain_text")


def _divider(_block: JsonObject, _at: Pointer) -> Iterator[str]:
    return iter(())


def _image(block: JsonObject, at: Pointer) -> Iterator[str]:
    fields = {
        "image_url": Field(str, most=3000, is_required=True),
        "alt_text": Field(str, most=2000, is_required=True),
    }
    yield from check_fields(block, fields, at)


def _markdown(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from check_fields(block, {"text": Field(str, most=12_000, is_required=True)}, at)


def _input(block: JsonObject, at: Pointer) -> Iterator[str]:
    yield from _text(block.get("label"), (*at, "label"), most=2000, kinds="plain_text")
    yield from _element(block.get("element"), (*at, "element"))
    if "hint" in block:
        yield from _text(block["hint"], (*at, "hint"), most=150, kinds="plain_text")


def _listed(block: JsonObject, name: str) -> list[Any]:
    value = block.get(name)
    return value if isinstance(value, list) else []


_CHECKS: dict[str, Callable[[JsonObject, Pointer], Iterator[str]]] = {
    "section": _section,
    "context": _context,
    "context_actions": _context_actions,
    "actions": _actions,
    "header": _header,
    "divider": _divider,
    "image": _image,
    "markdown": _markdown,
    "rich_text": rich_text_problems,
    "input": _input,
}
