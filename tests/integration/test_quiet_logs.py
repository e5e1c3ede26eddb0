"""T16: what people ask, what documents say and what the bot replies stays out of every log."""

import json
import logging
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import structlog
from asking import a_passage, an_answerer
from fakes import ScriptedResponder
from running_bot import Bot, Parts, running_bot, shown, wait_for_reply
from slack_bolt import BoltRequest

from adapters.errors import GenerationError
from adapters.responder import Generate
from bot.tracing import configure, note
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_HELP,
    SEED_TEAM,
    demo_seed,
    seed_dm,
)
from knowledge.errors import ParseError

WEB_CLIENT = "slack_sdk.web.base_client"
ASKED = "@housevoice how many days of annual leave do I get, {}?"


@dataclass
class Plants:
    """Tokens that stand in one text each, and must stand in no log."""

    chance: random.Random = field(default_factory=lambda: random.Random(16))  # noqa: S311 - repeatable
    tokens: list[str] = field(default_factory=list)

    def new(self) -> str:
        """Return a new token; it is one word, and no number."""
        self.tokens.append("zq" + "".join(self.chance.choices("bcdfghjkmnpqrstvwxz", k=14)))
        return self.tokens[-1]

    def in_text(self, text: str) -> list[str]:
        """Return the tokens that a text holds."""
        return [token for token in self.tokens if token in text]


@dataclass
class Logs:
    """Everything that was logged or printed, by whomever."""

    streams: pytest.CaptureFixture[str]
    records: pytest.LogCaptureFixture
    printed: list[str] = field(default_factory=list)

    def text(self) -> str:
        """Return all of it so far."""
        self.printed += self.streams.readouterr()
        told = [logging.Formatter().format(record) for record in self.records.records]
        return "\n".join([*self.printed, *told])


@pytest.fixture
def logs(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Iterator[Logs]:
    """Log as the program does by default."""
    configure("INFO")
    yield Logs(capsys, caplog)
    structlog.reset_defaults()


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def a_house(plants: Plants, said: str | Callable[[Generate], str]) -> Parts:
    """Build an answerer whose documents hold tokens, in text, title and address."""
    leave = f"You get 25 days of annual leave, {plants.new()} says so."
    pages = [
        a_passage(leave, name=f"leave-{plants.new()}", title=f"Leave {plants.new()}"),
        a_passage(f"The {plants.new()} is closed.", name="closed"),
    ]
    return Parts(answerer=an_answerer(pages, ScriptedResponder(said)))


def ask(workspace: RunningWorkspace, plants: Plants, *, thread_ts: str = "", nth: int = 1) -> str:
    """Ask, wait for the reply, and return the root of the thread."""
    text = ASKED.format(plants.new())
    ts = workspace.say(SEED_EMPLOYEE, SEED_HELP, text, thread_ts=thread_ts)
    wait_for_reply(workspace, SEED_HELP, thread_ts or ts, nth=nth)
    return thread_ts or ts


def test_a_success_logs_no_text(workspace: RunningWorkspace, tmp_path: Path, logs: Logs) -> None:
    """Question, follow-up, edit, deletion, vote, command: five lines of ids and figures."""
    plants = Plants()
    parts = a_house(plants, f"Your annual leave is 25 days. So says {plants.new()}.")
    with running_bot(workspace, tmp_path, parts) as bot:
        root = ask(workspace, plants)
        ask(workspace, plants, thread_ts=root, nth=2)
        answer = workspace.thread(SEED_HELP, root)[0]
        row = bot.answer_at(SEED_HELP, answer.ts)
        workspace.click(SEED_EMPLOYEE, SEED_HELP, answer.ts, f"v1:{row.answer_id}:up")
        workspace.edit(SEED_EMPLOYEE, SEED_HELP, root, ASKED.format(plants.new()))
        workspace.delete(SEED_EMPLOYEE, SEED_HELP, root)
        workspace.say(SEED_ADMIN, seed_dm(SEED_ADMIN), plants.new())
        workspace.command(SEED_ADMIN, SEED_HELP, f"/housevoice {plants.new()} {plants.new()}")
        workspace.wait_until(lambda: bot.votes(row.answer_id) != [])
        workspace.wait_until_settled()
        bot.worker.finish()
        posted = " ".join(shown(workspace, SEED_HELP, root))
    logged = logs.text()

    assert plants.in_text(posted)
    assert plants.in_text(logged) == []
    lines = [json.loads(line) for line in logged.splitlines() if line.startswith("{")]
    assert [line["outcome"] for line in lines if line["event"] == "question"][:2] == [
        "answered",
        "answered",
    ]


def test_a_remark_logs_its_reason_alone(
    workspace: RunningWorkspace, tmp_path: Path, logs: Logs
) -> None:
    """Stored, forged or with the store down: not a word of what stands in the form."""
    plants = Plants()
    with running_bot(workspace, tmp_path, a_house(plants, "Your annual leave is 25 days.")) as bot:
        root = ask(workspace, plants)
        answer = workspace.thread(SEED_HELP, root)[0]
        answer_id = bot.answer_at(SEED_HELP, answer.ts).answer_id
        workspace.click(SEED_EMPLOYEE, SEED_HELP, answer.ts, f"v1:{answer_id}:down")
        workspace.wait_until(lambda: bot.votes(answer_id) != [])
        for named in (answer_id, plants.new()):
            assert submit(bot, named, plants.new()) == 200
        with bot.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE remarks RENAME TO gone")
        assert submit(bot, answer_id, plants.new()) == 200
        assert submit(bot, answer_id, plants.new(), reason=plants.new()) == 200
    logged = logs.text()

    assert plants.in_text(logged) == []
    for told in ("remark_wrong", "remark_refused", "StoreDownError", "malformed_remark"):
        assert told in logged


def submit(bot: Bot, answer_id: str, text: str, *, reason: str = "wrong") -> int | None:
    """Send a form with a text, and return what Bolt answers."""
    values = {
        "reason": {"choice": {"selected_option": {"value": reason}}},
        "correction": {"text": {"value": text}},
    }
    body = {
        "type": "view_submission",
        "team": {"id": SEED_TEAM},
        "user": {"id": SEED_EMPLOYEE, "team_id": SEED_TEAM},
        "trigger_id": text,
        "view": {
            "type": "modal",
            "callback_id": "remark",
            "private_metadata": answer_id,
            "state": {"values": values},
        },
    }
    return bot.app.dispatch(BoltRequest(body=body, mode="socket_mode")).status


@pytest.mark.parametrize(
    "fail",
    [
        RuntimeError,
        ValueError,
        GenerationError,
        MemoryError,
        lambda text: ParseError("page.md", text),
        lambda text: UnicodeDecodeError("utf-8", text.encode(), 0, 1, text),
    ],
)
def test_a_failure_logs_its_kind_alone(
    workspace: RunningWorkspace, tmp_path: Path, logs: Logs, fail: Callable[[str], Exception]
) -> None:
    """An exception may quote the whole prompt: neither Slack nor the log sees a word of it."""
    plants = Plants()

    def break_down(request: Generate) -> str:
        text = f"{request.messages} {plants.new()}"
        raise fail(text)

    with running_bot(workspace, tmp_path, a_house(plants, break_down)):
        root = ask(workspace, plants)
        workspace.wait_until_settled()
        posted = " ".join(shown(workspace, SEED_HELP, root))
    logged = logs.text()

    assert plants.in_text(f"{logged} {posted}") == []
    assert '"outcome": "failed"' in logged


def test_a_crash_of_what_is_around_logs_no_text(
    workspace: RunningWorkspace, tmp_path: Path, logs: Logs
) -> None:
    """Slack answers nonsense, cuts the line, refuses; a job dies; the ledger is gone."""
    plants = Plants()
    with running_bot(workspace, tmp_path, a_house(plants, "Your annual leave is 25 days.")) as bot:
        for fault in (
            Fault("chat.update", status=200, body=f"<html>{plants.new()}"),
            Fault("chat.update", is_reset=True),
            Fault("chat.postMessage", status=500, body=plants.new()),
        ):
            workspace.order(fault)
            ask(workspace, plants)
        bot.worker.submit(lambda: die_of(plants.new()), asker="")
        with bot.engine.begin() as connection:
            connection.exec_driver_sql("ALTER TABLE answers RENAME TO gone")
        workspace.say(SEED_EMPLOYEE, SEED_HELP, ASKED.format(plants.new()))
        workspace.wait_until(lambda: "OperationalError" in logs.text())

    assert plants.in_text(logs.text()) == []
    assert "RuntimeError" in logs.text()
    assert "base_client" in logs.text()  # slack_sdk would have quoted the nonsense


def die_of(text: str) -> None:
    """End a job with an error that quotes a text."""
    raise RuntimeError(text)


def test_slacks_own_packages_say_where_but_not_what(
    workspace: RunningWorkspace, tmp_path: Path, logs: Logs
) -> None:
    """The socket's client quotes every frame that it does not understand."""
    plants = Plants()
    with running_bot(workspace, tmp_path, Parts()) as bot:
        for name in (bot.app.logger.name, "slack_bolt.IgnoringSelfEvents", WEB_CLIENT):
            logger = logging.getLogger(name)
            logger.warning("Received an unsupported data frame (payload: %s)", plants.new())
            try:
                die_of(plants.new())
            except RuntimeError:
                logger.exception("Failed to run a message listener: %s", plants.new())

    assert plants.in_text(logs.text()) == []
    assert logs.text().count("(RuntimeError)") == 3


def test_a_log_that_quotes_is_caught(logs: Logs) -> None:
    """Whatever way it takes: a print, a logger, a field that may be logged."""
    plants = Plants()
    print(plants.new())  # noqa: T201 - that is the point
    logging.getLogger("some.library").warning(plants.new())
    note(reason=plants.new())

    assert plants.in_text(logs.text()) == plants.tokens
