"""The slash command: who may, what it says, and how a reindex is told."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from itertools import count
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr
from running_bot import Parts, running_bot

from bot.bootstrap import runner
from bot.database import Writer, open_engine
from bot.errands import Errand, Errands
from bot.errors import ExportNotApprovedError, NothingToExportError
from bot.house import House, open_house
from bot.listeners.commands import Status, described
from bot.listeners.exporting import Exported, Exporting
from bot.listeners.reindexing import Reindexed, Reindexing, reported
from bot.settings import KnowledgeSettings, ModelSettings, Settings, SlackSettings
from bot.workspace.faults import Fault
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import SEED_ADMIN, SEED_EMPLOYEE, SEED_HELP, demo_seed, seed_dm
from knowledge.errors import SourceError
from knowledge.index import Index

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
    wait_for("reindex")


def wait_for(chore: str) -> None:
    """Wait until nothing of a kind is being done in this process."""
    for thread in threading.enumerate():
        if thread.name == chore:
            thread.join(timeout=5)


def test_only_administrators_learn_anything(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """To others every request looks the same, for sources that exist and that do not."""
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS)) as bot:
        denials = {
            whispered(workspace, SEED_EMPLOYEE, f"/housevoice {words}")
            for words in ("status", "reindex", "reindex handbook", "reindex nowhere")
        }
        status = whispered(workspace, SEED_ADMIN, "/housevoice status")

        assert bot.errands.unfinished() == []
    assert denials == {"Only my administrators can do that."}
    assert "853 documents" in status
    assert workspace.calls_of("conversations.open") == ()


def test_nobody_is_offered_a_command_that_is_then_denied(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Help tells everybody how to ask, and only administrators of their commands."""
    words = ("", " help")
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS)):
        helped, offered = (
            {whispered(workspace, user, f"/housevoice{one}") for one in words}
            for user in (SEED_EMPLOYEE, SEED_ADMIN)
        )
        too_much = whispered(workspace, SEED_ADMIN, "/housevoice reindex one two")

    (mine,), (theirs,) = helped, offered
    assert mine.startswith("Mention me in a channel or write me a direct message")
    assert "/housevoice" not in mine
    assert theirs.startswith(f"{mine} /housevoice status")
    assert too_much == theirs


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("foo", "I do not know the command foo. Mention me"),
        ("<!channel> now", "I do not know the command channel. Mention me"),
        ("*", "I do not know that command. Mention me"),
    ],
)
def test_an_unknown_command_is_called_that_before_the_help(
    workspace: RunningWorkspace, tmp_path: Path, typed: str, told: str
) -> None:
    """Whoever mistypes reads so; what was typed pings nobody."""
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS)):
        assert whispered(workspace, SEED_EMPLOYEE, f"/housevoice {typed}").startswith(told)


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


def test_the_end_of_a_reindex_is_told_even_if_slack_asks_to_wait(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Its report needs no second check, so it is brought when Slack takes it."""
    with running_bot(workspace, tmp_path, Parts(admins=ADMINS)):
        workspace.order(Fault("chat.update", retry_after_s=1))
        whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        wait_for_reindex()

    assert "Done: 3 documents." in told(workspace)


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


def test_an_export_is_told_in_one_message(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """At once that it is being written, then its name and counts where its sender alone reads."""
    asked_by = list[str]()

    def export(user: str) -> Exported:
        asked_by.append(user)
        return Exported("2026-11-21-0123456789ab", {"sft/train": 12}, {"not reviewed": 3})

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, export=export)) as bot:
        denied = whispered(workspace, SEED_EMPLOYEE, "/housevoice export")
        helped = whispered(workspace, SEED_ADMIN, "/housevoice export everything")
        said = whispered(workspace, SEED_ADMIN, "/housevoice export")
        wait_for("export")
        assert bot.errands.unfinished() == []

    assert denied == "Only my administrators can do that."
    assert helped.startswith("Mention me")
    assert asked_by == [SEED_ADMIN]
    assert "direct messages" in said
    assert "Done: 2026-11-21-0123456789ab. Rows: sft/train 12. Left out: not reviewed 3." in told(
        workspace
    )


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (NothingToExportError({"not reviewed": 3}), "yet. Left out: not reviewed 3."),
        (ExportNotApprovedError("T0SECRET"), "Nobody has approved of exports"),
        (OSError("/srv/secret"), "Something went wrong"),
    ],
)
def test_an_export_that_is_none_says_why(
    workspace: RunningWorkspace, tmp_path: Path, error: Exception, sentence: str
) -> None:
    """In a sentence, never in the words of an exception."""

    def export(_user: str) -> Exported:
        raise error

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, export=export)):
        whispered(workspace, SEED_ADMIN, "/housevoice export")
        wait_for("export")

    assert sentence in told(workspace)
    assert "T0SECRET" not in str(workspace.calls)
    assert "/srv/secret" not in str(workspace.calls)


def test_each_errand_is_taken_up_as_what_it_is(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """After a stop, an export is written and nothing is read again for it, and the other way."""
    runs = list[str]()

    def reindex(source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        runs.append(f"reindex {source}")
        return Reindexed({})

    def export(user: str) -> Exported:
        runs.append(f"export for {user}")
        return Exported("x", {}, {})

    with running_bot(workspace, tmp_path, Parts()) as bot:
        bot.errands.take(Errand("1.1", SEED_ADMIN, ("handbook",)))
        bot.errands.take(Errand("1.2", SEED_ADMIN, (), verb="export"))
        is_admin = ADMINS.__contains__
        Reindexing(reindex, is_admin, bot.errands, bot.delivery).resume()
        Exporting(export, is_admin, bot.errands, bot.delivery).resume()
        wait_for("reindex")
        wait_for("export")
        assert bot.errands.unfinished() == []

    assert sorted(runs) == [f"export for {SEED_ADMIN}", "reindex handbook"]


@pytest.mark.parametrize(
    ("is_admin", "left", "told_them"),
    [(None, 1, "Slack does not tell me who you are"), (False, 0, "not an administrator any more")],
)
def test_an_errand_waits_for_who_cannot_be_checked(
    workspace: RunningWorkspace, tmp_path: Path, *, is_admin: bool | None, left: int, told_them: str
) -> None:
    """It does not vanish while Slack is silent; who is no administrator any more is told."""
    with running_bot(workspace, tmp_path, Parts()) as bot:
        bot.errands.take(Errand("1.2", SEED_ADMIN, (), verb="export"))
        export = lambda _: Exported("x", {}, {})  # noqa: E731  # one that is not run
        Exporting(export, lambda _: is_admin, bot.errands, bot.delivery).resume()
        wait_for("export")
        assert len(bot.errands.unfinished()) == left

    assert told_them in told(workspace)


def test_an_errand_of_an_earlier_version_is_a_reindex(tmp_path: Path) -> None:
    """Its table knew nothing else; what was interrupted before an update is taken up after it."""
    engine = open_engine(f"sqlite:///{tmp_path / 'old.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE errands (trigger_id VARCHAR(128) PRIMARY KEY, user VARCHAR(32) NOT NULL,"
            " words TEXT NOT NULL, is_done BOOLEAN NOT NULL, attempts INTEGER NOT NULL,"
            " received_s BIGINT NOT NULL)"
        )
        connection.exec_driver_sql(
            "INSERT INTO errands VALUES ('1.1', 'U1', '[\"handbook\"]', 0, 1, 7)"
        )
    writer = Writer(engine)

    for _ in range(2):
        errands = Errands(engine, writer, lambda: datetime.now(UTC))
        assert errands.unfinished() == [Errand("1.1", "U1", ("handbook",), 1, "reindex")]
    writer.close()
    engine.dispose()


def test_a_reindex_that_fails_says_so(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The administrator gets a sentence, never the text of the exception."""

    def reindex(_source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        message = "/srv/secret/hr: permission denied"
        raise OSError(message)

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=reindex)):
        whispered(workspace, SEED_ADMIN, "/housevoice reindex")
        workspace.wait_until(lambda: "Something went wrong" in told(workspace))

    assert "/srv/secret" not in str(workspace.calls)


def test_a_misspelt_source_is_said_to_be_one(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The administrator reads what is wrong, not that something is; no file is quoted."""

    def reindex(source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        raise SourceError(str(source), "/srv/secret/access.yaml: the text of a file")

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, reindex=reindex)):
        whispered(workspace, SEED_ADMIN, "/housevoice reindex nosuch")
        wait_for_reindex()

    assert "There is no source of that name in access.yaml" in told(workspace)
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
    assert "853 documents, not loaded yet." in described(Status(1.0, 853, None, "none", "none", 0))


def test_a_bot_without_an_adapter_says_so() -> None:
    """The administrator reads "none", not the gap before a full stop."""
    bare, tuned = (Status(1.0, 1, 1, "smollm2", name, 0) for name in ("", "warm-2"))

    assert "Model: smollm2. Voice adapter: none." in described(bare)
    assert "Voice adapter: warm-2." in described(tuned)


def test_a_total_that_nobody_knows_is_left_out(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """The administrator reads how many are done, not "120 of 0"."""
    seen = list[str]()

    def reindex(_source: str | None, progress: Callable[[int, int], None]) -> Reindexed:
        for of in (0, 240):
            progress(120, of)
            seen.append(told(workspace))
        return Reindexed({})

    with running_bot(workspace, tmp_path, Parts()) as bot:
        clock = count(step=10.0).__next__
        running = Reindexing(reindex, lambda _: True, bot.errands, bot.delivery, clock=clock)
        running.begin(Errand("1.1", SEED_ADMIN, ()))
        wait_for_reindex()

    assert "again: 120." in seen[0]
    assert "again: 120 of 240." in seen[1]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_reindex_that_kills_the_bot_is_given_up(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """After three starts that ended with it, its sender is told, and the bot stays up."""
    runs = list[str | None]()

    def die(source: str | None, _progress: Callable[[int, int], None]) -> Reindexed:
        runs.append(source)
        raise SystemExit  # ends the thread without a word, as a kill would

    with running_bot(workspace, tmp_path, Parts()) as bot:
        running = Reindexing(die, lambda _: True, bot.errands, bot.delivery)
        running.begin(Errand("1.1", SEED_ADMIN, ()))
        for _ in range(4):
            wait_for_reindex()
            running.resume()
        wait_for_reindex()
        assert bot.errands.unfinished() == []

    assert len(runs) == 3
    assert "I have given up." in told(workspace)


def test_help_and_denials_do_not_wait_for_slack(
    workspace: RunningWorkspace, tmp_path: Path
) -> None:
    """Only for a name in the settings Slack is asked, and then for that one person."""
    asked_for = list[str]()

    def is_full_member(user: str) -> bool:
        asked_for.append(user)
        return False

    with running_bot(workspace, tmp_path, Parts(admins=ADMINS, is_full_member=is_full_member)):
        helped = whispered(workspace, SEED_ADMIN, "/housevoice help")
        denied = whispered(workspace, SEED_EMPLOYEE, "/housevoice status")
        assert asked_for == []
        unconfirmed = whispered(workspace, SEED_ADMIN, "/housevoice status")

    assert "/housevoice status" in helped
    assert denied == "Only my administrators can do that."
    assert unconfirmed.startswith("Slack does not confirm just now")
    assert asked_for == [SEED_ADMIN]


class Unopened(House):
    """A house whose index must not be opened, for that takes long."""

    @cached_property
    def index(self) -> Index:
        raise AssertionError


@contextmanager
def whole_bot(workspace: RunningWorkspace, data: Path) -> Iterator[None]:
    """Run the bot as `housevoice serve` puts it together."""
    (data / "roles.yaml").write_text("version: 1\n")
    settings = Settings(
        data=data,
        slack=SlackSettings(
            bot_token=SecretStr(workspace.bot_token),
            app_token=SecretStr(workspace.app_token),
            base_url=workspace.api_url,
            admins=(SEED_ADMIN,),
        ),
        knowledge=KnowledgeSettings(folder=data),
        model=ModelSettings(base="none"),
    )
    with open_house(settings) as opened:
        house = Unopened(settings, opened.engine)
        house.answerer = None  # nobody asks anything
        house.catalogue.confirm(at=datetime.now(UTC))
        bot = runner(house)
        bot.start()
        workspace.wait_until_connected()
        yield
        assert bot.stop(5.0)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("users.info", retry_after_s=30, times=100),
        Fault("users.info", gate=Event(), times=100),
        Fault("users.info", is_reset=True, times=100),
    ],
    ids=["rate limited", "no answer", "reset"],
)
def test_a_slow_slack_does_not_hold_up_a_command(
    workspace: RunningWorkspace, tmp_path: Path, fault: Fault
) -> None:
    """The administrator is told at once that nobody can confirm them; later it works."""
    with whole_bot(workspace, tmp_path):
        workspace.order(fault)
        unconfirmed = whispered(workspace, SEED_ADMIN, "/housevoice status")
        if fault.gate:
            fault.gate.set()

    assert unconfirmed.startswith("Slack does not confirm just now")
    assert max(ack.latency_s for ack in workspace.acks) < 1.5


def test_a_status_opens_no_index(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """What is not loaded yet is told as that, before Slack loses its patience."""
    with whole_bot(workspace, tmp_path):
        status = whispered(workspace, SEED_ADMIN, "/housevoice status")

    assert "0 documents, not loaded yet." in status


def test_the_bot_as_it_is_served_exports(workspace: RunningWorkspace, tmp_path: Path) -> None:
    """All its parts are there; of a ledger in which nobody voted nothing may become an example."""
    with whole_bot(workspace, tmp_path):
        whispered(workspace, SEED_ADMIN, "/housevoice export")
        wait_for("export")

    assert "Nothing may become an example yet." in told(workspace)
