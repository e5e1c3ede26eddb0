"""What the parsing child gives away before it sees the first file. Linux; knows no format.

Limits of memory, files and CPU time hold everywhere; the empty network is best effort, since
some machines forbid it; the audit hook closes what Python code could open.
"""

import ctypes
import math
import mimetypes
import os
import resource
import sys
from typing import Any

_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # flags of unshare(2)
_OPEN_FILES = 64
_FORBIDDEN = (
    "ctypes.", "ftplib.", "http.", "os.chmod", "os.chown", "os.exec", "os.fork", "os.kill",
    "os.link", "os.mkdir", "os.posix_spawn", "os.remove", "os.rename", "os.rmdir", "os.spawn",
    "os.symlink", "os.system", "os.truncate", "pty.", "shutil.", "smtplib.", "socket.",
    "subprocess.", "tempfile.", "urllib.", "webbrowser.",
)  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def confine(*, memory_bytes: int) -> None:
    """Give away memory, files, network and other programs, for good."""
    for what, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        resource.setrlimit(what, (limit, limit))
    ctypes.CDLL(None).unshare(_NEW_USER | _NEW_NETWORK)  # -1 where this machine forbids it
    sys.modules["numpy"] = None  # type: ignore[assignment]  # openpyxl does without, and faster
    mimetypes.knownfiles.clear()  # openpyxl would read them
    sys.addaudithook(_Guard())


def allow_cpu(seconds: int) -> None:
    """Start a new allowance of CPU time; whoever uses it up is killed by the kernel."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used = math.ceil(usage.ru_utime + usage.ru_stime)
    resource.setrlimit(resource.RLIMIT_CPU, (used + seconds, resource.RLIM_INFINITY))


class _Guard:
    """Refuses every event that reaches out of this process; lets libraries load."""

    def __init__(self) -> None:
        folders = {*sys.path, sys.prefix, sys.base_prefix}
        self._libraries = tuple(os.path.realpath(one) + os.sep for one in folders if one)

    def __call__(self, event: str, args: tuple[Any, ...]) -> None:
        if event.startswith(_FORBIDDEN) or (event == "open" and not self._may_open(*args[::2])):
            raise PermissionError(event)

    def _may_open(self, path: Any, flags: int) -> bool:
        if isinstance(path, int):
            return True  # a descriptor that is open already
        is_reading = not flags & _WRITING
        return is_reading and os.path.realpath(os.fsdecode(path)).startswith(self._libraries)
