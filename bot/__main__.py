"""The command line: `housevoice COMMAND`.

It declares what can be typed; ``bot/cli`` does it and is loaded by the command, so that
``--help`` is quick and loads no model.
"""
# ruff: noqa: PLC0415  a command loads what it needs, and --help nothing

import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from bot.cli.groups import GROUPS
from bot.cli.remedies import remedy, sentence
from bot.errors import SlackSetupError
from bot.settings import forget_proxies, read_settings

_NO_TOKENS = "there is no Slack app to serve: .env has no HOUSEVOICE_SLACK__BOT_TOKEN"

app = typer.Typer(
    name="housevoice",
    help="Answers internal questions in Slack, from the documents that everyone there may read.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run a command; an error becomes a sentence and a remedy on stderr, and exit code 1."""
    try:
        app()
    except Exception as error:
        if "--debug" in sys.argv:
            raise
        stderr = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
        stderr.print(f"housevoice: {sentence(error)}", style="bold")
        if advice := remedy(error):
            stderr.print(advice)
        sys.exit(1)


def _show_version(*, is_wanted: bool) -> None:
    if is_wanted:
        sys.stdout.write(f"housevoice {version('housevoice')}\n")
        raise typer.Exit


@app.callback()
def _options(
    *,
    is_version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            is_eager=True,
            callback=lambda wanted: _show_version(is_wanted=wanted),
        ),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="On an error show the traceback too.")
    ] = False,
) -> None:
    """Declare what stands before a command; `main` reads it from the arguments itself."""


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Where the page is served.", min=0, max=65535)] = 8765,
) -> None:
    """Try it: a small Slack in the browser, a sample company, and the bot."""
    from bot.cli import premises

    forget_proxies()
    settings = read_settings()
    with premises.claimed(settings.data / "demo", port):
        from bot.demo import demo as run_demo

        run_demo(settings, port)


@app.command()
def serve() -> None:
    """Answer in Slack until stopped."""
    from bot import bootstrap

    settings = read_settings()
    if not settings.slack.bot_token.get_secret_value():
        raise SlackSetupError(_NO_TOKENS)
    bootstrap.serve(settings)


@app.command()
def index(
    *,
    source: Annotated[str | None, typer.Option(help="Only this source of access.yaml.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Embed everything anew.")] = False,
) -> None:
    """Bring the index up to date with the documents."""
    from bot.cli import indexing

    indexing.index(read_settings(), source=source, rebuild=rebuild)


@app.command()
def ask(
    question: str,
    *,
    roles: Annotated[
        str | None,
        typer.Option(help="For somebody with these roles, separated by commas. [everyone]"),
    ] = None,
    person: Annotated[
        str | None, typer.Option("--as", help="For this person of roles.yaml, as in a DM.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Reply and trace as JSON.")] = False,
) -> None:
    """Ask one question here, without Slack."""
    if not question.strip():
        empty = "it is empty"
        raise typer.BadParameter(empty, param_hint="QUESTION")
    if person is not None and roles is not None:
        both = "a person has the roles that they have: give one of the two"
        raise typer.BadParameter(both, param_hint="--as and --roles")
    from bot.cli import asking

    asking.ask(read_settings(), question, roles=roles, person=person, as_json=as_json)


@app.command()
def evaluate(  # noqa: PLR0913  # each is an option
    *,
    golden: Annotated[
        list[Path] | None, typer.Option(help="By default golden.yaml beside the documents.")
    ] = None,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="What to compare: live, quote, base, few-shot, adapter:VERSION, voices, or"
            " NAME:setting=value,... such as strict:knowledge.floor=0.4. [live]"
        ),
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only cases with this tag.")] = None,
    limit: Annotated[int, typer.Option(help="So many cases, spread evenly; 0: all.", min=0)] = 0,
    fresh: Annotated[bool, typer.Option("--fresh", help="Use no earlier run.")] = False,
    html: Annotated[Path | None, typer.Option(help="Write a report to open here.")] = None,
    to: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(
            help="Compare with this; exit code 1 if anything dropped, as for any leak or error."
        ),
    ] = None,
    save_baseline: Annotated[
        Path | None, typer.Option(help="Write the first arm's scores here.")
    ] = None,
) -> None:
    """Measure configurations side by side on golden sets: retrieval, answers, refusals, voice."""
    from bot.cli import evaluating

    wanted = evaluating.Wanted(
        golden=tuple(golden or ()),
        arms=tuple(arm or ()),
        tags=tuple(tag or ()),
        limit=limit,
        is_fresh=fresh,
        html=html,
        json=to,
        baseline=baseline,
        new_baseline=save_baseline,
    )
    evaluating.evaluate(read_settings(), wanted)


@app.command()
def train(  # noqa: PLR0913  # each is an option
    dataset: Annotated[Path, typer.Argument(help="A folder, or the name of an export.")],
    *,
    domain: Annotated[str, typer.Option(help="What the voice is for.")] = "default",
    method: Annotated[str | None, typer.Option(help="sft, sft+dpo or sft+kto. [sft]")] = None,
    epochs: Annotated[float | None, typer.Option(help="Of the first stage. [2]")] = None,
    seed: Annotated[int | None, typer.Option(help="Equal seeds, equal adapters. [13]")] = None,
    parent: Annotated[str, typer.Option(help="Version to go on from. [the base]")] = "",
    option: Annotated[
        list[str] | None, typer.Option("--set", help="More, like r=8; see docs/training.md.")
    ] = None,
) -> None:
    """Train a version of the voice; after an interruption the same command goes on."""
    from bot.cli import training

    options = {"method": method, "epochs": epochs, "seed": seed}

    training.train(read_settings(), dataset, training.Asked(domain, parent, options, option or ()))


@app.command()
def replay(
    answer_ids: Annotated[list[str] | None, typer.Argument(metavar="[ANSWER_ID]...")] = None,
    *,
    last: Annotated[int, typer.Option(help="So many of the latest as well.", min=0)] = 0,
    arm: Annotated[
        str | None,
        typer.Option(help="With these settings and today's index, as for evaluate. [as it was]"),
    ] = None,
) -> None:
    """Make logged answers again, on the versions of then or on others, and show what differs."""
    from bot.cli import replaying

    replaying.replays(read_settings(), answer_ids or [], last=last, arm=arm)


@app.command()
def models(
    *,
    fetch: Annotated[
        bool, typer.Option("--fetch", help="Convert or download what is missing.")
    ] = False,
) -> None:
    """Show the models that the settings name, and whether they are here."""
    from bot.cli import shelf

    shelf.models(read_settings(), fetch=fetch)


@app.command()
def manifest() -> None:
    """Print the manifest to create the Slack app from."""
    from bot.manifest import manifest_yaml

    sys.stdout.write(manifest_yaml(read_settings().slack.command))


@app.command()
def doctor() -> None:
    """Check everything that a running bot needs, and say what to do."""
    from bot.cli import checkup

    checkup.doctor(read_settings())


@app.command()
def trace(answer_id: str) -> None:
    """Explain one answer: who could read it, the passages, the versions, the timings."""
    from bot.cli import asking

    asking.trace(read_settings(), answer_id)


@app.command()
def usage(
    days: Annotated[int, typer.Option(help="Today and so many days before.", min=0)] = 6,
) -> None:
    """Show what the model has used up: tokens and money by day, team and source."""
    from bot.cli import spending

    spending.show(read_settings(), days=days)


@app.command()
def gaps() -> None:
    """List complaints about documents: wrong, outdated, missing."""
    from bot.cli import gaps

    gaps.gaps(read_settings())


for group, commands in GROUPS.items():
    app.add_typer(commands, name=group)


if __name__ == "__main__":
    main()
