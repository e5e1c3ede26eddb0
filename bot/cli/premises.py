"""What `housevoice demo` needs for itself, looked at before anything heavy is loaded."""

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import PortTakenError, UserInputError

_HOST = "127.0.0.1"


@contextmanager
def claimed(folder: Path, port: int) -> Iterator[None]:
    """Hold the demo's folder while the block runs, once its port was seen to be free.

    Raises:
        UserInputError: If another demo holds the folder.
        PortTakenError: If something listens there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "demo.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        other = "end it, or set `HOUSEVOICE_DATA` to another folder"
        problem = f"another demo is running on {folder}: {other}"
        raise UserInputError(problem) from error
    try:
        _check(port)
        yield
    finally:
        lock.release()


def _check(port: int) -> None:
    try:
        socket.create_server((_HOST, port)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(port) from error
        raise
