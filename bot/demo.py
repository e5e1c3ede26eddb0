"""`housevoice demo`: a local workspace, the sample company, and the bot in it."""

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from rich.console import Console

from bot.bootstrap import runner, utc_now
from bot.errors import PortTakenError
from bot.house import House, open_house
from bot.indexing import Progress
from bot.settings import KnowledgeSettings, Settings, SlackSettings
from bot.tracing import configure
from bot.watch import watching
from knowledge.errors import IndexMismatchError
from knowledge.reporting import IndexReport

_SAMPLE = Path("knowledge/sample")


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
        with open_house(settings) as house, watching(house, utc_now, 0) as watch:
            console.print(
                f"Its figures are at {watch.url}/metrics, its health at {watch.url}/healthz."
            )
            console.print(f"\n  Open {url} and ask @housevoice something. Ctrl-C ends the demo.\n")
            runner(house, watch).run()


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
            "monitoring": settings.monitoring.model_copy(
                update={"golden": str(_SAMPLE / "golden.yaml")}
            ),
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
