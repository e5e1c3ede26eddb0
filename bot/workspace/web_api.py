"""The Web API: who calls, with what right, and which method answers.

Every answer is HTTP 200 with ``ok``, except a 429 and what a fault orders.

Source:
    https://docs.slack.dev/apis/web-api, and measurements of the SDK's requests.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Any

from bot.workspace import (
    web_api_app,
    web_api_chat,
    web_api_conversations,
    web_api_people,
    web_api_views,
)
from bot.workspace.arguments import Args
from bot.workspace.faults import Fault
from bot.workspace.methods import APP_LEVEL, Method, check_scope
from bot.workspace.state import ApiCall, Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

METHODS: dict[str, Method] = {
    **web_api_app.METHODS,
    **web_api_chat.METHODS,
    **web_api_conversations.METHODS,
    **web_api_people.METHODS,
    **web_api_views.METHODS,
}


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """One request as it came.

    Attributes:
        values: Arguments of the query, the form or the JSON body.
        is_json: Whether the body was JSON; an empty body is not.
    """

    method: str
    token: str
    values: Mapping[str, Any]
    is_json: bool = False


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """What to write back.

    Attributes:
        text: Written instead of the body where it is not empty; then it is no JSON.
        is_reset: Cut the connection instead.
        gate: Wait for this before writing.
    """

    body: JsonObject
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    text: str = ""
    is_reset: bool = False
    gate: Event | None = None


def handle(workspace: Workspace, request: ApiRequest) -> ApiAnswer:
    """Answer one call, and note it."""
    fault = workspace.faults.next_for(request.method)
    if fault and fault.before:
        fault.before()
    if fault and fault.spoils_the_answer and not fault.is_executed:
        body: JsonObject = {"ok": False, "error": fault.error or "not_executed"}
    else:
        body = _answer(workspace, request)
    if fault and fault.rewrite and body["ok"]:
        body = fault.rewrite(body)
    error = "" if body["ok"] else body["error"]
    values = {name: value for name, value in request.values.items() if name != "token"}
    workspace.calls.append(ApiCall(request.method, values, workspace.now(), error, body))
    return _spoilt(fault, body) if fault else _written(workspace, body)


def _answer(workspace: Workspace, request: ApiRequest) -> JsonObject:
    method = METHODS.get(request.method)
    if method is None:
        return RefusedError(Code.UNKNOWN_METHOD, req_method=request.method).answer()
    try:
        _check_token(workspace, method, request.token)
        _check_rate(workspace, request, method)
        if method.scope:
            check_scope(workspace, method.scope)
        is_deaf = method.is_read and request.is_json
        args = Args({} if is_deaf else request.values)
        return {"ok": True} | method.call(workspace, args)
    except RefusedError as refused:
        return refused.answer()


def _check_token(workspace: Workspace, method: Method, token: str) -> None:
    app = workspace.app
    if not token:
        raise RefusedError(Code.NOT_AUTHED)
    if token not in {app.bot_token, app.app_token}:
        raise RefusedError(Code.INVALID_AUTH)
    if app.auth_error:
        raise RefusedError(app.auth_error)
    if (token == app.app_token) != (method.scope == APP_LEVEL):
        raise RefusedError(Code.NOT_ALLOWED_TOKEN_TYPE)


def _check_rate(workspace: Workspace, request: ApiRequest, method: Method) -> None:
    if not workspace.options.rate_limits:
        return
    channel = str(request.values.get("channel", ""))
    if wait_s := workspace.limits.wait_s(request.method, method.tier, channel):
        raise RefusedError(Code.RATELIMITED, retry_after_s=wait_s)


def _written(workspace: Workspace, body: JsonObject) -> ApiAnswer:
    headers = {"x-oauth-scopes": ",".join(workspace.app.scopes)}
    retry_after_s = body.get("retry_after_s")
    if retry_after_s is None:
        return ApiAnswer(body, headers=headers)
    return _limited(retry_after_s)


def _limited(retry_after_s: int) -> ApiAnswer:
    headers = {"Retry-After": str(retry_after_s)}
    return ApiAnswer({"ok": False, "error": "ratelimited"}, status=429, headers=headers)


def _spoilt(fault: Fault, body: JsonObject) -> ApiAnswer:
    if fault.retry_after_s is not None:
        return _limited(fault.retry_after_s)
    if fault.is_reset:
        return ApiAnswer(body, is_reset=True, gate=fault.gate)
    if fault.status:
        return ApiAnswer(body, status=fault.status, text=fault.body, gate=fault.gate)
    if fault.error:
        return ApiAnswer({"ok": False, "error": fault.error}, gate=fault.gate)
    return ApiAnswer(body, gate=fault.gate)
