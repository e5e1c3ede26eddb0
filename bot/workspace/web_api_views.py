"""Methods ``views.*``: modals, one per person at a time."""

import json

from bot.workspace.arguments import Args
from bot.workspace.blocks_check import VIEW_BLOCKS, block_problems, with_ids
from bot.workspace.interactions import use_trigger
from bot.workspace.methods import Method
from bot.workspace.state import View, Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError, invalid_arguments, missing_field

_TITLE = 24
_METADATA = 3000
_BYTES = 250_000


def _open(workspace: Workspace, args: Args) -> JsonObject:
    body = _checked(args)
    user = use_trigger(workspace, args.required("trigger_id"))
    view_id = workspace.new_id("V")
    return _keep(workspace, view_id, user, body)


def _update(workspace: Workspace, args: Args) -> JsonObject:
    body = _checked(args)
    view = _named(workspace, args)
    if args.has("hash") and args.text("hash") != view.hash:
        raise RefusedError(Code.HASH_CONFLICT)
    return _keep(workspace, view.id, view.user, body)


def _named(workspace: Workspace, args: Args) -> View:
    for view in workspace.views.values():
        external = view.body.get("external_id")
        if view.id == args.text("view_id") or (external and external == args.text("external_id")):
            return view
    raise RefusedError(Code.NOT_FOUND)


def _keep(workspace: Workspace, view_id: str, user: str, body: JsonObject) -> JsonObject:
    new_hash = workspace.new_id("h")
    app = workspace.app
    defaults = {"callback_id": "", "private_metadata": "", "external_id": "", "submit": None}
    full: JsonObject = (
        defaults
        | body
        | {
            "id": view_id,
            "team_id": app.team_id,
            "blocks": list(with_ids(body["blocks"], workspace.new_id)),
            "state": {"values": {}},
            "hash": new_hash,
            "root_view_id": view_id,
            "previous_view_id": None,
            "app_id": app.id,
            "app_installed_team_id": app.team_id,
            "bot_id": app.bot_id,
            "notify_on_close": bool(body.get("notify_on_close")),
            "clear_on_close": bool(body.get("clear_on_close")),
        }
    )
    workspace.views[view_id] = View(view_id, user, full, new_hash)
    return {"view": full}


def _checked(args: Args) -> JsonObject:
    view = args.object("view", "invalid_arguments")
    if view is None:
        raise missing_field(name="view")
    if len(json.dumps(view)) > _BYTES:
        raise RefusedError(Code.VIEW_TOO_LARGE)
    problems = _frame_problems(view) + block_problems(view.get("blocks") or [], most=VIEW_BLOCKS)
    if problems:
        raise invalid_arguments(*problems)
    return view


def _frame_problems(view: JsonObject) -> list[str]:
    found = []
    if view.get("type") != "modal":
        found.append(f"unsupported type: {view.get('type')} [json-pointer:/view/type]")
    for name in ("title", "submit", "close"):
        found += _label_problems(view, name)
    if len(str(view.get("private_metadata") or "")) > _METADATA:
        limit = f"must be less than {_METADATA + 1} characters"
        found.append(f"{limit} [json-pointer:/view/private_metadata]")
    return found


def _label_problems(view: JsonObject, name: str) -> list[str]:
    label = view.get(name)
    if label is None:
        is_missing = name == "title"
        return [f"missing required field: {name} [json-pointer:/view]"] if is_missing else []
    text = label.get("text", "") if isinstance(label, dict) else ""
    if 0 < len(text) <= _TITLE:
        return []
    return [f"must be less than {_TITLE + 1} characters [json-pointer:/view/{name}/text]"]


METHODS = {
    "views.open": Method(_open, tier=4),
    "views.update": Method(_update, tier=4),
}
