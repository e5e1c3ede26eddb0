"""A burst, a flood and a stop: acks stay quick, everybody is told, nothing is lost (T8)."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event, current_thread
from time import monotonic, sleep

import pytest
from running_bot import (
    Bot,
    Parts,
    ScriptedAnswerer,
    build_bot,
    running_bot,
    shown,
    wait_for_reply,
)
from slack_sdk.socket_mode.builtin import SocketModeClient

from bot.conversation import Question
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_FINANCE,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    demo_seed,
)

PEOPLE = (SEED_ADMIN, SEED_EMPLOYEE, SEED_ENGINEER, SEED_FINANCE, SEED_HR, SEED_MANAGER)
MENTIONS = 200
VOTES = 40


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


class BusyModel:
    """An answer that takes as long as a test wants; torch lets other threads run meanwhile."""

    def __init__(self) -> None:
        self.started, self.may_end = Event(), Event()

    def __call__(self, _: Question) -> None:
        self.started.set()
        self.may_end.wait(timeout=60)


def all_told(workspace: RunningWorkspace, asked: list[str]) -> bool:
    """Tell whether each question has one reply that is no placeholder."""
    replies = [shown(workspace, SEED_HELP, ts) for ts in asked]
    return all(len(one) == 1 and not one[0].startswith("Looking") for one in replies)


@pytest.mark.serial
def test_a_burst_is_acknowledged_while_the_model_is_busy(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """200 mentions and 40 votes beside a busy model: p99 under 500 ms, each vote stored."""
    model, answerer = BusyModel(), ScriptedAnswerer()
    with running_bot(workspace, tmp_path, Parts(answerer=answerer)) as bot:
        first = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        wait_for_reply(workspace, SEED_HELP, first)
        (reply,) = workspace.thread(SEED_HELP, first)
        answer_id = bot.answer_at(SEED_HELP, reply.ts).answer_id
        answerer.before = model
        asked = [workspace.say(SEED_HR, SEED_HELP, "@housevoice busy?")]
        assert model.started.wait(timeout=5)
        _burst(workspace, asked, reply.ts, answer_id)
        workspace.wait_until_settled(timeout_s=30)
        votes = bot.votes(answer_id)
        model.may_end.set()
        workspace.wait_until(lambda: all_told(workspace, asked), timeout_s=60)

    latencies_s = sorted(ack.latency_s for ack in workspace.acks)
    assert len(latencies_s) >= MENTIONS + VOTES
    assert latencies_s[int(0.99 * len(latencies_s))] < 0.5
    assert latencies_s[-1] < 2.5
    assert votes == [(user, "down") for user in sorted(PEOPLE)]


def _burst(workspace: RunningWorkspace, asked: list[str], ts: str, answer_id: str) -> None:
    for n in range(MENTIONS):
        asked.append(workspace.say(PEOPLE[n % 6], SEED_HELP, "@housevoice and that?"))
        if n % (MENTIONS // VOTES) == 0:
            workspace.click(PEOPLE[n // 5 % 6], SEED_HELP, ts, f"v1:{answer_id}:down")


def test_a_flood_by_one_does_not_hold_up_another(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Forty questions of one person wait; a colleague's single one is answered second or third."""
    model, order = BusyModel(), list[str]()

    def answer(question: Question) -> None:
        order.append(question.text)
        model(question)

    parts = Parts(answerer=ScriptedAnswerer(before=answer))
    with running_bot(workspace, tmp_path, parts):
        asked = [workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice flood 0")]
        assert model.started.wait(timeout=5)
        asked += [
            workspace.say(SEED_EMPLOYEE, SEED_HELP, f"@housevoice flood {n}") for n in range(1, 41)
        ]
        asked.append(workspace.say(SEED_MANAGER, SEED_HELP, "@housevoice single"))
        workspace.wait_until(lambda: len(workspace.calls_of("chat.postMessage")) == len(asked))
        model.may_end.set()
        workspace.wait_until(lambda: all_told(workspace, asked))

    assert order.index("single") <= 2


def serve(api_url: str, folder: str) -> None:
    """Run the bot in a process of its own, as ``housevoice serve`` does."""

    def hold(_: Question) -> None:
        sys.stdout.write("answering\n")
        sys.stdout.flush()
        Event().wait()  # for ever

    parts = Parts(answerer=ScriptedAnswerer(before=hold))
    bot: Bot = build_bot(Elsewhere(api_url), Path(folder), parts)
    bot.runner.run(deadline_s=0.5)


class Elsewhere:
    """What a bot has to know of a workspace in another process."""

    bot_token, app_token = "xoxb-local", "xapp-local"

    def __init__(self, api_url: str) -> None:
        self.api_url = api_url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_a_stop_in_mid_answer_loses_nothing(
    workspace: RunningWorkspace, tmp_path: Path, number: signal.Signals
) -> None:
    """The process ends, in time and with 0 where it was asked to; the next one answers, once."""
    folder = Path(__file__).parents[2]
    child = subprocess.Popen(  # noqa: S603  this very file
        [sys.executable, __file__, workspace.api_url, str(tmp_path)],
        env={"PYTHONPATH": f"{folder}:{folder / 'tests'}", "PATH": os.defpath},
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        workspace.wait_until_connected()
        asked = workspace.say(SEED_EMPLOYEE, SEED_HELP, "@housevoice days off?")
        assert child.stdout is not None
        assert child.stdout.readline() == "answering\n"
        child.send_signal(number)
        code = child.wait(timeout=25)
    with running_bot(workspace, tmp_path, Parts()):
        reply = wait_for_reply(workspace, SEED_HELP, asked)

    assert code == (0 if number is signal.SIGTERM else -signal.SIGKILL)
    assert "30 days" in reply
    assert len(workspace.thread(SEED_HELP, asked)) == 1


@pytest.mark.timeout(30)
def test_a_stop_while_the_connection_begins_to_be_read_ends(
    workspace: RunningWorkspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's reader takes back that it was told to end; then it would read for ever."""
    named, told = SocketModeClient.session_id, list[str]()

    def late(client: SocketModeClient) -> str | None:
        if current_thread() is client.current_session_runner.thread and not told:
            told.append("asked for before it begins")
            ends = monotonic() + 10
            while not client.current_session_state.terminated and monotonic() < ends:
                sleep(0.01)
        return named(client)

    monkeypatch.setattr(SocketModeClient, "session_id", late)

    with running_bot(workspace, tmp_path, Parts()):
        workspace.wait_until(lambda: bool(told))

    assert told


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
