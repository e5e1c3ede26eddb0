"""The slash command: who may, what it says, and how a reindex is told."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event

import pytest
from running_bot import Parts, running_bot

from bot.listeners.commands import Status, described
from bot.listeners.reindexing import Reindexed, reported
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_ADMIN, SEED_EMPLOYEE, SEED_HELP, demo_seed, seed_dm

ADMINS = frozenset({SEED_ADMIN})


@pytest.fixture
def workspace() -> Iterator[RunningWorkspace]:
    """A workspace of its own for each test."""
    with running_workspace(demo_seed()) as running:
        yield running


def whispered(workspace: RunningWorkspace, user: str, typed: str) -> str:
    """Type a command and return what its sender alone is shown."""
    before = len(workspace.whispers_to(user))
    workspace.command(user, SEED_HELP, typed)
    workspace.wait_until(lambda: len(workspace.whispers_to(user)) > before)
    return workspace.whispers_to(user)[-1].text


def told(workspace: RunningWorkspace) -> str:
    """What stands in the administrator's direct messages."""
    return str([one.blocks for one in workspace.messages(seed_dm(SEED_ADMIN)) if one.bot_id])


def wait_for_reindex() -> None:
    """Wait until no reindex runs in this process."""
    for thread in threading.enumerate():
        if thread.name == "reindex":
            thread.join(timeout=5)


def test_only_administrators_learn_anything(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """To others every request looks the same, for sources that exist and that do not."""
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS)) as bot:
        denials = {
            whispered(workspace, SEED_EMPLOYEE, f"/housevoice {words}")
            for words in ("status", "reindex", "reindex handbook", "reindex nowhere", "nonsense")
        }
        status = whispered(workspace, SEED_ADMIN, "/housevoice status")
        usage = whispered(workspace, SEED_ADMIN, "/housevoice nonsense")
        helped = whispered(workspace, SEED_EMPLOYEE, "/housevoice")

        assert bot.errands.unfinished() == []
    assert denials == {"Only my administrators can do that."}
    assert "853 documents" in status
    assert usage == helped
    assert workspace.calls_of("conversations.open") == ()


def test_a_reindex_is_told_in_one_message(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """It ends with counts and failures by name, in the administrator's direct messages."""
    asked_for = list[str | None]()

    def reindex(source: str | None, progress: Callable[[int, int], None]) -> Reindexed:
        asked_for.append(source)
        for done in range(100):
            progress(done, 100)
        return Reindexed({"new": 2, "unchanged": 851}, ("hr/old.pdf",))

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=reindex)) as bot:
        said = whispered(workspace, SEED_ADMIN, "/housevoice reindex handbook")
        wait_for_reindex()
        assert bot.errands.unfinished() == []

    assert asked_for == ["handbook"]
    assert "direct messages" in said
    assert "2 new, 851 unchanged. Not read: hr/old.pdf." in told(workspace)
    assert len(workspace.calls_of("chat.postMessage")) == 1
    assert len(workspace.calls_of("chat.update")) == 1  # at most one edit in two seconds


def test_one_reindex_at_a_time(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """A second one is refused while the first runs, and possible again afterwards."""
    started, gate = Event(), Event()

    def reindex(_source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        started.set()
        assert gate.wait(timeout=5)
        return Reindexed({"new": 1})

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=reindex)) as bot:
        whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        assert started.wait(timeout=5)
        second = whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        gate.set()
        wait_for_reindex()
        assert bot.errands.unfinished() == []

    assert "already running" in second


def test_a_reindex_that_fails_says_so(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The administrator gets a sentence, never the text of the exception."""

    def reindex(_source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        message = "/srv/secret/hr: permission denied"
        raise OSError(message)

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=reindex)):
        whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        workspace.wait_until(lambda: "Something went wrong" in told(workspace))

    assert "/srv/secret" not in str(workspace.calls)


def test_an_interrupted_reindex_is_taken_up(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """It was acknowledged, so a restart carries it out, if its sender is an administrator yet."""
    started, gate, runs = Event(), Event(), list[str]()

    def hang(_source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        started.set()
        gate.wait(timeout=10)
        return Reindexed({})

    def run(source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        runs.append(str(source))
        return Reindexed({"new": 1})

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=hang)):
        whispered(workspace, SEED_ADMIN, "/housevoice reindex handbook")
        assert started.wait(timeout=5)
    gate.set()  # its store is closed by now: it cannot say that it has ended
    wait_for_reindex()
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=run)) as bot:
        wait_for_reindex()
        assert bot.errands.unfinished() == []

    assert runs == ["handbook"]


def test_a_former_administrator_starts_nothing(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The list is read again when the work begins."""
    started, gate, runs = Event(), Event(), list[str]()

    def hang(_source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        started.set()
        gate.wait(timeout=10)
        return Reindexed({})

    def run(source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        runs.append(str(source))
        return Reindexed({})

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=hang)):
        whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        assert started.wait(timeout=5)
    gate.set()  # its store is closed by now: it cannot say that it has ended
    wait_for_reindex()
    with running_bot(workspace, tmp_path, Parts(admins=frozenset(), reindex=run)) as bot:
        wait_for_reindex()
        assert bot.errands.unfinished() == []

    assert runs == []


def test_numbers_read_well() -> None:
    """Ages in the largest unit that fits twice; long lists of failures are cut and counted."""
    status = Status(3 * 86400.0, 1, 2, "smollm2", "none", 0)

    assert described(status).startswith("Index: 3 days old, 1 documents")
    assert described(Status(None, 0, 0, "none", "none", 0)).startswith("There is no index yet.")
    failures = tuple(f"{n}.pdf" for n in range(25))
    assert reported(Reindexed({"new": 1000}, failures)).endswith("19.pdf and 5 more.")
