"""The bot's runtime with real parts, a scripted answer and given readers, for several tests."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slack_bolt import App
from sqlalchemy import Engine

from adapters import ledger, remarks
from bot import decisions
from bot.audience import Place
from bot.conversation import Answer, Outcome, Question, Reply, Sentence, Source, Trace
from bot.database import Writer, open_engine
from bot.errands import Errands
from bot.inbox import Inbox
from bot.listeners.commands import Commands, Status
from bot.listeners.delivery import Delivery, reading_client, reporting_client, writing_client
from bot.listeners.desk import Desk
from bot.listeners.exporting import Exported, Exporting
from bot.listeners.feedback import Feedback
from bot.listeners.ingress import Ingress
from bot.listeners.questions import BotUser
from bot.listeners.reindexing import Reindexed, Reindexing
from bot.listeners.remarks import Remarks
from bot.listeners.replies import Replies, Spans
from bot.listeners.runner import Listeners, SlackRunner, Threads, build_app, who_we_are
from bot.memory import Memory
from bot.monitoring.metrics import Metrics
from bot.worker import Worker
from bot.worksheet import Working
from bot.workspace.running import RunningWorkspace
from knowledge.access import Audience
from knowledge.retrieval import RolesOf

EVERYBODY = Audience.from_role_sets([{"everyone"}])
SOURCE = Source(1, "Handbook", "https://kb.example/handbook", "handbook:leave.md")


def utc_now() -> datetime:
    """The time of day."""
    return datetime.now(UTC)


@dataclass
class ScriptedAnswerer:
    """Says its line and remembers what it was asked; ``before`` runs first."""

    line: str = "You get 30 days."
    heard: list[Question] = field(default_factory=list)
    before: Callable[[Question], None] = lambda _: None

    def work(self, question: Question) -> Working:
        self.heard.append(question)
        self.before(question)
        return Working(question, self._answer(question))

    def _answer(self, question: Question) -> Answer:
        if question.audience is None:
            return Answer(Reply(Outcome.DECLINED, (Sentence("I do not know."),)), Trace(""))
        sentence = Sentence(self.line, (1,))
        reply = Reply(Outcome.ANSWERED, (sentence,), sources=(SOURCE,))
        return Answer(reply, Trace(question.audience.fingerprint))


def open_to_everyone(doc_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """A catalogue in which every document is there, for everyone."""
    return dict.fromkeys(doc_ids, frozenset({"everyone"}))


@dataclass
class GivenReaders:
    """Readers as a test says; ``now`` is used up one by one, then the last one stays."""

    now: list[Audience | None] = field(default_factory=lambda: [EVERYBODY])
    heard: list[Mapping[str, Any]] = field(default_factory=list)

    def audience_of(self, place: Place) -> Audience | None:
        return self.audience_now(place)

    def audience_now(self, place: Place) -> Audience | None:
        return self.now.pop(0) if len(self.now) > 1 else self.now[0]

    def notice(self, event: Mapping[str, Any]) -> None:
        self.heard.append(event)


@dataclass
class Bot:
    """One process of the bot, as far as a test needs to reach into it."""

    engine: Engine
    writer: Writer
    inbox: Inbox
    errands: Errands
    delivery: Delivery
    replies: Replies
    worker: Worker
    courtesies: Worker
    desk: Desk
    app: App
    runner: SlackRunner
    us: BotUser

    def votes(self, answer_id: str) -> list[tuple[str, str]]:
        """Who voted how."""
        with self.engine.connect() as connection:
            return [(vote.user, vote.verdict) for vote in ledger.votes_of(connection, answer_id)]

    def answer_at(self, channel: str, ts: str) -> ledger.AnswerRow:
        """The row of a reply."""
        with self.engine.connect() as connection:
            row = ledger.answer_at(connection, self.us.team, channel, ts)
        assert row is not None
        return row


@dataclass(frozen=True)
class Parts:
    """What a test may put in place of the usual."""

    answerer: ScriptedAnswerer = field(default_factory=ScriptedAnswerer)
    readers: GivenReaders = field(default_factory=GivenReaders)
    admins: frozenset[str] = frozenset()
    is_full_member: Callable[[str], bool] = lambda _: True
    roles_of: RolesOf = open_to_everyone
    reindex: Callable[[str | None, Callable[[int, int], None]], Reindexed] = (
        lambda _source, _progress: Reindexed({"documents": 3})
    )
    export: Callable[[str], Exported] = lambda _user: Exported("2026-11-21-0123456789ab", {}, {})
    metrics: Metrics = field(default_factory=Metrics)
    spans: Spans | None = None
    capacity: int = 8
    first_delay_s: float = 0.05


def build_bot(workspace: RunningWorkspace, folder: Path, parts: Parts) -> Bot:
    """Put a bot together; nothing is connected yet."""
    writes = writing_client(workspace.bot_token, workspace.api_url)
    reads = reading_client(workspace.bot_token, workspace.api_url)
    us = who_we_are(reads)
    engine = open_engine(f"sqlite:///{folder / 'bot.db'}")
    writer = Writer(engine)
    ledger.create_tables(engine)
    remarks.create_tables(engine)
    decisions.create_tables(engine)
    inbox = Inbox(engine, writer, utc_now)
    errands = Errands(engine, writer, utc_now)
    delivery = Delivery(writes, reads, us.user)
    memory = Memory(engine, parts.roles_of)
    replies = Replies(
        parts.answerer.work,
        parts.readers,
        memory,
        engine,
        inbox,
        delivery,
        parts.metrics,
        parts.spans,
    )
    worker = Worker(capacity=parts.capacity)
    courtesies = Worker(capacity=100, name="courtesies")
    desk = Desk(replies, worker, first_delay_s=parts.first_delay_s)
    reports = Delivery(reporting_client(workspace.bot_token, workspace.api_url), reads, us.user)
    reindexing = Reindexing(parts.reindex, parts.admins.__contains__, errands, reports)
    exporting = Exporting(parts.export, parts.admins.__contains__, errands, reports)

    def status() -> Status:
        return Status(7200.0, 853, 4212, "smollm2", "none", worker.waiting)

    listeners = Listeners(
        Ingress(us, inbox, parts.readers.notice, desk.wake, lambda: desk.is_open),
        Feedback(us, writer, delivery, courtesies, metrics=parts.metrics),
        Remarks(engine, writer, delivery, courtesies, 30, 365, utc_now, parts.metrics),
        Commands(us, parts.admins, parts.is_full_member, status, reindexing, exporting),
        "/housevoice",
    )
    app = build_app(writes, listeners)
    threads = Threads(desk, courtesies, writer)
    runner = SlackRunner(app, workspace.app_token, threads, resume=reindexing.resume)
    return Bot(
        engine, writer, inbox, errands, delivery, replies, worker, courtesies, desk, app, runner, us
    )


@contextmanager
def running_bot(workspace: RunningWorkspace, folder: Path, parts: Parts) -> Iterator[Bot]:
    """Run a bot against a workspace, connected, for as long as the block runs."""
    bot = build_bot(workspace, folder, parts)
    bot.runner.start()
    try:
        workspace.wait_until_connected()
        yield bot
    finally:
        bot.runner.stop(5.0)
        bot.engine.dispose()


def shown(workspace: RunningWorkspace, channel: str, root_ts: str) -> list[str]:
    """What stands in a thread from the bot, every text of every block."""
    thread = workspace.thread(channel, root_ts)
    return [" ".join(_texts(list(one.blocks))) for one in thread if one.bot_id]


def wait_for_reply(workspace: RunningWorkspace, channel: str, root_ts: str, *, nth: int = 1) -> str:
    """Wait until the nth message of the bot in a thread is no placeholder, and return it."""

    def is_there() -> bool:
        replies = shown(workspace, channel, root_ts)
        return len(replies) >= nth and not replies[nth - 1].startswith("Looking")

    workspace.wait_until(is_there)
    return shown(workspace, channel, root_ts)[nth - 1]


def _texts(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("text"), str):
            yield node["text"]
        yield from _texts([value for value in node.values() if isinstance(value, (dict, list))])
    if isinstance(node, list):
        for one in node:
            yield from _texts(one)
