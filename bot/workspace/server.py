"""The server: Web API, response URLs and Socket Mode on one loopback port."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from threading import Condition
from typing import Any

from aiohttp import WSMsgType, web

from bot.workspace import web_api
from bot.workspace.delivery import Frame
from bot.workspace.interactions import answer_response_url
from bot.workspace.page_site import PageSite
from bot.workspace.state import Workspace
from bot.workspace.web_api import ApiAnswer, ApiRequest
from bot.workspace.wire import JsonObject, RefusedError

HOST = "127.0.0.1"
_GATE_S = 60.0
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server:
    """Serves one workspace on one loopback port.

    Args:
        lock: Held around every look at the workspace; notified after every change.
        documents: Folder behind ``/docs/``.
    """

    def __init__(self, workspace: Workspace, lock: Condition, documents: Path | None) -> None:
        self._workspace = workspace
        self._lock = lock
        self._page = PageSite(workspace, lock, documents, self.wake)
        self._wake = asyncio.Event()
        self._links: dict[int, web.WebSocketResponse] = {}
        self.silent: set[int] = set()
        self._runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.5)
        self._pump: asyncio.Task[None] | None = None

    async def start(self, port: int) -> int:
        """Listen, and return the port."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, HOST, port)
        await site.start()
        self._pump = asyncio.create_task(self._deliver())
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close every socket and stop listening."""
        if self._pump:
            self._pump.cancel()
        self._page.close()
        for link in list(self._links.values()):
            await link.close()
        await self._runner.cleanup()

    def wake(self) -> None:
        """Look for what is due, and tell the pages that something changed."""
        self._wake.set()

    def cut(self, socket: int) -> None:
        """Drop one socket without a word."""
        link = self._links.get(socket)
        if link is not None and (transport := link.get_extra_info("transport")) is not None:
            transport.abort()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[_own_origin_only], client_max_size=4 * 1024 * 1024)
        app.add_routes(
            [
                web.route("*", "/api/{method}", self._api),
                web.post("/response/{id}", self._response_url),
                web.get("/link", self._link),
                *self._page.routes(),
            ]
        )
        return app

    # Web API, response URLs

    async def _api(self, request: web.Request) -> web.StreamResponse:
        asked = await _api_request(request)
        with self._lock:
            answer = web_api.handle(self._workspace, asked)
            self._lock.notify_all()
        self.wake()
        return await _written(request, answer)

    async def _response_url(self, request: web.Request) -> web.Response:
        try:
            values = await request.json()
        except ValueError:
            return web.Response(status=400, text="invalid_payload")
        return self._responded(request.match_info["id"], values)

    def _responded(self, url_id: str, values: Any) -> web.Response:
        if not isinstance(values, dict):
            return web.Response(status=400, text="invalid_payload")
        try:
            with self._lock:
                answer_response_url(self._workspace, url_id, values)
                self._lock.notify_all()
        except RefusedError as refused:
            status = 404 if refused.code in {"used_url", "expired_url"} else 400
            return web.Response(status=status, text=refused.code)
        self.wake()
        return web.Response(text="ok")

    # Socket Mode

    async def _link(self, request: web.Request) -> web.StreamResponse:
        with self._lock:
            socket = self._workspace.delivery.connect(request.query.get("ticket", ""))
        if socket is None:
            return web.Response(status=403, text="unknown ticket")
        link = web.WebSocketResponse(timeout=0.5)
        await link.prepare(request)
        self._links[socket] = link
        self.wake()
        try:
            async for frame in link:
                if frame.type == WSMsgType.TEXT:
                    self._acknowledged(socket, frame.data)
        finally:
            del self._links[socket]
            with self._lock:
                self._workspace.delivery.disconnect(socket)
                self._lock.notify_all()
        return link

    def _acknowledged(self, socket: int, text: str) -> None:
        try:
            ack = json.loads(text)
        except ValueError:
            return
        if not isinstance(ack, dict):
            return
        with self._lock:
            envelope_id = str(ack.get("envelope_id", ""))
            self._workspace.delivery.acknowledge(socket, envelope_id, ack.get("payload"))
            self._lock.notify_all()
        self.wake()

    async def _deliver(self) -> None:
        while True:
            self._wake.clear()
            with self._lock:
                frames = self._workspace.delivery.take_due()
                due_at = self._workspace.delivery.next_due_at()
                wait_s = None if due_at is None else max(0.0, due_at - self._workspace.now())
                self._lock.notify_all()
            for frame in frames:
                await self._send(frame)
            self._page.announce()
            await _wait(self._wake, wait_s)

    async def _send(self, frame: Frame) -> None:
        link = self._links.get(frame.socket)
        if link is None or frame.socket in self.silent:
            return
        try:
            await link.send_json(frame.body)
            if frame.is_last:
                await link.close()
        except ConnectionError:
            return  # it left in this moment; without an ack the envelope comes again


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return


async def _api_request(request: web.Request) -> ApiRequest:
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    values: dict[str, Any] = dict(request.query)
    body = await request.read()
    is_json = request.content_type == "application/json" and bool(body)
    if is_json:
        values |= _json_values(body)
    elif body:
        values |= dict(await request.post())
    token = bearer or str(values.get("token", ""))
    return ApiRequest(request.match_info["method"], token, values, is_json=is_json)


def _json_values(body: bytes) -> JsonObject:
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


async def _written(request: web.Request, answer: ApiAnswer) -> web.Response:
    if answer.gate:
        await asyncio.to_thread(answer.gate.wait, _GATE_S)
    if answer.is_reset and request.transport is not None:
        request.transport.abort()
    if answer.text:
        return web.Response(status=answer.status, text=answer.text, content_type="text/html")
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


@web.middleware
async def _own_origin_only(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Refuse other sites' pages, and host names that were bent to point here."""
    host = request.host.rsplit(":", 1)[0]
    origin = request.headers.get("Origin")
    if host not in {HOST, "localhost"} or origin not in {None, f"http://{request.host}"}:
        raise web.HTTPForbidden
    return await handler(request)
