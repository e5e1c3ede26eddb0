"""How the bot logs: one wide event per question, ids and figures, never a text.

Field names stand on a list; whatever is not on it is left out and only its name is logged.
Knows nothing of what happens: callers say it with `note`.
"""

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from time import perf_counter
from typing import Any, TextIO, cast
from uuid import uuid4

import structlog

trace_id: ContextVar[str] = ContextVar("trace_id", default="")
_open_event: ContextVar[dict[str, Any] | None] = ContextVar("open_event", default=None)

_SLACK_LOGGERS = (
    *("slack_bolt", "slack_bolt.RequestVerification"),
    *("slack_sdk", "slack_sdk.web.base_client"),
)

ALLOWED_FIELDS = frozenset(
    {
        # every line
        *("event", "level", "timestamp", "trace", "unlisted"),
        # ids
        *("alert", "answer_id", "asker", "channel", "command", "question_id", "source"),
        *("team", "voter"),
        # versions
        *("adapter", "arm", "base", "chain", "embedder", "index_version", "prompt_sha256", "voice"),
        *("domain", "generation"),
        # what became of it
        *("attempts", "errno", "failed", "method", "outcome", "reason", "slack_error", "state"),
        # counts and durations
        *("candidates", "chunks", "documents", "duration_s", "failures", "prompt_tokens", "rows"),
        *("completion_tokens", "queue", "readers", "turns", "waited_s"),
    }
)


def configure(level: str, log: TextIO | None = None) -> None:
    """Log JSON lines from a level up; libraries that log texts stay above DEBUG.

    Args:
        level: Such as ``INFO``.
        log: Where to; standard error by default.
    """
    at_least = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            keep_allowed,
            structlog.processors.JSONRenderer(sort_keys=True),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(at_least),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _Log(log))),
    )
    quiet_slack()


class _Log:
    """A file or standard error; a line that cannot be written is lost, and nothing stops for it."""

    def __init__(self, file: TextIO | None) -> None:
        self._file = file

    def write(self, line: str) -> None:
        with suppress(OSError, ValueError):
            (self._file or sys.stderr).write(line)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            (self._file or sys.stderr).flush()


def quiet_slack() -> None:
    """Keep message texts and tokens of the Slack packages out of every log.

    Source:
        Bolt gives each of its loggers the level and the filters of the one called after it, that
        of Socket Mode included; proven by ``tests/integration/test_quiet_logs.py``.
    """
    for name in _SLACK_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(without_text)


def without_text(record: logging.LogRecord) -> bool:
    """Let a line pass as the place it comes from and the kind of its error, without its words.

    Source:
        Bolt logs the body of a request with a wrong signature, and slack_sdk frames and answers
        that it does not understand, all of them with what people wrote.
    """
    kind = record.exc_info[0] if record.exc_info else None
    failed = f" ({kind.__name__})" if kind else ""
    record.msg = f"{record.module}.{record.funcName}, line {record.lineno}{failed}"
    record.args, record.exc_info, record.exc_text = (), None, None
    return True


def keep_allowed(
    _logger: object, _method: str, fields: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Drop fields that are not on the list, and name them."""
    unlisted = sorted(fields.keys() - ALLOWED_FIELDS)
    kept = {name: value for name, value in fields.items() if name in ALLOWED_FIELDS}
    return kept | {"unlisted": unlisted} if unlisted else kept


@contextmanager
def wide_event(name: str, **fields: Any) -> Iterator[str]:
    """Collect what is noted while one thing is done, and log it as one line at its end."""
    trace = uuid4().hex[:12]
    collected = dict[str, Any](fields)
    trace_token, event_token = trace_id.set(trace), _open_event.set(collected)
    started = perf_counter()
    try:
        yield trace
    except BaseException as error:
        collected["failed"] = type(error).__name__
        raise
    finally:
        collected |= {"trace": trace, "duration_s": round(perf_counter() - started, 4)}
        _open_event.reset(event_token)
        trace_id.reset(trace_token)
        structlog.get_logger().info(name, **collected)


def note(**fields: Any) -> None:
    """Add fields to the open event; without one they make a line of their own."""
    collected = _open_event.get()
    if collected is None:
        structlog.get_logger().info("note", trace=trace_id.get(), **fields)
    else:
        collected.update(fields)


def note_failure(error: BaseException) -> None:
    """Note the kind of an error; its text may quote documents."""
    note(failed=type(error).__name__)
