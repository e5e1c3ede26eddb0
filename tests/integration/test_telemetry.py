"""Traces of questions, as an OpenTelemetry collector receives them."""

import random
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.util import find_spec
from pathlib import Path
from threading import Thread
from time import perf_counter
from typing import Any

import pytest
from asking import a_passage, an_answerer
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from running_bot import Parts, running_bot, wait_for_reply

from bot.errors import ExtraMissingError
from bot.monitoring.metrics import Metrics
from bot.monitoring.telemetry import Telemetry
from bot.settings import MonitoringSettings
from bot.watch import open_traces
from bot.workspace.running import running_workspace
from bot.workspace.seed import SEED_EMPLOYEE, SEED_HELP, demo_seed

FIELDS = {"question_id": "q1", "outcome": "answered", "candidates": 12, "asker": "U0ADA"}
STAGES = (("retrieval", 0.02), ("generation", 1.5))


@dataclass
class Collector:
    """An OTLP/HTTP collector that keeps what it was sent, and says one status to it."""

    status: int = 200
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    url: str = ""

    def spans(self) -> list[Span]:
        """Return every span, in order of their beginnings, the longer one first."""
        spans = list[Span]()
        for body in self.bodies:
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                spans += [span for scope in resource.scope_spans for span in scope.spans]
        return sorted(spans, key=lambda one: (one.start_time_unix_nano, -one.end_time_unix_nano))


@contextmanager
def collecting(status: int = 200) -> Iterator[Collector]:
    """Run a collector on this machine."""
    collector = Collector(status)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.paths.append(self.path)
            collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(collector.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Be quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    collector.url = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class Losses:
    """How many spans were lost."""

    spans: int = 0

    def __call__(self, spans: int) -> None:
        self.spans += spans


def attributes(span: Span) -> dict[str, str | int]:
    """Return what a span says."""
    named = {one.key: one.value for one in span.attributes}
    return {key: one.string_value or one.int_value for key, one in named.items()}


def seconds(span: Span) -> float:
    """Return how long a span lasted."""
    return (span.end_time_unix_nano - span.start_time_unix_nano) / 1e9


def test_a_question_is_one_trace_with_its_stages() -> None:
    """One span for the question, one below it for each stage, as long as each took, in order."""
    losses = Losses()
    with collecting() as collector:
        telemetry = Telemetry(collector.url, "1.0", losses)
        telemetry.question(FIELDS, STAGES, 1.6)
        assert telemetry.close()

    root, retrieval, generation = collector.spans()
    assert collector.paths == ["/v1/traces"]
    assert [one.name for one in (root, retrieval, generation)] == ["question", *dict(STAGES)]
    assert {one.trace_id for one in (retrieval, generation)} == {root.trace_id}
    assert {one.parent_span_id for one in (retrieval, generation)} == {root.span_id}
    assert root.parent_span_id == b""
    assert [round(seconds(one), 3) for one in (root, retrieval, generation)] == [1.6, 0.02, 1.5]
    assert retrieval.end_time_unix_nano == generation.start_time_unix_nano
    assert generation.end_time_unix_nano == root.end_time_unix_nano
    assert losses.spans == 0


def test_only_what_the_log_may_hold_leaves_the_house() -> None:
    """Ids, versions and counts go; people, places and fields that are not on the list do not."""
    with collecting() as collector:
        telemetry = Telemetry(collector.url, "1.0", Losses())
        planted = {"text": "zqplanted", "question": "zqplanted", "team": "T0HOME", "voter": "U0BO"}
        telemetry.question(FIELDS | planted, STAGES, 1.6)
        assert telemetry.close()

    assert attributes(collector.spans()[0]) == {
        "housevoice.question_id": "q1",
        "housevoice.outcome": "answered",
        "housevoice.candidates": 12,
    }
    sent = b"".join(collector.bodies)
    assert [one for one in (b"zqplanted", b"U0ADA", b"T0HOME", b"U0BO") if one in sent] == []


def test_no_word_of_a_conversation_reaches_the_collector(tmp_path: Path) -> None:
    """Asked and answered in Slack for real: a token in question, passage and reply stays here."""
    letters = random.Random(4).choices("bcdfghjkmnpqrstvwxz", k=14)  # noqa: S311  repeatable
    token = "zq" + "".join(letters)
    leave = f"You get 25 days of annual leave, {token} says so."
    with collecting() as collector, running_workspace(demo_seed()) as workspace:
        telemetry = Telemetry(collector.url, "1.0", Losses())
        parts = Parts(answerer=an_answerer([a_passage(leave)], leave), spans=telemetry)
        with running_bot(workspace, tmp_path, parts):
            asked = f"@housevoice how many days of annual leave do I get, {token}?"
            said = wait_for_reply(
                workspace, SEED_HELP, workspace.say(SEED_EMPLOYEE, SEED_HELP, asked)
            )
            workspace.wait_until_settled()
        assert telemetry.close()

    sent = b"".join(collector.bodies)
    assert token in said
    assert token.encode() not in sent
    assert SEED_EMPLOYEE.encode() not in sent
    root, *stages = collector.spans()
    assert attributes(root)["housevoice.outcome"] == "answered"
    assert [one.name for one in stages] == ["retrieval", "reading", "generation", "grounding"]


def test_a_collector_that_refuses_costs_its_spans_alone() -> None:
    """What was not taken is counted, and the bot goes on."""
    losses = Losses()
    with collecting(status=400) as collector:
        telemetry = Telemetry(collector.url, "1.0", losses)
        telemetry.question(FIELDS, STAGES, 1.6)
        assert telemetry.close()

    assert losses.spans == 3


def test_a_collector_that_hangs_delays_nothing() -> None:
    """While it hangs a thousand questions are answered, and the end comes in its time."""
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it never reads, nor answers
        telemetry = Telemetry(
            f"http://127.0.0.1:{silent.getsockname()[1]}", "1.0", Losses(), every_s=0.01
        )
        begun = perf_counter()
        for _ in range(1_000):
            telemetry.question(FIELDS, STAGES, 1.6)
        each_s = (perf_counter() - begun) / 1_000
        begun = perf_counter()
        has_ended = telemetry.close(0.2)
        closing_s = perf_counter() - begun

    assert each_s < 0.005
    assert not has_ended
    assert closing_s < 1.0


def test_nonsense_fails_nobody() -> None:
    """What cannot be made into a span is counted as lost."""
    losses = Losses()
    nonsense: Any = [("retrieval", "long")]
    with collecting() as collector:
        telemetry = Telemetry(collector.url, "1.0", losses)
        telemetry.question(FIELDS, nonsense, 1.6)
        assert telemetry.close()

    assert losses.spans == 1
    assert collector.bodies == []


def test_a_collector_without_the_packages_is_said_at_the_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The sentence names the setting and what to install."""
    assert find_spec("opentelemetry.sdk")
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.resources", None)
    monkeypatch.delitem(sys.modules, "bot.monitoring.telemetry")
    settings = MonitoringSettings(otlp_endpoint="http://127.0.0.1:4318")

    with pytest.raises(
        ExtraMissingError, match=r"OTLP_ENDPOINT .*pip install 'housevoice\[otel\]'"
    ):
        open_traces(settings, Metrics())


def test_without_a_collector_nothing_is_loaded() -> None:
    """The packages are an extra, so whoever sets nothing needs none of them."""
    assert open_traces(MonitoringSettings(), Metrics()) is None
