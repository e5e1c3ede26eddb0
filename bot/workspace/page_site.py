"""The page over HTTP: pictures and actions as JSON, a stream of changes, files, documents."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from threading import Condition

from aiohttp import web

from bot.workspace import documents_site, page_actions, page_view
from bot.workspace.state import Workspace
from bot.workspace.wire import JsonObject, RefusedError

_PAGE = Path(__file__).parent / "page"
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _CSP,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
_FILES = {
    "app.js": "text/javascript",
    "blocks.js": "text/javascript",
    "composer.js": "text/javascript",
    "dom.js": "text/javascript",
    "messages.js": "text/javascript",
    "modal.js": "text/javascript",
    "style.css": "text/css",
    "docs.css": "text/css",
    "icon.svg": "image/svg+xml",
}


class PageSite:
    """Serves the page of one workspace.

    Args:
        lock: Held around every look at the workspace; notified after every change.
        documents: Folder behind ``/docs/``.
        wake: Called after every change.
    """

    def __init__(
        self,
        workspace: Workspace,
        lock: Condition,
        documents: Path | None,
        wake: Callable[[], None],
    ) -> None:
        self._workspace = workspace
        self._lock = lock
        self._documents = documents
        self._wake = wake
        self._streams: set[asyncio.Event] = set()
        self._is_closing = False

    def routes(self) -> list[web.RouteDef]:
        """Name the addresses of the page."""
        return [
            web.get("/page/people", self._people),
            web.get("/page/view", self._view),
            web.get("/page/stream", self._stream),
            web.post("/page/act", self._act),
            web.get("/docs/{path:.+}", self._document),
            web.get(r"/archives/{channel}/p{ts:\d+}", self._archive),
            web.get("/", self._index),
            web.get("/{name}", self._file),
        ]

    def announce(self) -> None:
        """Tell every open page that something changed."""
        for stream in self._streams:
            stream.set()

    def close(self) -> None:
        """End every stream."""
        self._is_closing = True
        self.announce()

    async def _people(self, _request: web.Request) -> web.Response:
        with self._lock:
            shown = page_view.people_view(self._workspace)
        return web.json_response(shown, headers=_HEADERS)

    async def _view(self, request: web.Request) -> web.Response:
        query = request.query
        asked = (query.get("as", ""), query.get("channel", ""), query.get("thread", ""))
        try:
            with self._lock:
                shown = page_view.page_view(self._workspace, *asked)
        except RefusedError as refused:
            return web.json_response(refused.answer(), status=404, headers=_HEADERS)
        return web.json_response(shown, headers=_HEADERS)

    async def _act(self, request: web.Request) -> web.Response:
        if request.content_type != "application/json":
            return web.Response(status=415)
        values: JsonObject = await request.json()
        with self._lock:
            done = page_actions.act(self._workspace, values)
            self._lock.notify_all()
        self._wake()
        return web.json_response(done, headers=_HEADERS)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=_HEADERS | {"Content-Type": "text/event-stream"})
        stream = asyncio.Event()
        self._streams.add(stream)
        try:
            await response.prepare(request)
            while not self._is_closing:
                await response.write(b"data: changed\n\n")
                await stream.wait()
                stream.clear()
        except ConnectionError:
            pass  # the page was closed
        finally:
            self._streams.discard(stream)
        return response

    async def _index(self, _request: web.Request) -> web.Response:
        return _page_file("index.html", "text/html")

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in _FILES:
            raise web.HTTPNotFound
        return _page_file(name, _FILES[name])

    async def _archive(self, request: web.Request) -> web.Response:
        digits = request.match_info["ts"]
        ts = request.query.get("thread_ts") or f"{digits[:-6]}.{digits[-6:]}"
        location = f"/#/{request.match_info['channel']}/{ts}"
        raise web.HTTPFound(location)

    async def _document(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        found = documents_site.find_document(self._documents, path) if self._documents else None
        if found is None:
            raise web.HTTPNotFound
        document = documents_site.served(found)
        headers = dict(_HEADERS)
        if document.is_download:
            headers["Content-Disposition"] = "attachment"
        body, kind = document.body, document.content_type
        charset = "utf-8" if kind.startswith("text/") else None
        return web.Response(body=body, content_type=kind, charset=charset, headers=headers)


def _page_file(name: str, content_type: str) -> web.Response:
    text = (_PAGE / name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=content_type, headers=_HEADERS)
