"""From a drop in the log to one message in the administrators' channel, and never to two."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine
from tame import strings

from bot import decisions
from bot.blocks import Post
from bot.configuration import Configuration
from bot.conversation import Outcome
from bot.database import Writer, open_engine
from bot.decisions import Kind
from bot.errors import SlackRefusedError, SlackUncertainError, StoreDownError
from bot.listeners.delivery import Delivery, reading_client, reporting_client
from bot.monitoring import tallies
from bot.monitoring.alerts import Notice
from bot.monitoring.checks import DriftCheck
from bot.monitoring.metrics import Metrics
from bot.monitoring.milestones import note_start
from bot.monitoring.outbox import Outbox
from bot.rollouts import Ending, Rollout, Rollouts
from bot.trials import ended_notice
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_BOT, SEED_HELP, demo_seed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTICE = Notice("drift/decline/x", "decline", "More declined questions than before", ("See.",))


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


@dataclass
class Store:
    """A database with the tables that alerts need, and a clock that a test sets."""

    engine: Engine
    writer: Writer
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    metrics: Metrics = field(default_factory=Metrics)

    def outbox(self, workspace: RunningWorkspace, channel: str = SEED_HELP) -> Outbox:
        """Build an outbox that posts in a workspace."""
        writes = reporting_client(workspace.bot_token, workspace.api_url)
        reads = reading_client(workspace.bot_token, workspace.api_url)
        poster = Delivery(writes, reads, SEED_BOT)
        return self.outbox_of(poster, channel)

    def outbox_of(self, poster: Any, channel: str = SEED_HELP) -> Outbox:
        """Build an outbox that posts with what is given."""
        return Outbox(
            self.engine,
            self.writer,
            poster,
            channel=channel,
            metrics=self.metrics,
            now=lambda: self.at,
        )

    def log(self, kind: Kind, subject: str, record: dict[str, Any], at: datetime) -> None:
        """Write one record of the decision log."""
        self.writer.run(lambda one: decisions.append(one, kind, subject, record, at))

    def recorded(self, kind: Kind) -> list[Any]:
        """All records of a kind."""
        with self.engine.connect() as connection:
            start = datetime(2000, 1, 1, tzinfo=UTC)
            return [one.record for one in decisions.since(connection, start, {kind})]

    def count(self, name: str, **labels: str) -> float:
        """Read a metric."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty database."""
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.db'}")
    decisions.create_tables(engine)
    tallies.create_tables(engine)
    writer = Writer(engine)
    yield Store(engine, writer)
    writer.close()
    engine.dispose()


def alerts_in(workspace: RunningWorkspace, channel: str = SEED_HELP) -> list[str]:
    """What the bot has posted in a channel."""
    ours = [one for one in workspace.messages(channel) if one.bot_id]
    return [" ".join(strings(list(one.blocks))) for one in ours]


def test_an_alert_is_posted_once(store: Store, workspace: RunningWorkspace) -> None:
    """Told again, delivered again, and by another process: one message, one record, one count."""
    outbox = store.outbox(workspace)
    assert outbox.tell(NOTICE) == (NOTICE,)
    assert outbox.tell(NOTICE) == ()
    outbox.deliver()
    outbox.deliver()
    store.outbox(workspace).deliver()

    (message,) = alerts_in(workspace)
    assert message.startswith("More declined questions than before See.")
    assert [one["signal"] for one in store.recorded(Kind.ALERT)] == ["decline"]
    assert store.count("housevoice_alerts_total", signal="decline") == 1


def test_without_a_channel_nothing_is_posted(store: Store, workspace: RunningWorkspace) -> None:
    """It is logged and counted all the same; a channel that is set later does not get old news."""
    outbox = store.outbox(workspace, channel="")
    woken = list[int]()
    outbox.on_new = lambda: woken.append(1)
    outbox.tell(NOTICE)
    outbox.deliver()
    store.outbox(workspace).deliver()

    assert workspace.calls_of("chat.postMessage") == ()
    assert (len(store.recorded(Kind.ALERT)), woken) == (1, [])
    assert store.count("housevoice_alerts_total", signal="decline") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("chat.postMessage", error="channel_not_found"),
        Fault("chat.postMessage", error="internal_error"),
        Fault("chat.postMessage", is_reset=True),
        Fault("chat.postMessage", is_reset=True, is_executed=True),
        Fault("chat.postMessage", status=500, is_executed=True),
    ],
    ids=["refused", "failed", "lost", "posted, answer lost", "posted, page in HTML"],
)
def test_a_post_that_went_wrong_is_made_up_for(
    store: Store, workspace: RunningWorkspace, fault: Fault
) -> None:
    """By the next round it stands there, and once: what may stand there is looked for first."""
    outbox = store.outbox(workspace)
    outbox.tell(NOTICE)
    workspace.order(fault)
    outbox.deliver()
    restarted = store.outbox(workspace)
    restarted.deliver()
    restarted.deliver()

    assert len(alerts_in(workspace)) == 1


def test_a_channel_that_cannot_be_read_back_waits(
    store: Store, workspace: RunningWorkspace
) -> None:
    """Nobody knows whether it stands there: so it is not posted again before that can be told."""
    outbox = store.outbox(workspace)
    outbox.tell(NOTICE)
    workspace.order(Fault("chat.postMessage", is_reset=True, is_executed=True))
    workspace.order(Fault("conversations.history", error="internal_error", times=2))
    outbox.deliver()
    for _ in range(3):
        outbox.deliver()

    assert len(workspace.calls_of("chat.postMessage")) == 1
    assert len(alerts_in(workspace)) == 1


def test_an_alert_that_slack_refuses_does_not_hold_up_the_next(
    store: Store, workspace: RunningWorkspace
) -> None:
    """The second one stands there after the same round, the first after the next."""
    outbox = store.outbox(workspace)
    outbox.tell(NOTICE, Notice("two", "budget", "The second", ()))
    workspace.order(Fault("chat.postMessage", error="msg_too_long"))
    outbox.deliver()
    first_round = alerts_in(workspace)
    outbox.deliver()

    assert [text[:10] for text in first_round] == ["The second"]
    assert len(alerts_in(workspace)) == 2


def test_old_news_is_not_posted(store: Store, workspace: RunningWorkspace) -> None:
    """After a week without Slack an alert would confuse more than it helps."""
    outbox = store.outbox(workspace)
    outbox.tell(NOTICE)
    store.at += timedelta(days=8)
    outbox.deliver()

    assert alerts_in(workspace) == []


def test_what_belongs_to_an_alert_is_stored_with_it(store: Store) -> None:
    """If one of the two cannot be written, neither is."""

    def fail(_connection: Connection) -> None:
        raise ValueError

    outbox = store.outbox_of(None)
    with pytest.raises(ValueError, match=r"^$"):
        outbox.tell(NOTICE, beside=fail)
    kept = store.recorded(Kind.ALERT)
    outbox.tell(NOTICE)
    store.writer.close()
    with pytest.raises(StoreDownError):
        outbox.tell(Notice("two", "x", "Never", ()))

    assert kept == []
    assert len(store.recorded(Kind.ALERT)) == 1


@dataclass
class Blinded:
    """Posts, loses the answer, and may not look."""

    error: str
    posted: list[Post] = field(default_factory=list)

    def announce(self, channel: str, post: Post) -> None:
        self.posted.append(post)
        if len(self.posted) == 1:
            method = "chat.postMessage"
            raise SlackUncertainError(method, "ConnectionResetError")

    def has_announced(self, channel: str, ids: object, since: datetime) -> bool:
        method = "conversations.history"
        raise SlackRefusedError(method, self.error)


@pytest.mark.parametrize(("error", "posts"), [("missing_scope", 2), ("not_in_channel", 1)])
def test_where_nobody_can_ever_look_twice_is_better_than_never(
    store: Store, error: str, posts: int
) -> None:
    """Without the scope to read back it is posted again; else it waits for a look."""
    poster = Blinded(error)
    outbox = store.outbox_of(poster)
    outbox.tell(NOTICE)
    for _ in range(3):
        outbox.deliver()

    assert len(poster.posted) == posts


@dataclass
class Crowded:
    """A channel; another bot does something while the first post is on its way."""

    meanwhile: Callable[[], None] = lambda: None
    posted: list[Post] = field(default_factory=list)

    def announce(self, channel: str, post: Post) -> None:
        meanwhile, self.meanwhile = self.meanwhile, lambda: None
        meanwhile()
        self.posted.append(post)

    def has_announced(self, channel: str, ids: object, since: datetime) -> bool:
        return bool(self.posted)


def test_two_bots_on_one_database_post_an_alert_once(store: Store) -> None:
    """Whether the other one looks while it is posted, or has read the row before that."""
    poster = Crowded()
    one, two = store.outbox_of(poster), store.outbox_of(poster)
    one.tell(NOTICE)
    poster.meanwhile = two.deliver
    one.deliver()
    in_flight = len(poster.posted)
    one.tell(Notice("two", "x", "Title", ()))
    row = two._waiting()[0]  # noqa: SLF001  what the second bot has read already
    one.deliver()
    two._post(row)  # noqa: SLF001

    assert (in_flight, len(poster.posted)) == (1, 2)


def test_an_alert_whose_bot_was_killed_is_taken_over_after_some_minutes(store: Store) -> None:
    """Before that it may still be on its way; then it is looked for, and posted."""

    def die() -> None:
        raise SystemExit

    poster = Crowded(die)
    store.outbox_of(poster).tell(NOTICE)
    with pytest.raises(SystemExit):
        store.outbox_of(poster).deliver()
    posts = list[int]()
    for _ in range(3):
        store.at += timedelta(minutes=4)
        store.outbox_of(poster).deliver()
        posts.append(len(poster.posted))

    assert posts == [0, 0, 1]


def test_a_table_of_alerts_from_before_claims_is_taken_on(store: Store) -> None:
    """An older bot's alert that waits is posted."""
    store.outbox_of(None).tell(NOTICE)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE alerts DROP COLUMN claimed_us")
    poster = Crowded()
    store.outbox_of(poster).deliver()

    assert len(poster.posted) == 1


def test_a_withdrawn_rollout_is_told_even_if_the_store_fails_once(store: Store) -> None:
    """Its end and the alert are stored together, or neither is and the next look does both."""
    outbox = store.outbox_of(None)
    rollouts = Rollouts(store.engine, store.writer, lambda: store.at)
    rollouts.on_end = lambda one, ended: outbox.put(one, ended_notice(ended))
    rollouts.start(Rollout("r1", "loud", {"knowledge.floor": "0.3"}, 50, "c" * 64, store.at))
    table = "alerts"
    for old, new in ((table, "gone"), ("gone", table)):
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
        if new == "gone":
            with pytest.raises(StoreDownError):
                rollouts.end("r1", Ending.ROLLED_BACK, "3 of 3 voted answers down")
    still_open = rollouts.current()
    rollouts.end("r1", Ending.ROLLED_BACK, "3 of 3 voted answers down")

    assert still_open is not None
    assert rollouts.current() is None
    assert [one["signal"] for one in store.recorded(Kind.ALERT)] == ["rollout"]
    assert store.count("housevoice_alerts_total", signal="rollout") == 1


# From the log to the message


def plant(store: Store, now: datetime, rate: Callable[[datetime], int]) -> None:
    """Log four answers an hour for 35 days; ``rate`` says how many of the four are declined."""

    def write(connection: Connection) -> None:
        for hours in range(35 * 24, 0, -1):
            at = now - timedelta(hours=hours)
            for n in range(4):
                outcome = Outcome.DECLINED if n < rate(at) else Outcome.ANSWERED
                record: dict[str, Any] = {
                    "outcome": outcome,
                    "reason": "no evidence" if n < rate(at) else "",
                    "verdicts": ["kept"],
                    "timings_s": [["retrieval", 0.1], ["generation", 1.0]],
                }
                decisions.append(connection, Kind.ANSWER, f"{hours}/{n}", record, at)

    store.writer.run(write)


def drift_check(store: Store, outbox: Outbox) -> DriftCheck:
    """Build the check on a store."""
    return DriftCheck(store.engine, store.writer, outbox, store.metrics, lambda: store.at)


def test_a_planted_drop_leads_to_one_message_that_names_the_change(
    store: Store, workspace: RunningWorkspace
) -> None:
    """A raised floor: declines treble, and the message says what it was and how to take it back."""
    changed_at = store.at - timedelta(hours=12)
    plant(store, store.at, lambda at: 3 if at >= changed_at else at.hour % 2)
    for at, floor in ((changed_at - timedelta(days=30), 0.3), (changed_at, 0.6)):
        values = Configuration.from_values({"knowledge.floor": floor, "base": "smollm2"})
        store.writer.run(lambda one, v=values, t=at: note_start(one, v, t))  # type: ignore[misc]
    outbox = store.outbox(workspace)
    check = drift_check(store, outbox)

    for _ in range(3):  # three rounds, the last one after a restart
        check()
        outbox.deliver()
        outbox = store.outbox(workspace)
        check = drift_check(store, outbox)
        store.at += timedelta(hours=1)

    (message,) = alerts_in(workspace)
    assert message.startswith("More declined questions than before")
    assert "configuration knowledge.floor: 0.3 -> 0.6" in message
    assert "To undo it: set HOUSEVOICE_KNOWLEDGE__FLOOR=0.3 and start again" in message
    assert "smollm2" not in message  # what stayed as it was
    assert store.count("housevoice_drift_state", signal="decline") == 1
    assert store.count("housevoice_drift_state", signal="support") == 0


def test_quiet_weeks_bring_no_message(store: Store, workspace: RunningWorkspace) -> None:
    """The same answers hour after hour, and a change of settings that harmed nothing."""
    plant(store, store.at, lambda at: at.hour % 2)
    values = Configuration.from_values({"knowledge.floor": 0.3})
    store.writer.run(lambda one: note_start(one, values, store.at))
    outbox = store.outbox(workspace)
    drift_check(store, outbox)()
    outbox.deliver()

    assert alerts_in(workspace) == []


def test_counts_are_the_same_however_often_they_are_taken(store: Store) -> None:
    """The hour that has begun is counted anew, the others are left; the counts outlive the log."""

    def check() -> None:
        drift_check(store, store.outbox_of(None, channel=""))()

    store.at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    plant(store, datetime(2026, 3, 1, 12, 20, tzinfo=UTC), lambda _: 1)
    check()
    store.log(Kind.VOTE, "a", {"verdict": "down"}, store.at - timedelta(minutes=1))
    store.log(Kind.INDEX, "v", {"lag_s": 90.0, "sources": {}}, store.at - timedelta(minutes=1))
    store.log(Kind.INDEX, "v", {"lag_s": None, "sources": {}}, store.at - timedelta(minutes=1))
    check()
    store.writer.run(lambda one: decisions.expire(one, store.at, most=5_000))
    check()
    with store.engine.connect() as connection:
        history = tallies.history(connection)

    totals = {signal: [0, 0] for signal in ("decline", "empty_retrieval", "support", "down_vote")}
    for bucket in history.buckets:
        totals[bucket.signal][0] += bucket.n
        totals[bucket.signal][1] += bucket.hits
    assert totals["decline"] == [35 * 24 * 4, 35 * 24]
    assert totals["empty_retrieval"] == [35 * 24 * 4, 0]
    assert totals["support"] == [35 * 24 * 4, 35 * 24 * 4]
    assert totals["down_vote"] == [1, 1]
    counted = {one.signal: 0 for one in history.timings}
    for timing in history.timings:
        counted[timing.signal] += sum(timing.counts)
    assert counted == {"slow": 35 * 24 * 4, "revocation_lag": 1}


def test_an_answer_that_was_made_twice_counts_once(store: Store) -> None:
    """Its readers changed while it was made: the one that was shown counts."""
    record = {"outcome": "answered", "reason": "", "verdicts": [], "timings_s": []}
    at = store.at.replace(minute=0)
    for outcome in ("answered", "declined"):
        store.log(Kind.ANSWER, "a1", record | {"outcome": outcome}, at)
    store.log(Kind.ANSWER, "a2", record | {"outcome": "busy"}, at)
    with store.engine.connect() as connection:
        (tally,) = tallies.uncounted(connection, store.at).values()

    assert tally.trials == {"decline": [1, 1], "empty_retrieval": [1, 0]}
    assert tally.seconds == {}


def votes_counted(store: Store) -> dict[datetime, list[int]]:
    """Make a round, and return how many votes there were by hour, and how many down."""
    drift_check(store, store.outbox_of(None, channel=""))()
    with store.engine.connect() as connection:
        buckets = tallies.history(connection).buckets
    return {one.hour: [one.n, one.hits] for one in buckets if one.signal == "down_vote"}


def vote(store: Store, verdict: str, instead_of: str = "") -> None:
    """Log a vote on one answer, now."""
    record = {"verdict": verdict, "instead_of": instead_of}
    store.log(Kind.VOTE, "a1", record, store.at)


def test_a_changed_mind_moves_a_vote_instead_of_adding_one(store: Store) -> None:
    """Up and down for hours is one vote, where it ended; another person's stays where it is."""
    store.at = at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    vote(store, "up")
    vote(store, "up")
    at_noon = votes_counted(store)
    store.at += timedelta(hours=1)
    for n in range(21):
        vote(store, *(("down", "up") if n % 2 == 0 else ("up", "down")))
    at_one = votes_counted(store)
    store.at += timedelta(days=2)
    store.log(Kind.VOTE, "a2", {"verdict": "up", "instead_of": ""}, store.at)
    votes_counted(store)
    vote(store, "up", "down")  # too late to move
    later = votes_counted(store)
    noon = at.replace(minute=0)
    one = noon + timedelta(hours=1)

    assert at_noon == {noon: [2, 0]}
    assert at_one == {noon: [1, 0], one: [1, 1]}
    assert later == at_one | {one + timedelta(days=2): [1, 0]}


def test_a_vote_that_moved_leaves_nothing_behind(store: Store) -> None:
    """Its hour, in which there was nothing else, is counted as empty."""
    store.at = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    vote(store, "down")
    votes_counted(store)
    store.at += timedelta(hours=1)
    vote(store, "up", "down")

    assert votes_counted(store) == {datetime(2026, 3, 1, 13, tzinfo=UTC): [1, 0]}


def test_a_clock_that_was_ahead_does_not_blind_the_tallies(store: Store) -> None:
    """After a month's jump and back everything is counted again, and nothing of the future."""
    store.at = at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    vote(store, "down")
    votes_counted(store)
    store.at = at + timedelta(days=40)
    vote(store, "down")
    ahead = votes_counted(store)
    store.at = at + timedelta(hours=2)
    vote(store, "up")

    assert ahead == {at + timedelta(days=40): [1, 1]}
    assert votes_counted(store) == {at: [1, 1], at + timedelta(hours=2): [1, 0]}
