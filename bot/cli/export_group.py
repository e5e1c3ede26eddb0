"""What can be typed after `housevoice export`; done in ``bot/cli/exporting.py``."""
# ruff: noqa: PLC0415  a command loads what it needs, and --help nothing

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from bot.settings import read_settings

export_group = typer.Typer(
    help="Export: what people approved, as a data set to train a voice on. Alone it writes one.",
    invoke_without_command=True,
)
Administrator = Annotated[str, typer.Option("--as", help="User id of an administrator in Slack.")]


@export_group.callback()
def export(
    context: typer.Context,
    *,
    out: Annotated[
        Path | None, typer.Option(help="Where data sets lie. [exports in the data folder]")
    ] = None,
    domain: Annotated[
        str, typer.Option(help="What the voice is for; stands on each row.")
    ] = "default",
    source: Annotated[
        list[str] | None,
        typer.Option(help="Only answers from this source of access.yaml; may be repeated."),
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only questions of this day (UTC) or later."),
    ] = None,
) -> None:
    """Write a data set, unless a command follows."""
    if context.invoked_subcommand is not None:
        return
    from bot.cli import exporting
    from bot.gathering import Wanted

    wanted = Wanted(domain, tuple(source or ()), since.date() if since else None)
    exporting.export(read_settings(), wanted, out=out)


@export_group.command("approve")
def export_approve(
    *,
    approver: Administrator,
    terms: Annotated[
        list[str],
        typer.Option(help="What was read before, such as Slack's API terms of 2026-05-01."),
    ],
    with_typed_texts: Annotated[
        bool, typer.Option("--with-typed-texts", help="Questions and corrections may go along.")
    ] = False,
    team: Annotated[str, typer.Option(help="Id of the workspace. [the one that is served]")] = "",
) -> None:
    """Allow exports from a workspace; it stands until it is revoked."""
    from bot.cli import exporting

    exporting.approve(
        read_settings(), approver, team=team, terms=terms, with_typed_texts=with_typed_texts
    )


@export_group.command("revoke")
def export_revoke(
    *,
    approver: Administrator,
    team: Annotated[str, typer.Option(help="Id of the workspace. [the one that is served]")] = "",
) -> None:
    """Allow no more exports from a workspace; those that were written stay."""
    from bot.cli import exporting

    exporting.revoke(read_settings(), approver, team=team)


@export_group.command("candidates")
def export_candidates() -> None:
    """Show liked and disliked answers that lack nothing but a review."""
    from bot.cli import exporting

    exporting.show_candidates(read_settings())


@export_group.command("accept")
def export_accept(candidate: str, *, reviewer: Administrator) -> None:
    """Let an answer become an example."""
    from bot.cli import exporting

    exporting.decide(read_settings(), candidate, reviewer=reviewer, is_accepted=True)


@export_group.command("refuse")
def export_refuse(candidate: str, *, reviewer: Administrator) -> None:
    """Keep an answer out of every data set."""
    from bot.cli import exporting

    exporting.decide(read_settings(), candidate, reviewer=reviewer, is_accepted=False)


@export_group.command("show")
def export_show(
    *,
    out: Annotated[
        Path | None, typer.Option(help="Where data sets lie. [exports in the data folder]")
    ] = None,
) -> None:
    """List the data sets, and who approved of what."""
    from bot.cli import exporting

    exporting.show(read_settings(), out=out)
