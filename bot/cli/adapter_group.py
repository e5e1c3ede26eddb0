"""The group `housevoice adapters ...`: what can be typed; ``bot/cli/adapters.py`` does it."""
# ruff: noqa: PLC0415  a command loads what it needs, and --help nothing

from pathlib import Path
from typing import Annotated

import typer

from bot.settings import read_settings

ADAPTERS = typer.Typer(
    help="Adapters: what is kept, what speaks, and how that came about.", no_args_is_help=True
)
Reviewer = Annotated[str, typer.Option("--as", help="User id of an administrator in Slack.")]
Version = Annotated[str, typer.Argument(help="Its name, or enough of its beginning.")]
Reason = Annotated[str, typer.Option(help="For the decision log.")]


@ADAPTERS.command("list")
def adapters_list(
    *, domain: Annotated[str, typer.Option(help="Of this domain alone.")] = ""
) -> None:
    """Show every version, which of them speak, and whether they are whole."""
    from bot.cli import adapters

    adapters.show_all(read_settings(), domain=domain)


@ADAPTERS.command("show")
def adapters_show(version: Version) -> None:
    """Show one version: its manifest, its gates, what was decided about it."""
    from bot.cli import adapters

    adapters.show(read_settings(), version)


@ADAPTERS.command("diff")
def adapters_diff(first: Version, second: Version) -> None:
    """Show in what two manifests differ."""
    from bot.cli import adapters

    adapters.diff(read_settings(), first, second)


@ADAPTERS.command("gate")
def adapters_gate(
    version: Version,
    *,
    limit: Annotated[int, typer.Option(min=0, help="So many questions, for a look. [all]")] = 0,
    dataset: Annotated[
        Path | None, typer.Option(help="What it was trained on. [among the exports]")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="The page. [beside the report]")] = None,
) -> None:
    """Measure a version against what speaks now and the plain model; exit 1 if a gate objects."""
    from bot.cli import gating

    gating.gate(read_settings(), gating.Wanted(version, limit, dataset, html))


@ADAPTERS.command("promote")
def adapters_promote(
    version: Version,
    *,
    reviewer: Reviewer,
    domain: Annotated[str, typer.Option(help="Refuse a version of another domain.")] = "",
    reason: Reason = "",
    force: Annotated[
        bool,
        typer.Option(
            "--force",
            help="Overrule failed gates, with a reason; never integrity, memorisation, audience.",
        ),
    ] = False,
) -> None:
    """Let a version that passed its gates speak from the next question on."""
    from bot.cli import adapters
    from bot.cli.adapters import Asked

    asked = Asked(reviewer, reason, is_forced=force)
    adapters.promote(read_settings(), version, domain=domain, asked=asked)


@ADAPTERS.command("rollback")
def adapters_rollback(
    *,
    reviewer: Reviewer,
    domain: Annotated[str, typer.Option(help="Where.")] = "default",
    to: Annotated[
        str | None,
        typer.Option(help="A version that spoke there, or base. [the one before]"),
    ] = None,
    reason: Reason = "",
) -> None:
    """Let the version before speak again, an older one, or the base model alone."""
    from bot.cli import adapters
    from bot.cli.adapters import Asked

    adapters.rollback(read_settings(), domain=domain, to=to, asked=Asked(reviewer, reason))


@ADAPTERS.command("taint")
def adapters_taint(version: Version, *, reviewer: Reviewer, reason: Reason = "") -> None:
    """Ban a version, and all that were trained from it, for good."""
    from bot.cli import adapters
    from bot.cli.adapters import Asked

    adapters.taint(read_settings(), version, asked=Asked(reviewer, reason))
