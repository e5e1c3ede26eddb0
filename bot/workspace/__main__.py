"""Run the demo workspace in a process of its own: ``python -m bot.workspace --port 8765``."""

import argparse
import signal
import sys
from pathlib import Path
from threading import Event

from bot.workspace.running import running_workspace
from bot.workspace.seed import demo_seed


def main(arguments: list[str] | None = None) -> int:
    """Serve until interrupted; the first line of output is the URL of the page."""
    parser = argparse.ArgumentParser(prog="python -m bot.workspace", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="on loopback; 0 picks a free one")
    parser.add_argument("--documents", type=Path, help="folder that /docs/ shows")
    options = parser.parse_args(arguments)
    stopped = Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        with running_workspace(
            demo_seed(), port=options.port, documents=options.documents
        ) as workspace:
            sys.stdout.write(f"{workspace.url}\n")
            sys.stdout.flush()
            stopped.wait()
    except OSError as error:
        sys.stderr.write(f"port {options.port} cannot be used: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
