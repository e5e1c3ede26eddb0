"""Bytes of one file to Markdown, in a limited child process.

One child serves many files. A file that breaks it (too much memory, CPU or time, a crash)
costs a new child and a ``ParseError``. Knows neither roles nor the index.
"""

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from threading import Timer
from types import TracebackType
from typing import Any, Self

from knowledge.errors import FrontMatterError, ParseError
from knowledge.frontmatter import FrontMatter
from knowledge.markup import plain
from knowledge.parsers import EXTENSIONS, PARSER_VERSION
from knowledge.parsers.wire import FrameError, read_frame, write_frame

__all__ = ["EXTENSIONS", "PARSER_VERSION", "Limits", "Parsed", "Parser"]

_ROOT = str(Path(__file__).parents[1])
_START = f"import sys; sys.path.append({_ROOT!r}); from knowledge.parsers.child import main; main()"
_SIGXCPU = 24
_TOP = 4_000  # characters in which a title is looked for


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost.

    Attributes:
        wall_s: Time until the child is killed [s].
        cpu_s: CPU time for one file [s].
        memory_bytes: Address space of the child, its libraries included.
        file_bytes: Largest file.
        text_bytes: Longest text, as UTF-8.
    """

    wall_s: float = 15.0
    cpu_s: int = 10
    memory_bytes: int = 512 << 20
    file_bytes: int = 20 << 20
    text_bytes: int = 10 << 20


@dataclass(frozen=True, slots=True)
class Parsed:
    """What one file says.

    Attributes:
        text: Markdown, without front matter; may be empty.
        title: From the front matter, the first heading, the format, or the path.
    """

    text: str
    title: str
    front: FrontMatter


class Parser:
    """The parent's side of the child; one thread at a time.

    Args:
        limits: Of each file.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._child: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the child; a later ``parse`` starts another."""
        child, self._child = self._child, None
        if child is not None:
            _end(child)

    def parse(self, path: str, data: bytes) -> Parsed:
        """Turn one file into Markdown.

        Args:
            path: For its extension, its title and the errors.
            data: Its bytes.

        Raises:
            FrontMatterError: If its front matter cannot be understood.
            ParseError: If it gives no text within the limits; says why without quoting it.
        """
        if len(data) > self._limits.file_bytes:
            raise ParseError(path, f"is larger than {self._limits.file_bytes >> 20} MB")
        head, body = self._ask(path, data)
        if problem := head.get("problem"):
            raise ParseError(path, str(problem))
        text = body.decode("utf-8", "replace")
        front = _front_matter(path, head)
        return Parsed(text, front.title or _title(path, text, head), front)

    def _ask(self, path: str, data: bytes) -> tuple[dict[str, Any], bytes]:
        child = self._running()
        was_late: list[float] = []
        alarm = Timer(self._limits.wall_s, _kill, (child, was_late, self._limits.wall_s))
        alarm.daemon = True
        alarm.start()
        try:
            answer = _exchange(child, PurePosixPath(path).suffix.lower(), data, self._limits)
        finally:
            alarm.cancel()
            alarm.join()  # so that it cannot fire into the next file
        if answer is None or was_late:
            self.close()
        if answer is None:
            raise ParseError(path, _cause(child.returncode, was_late, self._limits))
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            self._child = _started(self._limits)
        return self._child


def _started(limits: Limits) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own interpreter and code; no shell
        [sys.executable, "-I", "-B", "-c", _START, json.dumps(asdict(limits))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd="/",
        env={"LC_ALL": "C.UTF-8"},
        start_new_session=True,
    )


def _exchange(
    child: subprocess.Popen[bytes], kind: str, data: bytes, limits: Limits
) -> tuple[dict[str, Any], bytes] | None:
    """Send a file and wait for its text; None where the child did not survive it."""
    if child.stdin is None or child.stdout is None:
        return None
    try:
        write_frame(child.stdin, {"kind": kind}, data)
        return read_frame(child.stdout, limit=limits.text_bytes)
    except (OSError, FrameError):
        return None


def _kill(child: subprocess.Popen[bytes], was_late: list[float], wall_s: float) -> None:
    was_late.append(wall_s)
    child.kill()


def _end(child: subprocess.Popen[bytes]) -> None:
    child.kill()  # it holds nothing that could be lost
    child.wait()
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            _close(pipe)


def _close(pipe: Any) -> None:
    try:
        pipe.close()
    except OSError:  # what was buffered for a child that is gone
        return


def _cause(status: int | None, was_late: list[float], limits: Limits) -> str:
    if was_late:
        return f"took longer than {limits.wall_s:g} s"
    if status == -_SIGXCPU:
        return f"took more than {limits.cpu_s} s of CPU time"
    return "made the parser crash"


def _front_matter(path: str, head: dict[str, Any]) -> FrontMatter:
    if problem := head.get("front_problem"):
        raise FrontMatterError(path, f"front matter {problem}")
    try:
        loaded = json.loads(str(head.get("front") or "{}"))
        return FrontMatter.from_loaded(loaded if isinstance(loaded, dict) else {"roles": None})
    except ValueError as error:
        raise FrontMatterError(path, str(error)) from error


def _title(path: str, text: str, head: dict[str, Any]) -> str:
    return _first_heading(text) or str(head.get("title") or "") or _from_name(path)


def _first_heading(text: str) -> str:
    """Return the first heading of the first level, unless code comes before it."""
    before, is_there, rest = f"\n{text[:_TOP]}".partition("\n# ")
    return (
        plain(rest.split("\n", 1)[0].strip(" #"))[:200] if is_there and "```" not in before else ""
    )


def _from_name(path: str) -> str:
    """Make a title from a file name, or from its folder's where it is only an index."""
    place = PurePosixPath(path)
    is_index = place.stem.lower() in ("index", "readme") and place.parent.name
    words = (place.parent.name if is_index else place.stem).replace("-", " ").replace("_", " ")
    return (words[:1].upper() + words[1:]).strip()
