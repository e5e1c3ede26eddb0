"""``/metrics`` and ``/healthz`` over HTTP, for a monitor that stands near.

Knows neither figures nor what makes the bot well: it asks for both. What it tells is about the
company, so it listens on loopback unless told otherwise, and there answers to no foreign name.
"""

import json
import socket
import socketserver
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from http import HTTPStatus
from ipaddress import ip_address
from threading import Lock, Semaphore, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app

from bot.errors import EndpointError
from bot.monitoring.health import Health, State

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_CONNECTIONS = 4  # at the same time; one more is hung up on
_PATIENCE_S = 10.0  # for one connection, from its first byte to its last
_LOOK_EVERY_S = 0.1
_HEADERS = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]


class Endpoint:
    """A small HTTP server in threads of its own.

    Args:
        host: Where to listen.
        port: 0 takes any that is free.
        patience_s: How long one connection may take.

    Raises:
        EndpointError: If it cannot listen there.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Callable[[], Health],
        *,
        patience_s: float = _PATIENCE_S,
    ) -> None:
        try:
            self._server = _Server(host, port, patience_s)
        except OSError as error:
            raise EndpointError(host, port, error.strerror or type(error).__name__) from error
        self._server.set_app(_application(registry, health, is_local=_is_loopback(host)))
        self._thread = Thread(target=self._serve, name="monitoring", daemon=True)

    @property
    def url(self) -> str:
        """Its address, without a path."""
        host, port = self._server.server_address[:2]
        name = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{name}:{port}"

    def start(self) -> None:
        """Answer from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and hang up on everybody."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.hang_up(older_than_s=0.0)

    def _serve(self) -> None:
        self._server.serve_forever(poll_interval=_LOOK_EVERY_S)


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    """A thread a connection, few of them, each for a limited time."""

    daemon_threads = True
    allow_reuse_port = False

    def __init__(self, host: str, port: int, patience_s: float) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._patience_s = patience_s
        self._free = Semaphore(_CONNECTIONS)
        self._lock = Lock()
        self._since = dict[socket.socket, float]()
        super().__init__((host, port), _Handler)

    def server_bind(self) -> None:
        # The usual one asks the name service who we are, which may take seconds.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]
        self.setup_environ()

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            self._since[request] = monotonic()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._lock:
                self._since.pop(request, None)
            self._free.release()

    def service_actions(self) -> None:
        self.hang_up(older_than_s=self._patience_s)

    def hang_up(self, *, older_than_s: float) -> None:
        """End the connections that have taken too long; their threads notice and end."""
        with self._lock:
            until = monotonic() - older_than_s
            for request in [one for one, since in self._since.items() if since <= until]:
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that went away is no news."""


class _Handler(WSGIRequestHandler):
    """Logs nothing; a request line has at most 64 kB, and there are at most 100 headers."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  so it is called there
        """Leave requests out of the log."""


def _application(
    registry: CollectorRegistry, health: Callable[[], Health], *, is_local: bool
) -> "WSGIApplication":
    metrics = make_wsgi_app(registry)

    def application(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if is_local and not _is_loopback(_host_name(environ.get("HTTP_HOST", ""))):
            body = _plain(HTTPStatus.MISDIRECTED_REQUEST, start)
        elif path not in {"/metrics", "/healthz"}:
            body = _plain(HTTPStatus.NOT_FOUND, start)
        elif method not in {"GET", "HEAD"}:
            body = _plain(HTTPStatus.METHOD_NOT_ALLOWED, start)
        elif path == "/metrics":
            body = metrics(environ | {"REQUEST_METHOD": "GET"}, start)
        else:
            body = _shown(health(), start)
        return [] if method == "HEAD" else body

    return application


def _plain(status: HTTPStatus, start: "StartResponse") -> list[bytes]:
    allow = [("Allow", "GET, HEAD")] if status is HTTPStatus.METHOD_NOT_ALLOWED else []
    start(_line(status), [("Content-Type", "text/plain"), *allow, *_HEADERS])
    return [f"{status.phrase}\n".encode()]


def _shown(health: Health, start: "StartResponse") -> list[bytes]:
    is_up = health.state is not State.FAILING
    status = HTTPStatus.OK if is_up else HTTPStatus.SERVICE_UNAVAILABLE
    start(_line(status), [("Content-Type", "application/json"), *_HEADERS])
    told = {"status": health.state, "parts": [asdict(part) for part in health.parts]}
    return [json.dumps(told, indent=2).encode() + b"\n"]


def _line(status: HTTPStatus) -> str:
    return f"{status.value} {status.phrase}"


def _host_name(header: str) -> str:
    """Return the name in a Host header, without its port."""
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _is_loopback(host: str) -> bool:
    """Tell whether a name means this machine, without asking anybody.

    A page in a browser can point a name of its own at 127.0.0.1 and read what answers there
    (DNS rebinding); the browser then sends that name.
    """
    if host.lower().rstrip(".") == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
