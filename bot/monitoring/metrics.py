"""What the bot counts about itself for Prometheus: figures under bounded labels, never a text.

Knows nothing of HTTP, Slack or the database: callers say what happened, and give functions for
what is read when somebody asks. ``docs/monitoring.md`` explains each figure.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial, wraps
from math import nan
from typing import Concatenate, ParamSpec

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from bot.conversation import KEPT, LIVE, Outcome, Trace
from bot.monitoring.labels import NONE, REASONS, REMARKS, STAGES, Words
from bot.monitoring.readings import Gauged, Total, figure
from knowledge.reporting import IndexReport

_ANSWER_S = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0, 30.0, 60.0)
_STAGE_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
_RUN_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0)
_LAG_S = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21600.0, 86400.0)
_ARMS = 20  # live, and so many rollouts since the start
_SOURCES = 50
_SCOPES = 20
_SIGNALS = 20

_Said = ParamSpec("_Said")


@dataclass(frozen=True, slots=True)
class Build:
    """What the bot is made of; each value is a version or a name from the settings."""

    version: str
    base: str
    embedder: str
    voice: str


def _harmless(
    verb: Callable[Concatenate["Metrics", _Said], None],
) -> Callable[Concatenate["Metrics", _Said], None]:
    """Count what cannot be counted, instead of failing whoever wanted it counted."""

    @wraps(verb)
    def guarded(self: "Metrics", /, *args: _Said.args, **kwargs: _Said.kwargs) -> None:
        try:
            verb(self, *args, **kwargs)
        except Exception:  # noqa: BLE001  an answer does not fail for want of a figure
            self.lost.inc()

    return guarded


class Metrics:
    """Counters, gauges and histograms in a registry of their own, and the verbs that move them.

    Each verb takes microseconds and never raises.

    Attributes:
        registry: What ``/metrics`` shows.
        lost: Observations that could not be counted.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter = partial(Counter, namespace="housevoice", registry=self.registry)
        gauge = partial(Gauge, namespace="housevoice", registry=self.registry)
        histogram = partial(Histogram, namespace="housevoice", registry=self.registry)

        self.lost = counter("observations_lost", "Observations that could not be counted.")
        self._build = Info("housevoice_build", "What the bot is made of.", registry=self.registry)
        self._questions = counter(
            "questions", "Questions, by how they ended.", ("outcome", "reason", "arm")
        )
        self._answer_s = histogram(
            "answer_seconds",
            "From taking a question in hand to having its answer.",
            ("outcome",),
            buckets=_ANSWER_S,
        )
        self._stage_s = histogram(
            "stage_seconds", "One stage of one answer.", ("stage",), buckets=_STAGE_S
        )
        tokens = counter("tokens", "Tokens of the model.", ("kind",))
        self._prompt_tokens, self._completion_tokens = map(tokens.labels, ("prompt", "completion"))
        self._cost = counter("cost", "Money, in the currency of the prices in the settings.")
        sentences = counter(
            "sentences", "Sentences of the model, by the verdict of grounding.", ("verdict",)
        )
        self._kept, self._dropped = map(sentences.labels, ("kept", "dropped"))
        self._votes = counter("votes", "Clicks below answers.", ("verdict", "arm"))
        self._remarks = counter("remarks", "Reasons that people gave for a vote.", ("reason",))
        self._turned_away = counter("questions_turned_away", "Questions shed as too many.")
        self._decisions = Total("housevoice_decisions", "Records in the decision log, ever.")
        self.registry.register(self._decisions)
        self._swaps = counter(
            "voice_swaps",
            "Versions of the voice that came into service, or could not.",
            ("result",),
        )
        self._store_errors = counter("store_errors", "Writes that the database refused.")
        self._spans_lost = counter("spans_lost", "Spans that the collector did not take.")

        self._queue_waiting = gauge("queue_waiting", "Questions that wait for the worker.")
        self._inbox_open = gauge("inbox_open", "Questions that are stored and not yet done.")
        self._index_chunks = gauge("index_chunks", "Chunks in the index.")
        self._index_documents = gauge("index_documents", "Documents that are indexed.")
        self._index_age_s = gauge("index_age_seconds", "Since the last good indexing run.")
        self._index_runs = counter("index_runs", "Indexing runs.", ("result",))
        self._index_run_s = histogram("index_run_seconds", "One indexing run.", buckets=_RUN_S)
        self._source_documents = gauge(
            "source_documents", "Documents seen in the last run.", ("source",)
        )
        self._source_up = gauge(
            "source_up", "Whether the source could be listed in the last run.", ("source",)
        )
        self._revocation_lag_s = histogram(
            "revocation_lag_seconds",
            "From the change of access in a source to its effect here.",
            buckets=_LAG_S,
        )

        self._acl_runs = counter("acl_canary_runs", "Runs of the access canary.")
        self._acl_hits = counter(
            "acl_canary_hits", "Canary documents that came back for readers who may not read them."
        )
        self._golden_pass = gauge(
            "golden_canary_pass_ratio", "Golden questions of the last canary run that passed."
        )
        self._budget_used = gauge("budget_used_ratio", "Used part of a budget.", ("scope",))
        self._alerts = counter("alerts", "Alerts sent to the administrators.", ("signal",))
        self._drifting = gauge("drift_state", "1 while a signal has drifted.", ("signal",))

        self._reason, self._remark, self._stage = Words(REASONS), Words(REMARKS), Words(STAGES)
        self._arm, self._source = Words([LIVE], spare=_ARMS), Words(spare=_SOURCES)
        self._scope, self._signal = Words(spare=_SCOPES), Words(spare=_SIGNALS)

    # What answers

    @_harmless
    def answered(self, trace: Trace, outcome: Outcome, seconds: float) -> None:
        """Count one answer, from its trace."""
        self._questions.labels(
            outcome.value, self._reason(trace.reason), self._arm(trace.arm)
        ).inc()
        self._answer_s.labels(outcome.value).observe(seconds)
        for stage, stage_s in trace.timings_s:
            self._stage_s.labels(self._stage(stage)).observe(stage_s)
        self._prompt_tokens.inc(trace.prompt_tokens)
        self._completion_tokens.inc(trace.completion_tokens)
        n_kept = trace.verdicts.count(KEPT)
        self._kept.inc(n_kept)
        self._dropped.inc(len(trace.verdicts) - n_kept)

    @_harmless
    def spent(self, cost: float) -> None:
        """Count what an answer cost."""
        self._cost.inc(cost)

    @_harmless
    def turned_away(self) -> None:
        """Count a question that found no room in the queue."""
        self._turned_away.inc()
        self._questions.labels(Outcome.BUSY.value, NONE, LIVE).inc()

    # What people say

    @_harmless
    def voted(self, verdict: str, arm: str = LIVE) -> None:
        """Count a click, ``up`` or ``down``, on an answer of an arm."""
        self._votes.labels("up" if verdict == "up" else "down", self._arm(arm)).inc()

    @_harmless
    def remarked(self, reason: str) -> None:
        """Count the reason that somebody gave."""
        self._remarks.labels(self._remark(reason)).inc()

    # What is known

    @_harmless
    def indexed(self, report: IndexReport, seconds: float) -> None:
        """Count a run that came to its end, with what became of each source."""
        self._index_runs.labels("complete" if report.is_complete else "incomplete").inc()
        self._index_run_s.observe(seconds)
        for source in report.sources:
            name = self._source(source.name)
            self._source_up.labels(name).set(not source.problem)
            if not source.problem:
                self._source_documents.labels(name).set(source.seen)

    @_harmless
    def indexing_failed(self) -> None:
        """Count a run that did not come to its end."""
        self._index_runs.labels("failed").inc()

    @_harmless
    def revoked(self, lag_s: float) -> None:
        """Note how long a change of access took to have its effect."""
        self._revocation_lag_s.observe(lag_s)

    # What watches

    @_harmless
    def probed_access(self, hits: int) -> None:
        """Count a run of the access canary, and what it should not have got."""
        self._acl_runs.inc()
        self._acl_hits.inc(hits)

    @_harmless
    def probed_golden(self, passed: int, of: int) -> None:
        """Note how many golden questions of a canary run passed."""
        self._golden_pass.set(passed / of if of else nan)

    @_harmless
    def budget_used(self, scope: str, ratio: float) -> None:
        """Note how much of a budget is used; a scope is a name, never the id of a team."""
        self._budget_used.labels(self._scope(scope)).set(ratio)

    @_harmless
    def drifting(self, signal: str, *, has_drifted: bool) -> None:
        """Note whether a signal differs from its own history."""
        self._drifting.labels(self._signal(signal)).set(has_drifted)

    @_harmless
    def alerted(self, signal: str) -> None:
        """Count an alert."""
        self._alerts.labels(self._signal(signal)).inc()

    @_harmless
    def swapped(self, result: str) -> None:
        """Count a version that was put in service, ``done``, or could not be, ``failed``."""
        self._swaps.labels("done" if result == "done" else "failed").inc()

    @_harmless
    def store_failed(self, writes: int = 1) -> None:
        """Count writes that the database refused."""
        self._store_errors.inc(writes)

    @_harmless
    def spans_lost(self, spans: int) -> None:
        """Count spans that did not arrive."""
        self._spans_lost.inc(spans)

    # What is set up

    @_harmless
    def built(self, build: Build) -> None:
        """Say what the bot is made of; said again after a change."""
        self._build.info({one.name: getattr(build, one.name) for one in fields(build)})

    def watch(self, gauged: Gauged) -> None:
        """Read these whenever ``/metrics`` is asked for."""
        gauges: Mapping[Gauge, Callable[[], float | None]] = {
            self._queue_waiting: gauged.queue_waiting,
            self._inbox_open: gauged.inbox_open,
            self._index_chunks: gauged.index_chunks,
            self._index_documents: gauged.index_documents,
            self._index_age_s: gauged.index_age_s,
        }
        for gauge, read in gauges.items():
            gauge.set_function(partial(figure, read))
        self._decisions.read = gauged.decisions
