"""Tokens by day, team and source: counted, warned of, and then the bot quotes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Thread

import pytest
from asking import EVERYONE, LEAVE, QUESTION, a_passage, an_answerer
from sqlalchemy import Engine

from bot.answering import Answerer, Prices
from bot.cli.spending import show
from bot.conversation import Answer, Outcome, Question, Trace
from bot.database import Writer, open_engine
from bot.monitoring.alerts import Notice
from bot.monitoring.metrics import Metrics
from bot.monitoring.usage import Usage, spent_since
from bot.settings import BudgetSettings, Settings

MORNING = datetime(2026, 3, 1, 9, tzinfo=UTC)
SAID = "You get 25 days of annual leave [1]."  # 7 + 5 tokens, by the scripted model
PER_ANSWER = 12


@dataclass
class Desk:
    """A budget, a clock that a test sets, and what was told."""

    engine: Engine
    writer: Writer
    budget: BudgetSettings
    at: datetime = MORNING
    told: list[Notice] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)

    def __post_init__(self) -> None:
        self.usage = Usage(
            self.engine,
            self.writer,
            self.budget,
            metrics=self.metrics,
            tell=self.told.append,
            now=lambda: self.at,
        )
        answerer = an_answerer([a_passage()], SAID)
        prices = Prices(self.budget.prompt_price, self.budget.completion_price)
        self.answerer: Answerer = replace(answerer, may_speak=self.usage.may_speak, prices=prices)

    def ask(self, team: str = "T1") -> Answer:
        """Ask about leave, of which the source wiki knows."""
        work = self.usage.booked(self.answerer.work)
        return work(Question("q1", QUESTION, EVERYONE, team=team)).answer

    def restarted(self) -> "Desk":
        """The same database in a new process."""
        return Desk(self.engine, self.writer, self.budget, self.at)


@contextmanager
def a_desk(tmp_path: Path, **budget: float) -> Iterator[Desk]:
    """Open a desk on an empty database."""
    engine = open_engine(f"sqlite:///{tmp_path / 'usage.db'}")
    writer = Writer(engine)
    yield Desk(engine, writer, BudgetSettings(**budget))
    writer.close()
    engine.dispose()


@pytest.mark.parametrize(
    ("limit", "scope"),
    [
        ("tokens_per_day", "overall"),
        ("tokens_per_day_team", "team T1"),
        ("tokens_per_day_source", "source wiki"),
    ],
)
def test_a_budget_warns_then_the_bot_quotes(tmp_path: Path, limit: str, scope: str) -> None:
    """At 80 % somebody is told, at 100 % again, and from then on passages are only quoted."""
    with a_desk(tmp_path, **{limit: 5 * PER_ANSWER}) as desk:
        spoken = [desk.ask() for _ in range(5)]
        quoted = [desk.ask() for _ in range(2)]

    assert {one.reply.outcome for one in spoken} == {Outcome.ANSWERED}
    assert {(one.reply.outcome, one.trace.reason) for one in quoted} == {
        (Outcome.QUOTED, "the budget is spent")
    }
    assert all(LEAVE in one.reply.text for one in quoted)
    assert [one.title for one in desk.told] == [
        f"The model's budget is nearly spent: {scope}",
        f"The model's budget is spent: {scope}",
    ]


def test_a_spent_budget_silences_only_its_own(tmp_path: Path) -> None:
    """Another team is answered as before."""
    with a_desk(tmp_path, tokens_per_day_team=PER_ANSWER) as desk:
        outcomes = [desk.ask(team).reply.outcome for team in ("T1", "T1", "T2")]

    assert outcomes == [Outcome.ANSWERED, Outcome.QUOTED, Outcome.ANSWERED]


def test_a_restart_keeps_what_was_used(tmp_path: Path) -> None:
    """Who is out of tokens does not get new ones by starting the bot again."""
    with a_desk(tmp_path, tokens_per_day=PER_ANSWER) as desk:
        desk.ask()
        again = desk.restarted().ask()

    assert again.reply.outcome is Outcome.QUOTED


def test_midnight_in_utc_opens_a_new_day(tmp_path: Path) -> None:
    """The model speaks again, in a bot that never stopped as in one that starts."""
    with a_desk(tmp_path, tokens_per_day=PER_ANSWER) as desk:
        desk.at = datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC)
        before = [desk.ask().reply.outcome for _ in range(2)]
        desk.at = datetime(2026, 3, 2, tzinfo=UTC)
        fresh = desk.restarted().usage.may_speak("T1", "wiki")
        after = desk.ask().reply.outcome

    assert (before, fresh) == ([Outcome.ANSWERED, Outcome.QUOTED], True)
    assert after is Outcome.ANSWERED
    assert len({one.alert_id for one in desk.told}) == 4


def test_without_a_limit_nothing_is_told_and_all_is_booked(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Tokens and money stand in the table by day, team and source; a local model costs nothing."""
    with a_desk(tmp_path, prompt_price=100.0, completion_price=200.0) as desk:
        desk.ask()
        desk.ask("T2")
        desk.ask("T2")
        with desk.engine.connect() as connection:
            spent = spent_since(connection, date(2026, 3, 1))
    with a_desk(tmp_path_factory.mktemp("free")) as free:
        free.ask()
        with free.engine.connect() as connection:
            (nothing,) = spent_since(connection, date(2026, 3, 1))

    assert desk.told == []
    assert [(one.team, one.source, one.answers, one.prompt_tokens) for one in spent] == [
        ("T1", "wiki", 1, 7),
        ("T2", "wiki", 2, 14),
    ]
    assert [one.completion_tokens for one in spent] == [5, 10]
    assert [one.cost for one in spent] == pytest.approx([0.0017, 0.0034])
    assert nothing.cost == 0.0


def test_two_processes_share_a_budget(tmp_path: Path) -> None:
    """Each booking takes in what the other has booked, so they do not spend it twice."""
    with a_desk(tmp_path, tokens_per_day=3 * PER_ANSWER) as desk:
        other = desk.restarted()
        for one in (desk, other, desk):
            one.ask()
        outcomes = [one.ask().reply.outcome for one in (desk, other)]

    assert outcomes[0] is Outcome.QUOTED
    assert outcomes[1] is Outcome.ANSWERED  # it learns of it with this booking


def test_a_store_that_is_down_does_not_hold_up_an_answer(tmp_path: Path) -> None:
    """What cannot be written is counted in memory, so the budget holds all the same."""
    with a_desk(tmp_path, tokens_per_day=PER_ANSWER) as desk:
        desk.writer.close()
        outcomes = [desk.ask().reply.outcome for _ in range(2)]

    assert outcomes == [Outcome.ANSWERED, Outcome.QUOTED]


def test_bookings_from_many_threads_all_count(tmp_path: Path) -> None:
    """Forty bookings at once are forty answers in the table and in memory."""
    trace = Trace("everyone", prompt_tokens=7, completion_tokens=5, charged_to="wiki")
    with a_desk(tmp_path, tokens_per_day=40 * PER_ANSWER) as desk:
        book = lambda: [desk.usage.record(trace, "T1") for _ in range(10)]  # noqa: E731
        threads = [Thread(target=book) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with desk.engine.connect() as connection:
            (spent,) = spent_since(connection, date(2026, 3, 1))
        may_speak = desk.usage.may_speak("T1", "wiki")

    assert (spent.answers, may_speak) == (40, False)


def test_an_answer_is_booked_where_it_was_asked_for(tmp_path: Path) -> None:
    """The best passage is of one source and the best sentence of another: the other one pays."""
    asked = list[str]()

    def may_speak(_team: str, source: str) -> bool:
        asked.append(source)
        return True

    pages = [
        replace(a_passage("Leave is a matter of annual planning."), score=0.95),
        replace(a_passage(LEAVE, name="leave"), doc_id="hr:leave.md", score=0.9),
    ]
    answerer = replace(an_answerer(pages, SAID), may_speak=may_speak)
    with a_desk(tmp_path) as desk:
        desk.usage.booked(answerer.work)(Question("q1", QUESTION, EVERYONE, team="T1"))
        with desk.engine.connect() as connection:
            (spent,) = spent_since(connection, date(2026, 3, 1))

    assert asked == ["hr"]
    assert spent.source == "hr"


def test_what_was_used_can_be_seen(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line by day, team and source, one for canaries; without prices nothing costs anything."""
    monkeypatch.setenv("COLUMNS", "120")
    settings = Settings(data=tmp_path)
    open_engine(settings.store_url).connect().close()
    show(settings, days=0)
    nothing = capsys.readouterr().out
    engine = open_engine(settings.store_url)
    writer = Writer(engine)
    desk = Desk(engine, writer, settings.budget, datetime.now(UTC))
    desk.ask()
    desk.ask(team="")
    writer.close()
    engine.dispose()
    show(settings, days=0)
    shown = capsys.readouterr().out

    assert nothing.startswith("No model has spoken since ")
    lines = sorted(line.split()[1:] for line in shown.splitlines()[1:3])
    counts = ["wiki", "1", "7", "5", "0.0000"]
    assert lines == [["(golden", "canaries)", *counts], ["T1", *counts]]
    assert "No price is set" in shown
