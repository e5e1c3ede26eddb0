"""The log: fields on a list, one line a question, no text."""

import json
import logging
from collections.abc import Iterator
from contextlib import redirect_stderr
from io import StringIO

import pytest
import structlog

from bot.tracing import configure, note, note_failure, quiet_slack, wide_event


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Leave structlog as other tests expect it."""
    yield
    structlog.reset_defaults()


def test_one_question_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever is noted on the way stands on it, with the trace id and the time it took."""
    configure("INFO")
    with wide_event("question", question_id="q1"):
        note(turns=2)
        note(outcome="answered", turns=3)
    (line,) = capsys.readouterr().err.splitlines()
    logged = json.loads(line)

    assert (logged["event"], logged["question_id"], logged["turns"]) == ("question", "q1", 3)
    assert len(logged["trace"]) == 12
    assert logged["duration_s"] >= 0


def test_a_file_takes_the_log_off_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo's terminal shows the address of its page and no log lines."""
    log = StringIO()
    configure("INFO", log)
    note(channel="C1")

    assert json.loads(log.getvalue())["channel"] == "C1"
    assert capsys.readouterr().err == ""


def test_a_field_that_is_not_listed_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    """A text that somebody logs by mistake does not appear, only the name of its field."""
    configure("INFO")
    note(text="my salary is 90,000", channel="C1")
    logged = capsys.readouterr().err

    assert "90,000" not in logged
    assert json.loads(logged)["unlisted"] == ["text"]


def test_the_text_of_an_exception_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Its kind is enough; it may quote a document."""
    configure("INFO")
    quoted = "the pool is 4 M"
    with pytest.raises(ValueError, match="pool"), wide_event("question"):
        raise ValueError(quoted)
    note_failure(ValueError(quoted))

    assert quoted not in (logged := capsys.readouterr().err)
    assert logged.count("ValueError") == 2


def test_a_refused_request_is_not_quoted(caplog: pytest.LogCaptureFixture) -> None:
    """Bolt would log the whole body of a request with a wrong signature."""
    quiet_slack()
    logger = logging.getLogger("slack_bolt.RequestVerification")
    logger.setLevel(logging.INFO)  # as Bolt does, whatever we have set
    logger.info("Invalid request signature detected (body: my salary is 90,000)")

    assert "test_a_refused_request_is_not_quoted, line" in caplog.text
    assert "90,000" not in caplog.text


def test_a_log_that_cannot_be_written_stops_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever reads standard error may go away; the thread that logs must live on."""
    configure("INFO")
    nobody = StringIO()
    nobody.close()
    with redirect_stderr(nobody):
        note(turns=2)
    note(turns=3)

    assert [json.loads(line)["turns"] for line in capsys.readouterr().err.splitlines()] == [3]
