"""The decision log at work: answers made again from it, and what log and figures cost.

    python -m bench.logged [--answers N] [--quote-only]

Golden questions of the sample company are answered and recorded as the listeners record them;
then a second bot on the same data makes each of them again and compares. The cost is that of
storing an answer with the log and the figures beside storing it alone, in a database each.
"""

import argparse
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine

from adapters import ledger
from bench.corpora import ROOT, SCRATCH
from bench.timing import Stopwatch
from bot import decisions
from bot.arrivals import Asked
from bot.audience import Place
from bot.configurations import remember
from bot.conversation import Question
from bot.database import Writer, open_engine, truncate_log
from bot.house import House, open_house, open_variant
from bot.inbox import Inbox
from bot.monitoring.metrics import Metrics
from bot.records import row_of
from bot.replaying import MADE, Recorded, replay, settings_of
from bot.settings import KnowledgeSettings, ModelSettings, Settings
from bot.tracing import configure
from knowledge.golden import GoldenCase, load_golden

_FOLDER = SCRATCH / "logged"
_SAMPLE = ROOT / "knowledge" / "sample"
_KB = 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Answer and record, then make again and compare."""
    chosen = _parser().parse_args(arguments)
    configure("ERROR")
    shutil.rmtree(_FOLDER, ignore_errors=True)
    model = ModelSettings(base="none") if chosen.quote_only else ModelSettings()
    settings = Settings(
        data=_FOLDER / "data", knowledge=KnowledgeSettings(folder=_SAMPLE), model=model
    )
    cases = [case for case in load_golden(_SAMPLE / "golden.yaml").cases if not case.history]
    with _archive(settings) as archive:
        for number, case in enumerate(cases[: chosen.answers]):
            archive.answer(number, case)
        archive.tell_costs(settings.data)
    with open_house(settings) as house:  # as another process would
        print(_replayed(house, chosen.answers))
        with house.engine.connect() as connection:
            found = decisions.verify(connection)
        print(f"chain: {found.n} records, {found.problem or 'in order'}")


@dataclass
class _Archive:
    """Answers and records, once with the log and the figures, once without."""

    house: House
    inbox: Inbox
    alone: Writer
    engine: Engine
    metrics: Metrics = field(default_factory=Metrics)
    whole_s: Stopwatch = field(default_factory=Stopwatch)
    alone_s: Stopwatch = field(default_factory=Stopwatch)
    count: int = 0

    def answer(self, number: int, case: GoldenCase) -> None:
        ts = f"{1000 + number}.000001"
        place = Place("T1", "C1", "U1", is_ext_shared_channel=False)
        self.inbox.take(f"Ev{number}", Asked(place, ts, ts, case.question, is_addressed=True))
        (question,) = self.inbox.next_questions(set())
        asked = Question(question.question_id, case.question, case.audience, team="T1")
        working = self.house.work(asked)
        row = row_of(question, working, case.audience)
        with self.whole_s.lap():
            self.inbox.record_answer(row)
            self.metrics.answered(working.answer.trace, working.answer.reply.outcome, 1.0)
        with self.alone_s.lap():
            self.alone.run(partial(ledger.record_answer, row=row))
        self.inbox.mark_done(question.question_id)
        self.count += 1

    def tell_costs(self, data: Path) -> None:
        whole, alone = self.whole_s, self.alone_s
        print(f"{self.count} answers recorded")
        print(f"ms to store one, median / p95: with log and figures {whole}, without {alone}")
        print(f"  more: {(whole.median - alone.median) * 1e3:.2f} ms at the median")
        truncate_log(self.house.engine)
        truncate_log(self.engine)
        for path in (data / "housevoice.db", _FOLDER / "alone.db"):
            print(f"{path.name}: {path.stat().st_size / self.count / _KB:.1f} KiB an answer")


@contextmanager
def _archive(settings: Settings) -> Iterator[_Archive]:
    with open_house(settings) as house:
        house.ingest()
        writer, engine = Writer(house.engine), open_engine(f"sqlite:///{_FOLDER / 'alone.db'}")
        ledger.create_tables(engine)
        house.on_configured = lambda one: writer.run(
            partial(remember, configuration=one, at=_now())
        )
        alone = Writer(engine)
        yield _Archive(house, Inbox(house.engine, writer, _now), alone, engine)
        writer.close()
        alone.close()
        engine.dispose()


def _replayed(house: House, most: int) -> str:
    with house.engine.connect() as connection:
        rows = ledger.latest(connection, most, MADE)
        recorded = [Recorded.from_log(connection, row) for row in rows]
        values = settings_of(connection, recorded[0].trace)
    with open_variant(house, "live", values) as then:
        made = [replay(one, then) for one in recorded]
    words = sum(one.is_same for one in made)
    said = sum(not one.differs for one in made)
    outcomes = dict(Counter(str(row.outcome) for row in rows))
    same = f"{words} of {len(made)} the same text and sources"
    return f"replayed {outcomes}: {same}, {said} to the last token"


def _now() -> datetime:
    return datetime.now(UTC)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=200)
    parser.add_argument("--quote-only", action="store_true", help="without the language model")
    return parser


if __name__ == "__main__":
    main()
