"""`housevoice doctor`: one finding after another."""

import sys

from rich.console import Console
from rich.text import Text

from bot.doctor import examine
from bot.findings import Finding, State
from bot.settings import Settings

_STYLES = {State.OK: "green", State.WARN: "yellow", State.FAIL: "bold red"}


def doctor(settings: Settings) -> None:
    """Show one finding after another; exit with 1 if the bot cannot run."""
    console = Console(soft_wrap=True)
    states = list[State]()
    for finding in examine(settings):
        console.print(shown(finding))
        states.append(finding.state)
    sys.exit(1 if State.FAIL in states else 0)


def shown(finding: Finding) -> Text:
    """Lay a finding out: its state, what was seen, and what to do."""
    line = Text(f"{finding.state:<5}", style=_STYLES[finding.state])
    line.append(f"{finding.name}: {finding.seen}", style="default")
    if finding.remedy:
        line.append(f"\n     {finding.remedy}", style="default")
    return line
