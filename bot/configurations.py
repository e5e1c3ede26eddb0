"""The configurations that were in force, by name, in the decision log."""

from datetime import datetime

from sqlalchemy import Connection

from bot import decisions
from bot.configuration import Configuration
from bot.decisions import Kind


def remember(connection: Connection, configuration: Configuration, at: datetime) -> None:
    """Write down what a name stands for, unless the log knows it."""
    if recall(connection, configuration.sha256) is None:
        values = dict(configuration.values)
        decisions.append(connection, Kind.CONFIGURATION, configuration.sha256, values, at)


def recall(connection: Connection, sha256: str) -> Configuration | None:
    """Return what a name stands for; None if it was never written down, or has expired."""
    for one in decisions.decisions_of(connection, sha256):
        if one.kind is Kind.CONFIGURATION:
            values = {k: v for k, v in one.record.items() if isinstance(v, str | int | float)}
            return Configuration.from_values(values)
    return None
