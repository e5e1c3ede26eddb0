"""How soon Slack gets its ack while the bot is busy, and whether anything is lost.

    python -m bench.ack [--mentions 1000]

The bot runs in a process of its own, with its real models, against the local workspace: a burst
of mentions while it answers, and votes in between. Everybody must be told something, the busy
line if nothing else, and each person's last vote must be stored.
"""

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlalchemy import create_engine

from adapters import ledger
from bench.corpora import ROOT
from bench.processes import command, running
from bench.timing import print_table
from bot.blocks import working_post
from bot.workspace.running import RunningWorkspace, running_workspace
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_EMPLOYEE,
    SEED_ENGINEER,
    SEED_FINANCE,
    SEED_HELP,
    SEED_HR,
    SEED_MANAGER,
    SEED_TEAM,
    demo_seed,
)

_PEOPLE = (SEED_ADMIN, SEED_EMPLOYEE, SEED_ENGINEER, SEED_FINANCE, SEED_HR, SEED_MANAGER)
_PER_VOTE = 5  # mentions
_QUESTION = "@housevoice How many days of leave do I get?"
_PLACEHOLDER = working_post("").text
_WITHIN_S = 600.0
_LOOK_EVERY_S = 0.5


def main(arguments: Sequence[str] | None = None) -> None:
    """Print how long acks took and what became of the burst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mentions", type=int, default=1_000)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name, running_workspace(demo_seed()) as workspace:
        folder = Path(name)
        settings = _settings(workspace, folder)
        _index(settings)
        with running(command(settings, "serve"), folder / "log"):
            workspace.wait_until_connected(timeout_s=60)
            burst = _Burst(workspace, folder / "housevoice.db")
            burst.run(chosen.mentions)
    burst.report()


class _Burst:
    """One answered question to vote on, then everything at once."""

    def __init__(self, workspace: RunningWorkspace, database: Path) -> None:
        self._workspace = workspace
        self._engine = create_engine(f"sqlite:///{database}")
        self._asked: list[str] = []
        self._voted: dict[str, str] = {}
        self._stored: dict[str, str] = {}
        self._told_s = 0.0

    def run(self, n: int) -> None:
        """Send the burst and wait until everybody was told."""
        first = self._workspace.say(SEED_EMPLOYEE, SEED_HELP, _QUESTION)
        self._asked = [first]
        self._wait_until_told()
        reply = self._workspace.thread(SEED_HELP, first)[0]
        answer_id = self._answer_id(reply.ts)
        start = time.monotonic()
        for number in range(n):
            asker = _PEOPLE[number % len(_PEOPLE)]
            self._asked.append(self._workspace.say(asker, SEED_HELP, _QUESTION))
            if number % _PER_VOTE == 0:
                self._vote(number // _PER_VOTE, reply.ts, answer_id)
        self._workspace.wait_until_settled(timeout_s=_WITHIN_S)
        self._stored = self._votes(answer_id)
        self._wait_until_told()
        self._told_s = time.monotonic() - start

    def report(self) -> None:
        """Print the table, and what is missing."""
        acks = self._workspace.acks
        kinds = {kind: [a.latency_s for a in acks if a.kind == kind] for kind in _kinds(acks)}
        head = ["acks of", "number", "p50, ms", "p99, ms", "longest, ms"]
        print_table(head, [[kind, len(found), *_quantiles(found)] for kind, found in kinds.items()])
        replies = self._replies()
        told = Counter(text for texts in replies.values() for text in texts)
        odd = sum(len(replies[ts]) != 1 for ts in self._asked)
        retried = sum(ack.attempt > 0 for ack in acks)
        print(f"{len(self._asked)} asked, all told within {self._told_s:.0f} s: {dict(told)}")
        print(f"{retried} redelivered; threads with not just one reply: {odd}")
        lost = len(self._voted.items() - self._stored.items())
        print(f"{len(self._voted)} people's last votes, {lost} of them not stored")

    def _vote(self, number: int, ts: str, answer_id: str) -> None:
        voter = _PEOPLE[number % len(_PEOPLE)]
        verdict = "up" if number // len(_PEOPLE) % 2 else "down"
        self._workspace.click(voter, SEED_HELP, ts, f"v1:{answer_id}:{verdict}")
        self._voted[voter] = verdict

    def _answer_id(self, ts: str) -> str:
        with self._engine.connect() as connection:
            row = ledger.answer_at(connection, SEED_TEAM, SEED_HELP, ts)
        if row is None:
            message = "the first answer is not in the ledger"
            raise RuntimeError(message)
        return row.answer_id

    def _votes(self, answer_id: str) -> dict[str, str]:
        with self._engine.connect() as connection:
            return {vote.user: vote.verdict for vote in ledger.votes_of(connection, answer_id)}

    def _wait_until_told(self) -> None:
        until = time.monotonic() + _WITHIN_S
        while time.monotonic() < until:
            replies = self._replies()
            if all(replies[ts] and _PLACEHOLDER not in replies[ts] for ts in self._asked):
                return
            time.sleep(_LOOK_EVERY_S)  # a look at every thread takes the workspace's lock
        message = f"not everybody was told within {_WITHIN_S:.0f} s"
        raise TimeoutError(message)

    def _replies(self) -> dict[str, list[str]]:
        """Return what stands in each thread from the bot: its fixed lines, no answers."""
        found: dict[str, list[str]] = {ts: [] for ts in self._asked}
        for message in self._workspace.messages(SEED_HELP):
            if message.bot_id and message.thread_ts in found:
                found[message.thread_ts].append(message.text)
        return found


def _settings(workspace: RunningWorkspace, folder: Path) -> Mapping[str, str]:
    return {
        "DATA": str(folder),
        "DATABASE_URL": "",
        "KNOWLEDGE__FOLDER": str(ROOT / "knowledge" / "sample"),
        "KNOWLEDGE__DOCUMENTS_URL": workspace.url,
        "SLACK__BOT_TOKEN": workspace.bot_token,
        "SLACK__APP_TOKEN": workspace.app_token,
        "SLACK__BASE_URL": workspace.api_url,
    }


def _index(settings: Mapping[str, str]) -> None:
    words = command(settings, "index")
    subprocess.run(words, cwd=ROOT, check=True, capture_output=True)  # noqa: S603  # our own program


def _kinds(acks: Sequence[object]) -> list[str]:
    return sorted({str(getattr(ack, "kind", "")) for ack in acks})


def _quantiles(seconds: Sequence[float]) -> list[str]:
    ranked = sorted(seconds)
    places = (len(ranked) // 2, int(0.99 * len(ranked)), len(ranked) - 1)
    return [f"{ranked[min(place, len(ranked) - 1)] * 1e3:.0f}" for place in places]


if __name__ == "__main__":
    main()
