"""`housevoice usage`: what the model has used up, by day, team and source."""

from datetime import UTC, datetime, timedelta

from rich.console import Console
from rich.table import Table

from bot.cli.premises import require_database
from bot.house import open_house
from bot.monitoring import usage
from bot.monitoring.usage import Spent
from bot.settings import BudgetSettings, Settings

_CANARIES = "(golden canaries)"  # no person of any team asks them
_COLUMNS = ("day", "team", "source", "answers", "prompt tokens", "completion tokens", "cost")


def show(settings: Settings, *, days: int) -> None:
    """Print what was booked today and on the days before, the newest first."""
    require_database(settings)
    first = datetime.now(UTC).date() - timedelta(days=days)
    with open_house(settings) as house:
        usage.create_tables(house.engine)
        with house.engine.connect() as connection:
            spent = usage.spent_since(connection, first)
    console = Console(highlight=False, soft_wrap=True)
    if not spent:
        console.print(f"No model has spoken since {first}.")
        return
    console.print(_table(spent))
    console.print(_explained(settings.budget))


def _table(spent: list[Spent]) -> Table:
    table = Table(*_COLUMNS, box=None)
    for one in spent:
        counts = (one.answers, one.prompt_tokens, one.completion_tokens)
        told = (*(f"{n:,}" for n in counts), f"{one.cost:.4f}")
        table.add_row(one.day, one.team or _CANARIES, one.source, *told)
    return table


def _explained(budget: BudgetSettings) -> str:
    is_free = not (budget.prompt_price or budget.completion_price)
    price = "No price is set, as for a local model: new answers cost 0. " if is_free else ""
    limit = f"{budget.tokens_per_day:,}" if budget.tokens_per_day else "none"
    return f"{price}Tokens a day: {limit}. Days are those of UTC."
