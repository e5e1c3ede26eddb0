"""The thread that a server runs in, and the few things other threads may ask of it."""

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from pathlib import Path
from threading import Condition, Thread
from typing import Any

from bot.workspace.server import HOST, Server
from bot.workspace.state import Workspace

_PATIENCE_S = 10.0


class ServingThread:
    """Runs one server on its own event loop.

    Args:
        lock: Held by whoever looks at the workspace.
        documents: Folder behind ``/docs/``.
    """

    def __init__(self, workspace: Workspace, lock: Condition, documents: Path | None) -> None:
        self._workspace = workspace
        self._lock = lock
        self._documents = documents
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready: Future[int] = Future()
        self._thread: Thread | None = None

    def start(self, port: int) -> None:
        """Listen, and return once the workspace knows its address.

        Raises:
            OSError: If the port is taken.
        """
        self._thread = Thread(target=self._run, args=(port,), name="workspace")
        self._thread.start()
        bound = self._ready.result(_PATIENCE_S)
        self._workspace.base_url = f"http://{HOST}:{bound}"

    def stop(self) -> None:
        """Close everything and wait for the thread."""
        self._call(self._stopped.set)
        if self._thread:
            self._thread.join(_PATIENCE_S)

    def wake(self) -> None:
        """Let the server look for what is due."""
        self._call(self._server.wake)

    def cut(self, sockets: Iterable[int]) -> None:
        """Drop sockets without a word."""
        for socket in sockets:
            self._call(self._server.cut, socket)

    def silence(self, sockets: Iterable[int]) -> None:
        """Bring nothing over these sockets any more."""
        self._server.silent.update(sockets)

    def _call(self, what: Callable[..., Any], *args: Any) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(what, *args)

    def _run(self, port: int) -> None:
        asyncio.run(self._serve(port))

    async def _serve(self, port: int) -> None:
        self._stopped = asyncio.Event()
        self._server = Server(self._workspace, self._lock, self._documents)
        try:
            bound = await self._server.start(port)
        except OSError as error:
            await self._server.stop()
            self._ready.set_exception(error)
            return
        self._loop = asyncio.get_running_loop()
        self._ready.set_result(bound)
        await self._stopped.wait()
        await self._server.stop()
