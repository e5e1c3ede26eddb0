"""What was acknowledged is stored, whatever kills the process (T6).

One fresh interpreter imports once and forks a child per trial; a pipe stands for Slack: what
came out of it was acknowledged. Nothing here loses power: SIGKILL leaves the page cache.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Lock, Thread
from typing import TypeVar

import pytest
from sqlalchemy import Connection, Engine

from adapters import ledger
from adapters.ledger import AnswerRow, Vote
from bot.database import Writer, open_engine

T = TypeVar("T")
ANSWER = "a" * 32
VOTERS = 8


class EagerWriter:
    """The known-bad double: tells each caller at once, and commits every now and then."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.execution_options(writes=True).connect()
        self._lock = Lock()
        self._since_commit = 0

    def run(self, job: Callable[[Connection], T]) -> T:
        with self._lock:
            result = job(self._connection)
            self._since_commit += 1
            if self._since_commit == 16:
                self._connection.commit()
                self._since_commit = 0
            return result


WRITERS = {"writer": Writer, "eager": EagerWriter}


def vote_for_ever(url: str, writer_name: str, trial: int, pipe: int) -> None:
    """Cast votes from several threads and write down each that is acknowledged."""
    writer = WRITERS[writer_name](open_engine(url))

    def cast(voter: int) -> None:
        for n in range(1_000_000):
            user = f"u{trial}-{voter}-{n}"
            vote = Vote(ANSWER, "T1", user, "up", "1.5")
            writer.run(partial(ledger.record_vote, vote=vote))
            os.write(pipe, f"{user}\n".encode())

    for voter in range(VOTERS):
        Thread(target=cast, args=(voter,), daemon=True).start()
    signal.pause()


def kill_one(url: str, writer_name: str, trial: int, chance: random.Random) -> set[str]:
    """Fork a child, kill it at a random moment, and return what it had acknowledged."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        vote_for_ever(url, writer_name, trial, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        first = pipe.readline()
        time.sleep(chance.uniform(0.0, 0.03))  # the moment of the kill is what varies
        os.kill(child, signal.SIGKILL)
        rest = pipe.read()
    os.waitpid(child, 0)
    return {line.decode() for line in (first + rest).split(b"\n") if line}


def stored(url: str) -> set[str]:
    """Return who has voted, as a fresh process finds it."""
    engine = open_engine(url)
    with engine.connect() as connection:
        users = {vote.user for vote in ledger.votes_of(connection, ANSWER)}
    engine.dispose()
    return users


def an_answer() -> AnswerRow:
    """The answer that everybody votes on."""
    asked_at = datetime(2026, 11, 21, tzinfo=UTC)
    return AnswerRow(
        *(ANSWER, "q", "T1", "C1", "1.0", "1.0", "2.0", "U1", asked_at),
        *("answered", "everyone", "days off?", "{}", "{}"),
    )


def main(url: str, writer_name: str, kills: int, seed: int) -> None:
    """Kill as often as wanted, then print how many votes were acknowledged and lost."""
    chance = random.Random(seed)  # noqa: S311  moments, no secret
    engine = open_engine(url)
    ledger.create_tables(engine)
    with engine.execution_options(writes=True).begin() as connection:
        ledger.record_answer(connection, an_answer())
    engine.dispose()
    acknowledged = set[str]()
    for trial in range(kills):
        acknowledged |= kill_one(url, writer_name, trial, chance)
    lost = acknowledged - stored(url)
    sys.stdout.write(f"{len(acknowledged)} {len(lost)}\n")


def killed(folder: Path, writer_name: str, kills: int) -> tuple[int, int]:
    """Run the trials in an interpreter of their own; return votes acknowledged and lost."""
    url = f"sqlite:///{folder / 'votes.db'}"
    ran = subprocess.run(  # noqa: S603  this very file
        [sys.executable, __file__, url, writer_name, str(kills), "20261121"],
        check=True,
        capture_output=True,
        text=True,
        timeout=100,
        env={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    acknowledged, lost = ran.stdout.split()
    return int(acknowledged), int(lost)


@pytest.mark.timeout(110)
def test_no_acknowledged_vote_is_lost_in_100_kills(tmp_path: Path) -> None:
    """Each vote that came back from the writer is there after SIGKILL."""
    acknowledged, lost = killed(tmp_path, "writer", 100)

    assert lost == 0
    assert acknowledged >= 100


def test_an_acknowledgement_before_the_commit_is_caught(tmp_path: Path) -> None:
    """The double that tells its callers too early loses votes in a few kills."""
    acknowledged, lost = killed(tmp_path, "eager", 10)

    assert acknowledged > 0
    assert lost > 0


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
