"""What changed, how it is undone, and what the administrators read of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tame import strings, violations

from bot.blocks import report_post
from bot.decisions import Decision, Kind
from bot.monitoring.alerts import (
    Notice,
    blind_notice,
    breach_notice,
    budget_notice,
    drift_notice,
    golden_notice,
)
from bot.monitoring.changes import Change, changes
from bot.monitoring.drift import Alert

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
INDEX = {
    "only": "",
    "sources": {"wiki": {"added": 2, "access_changed": 1}, "hr": {"removed": 1_200}},
    "problems": [],
    "before": "chunks_v1@7",
    "after": "chunks_v1@8",
    "is_rebuild": False,
}


def a_decision(kind: Kind, record: dict[str, Any], *, minutes: int = 0) -> Decision:
    """Write one record of the log, some minutes after noon."""
    return Decision(minutes, NOON + timedelta(minutes=minutes), kind, "subject", record, "")


def told(*decisions: Decision) -> list[tuple[str, str]]:
    """What changed, and how it is undone."""
    return [(change.what, change.undo) for change in changes(decisions)]


def test_an_index_run_is_told_by_source() -> None:
    """Counts, versions, and the command that reads the source again."""
    versions = "(index chunks_v1@7 -> chunks_v1@8)"

    assert told(a_decision(Kind.INDEX, INDEX)) == [
        (
            f"index run, source wiki: 2 added, 1 access changed {versions}",
            "put the documents of wiki back, then run `housevoice index --source wiki`",
        ),
        (
            f"index run, source hr: 1,200 removed {versions}",
            "put the documents of hr back, then run `housevoice index --source hr`",
        ),
    ]


def test_a_run_that_changed_nothing_is_no_change() -> None:
    """An hourly run would bury everything else."""
    assert told(a_decision(Kind.INDEX, INDEX | {"sources": {}})) == []


def test_a_source_that_could_not_be_listed_is_told() -> None:
    """It goes stale from then on."""
    ((what, undo),) = told(a_decision(Kind.INDEX, INDEX | {"sources": {}, "problems": ["wiki"]}))

    assert "source wiki could not be listed" in what
    assert "`housevoice index --source wiki`" in undo


def test_a_rebuild_is_told_although_no_document_changed() -> None:
    """Another embedder moves every answer."""
    ((what, undo),) = told(a_decision(Kind.INDEX, INDEX | {"sources": {}, "is_rebuild": True}))

    assert what == "index rebuilt: chunks_v1@7 -> chunks_v1@8"
    assert "`housevoice index --rebuild`" in undo


@pytest.mark.parametrize(
    ("name", "was", "now", "undo"),
    [
        ("knowledge.floor", 0.3, 0.6, "set HOUSEVOICE_KNOWLEDGE__FLOOR=0.3 and start again"),
        ("model.examples", 8, 0, "set HOUSEVOICE_MODEL__EXAMPLES=8 and start again"),
        ("base", "smollm2", "", "set HOUSEVOICE_MODEL__BASE=smollm2 and start again"),
        ("adapter", "house-3", "house-4", "put adapter house-3 in service again"),
        ("voice", "house/1", "house/2", "put the voice file back that was called house/1"),
        ("chunker", "a", "b", "install the earlier version of Housevoice, where chunker was a"),
        ("model.deadline_s", None, 5.0, "set HOUSEVOICE_MODEL__DEADLINE_S=unset and start again"),
    ],
)
def test_a_changed_setting_is_told_with_its_old_value(
    name: str, was: object, now: object, undo: str
) -> None:
    """A to B, and the variable that takes it back."""
    record = {"values": {}, "changed": {name: [was, now]}}
    ((what, how),) = told(a_decision(Kind.START, record))

    assert what.startswith(f"configuration {name}: {'unset' if was is None else was} -> ")
    assert how.startswith(undo)


def test_a_start_with_the_first_configuration_changes_nothing() -> None:
    """There is nothing that it could differ from."""
    assert told(a_decision(Kind.START, {"values": {"base": "x"}, "changed": {}})) == []


def test_a_rollout_can_be_stopped() -> None:
    """While it goes on its undoing is the stop; once it has ended, its start."""
    start = {"name": "bolder", "event": "started", "share": 10, "settings": {"model.examples": "2"}}
    share = {"name": "bolder", "event": "shared", "share": 0, "share_before": 10}
    end = {"name": "bolder", "event": "promoted", "share": 10, "reason": ""}
    records = [start, share, end]
    decisions = [a_decision(Kind.ROLLOUT, one, minutes=n) for n, one in enumerate(records)]

    assert told(*decisions) == [
        ("rollout bolder promoted", "`housevoice rollout start bolder` again"),
        ("rollout bolder shared: in the shadow", "`housevoice rollout stop`"),
        (
            "rollout bolder started: model.examples=2, in 10 % of the channels",
            "`housevoice rollout stop`",
        ),
    ]


def test_the_newest_change_is_told_first() -> None:
    """It is the likeliest cause; what changes nothing is left out."""
    index = a_decision(Kind.INDEX, INDEX | {"sources": {"wiki": {"added": 1}}}, minutes=5)
    start = a_decision(Kind.START, {"values": {}, "changed": {"base": ["a", "b"]}}, minutes=9)
    vote = a_decision(Kind.VOTE, {"verdict": "down"}, minutes=11)

    assert [change.at.minute for change in changes([index, start, vote])] == [9, 5]


def an_alert(signal: str = "decline", **figures: Any) -> Alert:
    """What the detectors say."""
    usual: dict[str, Any] = {
        "window_h": 24,
        "reference_rate": 0.18,
        "reference_n": 3_400,
        "rate": 0.41,
        "n": 120,
        "p_value": 1e-9,
        "since": NOON,
    }
    return Alert(signal=signal, **usual | figures)  # type: ignore[arg-type]


def test_a_drop_is_told_in_figures_with_what_changed() -> None:
    """Rate and n, now and before; since when; the change and its undoing."""
    change = Change(NOON, "configuration knowledge.floor: 0.3 -> 0.6", "set it back")
    notice = drift_notice(an_alert(), [change], NOON)

    assert notice.title == "More declined questions than before"
    assert notice.lines == (
        "41.0% of 120 in the last 24 hours; 18.0% of 3,400 in the four weeks before.",
        "It seems to begin with the hour of 01 Mar 12:00 UTC.",
        "Changed in the day before or since, the newest first:",
        "• 01 Mar 12:00 UTC: configuration knowledge.floor: 0.3 -> 0.6.",
        "   To undo it: set it back.",
    )


def test_the_good_rate_and_the_slow_one_read_as_such() -> None:
    """Support drops; slow says from where on."""
    support = drift_notice(an_alert("support", rate=0.5, reference_rate=0.8), [], NOON)
    slow = drift_notice(an_alert("slow", slower_than_s=4.467), [], NOON)

    assert support.title.startswith("Fewer sentences of the model that the passages support")
    assert "Counted is what took longer than 4.47 s." in slow.lines
    assert slow.lines[-1].startswith("I know of no change")


def test_many_changes_are_cut() -> None:
    """The newest are told, the rest is a number."""
    many = [Change(NOON, f"change {n}", "undo") for n in range(30)]
    lines = drift_notice(an_alert(), many, NOON).lines

    assert lines[-1] == "and 22 earlier ones."
    assert len(lines) < 25


HOSTILE = "<!channel> @here https://evil.example/x [a](b) wiki\u202e"
NOTICES = [
    drift_notice(an_alert(), [Change(NOON, HOSTILE, HOSTILE)] * 12, NOON),
    budget_notice(f"source {HOSTILE}", NOON.date(), 90, 100, is_spent=False),
    budget_notice("overall", NOON.date(), 100, 100, is_spent=True),
    breach_notice(["everyone", HOSTILE], NOON),
    blind_notice(NOON, is_planted=True),
    blind_notice(NOON, is_planted=False),
    golden_notice([f"g{n} ({HOSTILE})" for n in range(40)], (1, 41), [], NOON),
    Notice("long", "x", "t" * 5_000, tuple("l" * 5_000 for _ in range(60))),
]


@pytest.mark.parametrize("notice", NOTICES, ids=lambda one: one.alert_id[:20])
def test_an_alert_is_tame(notice: Notice) -> None:
    """Names come from files that people write: they ping nobody, link nowhere and fit."""
    post = report_post(notice.title, notice.lines, {"alert_id": notice.alert_id})

    assert violations(dict(post.as_post()), ()) == set()
    assert sum(map(len, strings(dict(post.as_post())))) < 11_000
