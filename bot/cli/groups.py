"""The commands that come in groups: `housevoice corrections|log|golden|rollout ...`.

As in ``bot/__main__.py``, what can be typed is declared here and done elsewhere.
"""
# ruff: noqa: PLC0415  a command loads what it needs, and --help nothing

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from bot.cli.adapter_group import ADAPTERS, Reviewer
from bot.cli.export_group import export_group
from bot.settings import read_settings

_corrections = typer.Typer(
    help="Corrections: what people propose instead of an answer, and the review of it.",
    no_args_is_help=True,
)
_KINDS = (
    "answer, vote, remark, index, configuration, rollout, adapter, alert, canary, shadow, erasure, "
    "export, start; may be repeated"
)


@_corrections.command("list")
def corrections_list() -> None:
    """Show what waits for a review."""
    from bot.cli import reviewing

    reviewing.show_pending(read_settings())


@_corrections.command("approve")
def corrections_approve(correction_id: str, *, reviewer: Reviewer) -> None:
    """Let a correction be used to improve answers."""
    from bot.cli import reviewing

    reviewing.decide(read_settings(), correction_id, reviewer=reviewer, is_approved=True)


@_corrections.command("reject")
def corrections_reject(correction_id: str, *, reviewer: Reviewer) -> None:
    """Set a correction aside for good, unless its author changes it."""
    from bot.cli import reviewing

    reviewing.decide(read_settings(), correction_id, reviewer=reviewer, is_approved=False)


_log = typer.Typer(
    help="The decision log: look at it, check that nobody changed it, forget what is too old.",
    no_args_is_help=True,
)


@_log.command("verify")
def log_verify(
    *,
    head: Annotated[str, typer.Option(help="Such as `chain` of a log line: must be there.")] = "",
) -> None:
    """Check that no record was changed, dropped, moved or added."""
    from bot.cli import logbook

    logbook.verify(read_settings(), head)


@_log.command("show")
def log_show(
    *,
    since: Annotated[str, typer.Option(help="How far back: 30m, 24h or 7d.")] = "24h",
    kind: Annotated[list[str] | None, typer.Option(help=f"Only these, of {_KINDS}.")] = None,
) -> None:
    """Print what was decided lately."""
    from bot.cli import logbook

    logbook.show(read_settings(), age=since, kinds=kind or ())


@_log.command("expire")
def log_expire() -> None:
    """Forget what is older than the settings allow, as the bot does every hour."""
    from bot.cli import logbook

    logbook.expire(read_settings())


_golden = typer.Typer(
    help="Golden sets: look at one, and make cases from answers of the log.",
    no_args_is_help=True,
)


@_golden.command("check")
def golden_check(file: Path) -> None:
    """Say whether a set is valid and what it holds."""
    from bot.cli import golden

    golden.check(read_settings(), file)


@_golden.command("add")
def golden_add(  # noqa: PLR0913  # one for each thing that only a person can say
    answer_id: str,
    *,
    to: Annotated[Path, typer.Option("--to", help="The set, .yaml or .jsonl.")],
    case_id: Annotated[str, typer.Option("--id", help="By default that of the answer.")] = "",
    fact: Annotated[list[str] | None, typer.Option(help="What a right answer holds.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="What it is counted under.")] = None,
    decline: Annotated[bool, typer.Option("--decline", help="A right bot declines.")] = False,
) -> None:
    """Add an answer of the log to a set, as a case."""
    from bot.cli import golden
    from bot.golden import Choices

    choices = Choices(case_id, tuple(fact or ()), tuple(tag or ()), is_decline=decline)
    golden.add(read_settings(), answer_id, to=to, choices=choices)


@_golden.command("candidates")
def golden_candidates(
    *,
    to: Annotated[
        Path | None, typer.Option("--to", help="By default golden.yaml beside the documents.")
    ] = None,
) -> None:
    """List approved corrections that no set has yet, as cases without their facts."""
    from bot.cli import golden

    golden.show_candidates(read_settings(), to=to)


_rollout = typer.Typer(
    help="Rollouts: try other settings beside the present ones, compare, end or keep them.",
    no_args_is_help=True,
)


@_rollout.command("start")
def rollout_start(
    name: str,
    *,
    given: Annotated[
        list[str], typer.Option("--set", help="What it has different: knowledge.floor=0.35.")
    ],
    share: Annotated[
        int,
        typer.Option(
            min=0, max=100, help="In how many per cent of the channels; 0: in the shadow."
        ),
    ] = 0,
    probe: Annotated[
        str, typer.Option(help="The question that it must be able to answer or decline now.")
    ] = "What should I know on my first day?",
) -> None:
    """Try a candidate: in the shadow, stored and not shown, or in a share of the channels."""
    from bot.cli import rollout

    rollout.start(read_settings(), name, given=given, share=share, probe=probe)


@_rollout.command("show")
def rollout_show() -> None:
    """Compare the candidate with what answers otherwise, and the votes on both."""
    from bot.cli import rollout

    rollout.show(read_settings())


@_rollout.command("share")
def rollout_share(percent: Annotated[int, typer.Argument(min=0, max=100)]) -> None:
    """Let it answer in this share of the channels; those that it has keep it as that grows."""
    from bot.cli import rollout

    rollout.share(read_settings(), percent)


@_rollout.command("stop")
def rollout_stop(
    *, reason: Annotated[str, typer.Option(help="For the decision log.")] = ""
) -> None:
    """End the trial: all channels are answered as the settings say."""
    from bot.cli import rollout

    rollout.stop(read_settings(), reason=reason)


@_rollout.command("promote")
def rollout_promote() -> None:
    """End the trial, and print the settings that keep the candidate."""
    from bot.cli import rollout

    rollout.promote(read_settings())


GROUPS: Mapping[str, typer.Typer] = {
    "corrections": _corrections,
    "export": export_group,
    "log": _log,
    "golden": _golden,
    "rollout": _rollout,
    "adapters": ADAPTERS,
}
"""Every group, by the word that it is typed with."""
