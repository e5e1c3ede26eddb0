"""Seconds to the first sign of life and to the answer, and memory, in the demo as it is.

    python -m bench.first_answer [--questions 10]

Starts ``housevoice demo`` on the sample company and asks through its page, one question after
the other, as a newcomer would.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from sqlalchemy import create_engine, text

from bench.corpora import ROOT
from bench.demo_page import page_of
from bench.processes import command, peak_bytes, running
from bench.timing import Stopwatch, print_table
from bot.workspace.seed import SEED_EMPLOYEE, SEED_HELP
from knowledge.golden import load_golden

_GIB = 1 << 30
_WITHIN_S = 120.0
_LOOK_EVERY_S = 0.02
_PLACEHOLDER = "Looking"


def main(arguments: Sequence[str] | None = None) -> None:
    """Ask, and print medians and the peak."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=10)
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        words = command({"DATA": name}, "demo", "--port", "0")
        with running(words, folder / "log") as process:
            page = _Page(page_of(process))
            for question in _questions(chosen.questions):
                page.ask(question)
            peak = peak_bytes(process.pid)
        speeds = list(_tokens_per_second(folder / "demo" / "housevoice.db"))
    print_table(
        ["questions", "placeholder, s", "answer, s", "slowest, s", "tokens/s", "peak, GiB"],
        [
            [
                len(page.answered.seconds),
                f"{page.placed.median:.2f}",
                f"{page.answered.median:.2f}",
                f"{page.answered.quantile(1.0):.2f}",
                f"{median(speeds):.1f}" if speeds else "-",
                f"{peak / _GIB:.2f}",
            ]
        ],
    )


@dataclass
class _Page:
    """The page of the demo, looked at from outside."""

    url: str
    placed: Stopwatch = field(default_factory=Stopwatch)
    answered: Stopwatch = field(default_factory=Stopwatch)

    def ask(self, question: str) -> None:
        """Mention the bot and wait for the placeholder and the answer."""
        start = time.perf_counter()
        said = self._post({"do": "say", "text": f"@housevoice {question}"})
        for watch, is_there in ((self.placed, bool), (self.answered, _is_answer)):
            self._wait(said["ts"], is_there)
            watch.seconds.append(time.perf_counter() - start)

    def _wait(self, ts: str, is_there: Callable[[list[Any]], bool]) -> None:
        until = time.monotonic() + _WITHIN_S
        while not is_there(self._thread(ts)):
            if time.monotonic() > until:
                message = f"no answer within {_WITHIN_S:.0f} s"
                raise TimeoutError(message)
            time.sleep(_LOOK_EVERY_S)

    def _thread(self, ts: str) -> list[Any]:
        query = urlencode({"as": SEED_EMPLOYEE, "channel": SEED_HELP, "thread": ts})
        return list((self._open(f"/page/view?{query}")["thread"] or [])[1:])

    def _post(self, values: Mapping[str, str]) -> Any:
        body = json.dumps({"as": SEED_EMPLOYEE, "channel": SEED_HELP, **values}).encode()
        return self._open("/page/act", body)

    def _open(self, path: str, body: bytes | None = None) -> Any:
        request = Request(self.url + path, body, {"Content-Type": "application/json"})  # noqa: S310  # our own page
        with build_opener(ProxyHandler({})).open(request, timeout=30) as answer:
            return json.load(answer)


def _is_answer(replies: list[Any]) -> bool:
    return _PLACEHOLDER not in json.dumps(replies[:1])


def _questions(n: int) -> list[str]:
    golden = load_golden(ROOT / "knowledge" / "sample" / "golden.yaml")
    asked = [one.question for one in golden.cases if "everyone" in one.roles and one.sources]
    return asked[:: max(1, len(asked) // n)][:n]


def _tokens_per_second(database: Path) -> Iterator[float]:
    with create_engine(f"sqlite:///{database}").connect() as connection:
        for (raw,) in connection.execute(text("SELECT trace FROM answers")):
            trace = json.loads(raw)
            seconds = dict(trace["timings_s"]).get("generation", 0.0)
            if seconds and trace["completion_tokens"]:
                yield trace["completion_tokens"] / seconds


if __name__ == "__main__":
    main()
