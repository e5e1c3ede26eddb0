"""One OpenTelemetry trace per question: its stages and their times, with content off.

Knows nothing of questions and answers: it is given the fields of the log line and lets through
the ids, versions and counts that the log's own list allows, without people and places. Imports
OpenTelemetry, so it is imported only where the settings name a collector.

Sets no global provider. Spans wait in a bounded queue for a thread of its own; what the collector
does not take in time is counted and lost, and no reply waits for it.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Thread
from time import time_ns
from typing import Any

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import NoOpMeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import Span, set_span_in_context

from bot.tracing import ALLOWED_FIELDS

_PRIVATE = frozenset({"asker", "voter", "channel", "team", "command"})
_LONGEST = 128  # characters of a value; ids and versions are shorter
_WAITING = 512  # spans; older ones give way
_EXPORT_S = 5.0
_NS = 1_000_000_000


class Telemetry:
    """Sends one trace per question to a collector.

    Args:
        endpoint: Base address of an OTLP/HTTP collector.
        version: Of this program.
        on_lost: Told how many spans did not arrive.
        every_s: How often spans are sent.
    """

    def __init__(
        self,
        endpoint: str,
        version: str,
        on_lost: Callable[[int], None],
        *,
        every_s: float = 5.0,
    ) -> None:
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # `_Counting` tells
        self._on_lost = on_lost
        unmeasured = NoOpMeterProvider()
        exporter = OTLPSpanExporter(
            f"{endpoint.rstrip('/')}/v1/traces", timeout=_EXPORT_S, meter_provider=unmeasured
        )
        self._provider = TracerProvider(
            sampler=ALWAYS_ON,
            resource=Resource({"service.name": "housevoice", "service.version": version}),
            shutdown_on_exit=False,
            meter_provider=unmeasured,
        )
        processor = BatchSpanProcessor(
            _Counting(exporter, on_lost),
            max_queue_size=_WAITING,
            max_export_batch_size=_WAITING // 4,
            schedule_delay_millis=every_s * 1000,
            meter_provider=unmeasured,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("housevoice", version)

    def question(
        self, fields: Mapping[str, object], timings_s: Iterable[tuple[str, float]], seconds: float
    ) -> None:
        """Send the trace of a question that was answered just now; never raises, never waits.

        Args:
            fields: As for the log line.
            timings_s: Seconds by stage, in order; the last stage ended just now.
            seconds: Of the whole.
        """
        try:
            self._sent(allowed(fields), list(timings_s), seconds)
        except Exception:  # noqa: BLE001  a reply does not fail for want of a span
            self._on_lost(1)

    def close(self, deadline_s: float = 2.0) -> bool:
        """Send what waits, and tell whether that ended in time."""
        last = Thread(target=self._provider.shutdown, name="telemetry", daemon=True)
        last.start()
        last.join(deadline_s)
        return not last.is_alive()

    def _sent(
        self, attributes: Mapping[str, Any], timings_s: Sequence[tuple[str, float]], seconds: float
    ) -> None:
        until = time_ns()
        lasted = sum(stage_s for _, stage_s in timings_s)
        root = self._span("question", until - round(max(seconds, lasted) * _NS), attributes)
        inside = set_span_in_context(root)
        begun = until - round(lasted * _NS)
        for stage, stage_s in timings_s:
            ended = begun + round(stage_s * _NS)
            self._span(stage, begun, {}, inside).end(ended)
            begun = ended
        root.end(until)

    def _span(
        self, name: str, begun: int, attributes: Mapping[str, Any], inside: Any = None
    ) -> Span:
        return self._tracer.start_span(name, inside, start_time=begun, attributes=attributes)


class _Counting(SpanExporter):
    """Counts what another exporter does not bring to its collector, and says so in the log."""

    def __init__(self, exporter: SpanExporter, on_lost: Callable[[int], None]) -> None:
        self._exporter = exporter
        self._on_lost = on_lost

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._on_lost(len(spans))
            structlog.get_logger().warning("spans lost", failures=len(spans))
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()


def allowed(fields: Mapping[str, object]) -> dict[str, str | int | float | bool]:
    """Return what of a log line may leave the house, named ``housevoice.*``."""
    names = sorted((fields.keys() & ALLOWED_FIELDS) - _PRIVATE)
    return {f"housevoice.{name}": _plain(fields[name]) for name in names}


def _plain(value: object) -> str | int | float | bool:
    return value if isinstance(value, bool | int | float) else str(value)[:_LONGEST]
