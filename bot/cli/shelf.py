"""`housevoice models`: what the settings name, and what of it is here."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.models import ModelLine, describe_models, open_shelf
from bot.settings import Settings

_MB = 1_000_000


def models(settings: Settings, *, fetch: bool) -> None:
    """Show the models; first prepare them, where that is asked for.

    Raises:
        ModelMissingError: If one cannot be had.
    """
    console = Console()
    if fetch:
        shelf = open_shelf(settings)
        for reference in (settings.model.base, settings.knowledge.embedder):
            with console.status(f"preparing {reference}"):
                shelf.find(reference)
    lines = describe_models(settings)
    console.print(_models_table(lines))
    for line in lines:
        about = f"is {line.status}: {line.remedy}" if line.remedy else f"lies in {line.where}"
        console.print(Text(f"{line.name} {about}"), soft_wrap=True)


def _models_table(lines: tuple[ModelLine, ...]) -> Table:
    table = Table("model", "reference", "status", "size", "sha-256", box=None)
    for line in lines:
        size = f"{line.size_bytes / _MB:.0f} MB" if line.size_bytes else ""
        table.add_row(*map(Text, (line.name, line.reference, line.status, size, line.sha256)))
    return table
