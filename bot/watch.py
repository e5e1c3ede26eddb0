"""What watches one running bot: its figures, its health, its traces.

Knows which part of the bot tells what; neither how the parts work nor what anybody says.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from threading import Lock
from time import monotonic
from typing import Protocol

from sqlalchemy import Engine, text

from bot import decisions
from bot.answering import Answerer
from bot.conversation import Question
from bot.database import Writer
from bot.errors import ExtraMissingError
from bot.house import House
from bot.inbox import Inbox
from bot.indexing import Progress
from bot.listeners.desk import Desk
from bot.listeners.replies import Spans
from bot.monitoring import health
from bot.monitoring.endpoint import Endpoint
from bot.monitoring.health import Checkup, Finding, Health, Probe, State
from bot.monitoring.metrics import Build, Metrics
from bot.monitoring.readings import Gauged
from bot.monitoring.rounds import Rounds
from bot.settings import MonitoringSettings
from bot.speakers import Serving
from bot.worker import Worker
from bot.worksheet import Working
from knowledge.reporting import IndexReport

_KEPT_S = 5.0


class Traces(Spans, Protocol):
    """Where spans go, until the bot stops."""

    def close(self, deadline_s: float = 2.0) -> bool:
        """Send what waits, and tell whether that ended in time."""
        ...


@dataclass(frozen=True, slots=True)
class Running:
    """The parts of a running bot."""

    worker: Worker
    desk: Desk
    writer: Writer
    inbox: Inbox
    rounds: Rounds
    is_connected: Callable[[], bool]


class Watch:
    """The instruments of one bot.

    Args:
        now: The time of day.

    Attributes:
        metrics: What ``/metrics`` shows.
        traces: None where the settings name no collector.
        probes: What ``/healthz`` asks, by name of the part; more may be added.
        url: Where the figures are served; empty where they are not.

    Raises:
        ExtraMissingError: If the settings name a collector and the packages for it are missing.
    """

    def __init__(self, house: House, now: Callable[[], datetime]) -> None:
        self._house = house
        self._now = now
        self._settings = house.settings.monitoring
        self.metrics = Metrics()
        self.traces = open_traces(self._settings, self.metrics)
        self._answering = Finding(State.DEGRADED, "not loaded yet")
        self.probes: dict[str, Probe] = {
            "answering": lambda: self._answering,
            "filter": lambda: health.of_filter(is_in_doubt=not house.is_trusted),
            "voices": lambda: _voices(house.serving),
            "budget": lambda: health.of_budget(is_spent=not house.may_speak("", "")),
        }
        self.url = ""
        self._checkup = Checkup(self.probes)

    def health(self) -> Health:
        """Return how the parts are that run by now."""
        return self._checkup()

    def warm_up(self) -> None:
        """Load what answers, in the thread that will own it."""
        with self._minding():
            _ = self._house.answerer

    def work(self, question: Question) -> Working:
        """Answer one question, and mind whether that could be done at all."""
        with self._minding():
            return self._house.work(question)

    def ingest(self, source: str | None, progress: Progress) -> IndexReport:
        """Bring the index up to date, and count the run."""
        begun = monotonic()
        try:
            report = self._house.ingest(source=source, progress=progress)
        except Exception:
            self.metrics.indexing_failed()
            raise
        self.metrics.indexed(report, monotonic() - begun)
        if report.revocation_lag_s is not None:
            self.metrics.revoked(report.revocation_lag_s)
        return report

    def begin(self, running: Running) -> None:
        """Watch these parts from now on."""
        worker, desk, stuck_after_s = running.worker, running.desk, self._settings.stuck_after_s
        self.probes |= {
            "worker": lambda: health.of_worker(
                is_alive=worker.is_alive, running_s=worker.running_s, stuck_after_s=stuck_after_s
            ),
            "desk": lambda: health.of_desk(is_alive=desk.is_alive, is_open=desk.is_open),
            "rounds": lambda: health.of_rounds(
                age_s=running.rounds.age_s, every_s=self._settings.round_minutes * 60
            ),
            "slack": lambda: health.of_socket(is_connected=running.is_connected()),
            "store": lambda: _store(self._house.engine, running.writer),  # the slow ones last
            "index": self._index,
        }
        self.metrics.watch(self._gauged(running))

    def close(self) -> None:
        """Send the last spans."""
        if self.traces is not None:
            self.traces.close()

    @contextmanager
    def _minding(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self._answering = Finding(State.FAILING, type(error).__name__)
            raise
        if self._answering.state is not State.OK:
            self._loaded()

    def _loaded(self) -> None:
        answerer = self._house.answerer
        speaks = answerer.responder is not None
        self._answering = Finding(State.OK, "a model speaks" if speaks else "quoting only")
        self.metrics.built(built(answerer))

    def _index(self) -> Finding:
        return health.of_index(
            age_s=self._index_age_s(),
            is_open=self._house.chunks_loaded() is not None,
            stale_after_s=self._settings.stale_after_s,
        )

    def _gauged(self, running: Running) -> Gauged:
        return Gauged(
            queue_waiting=lambda: running.worker.waiting,
            inbox_open=Kept(running.inbox.count_open),
            decisions=Kept(self._decisions),
            index_chunks=Kept(self._house.chunks_loaded),
            index_documents=Kept(self._house.catalogue.count),
            index_age_s=Kept(self._index_age_s),
        )

    def _decisions(self) -> int:
        with self._house.engine.connect() as connection:
            return decisions.appended(connection)

    def _index_age_s(self) -> float | None:
        indexed_at = self._house.catalogue.state().indexed_at
        return (self._now() - indexed_at).total_seconds() if indexed_at else None


@contextmanager
def watching(house: House, now: Callable[[], datetime], port: int | None) -> Iterator[Watch]:
    """Watch a house, and serve what is seen while the block runs, unless the port is None.

    Raises:
        EndpointError: If the figures cannot be served there.
        ExtraMissingError: As for `Watch`.
    """
    with closing(Watch(house, now)) as watch, ExitStack() as stack:
        if port is not None:
            host = house.settings.monitoring.host
            endpoint = Endpoint(host, port, watch.metrics.registry, watch.health)
            stack.callback(endpoint.stop)
            endpoint.start()
            watch.url = endpoint.url
        yield watch


class Kept:
    """A figure that is read anew when it is old, by one thread; the others take the old one.

    So a store that does not answer holds one thread, whoever else asks.

    Args:
        read: Reads the figure.
        for_s: How long it is kept.
    """

    def __init__(self, read: Callable[[], float | None], for_s: float = _KEPT_S) -> None:
        self._read = read
        self._for_s = for_s
        self._lock = Lock()
        self._value: float | None = None
        self._until = -1.0

    def __call__(self) -> float | None:
        """Return the figure; None if it could never be read."""
        if monotonic() >= self._until and self._lock.acquire(blocking=False):
            try:
                self._value = self._read()
                self._until = monotonic() + self._for_s
            except Exception:
                self._value = None
                raise
            finally:
                self._lock.release()
        return self._value


def built(answerer: Answerer) -> Build:
    """Say what answers are made with."""
    return Build(
        version=version("housevoice"),
        base=answerer.responder.base_id if answerer.responder else "none",
        embedder=answerer.embedder,
        voice=answerer.voice.label,
    )


def open_traces(settings: MonitoringSettings, metrics: Metrics) -> Traces | None:
    """Send traces where the settings name a collector.

    Raises:
        ExtraMissingError: If the packages for it are not installed.
    """
    if not settings.otlp_endpoint:
        return None
    extra, setting = "otel", "HOUSEVOICE_MONITORING__OTLP_ENDPOINT"
    try:
        from bot.monitoring.telemetry import Telemetry  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ExtraMissingError(extra, setting) from error
    return Telemetry(settings.otlp_endpoint, version("housevoice"), metrics.spans_lost)


def _voices(serving: Serving | None) -> Finding:
    if serving is None:
        return Finding(State.OK, "not loaded yet, or quoting only")
    failed = {domain: one.problem for domain, one in serving.failed.items()}
    return health.of_voices(speaking=serving.label, failed=failed)


def _store(engine: Engine, writer: Writer) -> Finding:
    with engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    if writer.is_refusing:
        return Finding(State.FAILING, "the last write was refused")
    return Finding(State.OK)
