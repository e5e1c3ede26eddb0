"""The bot in processes of its own, as a person would start it, and what they take."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from bench.corpora import ROOT

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


def command(settings: Mapping[str, str], *words: str) -> list[str]:
    """Return a command of the bot under some settings, which stay out of our environment."""
    without = [word for name in _PROXIES for word in ("-u", name)]
    given = [f"HOUSEVOICE_{name}={value}" for name, value in settings.items()]
    return ["env", *without, *given, sys.executable, "-m", "bot", *words]


@contextmanager
def running(words: list[str], log: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a command from the root of the repository for as long as the block runs."""
    with log.open("w") as file:
        process = subprocess.Popen(  # noqa: S603  # our own program
            words, cwd=ROOT, stdout=subprocess.PIPE, stderr=file, text=True
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=30)


def peak_bytes(pid: int) -> int:
    """Return the most memory that a process and those it started have held, in sum."""
    held = 0
    for one in _family(pid):
        status = Path(f"/proc/{one}/status").read_text()
        kilobytes = next(line.split()[1] for line in status.splitlines() if "VmHWM" in line)
        held += int(kilobytes) * 1024
    return held


def _family(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))
