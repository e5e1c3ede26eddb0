"""What a bot writes into the decision log about its own start."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot import decisions
from bot.configuration import Configuration
from bot.database import Writer, open_engine
from bot.decisions import Kind
from bot.monitoring.checks import StartCheck

START = datetime(2026, 11, 21, tzinfo=UTC)


def test_a_start_like_the_last_one_waits_for_no_writer(tmp_path: Path) -> None:
    """It is looked at in every round, and nothing is to be written then; another one is told."""
    engine = open_engine(f"sqlite:///{tmp_path / 'log.db'}")
    decisions.create_tables(engine)
    writer, closed = Writer(engine), Writer(engine)
    closed.close()  # whoever writes with it is refused

    def check(floor: float, day: int, with_writer: Writer) -> None:
        values = Configuration.from_values({"knowledge.floor": floor})
        at = START + timedelta(days=day)
        StartCheck(lambda: values, engine, with_writer, lambda: at)()

    check(0.3, 0, writer)
    check(0.3, 1, closed)
    check(0.6, 2, writer)
    check(0.6, 3, closed)
    check(0.3, 4, writer)
    writer.close()

    with engine.connect() as connection:
        told = decisions.since(connection, START, [Kind.START])
    engine.dispose()
    assert [one.at.day for one in told] == [21, 23, 25]
    assert [one.record["changed"] for one in told] == [
        {},
        {"knowledge.floor": [0.3, 0.6]},
        {"knowledge.floor": [0.6, 0.3]},
    ]
