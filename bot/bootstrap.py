"""The composition root: puts the house, Slack and the threads together, and runs them."""

import logging
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from rich.console import Console

from bot.database import Writer
from bot.directory import SlackDirectory
from bot.errands import Errands
from bot.errors import PortTakenError
from bot.house import House, Progress, open_house
from bot.inbox import Inbox
from bot.listeners.commands import Commands, Status
from bot.listeners.delivery import (
    Delivery,
    hasty_client,
    reading_client,
    reporting_client,
    writing_client,
)
from bot.listeners.desk import Desk
from bot.listeners.feedback import Feedback
from bot.listeners.ingress import Ingress
from bot.listeners.reindexing import Reindex, Reindexed, Reindexing
from bot.listeners.replies import Replies
from bot.listeners.runner import Listeners, SlackRunner, Threads, build_app, who_we_are
from bot.memory import Memory
from bot.people import People
from bot.roles import RoleMap, read_roles
from bot.settings import KnowledgeSettings, Settings, SlackSettings
from bot.tracing import configure
from bot.worker import Worker
from knowledge.errors import IndexMismatchError
from knowledge.reporting import IndexReport

__all__ = ["House", "demo", "demo_settings", "local_workspace", "open_house", "runner", "serve"]

_SAMPLE = Path("knowledge/sample")
_COURTESIES = 200  # thanks that may wait; more are left out


def serve(settings: Settings) -> None:
    """Answer in Slack until SIGTERM or SIGINT.

    Raises:
        SlackSetupError: If Slack refuses a token or cannot be reached.
    """
    configure(settings.log_level)
    _run(settings)


def _run(settings: Settings) -> None:
    with open_house(settings) as house:
        runner(house).run()


def runner(house: House) -> SlackRunner:
    """Put one bot together; nothing listens before it is started."""
    settings, slack = house.settings, house.settings.slack
    token = slack.bot_token.get_secret_value()
    reads, writes = reading_client(token, slack.base_url), writing_client(token, slack.base_url)
    us = who_we_are(reads)
    roles = read_roles(settings.knowledge.folder / "roles.yaml")
    people = People(SlackDirectory(reads, us.team), roles)
    writer = Writer(house.engine)
    inbox = Inbox(house.engine, writer, _now)
    errands = Errands(house.engine, writer, _now)
    delivery = Delivery(writes, reads, us.user)
    worker = Worker(capacity=settings.queue_capacity)
    courtesies = Worker(capacity=_COURTESIES, name="courtesies")
    memory = Memory(house.engine, house.catalogue.roles_of)
    replies = Replies(house.work, people, memory, house.engine, inbox, delivery)
    desk = Desk(replies, worker)

    def is_admin(user: str) -> bool:
        return user in slack.admins and people.is_full_member(user)

    quick = People(SlackDirectory(hasty_client(token, slack.base_url), us.team), RoleMap(version=1))
    reports = Delivery(reporting_client(token, slack.base_url), reads, us.user)
    reindexing = Reindexing(_reindex(house), is_admin, errands, reports)

    def heard(event: Mapping[str, Any]) -> None:
        people.notice(event)
        quick.notice(event)

    commands = Commands(
        us, slack.admins, quick.is_full_member, lambda: _status(house, worker), reindexing
    )
    listeners = Listeners(
        ingress=Ingress(us, inbox, heard, desk.wake, lambda: desk.is_open),
        feedback=Feedback(us, writer, delivery, courtesies),
        commands=commands,
        command=slack.command,
    )

    def resume() -> None:
        reindexing.resume()
        worker.submit(lambda: _warm_up(house), asker="")

    return SlackRunner(
        build_app(writes, listeners),
        slack.app_token.get_secret_value(),
        Threads(desk, courtesies, writer),
        resume=resume,
        concurrency=slack.listener_threads,
    )


def demo(settings: Settings, port: int) -> None:
    """Run the bot on a sample company in a small Slack of its own, until interrupted."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # or the workspace would stay behind
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with local_workspace(port) as url:
        settings = demo_settings(settings, url)
        log = settings.data / "bot.log"
        _log_to(log, settings.log_level)
        with open_house(settings) as house, console.status("indexing the sample company") as status:
            report = _indexed(house, lambda *step: status.update(_step(*step)))
        console.print(f"{report.documents} documents of the sample company are indexed.")
        console.print(f"The bot logs to {log}.")
        console.print(f"\n  Open {url} and ask @housevoice something. Ctrl-C ends the demo.\n")
        _run(settings)


def _log_to(path: Path, level: str) -> None:
    """Log to a file, what libraries have to say included; a terminal is left to the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(filename=path, encoding="utf-8")
    configure(level, path.open("a", buffering=1, encoding="utf-8"))


def _step(source: str, done: int, of: int) -> str:
    return f"{source}: {done} of {of}" if of else f"{source}: {done}"


def _indexed(house: House, progress: Progress) -> IndexReport:
    """Index the sample; a newer Housevoice starts the demo's index anew by itself."""
    try:
        return house.ingest(progress=progress)
    except IndexMismatchError:
        return house.ingest(rebuild=True, progress=progress)


def demo_settings(settings: Settings, url: str) -> Settings:
    """Point settings at the sample company and at a workspace, away from all that is in service."""
    from bot.workspace import app, seed  # noqa: PLC0415  # only the demo knows the workspace

    slack = SlackSettings(
        bot_token=SecretStr(app.BOT_TOKEN),
        app_token=SecretStr(app.APP_TOKEN),
        base_url=f"{url}/api/",
        admins=(seed.SEED_ADMIN,),
        human_contact="the service desk on extension 444",
    )
    known = settings.knowledge.model_dump() | {"folder": _SAMPLE, "documents_url": url}
    return settings.model_copy(
        update={
            "data": settings.data / "demo",
            "database_url": "",
            "slack": slack,
            "knowledge": KnowledgeSettings(**known),
        }
    )


@contextmanager
def local_workspace(port: int) -> Iterator[str]:
    """Run the local workspace in a process of its own, and yield the address of its page.

    Raises:
        PortTakenError: If it does not start, for which nothing else is known.
    """
    options = ["--port", str(port), "--documents", str(_SAMPLE / "documents")]
    command = [sys.executable, "-m", "bot.workspace", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # our own
    with process:
        try:
            url = (process.stdout.readline() if process.stdout else "").strip()
            if not url:
                raise PortTakenError(port)
            yield url
        finally:
            _end(process)


def _end(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()


def _reindex(house: House) -> Reindex:
    def reindex(source: str | None, progress: Callable[[int, int], None]) -> Reindexed:
        report = house.ingest(source=source, progress=lambda _, done, total: progress(done, total))
        return _reindexed(report)

    return reindex


def _reindexed(report: IndexReport) -> Reindexed:
    kinds = ("added", "changed", "access_changed", "removed", "unchanged")
    counts = {
        kind.replace("_", " "): sum(getattr(one, kind) for one in report.sources) for kind in kinds
    }
    named = (*report.failures, *report.uncovered)
    problems = tuple(f"{one.name}: {one.problem}" for one in report.sources if one.problem)
    return Reindexed(counts, (*problems, *(f"{one.path}: {one.reason}" for one in named)))


def _status(house: House, worker: Worker) -> Status:
    indexed_at = house.catalogue.state().indexed_at
    return Status(
        index_age_s=(_now() - indexed_at).total_seconds() if indexed_at else None,
        documents=house.catalogue.count(),
        chunks=house.chunks_loaded(),
        model=house.settings.model.base,
        adapter="",
        waiting=worker.waiting,
    )


def _warm_up(house: House) -> None:
    """Load what answers, in the thread that will own it; what is missing is said per question."""
    _ = house.answerer


def _now() -> datetime:
    return datetime.now(UTC)
