"""A server that takes vLLM's requests, over HTTP: LoRA adapters are models of their own.

It renders no template and runs no model: each model says words that follow from its name and the
prompt. What can go wrong with a real one can be switched on.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

BASE = "smol"
CUT_TOKENS = 4  # of an answer that a short limit cuts off
_VERBS = ("park", "pay", "read", "sign", "ask", "wait", "call", "write")


@dataclass
class ModelServer:
    """What the server does, and what it was asked.

    Attributes:
        adapters: Names that it lists and serves.
        kind: Whose contract it keeps: ``vllm``, ``sglang`` or ``llama.cpp``.
        key: Bearer token that it wants; empty: none.
        is_base_only: Lists adapters and answers as the base, as a wrong start-up leaves it.
        status: HTTP status of each answer.
        body: What it says instead of an answer; None: an answer.
        hold: Waited for before each completion.
        hangs_up: Ends each connection without an answer, as one that is stopped does.
        heard: Bodies of the completions that it was asked for.
    """

    adapters: list[str] = field(default_factory=list)
    kind: str = "vllm"
    key: str = ""
    is_base_only: bool = False
    status: int = 200
    body: bytes | None = None
    hold: Event | None = None
    hangs_up: bool = False
    heard: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def models(self) -> Any:
        """Answer ``/v1/models``."""
        cards = [{"id": BASE, "object": "model", "parent": None}]
        cards += [{"id": name, "object": "model", "parent": BASE} for name in self.adapters]
        return {"object": "list", "data": cards}

    def loaded(self) -> Any:
        """Answer ``/lora-adapters`` of llama.cpp."""
        names = enumerate(self.adapters)
        return [{"id": n, "path": f"/models/{name}.gguf", "scale": 0.0} for n, name in names]

    def complete(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Answer ``/v1/chat/completions``."""
        self.heard.append(body)
        if self.hold:
            self.hold.wait(20)
        speaker = self._speaker(body)
        if speaker is None:
            problem = {"message": f"The model `{body['model']}` does not exist.", "code": 404}
            return 404, {"error": {**problem, "type": "NotFoundError", "param": "model"}}
        speaker = BASE if self.is_base_only else speaker
        said = words(speaker, body["messages"])
        is_cut = body["max_tokens"] <= CUT_TOKENS
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": said},
            "finish_reason": "length" if is_cut else "stop",
        }
        told = speaker if self.kind == "vllm" else body["model"]
        usage = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
        return 200, {"id": "c", "model": told, "choices": [choice], "usage": usage}

    def _speaker(self, body: dict[str, Any]) -> str | None:
        if self.kind == "llama.cpp":
            named = [self.adapters[one["id"]] for one in body["lora"] if one["scale"]]
            return (named or [BASE])[0]
        name = body["model"].partition(":")[2] if self.kind == "sglang" else body["model"]
        name = name or BASE
        if name in {BASE, *self.adapters}:
            return name
        return BASE if self.kind == "sglang" else None  # it does not say so


def words(speaker: str, messages: list[dict[str, str]]) -> str:
    """Say what a model says to messages: the same each time, and of nobody else."""
    digest = hashlib.sha256(f"{speaker}{json.dumps(messages)}".encode()).digest()
    return f"We {_VERBS[digest[0] % 8]} and {_VERBS[digest[1] % 8]} at {digest[2]} [1]."


@contextmanager
def running_server(server: ModelServer) -> Iterator[ModelServer]:
    """Serve on a free port for as long as the block runs."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            served = {"/v1/models": server.models, "/lora-adapters": server.loaded}
            self._say(200, served[self.path]())

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            assert self.path == "/v1/chat/completions"
            self._say(*server.complete(body))

        def _say(self, status: int, told: Any) -> None:
            if server.hangs_up:
                self.close_connection = True
                return
            if server.key and self.headers["Authorization"] != f"Bearer {server.key}":
                status, told = 401, {"error": "Unauthorized"}
            text = json.dumps(told).encode() if server.body is None else server.body
            self.send_response(status if server.status == 200 else server.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    try:
        yield server
    finally:
        if server.hold:
            server.hold.set()
        http.shutdown()
        thread.join()
        http.server_close()
