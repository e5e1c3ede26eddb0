"""What the bot counts about itself, and what can never stand in it."""

import ast
import math
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import Any

import prometheus_client
import pytest
from prometheus_client import generate_latest

from bot.answering import OVER_BUDGET, SERVER_SILENT
from bot.conversation import Outcome, Trace
from bot.monitoring.labels import REASONS, STAGES
from bot.monitoring.metrics import Build, Metrics
from bot.monitoring.readings import Gauged
from knowledge.reporting import IndexReport, SourceReport

BOT = Path(__file__).parents[2] / "bot"
SPOKEN = Trace(
    audience="a",
    verdicts=("kept", "number", "kept", "beside the point"),
    prompt_tokens=300,
    completion_tokens=20,
    timings_s=(("retrieval", 0.02), ("reading", 0.04), ("generation", 1.5), ("grounding", 0.1)),
)
DECLINED = Trace(audience="a", reason="no evidence", timings_s=(("retrieval", 0.02),))
MOST_S = 50e-6


def figure(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Read one figure as a scrape would."""
    return metrics.registry.get_sample_value(f"housevoice_{name}", labels)


def a_report(*sources: SourceReport) -> IndexReport:
    """A run over some sources."""
    return IndexReport(sources, 3, 2, (), (), (), (), (), "chunks_v1@2")


def gauged(**others: Callable[[], float | None]) -> Gauged:
    """Figures that are read when somebody asks; each is 7 but for those given."""
    names = Gauged.__slots__
    return Gauged(**{name: others.get(name, lambda: 7) for name in names})


def test_an_answer_is_counted_from_its_trace() -> None:
    """Outcome, times, tokens and verdicts of one answer are in the figures."""
    metrics = Metrics()

    metrics.answered(SPOKEN, Outcome.ANSWERED, 1.7)
    metrics.answered(DECLINED, Outcome.DECLINED, 0.03)

    spoken = {"outcome": "answered", "reason": "none", "arm": "live"}
    declined = {"outcome": "declined", "reason": "no evidence", "arm": "live"}
    assert figure(metrics, "questions_total", **spoken) == 1
    assert figure(metrics, "questions_total", **declined) == 1
    assert figure(metrics, "answer_seconds_sum", outcome="answered") == 1.7
    assert figure(metrics, "answer_seconds_bucket", outcome="answered", le="2.0") == 1
    assert figure(metrics, "stage_seconds_count", stage="retrieval") == 2
    assert figure(metrics, "stage_seconds_sum", stage="generation") == 1.5
    assert figure(metrics, "tokens_total", kind="prompt") == 300
    assert figure(metrics, "tokens_total", kind="completion") == 20
    assert figure(metrics, "sentences_total", verdict="kept") == 2
    assert figure(metrics, "sentences_total", verdict="dropped") == 2
    assert figure(metrics, "observations_lost_total") == 0


def test_a_question_turned_away_has_ended_too() -> None:
    """It is counted by itself, and among the questions as busy."""
    metrics = Metrics()

    metrics.turned_away()

    busy = {"outcome": "busy", "reason": "none", "arm": "live"}
    assert figure(metrics, "questions_turned_away_total") == 1
    assert figure(metrics, "questions_total", **busy) == 1


def test_votes_remarks_and_runs_are_counted() -> None:
    """Each verb moves its figure."""
    metrics = Metrics()

    metrics.voted("down", "shorter")
    metrics.remarked("outdated")
    metrics.spent(0.25)
    metrics.revoked(4.0)
    metrics.probed_access(2)
    metrics.probed_golden(9, 10)
    metrics.budget_used("day", 0.5)
    metrics.drifting("decline_rate", has_drifted=True)
    metrics.alerted("decline_rate")
    metrics.store_failed(3)
    metrics.spans_lost(4)
    metrics.built(Build("1.0", "smollm2/ab", "minilm/cd", "house/1"))

    assert figure(metrics, "votes_total", verdict="down", arm="shorter") == 1
    assert figure(metrics, "remarks_total", reason="outdated") == 1
    assert figure(metrics, "cost_total") == 0.25
    assert figure(metrics, "revocation_lag_seconds_bucket", le="5.0") == 1
    assert figure(metrics, "acl_canary_runs_total") == 1
    assert figure(metrics, "acl_canary_hits_total") == 2
    assert figure(metrics, "golden_canary_pass_ratio") == 0.9
    assert figure(metrics, "budget_used_ratio", scope="day") == 0.5
    assert figure(metrics, "drift_state", signal="decline_rate") == 1
    assert figure(metrics, "alerts_total", signal="decline_rate") == 1
    assert figure(metrics, "store_errors_total") == 3
    assert figure(metrics, "spans_lost_total") == 4
    built = {"version": "1.0", "base": "smollm2/ab", "embedder": "minilm/cd", "voice": "house/1"}
    assert figure(metrics, "build_info", **built) == 1


def test_a_run_tells_of_each_source() -> None:
    """A source that could not be listed is down, and keeps the figure of its last good run."""
    metrics = Metrics()
    good = a_report(SourceReport("wiki", seen=12), SourceReport("handbook", seen=3))

    metrics.indexed(good, 2.0)
    metrics.indexed(a_report(SourceReport("wiki", problem="it is not there")), 1.0)
    metrics.indexing_failed()

    assert figure(metrics, "source_documents", source="wiki") == 12
    assert figure(metrics, "source_up", source="wiki") == 0
    assert figure(metrics, "source_up", source="handbook") == 1
    results = ("complete", "incomplete", "failed")
    assert [figure(metrics, "index_runs_total", result=one) for one in results] == [1, 1, 1]
    assert figure(metrics, "index_run_seconds_sum") == 3.0


def test_what_is_read_at_a_scrape_may_fail_alone() -> None:
    """One figure that cannot be read is NaN, or has no sample, and the others are there."""
    metrics = Metrics()

    def broken() -> float:
        raise OSError

    metrics.watch(gauged(inbox_open=broken, decisions=broken, index_chunks=lambda: None))

    assert figure(metrics, "queue_waiting") == 7
    assert figure(metrics, "index_age_seconds") == 7
    assert math.isnan(figure(metrics, "inbox_open") or 0)
    assert math.isnan(figure(metrics, "index_chunks") or 0)
    assert figure(metrics, "decisions_total") is None


def test_the_length_of_the_log_is_a_counter() -> None:
    """It is read from the log, so that it goes on after a restart."""
    metrics = Metrics()

    metrics.watch(gauged(decisions=lambda: 1_000))

    assert figure(metrics, "decisions_total") == 1_000


@pytest.mark.parametrize(
    "say",
    [
        lambda metrics, word: metrics.answered(
            Trace(audience=word, reason=word, arm=word, timings_s=((word, 1.0),)),
            Outcome.DECLINED,
            1.0,
        ),
        lambda metrics, word: metrics.voted(word, word),
        lambda metrics, word: metrics.remarked(word),
        lambda metrics, word: metrics.budget_used(word, 0.1),
        lambda metrics, word: metrics.drifting(word, has_drifted=False),
        lambda metrics, word: metrics.alerted(word),
        lambda metrics, word: metrics.indexed(a_report(SourceReport(word)), 1.0),
    ],
)
@pytest.mark.parametrize("word", ["U0ADA", "0a" * 16, "What is the bonus?", "wiki:hr/bonus.md"])
def test_no_id_and_no_text_becomes_a_label(say: Callable[[Metrics, str], None], word: str) -> None:
    """Wherever a person, a channel, a document or a text is given for a word, it says `other`."""
    metrics = Metrics()

    say(metrics, word)

    shown = generate_latest(metrics.registry).decode()
    assert word not in shown
    assert figure(metrics, "observations_lost_total") == 0


def test_labels_are_bounded() -> None:
    """However many rollouts there were, the last ones share a label, and nothing is lost."""
    metrics = Metrics()

    for number in range(500):
        metrics.voted("up", f"rollout-{number}")

    (votes,) = [one for one in metrics.registry.collect() if one.name == "housevoice_votes"]
    counts = {one.labels["arm"]: one.value for one in votes.samples if one.name.endswith("_total")}
    assert len(counts) == 21
    assert sum(counts.values()) == 500
    assert counts["other"] == 480


def test_every_reason_of_an_answer_has_its_label() -> None:
    """A reason or a stage that is new in the code is also new on the list."""
    answering = ast.parse((BOT / "answering.py").read_text())
    declined = {one.args[1] for one in calls(answering, "_declined")}
    (why,) = [one for one in ast.walk(answering) if getattr(one, "name", "") == "_why_quoted"]
    returned = {one.value for one in ast.walk(why) if isinstance(one, ast.Return)}
    laps = {one.args[0] for one in calls(answering, "lap")}

    assert {OVER_BUDGET, SERVER_SILENT}.union(*map(strings, declined | returned)) == REASONS
    assert set().union(*map(strings, laps)) == STAGES


def calls(tree: ast.AST, method: str) -> list[ast.Call]:
    """List the calls of a method by its name."""
    found = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
    return [one for one in found if getattr(one.func, "attr", "") == method]


def strings(expression: ast.AST | None) -> set[str]:
    """List the strings in an expression."""
    nodes = ast.walk(expression) if expression else ()
    return {
        one.value for one in nodes if isinstance(one, ast.Constant) and isinstance(one.value, str)
    }


def test_a_figure_that_cannot_be_counted_fails_nobody() -> None:
    """It is counted as lost, and whoever answers goes on."""
    metrics = Metrics()
    nonsense: Any = object()

    metrics.answered(nonsense, Outcome.ANSWERED, 1.0)
    metrics.spent(-1.0)

    assert figure(metrics, "observations_lost_total") == 2


def test_two_bots_in_one_process_count_apart() -> None:
    """Nothing is registered where everybody's figures are."""
    one, other = Metrics(), Metrics()

    one.turned_away()

    assert figure(other, "questions_turned_away_total") == 0
    assert b"housevoice" not in generate_latest(prometheus_client.REGISTRY)


@pytest.mark.parametrize(
    "verb",
    [
        lambda metrics: metrics.answered(SPOKEN, Outcome.ANSWERED, 1.7),
        lambda metrics: metrics.voted("up", "live"),
        lambda metrics: metrics.turned_away(),
        lambda metrics: metrics.remarked("tone"),
    ],
)
def test_counting_takes_microseconds(verb: Callable[[Metrics], None]) -> None:
    """What is said during an answer takes less than 50 us of the processor, at the best of some."""
    metrics = Metrics()

    def once_s() -> float:
        begun = thread_time()
        for _ in range(200):
            verb(metrics)
        return (thread_time() - begun) / 200

    assert min(once_s() for _ in range(5)) < MOST_S
