"""What a command needs to be there, looked at before anything heavy is loaded."""

import errno
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from bot.errors import PortTakenError, UserInputError
from bot.settings import Settings

_HOST = "127.0.0.1"


def require_database(settings: Settings) -> None:
    """Refuse to look into a database that is not there; opening SQLite's would make an empty one.

    Raises:
        UserInputError: If SQLite's file is missing. A server says so itself.
    """
    from sqlalchemy import make_url  # noqa: PLC0415  the demo does not need it here

    url = make_url(settings.store_url)
    is_file = url.get_backend_name() == "sqlite" and url.database not in {None, "", ":memory:"}
    if not is_file or Path(str(url.database)).is_file():
        return
    name = "HOUSEVOICE_DATABASE_URL" if settings.database_url else "HOUSEVOICE_DATA"
    problem = f"there is no database in {Path(str(url.database)).parent}: check `{name}`"
    raise UserInputError(problem)


def require_administrator(settings: Settings, user: str) -> None:
    """Refuse what only an administrator may decide.

    Raises:
        UserInputError: If the settings do not name them. It says how to change that.
    """
    if user in settings.slack.admins:
        return
    wanted = json.dumps([*settings.slack.admins, user or "U0123ABCD"])
    remedy = f"to make them one, set `HOUSEVOICE_SLACK__ADMINS='{wanted}'`"
    problem = f"{user} is none of the administrators: {remedy}"
    raise UserInputError(problem)


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
