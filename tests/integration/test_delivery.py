"""One reply per question, whatever Slack redelivers and wherever the process is killed (T7).

A seeded schedule delivers each event one to four times in any order, makes Slack's answers to
posts and updates go wrong, and kills the process at chosen calls to Slack or the database. The
workspace, the Slack client, the database and the bot's own parts are real; only the threads
of desk and worker are replaced by steps, so that a seed always runs the same.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pytest
from running_bot import GivenReaders, ScriptedAnswerer, open_to_everyone, utc_now
from slack_sdk import WebClient
from slack_sdk.http_retry import default_retry_handlers
from sqlalchemy import Connection, Engine, event

from adapters import ledger
from bot.arrivals import OpenQuestion
from bot.database import Writer, open_engine
from bot.errors import QueueFullError
from bot.inbox import Inbox
from bot.listeners.delivery import Delivery
from bot.listeners.desk import Desk
from bot.listeners.feedback import Feedback
from bot.listeners.ingress import Ingress
from bot.listeners.questions import BotUser
from bot.listeners.replies import Replies
from bot.memory import Memory
from bot.worker import Worker
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_BOT,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_HELP,
    SEED_MANAGER,
    SEED_TEAM,
    demo_seed,
)

T = TypeVar("T")
US = BotUser(SEED_TEAM, SEED_BOT, "B0HOUSEVOICE")
PEOPLE = (SEED_EMPLOYEE, SEED_ENGINEER, SEED_MANAGER)


class Killed(BaseException):
    """The process is gone; no handler of the bot may hold this up."""


class Life:
    """How many calls to Slack and the database a process has left."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def spend(self) -> None:
        """Die, if this was the last one."""
        self._left -= 1
        if self._left <= 0:
            raise Killed


class MortalClient(WebClient):
    """A Slack client whose process can be killed before and after each call."""

    life = Life(1_000_000)

    def api_call(self, *args: Any, **kwargs: Any) -> Any:
        self.life.spend()
        answer = super().api_call(*args, **kwargs)
        self.life.spend()
        return answer


@dataclass
class MortalWriter:
    """A writer whose process can be killed before and after each commit."""

    writer: Writer
    life: Life

    def run(self, job: Callable[[Connection], T]) -> T:
        self.life.spend()
        result = self.writer.run(job)
        self.life.spend()
        return result

    def execute(self, statement: Any) -> int:
        return self.run(lambda connection: connection.execute(statement).rowcount)


@dataclass
class StepWorker:
    """Runs each job at once, or has no room for it."""

    chance: random.Random

    def submit(self, job: Callable[[], None], *, asker: str) -> None:
        if self.chance.random() < 0.1:
            raise QueueFullError(8)
        job()


@dataclass(frozen=True)
class House:
    """What outlives a process: Slack, and the database."""

    workspace: RunningWorkspace
    engine: Engine
    writer: Writer
    event_numbers: Iterator[int] = field(default_factory=count)


@dataclass(frozen=True)
class Design:
    """How the bot is built; the known-bad doubles differ in one point."""

    has_default_retries: bool = False
    delivery: type[Delivery] = Delivery


class Process:
    """One process of the bot, from its start to its end."""

    def __init__(self, house: House, design: Design, life: Life, chance: random.Random) -> None:
        writer: Any = MortalWriter(house.writer, life)
        inbox = Inbox(house.engine, writer, utc_now)
        writes = _client(house.workspace, life, default=design.has_default_retries)
        delivery = design.delivery(writes, _client(house.workspace, life, default=False), US.user)
        replies = Replies(
            ScriptedAnswerer().work,
            GivenReaders(),
            Memory(house.engine, open_to_everyone),
            house.engine,
            inbox,
            delivery,
        )
        self._time_s = 0.0
        worker: Any = StepWorker(chance)
        self._desk = Desk(replies, worker, clock=lambda: self._time_s)
        self._ingress = Ingress(US, inbox, lambda _: None, lambda: None, lambda: True)
        self._courtesies = Worker(capacity=1)
        self._courtesies.finish()  # no thanks here: they have tests of their own
        self._feedback = Feedback(US, writer, delivery, self._courtesies)

    def deliver(self, body: dict[str, Any]) -> bool:
        """Bring one payload; return whether it was acknowledged."""
        if body["type"] == "event_callback":
            answer = self._ingress.on_request(body, lambda: None)
            return answer is not None and answer.status == 200
        acks = list[bool]()
        self._feedback.on_click(body, lambda: acks.append(True))
        return bool(acks)

    def work(self, steps: int) -> None:
        """Let the desk do some steps."""
        for _ in range(steps):
            self._desk.step()

    def finish(self) -> None:
        """Let the desk work until nothing is left, not even what it tries again later."""
        while self._desk.step() or self._passes_time():
            pass

    def _passes_time(self) -> bool:
        self._time_s += 60.0
        return self._desk.step()


def _client(workspace: RunningWorkspace, life: Life, *, default: bool) -> WebClient:
    handlers = default_retry_handlers() if default else []
    client = MortalClient(
        token=workspace.bot_token, base_url=workspace.api_url, retry_handlers=handlers
    )
    client.life = life
    return client


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    """One workspace and one database for many schedules; each has threads of its own."""
    engine = open_engine(f"sqlite:///{tmp_path / 'bot.db'}")

    @event.listens_for(engine, "connect")
    def no_power_is_lost_here(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA synchronous=OFF")  # a kill leaves the page cache

    ledger.create_tables(engine)
    writer = Writer(engine)
    with running_workspace(demo_seed(events=())) as workspace:
        yield House(workspace, engine, writer)
    writer.close()
    engine.dispose()


def envelopes(house: House, user: str, ts: str, chance: random.Random) -> list[dict[str, Any]]:
    """Build the events of one question: a mention, a message or both, one to four times each."""
    kinds = chance.choice((["app_mention"], ["message"], ["app_mention", "message"]))
    bodies = list[dict[str, Any]]()
    for kind in kinds:
        asked = {"user": user, "channel": SEED_HELP, "ts": ts, "team": SEED_TEAM}
        text = f"<@{SEED_BOT}> days off?"
        typed = asked | {"type": kind, "text": text}
        body = {
            "type": "event_callback",
            "event_id": f"Ev{next(house.event_numbers)}",
            "team_id": SEED_TEAM,
            "is_ext_shared_channel": False,
            "event": typed | ({"channel_type": "channel"} if kind == "message" else {}),
        }
        bodies += [body] * chance.randint(1, 4)
    return bodies


def some_faults(house: House, chance: random.Random) -> None:
    """Let a few coming calls go wrong, with and without effect."""
    workspace = house.workspace
    for method in ("chat.postMessage", "chat.update", "conversations.replies"):
        for _ in range(chance.randint(0, 2)):
            plain = Fault(method, nth=chance.randint(1, 4), is_executed=chance.random() < 0.5)
            kinds: list[dict[str, Any]] = [
                {"is_reset": True},
                {"status": 500},
                {"error": "internal_error"},
                {"status": 503, "body": '{"ok": false, "error": "service_unavailable"}'},
                {"retry_after_s": 1, "is_executed": False},
            ]
            workspace.order(replace(plain, **chance.choice(kinds)))


def run_schedule(house: House, design: Design, seed: int) -> list[str]:
    """Run one schedule to its end and return what is wrong with what people see."""
    chance = random.Random(seed)  # noqa: S311  a schedule, no secret
    workspace = house.workspace
    asked = [
        workspace.say(user, SEED_HELP, "@housevoice days off?")
        for user in chance.choices(PEOPLE, k=chance.randint(1, 3))
    ]
    waiting = [body for ts in asked for body in envelopes(house, chance.choice(PEOPLE), ts, chance)]
    chance.shuffle(waiting)
    some_faults(house, chance)
    lives = [chance.randint(1, 40) for _ in range(chance.randint(0, 3))]
    _live_through(house, design, waiting, chance, lives)
    workspace.state.faults.clear()
    return [*_wrong_replies(workspace, asked), *_wrong_votes(house, design, asked, chance)]


def _live_through(
    house: House,
    design: Design,
    waiting: list[dict[str, Any]],
    chance: random.Random,
    lives: list[int],
) -> None:
    for calls in [*lives, 1_000_000]:
        try:
            process = Process(house, design, Life(calls), chance)
            while waiting:
                if process.deliver(waiting[-1]):  # not acknowledged: Slack brings it again
                    waiting.pop()
                process.work(chance.randint(0, 3))
            process.finish()
        except Killed:
            continue


def _wrong_replies(workspace: RunningWorkspace, asked: list[str]) -> list[str]:
    wrong = list[str]()
    for ts in asked:
        mine = [one for one in workspace.thread(SEED_HELP, ts) if one.bot_id]
        if len(mine) != 1:
            wrong.append(f"{len(mine)} replies to {ts}")
        elif "Looking" in str(mine[0].blocks):
            wrong.append(f"no end of the wait for {ts}")
    strays = [one.ts for one in workspace.messages(SEED_HELP) if one.bot_id and not one.thread_ts]
    return [*wrong, *(f"{ts} stands outside a thread" for ts in strays)]


def _wrong_votes(
    house: House, design: Design, asked: list[str], chance: random.Random
) -> list[str]:
    answer = _answer_below(house, asked[0])
    if answer is None:
        return []
    clicks = [_click(answer, at, chance.choice(("up", "down"))) for at in (8.5, 9.25, 10.125)]
    arriving = [click for click in clicks for _ in range(chance.randint(1, 4))]
    chance.shuffle(arriving)
    lives = [chance.randint(1, 8) for _ in range(chance.randint(0, 2))]
    _live_through(house, design, arriving, chance, lives)
    with house.engine.connect() as connection:
        votes = ledger.votes_of(connection, answer.answer_id)
    expected = clicks[-1]["actions"][0]["value"].rpartition(":")[2]
    return [] if [vote.verdict for vote in votes] == [expected] else [f"votes {votes}"]


def _answer_below(house: House, root_ts: str) -> ledger.AnswerRow | None:
    mine = [one for one in house.workspace.thread(SEED_HELP, root_ts) if one.bot_id]
    with house.engine.connect() as connection:
        return ledger.answer_at(connection, SEED_TEAM, SEED_HELP, mine[0].ts) if mine else None


def _click(answer: ledger.AnswerRow, at: float, verdict: str) -> dict[str, Any]:
    value = f"v1:{answer.answer_id}:{verdict}"
    return {
        "type": "block_actions",
        "team": {"id": SEED_TEAM},
        "user": {"id": SEED_MANAGER, "team_id": SEED_TEAM},
        "container": {"message_ts": answer.message_ts, "channel_id": SEED_HELP},
        "actions": [{"action_id": "answer_feedback", "value": value, "action_ts": str(at)}],
    }


@pytest.mark.parametrize("block", range(6))
def test_every_question_gets_exactly_one_reply(house: House, block: int) -> None:
    """300 schedules of redelivery, faults and kills: one visible reply each, the last vote."""
    for seed in range(50 * block, 50 * block + 50):
        assert run_schedule(house, Design(), seed) == [], f"seed {seed}"


class ForgetfulDelivery(Delivery):
    """The known-bad double that posts again without looking."""

    def find_placeholder(self, question: OpenQuestion) -> str | None:
        return None


@pytest.mark.parametrize(
    "double",
    [Design(has_default_retries=True), Design(delivery=ForgetfulDelivery)],
    ids=["automatic retry of chat.postMessage", "no reading back"],
)
def test_a_double_that_posts_twice_is_caught(house: House, double: Design) -> None:
    """The same schedules find both ways to answer one question twice."""
    found = (run_schedule(house, double, seed) for seed in range(1000, 1100))

    assert any("2 replies" in str(wrong) for wrong in found)
