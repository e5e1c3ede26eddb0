"""`housevoice adapters`: which versions there are, which one speaks, and who decides that."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection

from adapters.errors import AdapterRejectedError, NotPromotedError
from adapters.gate_report import GateReport, read_report
from adapters.gates import GateResult
from adapters.manifests import Manifest
from adapters.promotions import kind_in, told
from adapters.registry import BASE, Decision, Kept, Line, Registry, State
from bot import decisions
from bot.chain import JSON
from bot.cli.premises import require_administrator, require_database
from bot.database import Writer
from bot.decisions import Kind
from bot.errors import UserInputError
from bot.house import House, open_house
from bot.prompt import prompt_sha256
from bot.settings import Settings

_BASE = "base"  # the word for it


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for something to be decided, and why."""

    user: str
    reason: str
    is_forced: bool = False

    def decision(self, gates: tuple[GateResult, ...] = ()) -> Decision:
        """Return what the registry writes down."""
        return Decision(self.user, self.reason, gates, self.is_forced)


def show_all(settings: Settings, *, domain: str) -> None:
    """List what is kept, and what speaks in each domain."""
    registry = _open(settings)
    state, tainted = registry.state(), registry.tainted()
    kept = registry.versions(domain or None)
    table = Table("", "domain", "version", "trained on", "", box=None, padding=(0, 2, 0, 0))
    for one in kept:
        table.add_row(*map(_text, _row(registry, one, state, tainted)))
    if kept:
        _print(table)
    for name, pointer in sorted(state.domains.items()):
        if domain in {"", name}:
            _say(
                f"{name}: {_called(pointer.current)} speaks, before it {_called(pointer.previous)}."
            )
    if not kept:
        _say("No version is kept. What is shipped is registered with the first question.")


def _row(
    registry: Registry, one: Kept, state: State, tainted: frozenset[str]
) -> tuple[str, str, str, str, str]:
    pointer = state.pointer(one.domain)
    mark = {pointer.previous: "before", pointer.current: "speaks"}.get(one.version, "")
    try:
        manifest = registry.verify(one.domain, one.version).manifest
    except AdapterRejectedError as error:
        return mark, one.domain, one.version, "", error.problem
    trained = f"{manifest.dataset.rows} rows of {manifest.dataset.version}"
    return mark, one.domain, one.version, trained, "tainted" if one.version in tainted else ""


def show(settings: Settings, version: str) -> None:
    """Show one version: its manifest, what its gates found, what was decided about it.

    Raises:
        AdapterRejectedError: If there is none of that name, or it was changed.
    """
    registry = _open(settings)
    found = registry.find(version)
    ref = registry.verify(found.domain, found.version)
    lines = [one for one in registry.decisions() if found.version in {one.version, one.before}]
    table = Table.grid(padding=(0, 2))
    for name, value in {
        "version": ref.version,
        "folder": str(ref.folder),
        **_flat(ref.manifest),
    }.items():
        table.add_row(Text(name, style="bold"), _text(value))
    _print(table)
    gates = _known_gates(settings, found.version, lines)
    _list("Gates", "No gate was run.", map(told, gates))
    _list("Decisions", "Nothing was decided about it.", map(_told, lines))


def _known_gates(settings: Settings, version: str, lines: list[Line]) -> tuple[GateResult, ...]:
    if report := _report(settings, version):
        return report.gates
    about = [line.decision.gates for line in lines if line.version == version]
    return next(filter(None, reversed(about)), ())  # those of a shipped one


def _list(title: str, nothing: str, said: Iterable[str]) -> None:
    listed = [f"  {one}" for one in said]
    _say("")
    for one in [f"{title}:", *listed] if listed else [nothing]:
        _say(one)


def diff(settings: Settings, first: str, second: str) -> None:
    """Show in what two manifests differ.

    Raises:
        AdapterRejectedError: If there is none of such a name, or one was changed.
    """
    registry = _open(settings)
    found = [registry.find(version) for version in (first, second)]
    left, right = (_flat(registry.verify(one.domain, one.version).manifest) for one in found)
    table = Table("", *(one.version for one in found), box=None, padding=(0, 2, 0, 0))
    for name in sorted(left.keys() | right.keys()):
        values = left.get(name, ""), right.get(name, "")
        if values[0] != values[1]:
            table.add_row(*map(_text, (name, *values)))
    _print(table if table.row_count else Text("They are the same version."))


def promote(settings: Settings, version: str, *, domain: str, asked: Asked) -> None:
    """Let a version that passed its gates speak.

    Raises:
        UserInputError: If who asks is no administrator, or the version is of another domain.
        NotPromotedError: If its gates were not run, or object, or the voice has other rules now.
        AdapterRejectedError: If it is not what was registered.
    """
    require_administrator(settings, asked.user)
    registry = _open(settings)
    found = registry.find(version)
    if domain not in {"", found.domain}:
        problem = f"{found.version} is a version of {found.domain}, not of {domain}"
        raise UserInputError(problem)
    report = _whole_report(settings, found)
    decision, beside = asked.decision(report.gates), report.compared_with

    def job(house: House) -> list[Line]:
        _require_rules(house, registry.verify(found.domain, found.version).manifest)
        return [registry.promote(found.domain, found.version, decision, beside=beside)]

    _decide(settings, job)


def rollback(settings: Settings, *, domain: str, to: str | None, asked: Asked) -> None:
    """Let a version speak again that spoke before.

    Raises:
        UserInputError: If who asks is no administrator.
        NotPromotedError: If it never spoke there, or speaks now.
        AdapterRejectedError: If it is not what was registered.
    """
    require_administrator(settings, asked.user)
    registry = _open(settings)
    version = to and (BASE if to == _BASE else registry.find(to).version)
    _decide(settings, lambda _: [registry.rollback(domain, asked.decision(), version)])


def taint(settings: Settings, version: str, *, asked: Asked) -> None:
    """Ban a version, and what was trained from it.

    Raises:
        UserInputError: If who asks is no administrator.
        AdapterRejectedError: If there is none of that name.
    """
    require_administrator(settings, asked.user)
    registry = _open(settings)
    found = registry.find(version)
    _decide(settings, lambda _: registry.taint(found.domain, found.version, asked.decision()))


def _require_rules(house: House, manifest: Manifest) -> None:
    """Refuse a voice that was trained, and so measured, under other rules than there are now."""
    if manifest.kind == "voice" and manifest.prompt_sha256 != prompt_sha256(house.voice):
        problem = "it was trained with other rules than the voice has now"
        raise NotPromotedError(manifest.version, (problem,))


def _whole_report(settings: Settings, found: Kept) -> GateReport:
    """Return what the gates found of a version on all that is held out.

    Raises:
        NotPromotedError: If they were not run, or on a part.
        AdapterRejectedError: If the report is damaged.
    """
    report, run = _report(settings, found.version), f"`housevoice adapters gate {found.version}`"
    if report is None:
        raise NotPromotedError(found.version, (f"its gates were not run: {run}",))
    if (report.domain, report.version) != (found.domain, found.version):
        other = f"its report is about {report.version or 'nothing'} of {report.domain or 'nowhere'}"
        raise NotPromotedError(found.version, (f"{other}: {run}",))
    if report.is_limited and kind_in(found.domain) == "voice":
        part = f"its gates asked {report.asked} of {report.of or 'nobody knows how many'} questions"
        raise NotPromotedError(found.version, (f"{part}: {run}",))
    return report


def _report(settings: Settings, version: str) -> GateReport | None:
    return read_report(settings.adapters_folder / "gates" / version / "report.json")


def _decide(settings: Settings, job: Callable[[House], list[Line]]) -> None:
    """Have something decided, and write it into the log of the bot too."""
    with open_house(settings) as house:  # first: nothing is decided while the database is down
        lines = job(house)
        writer = Writer(house.engine)
        try:
            writer.run(partial(_log, lines=lines))
        finally:
            writer.close()
    for line in lines:
        _say(_told(line))
    _say("A running bot notices before its next question." if lines else "It was decided before.")


def _log(connection: Connection, lines: list[Line]) -> None:
    for line in lines:
        told: dict[str, JSON] = {
            "action": line.action,
            "domain": line.domain,
            "before": line.before,
            "after": line.after,
            "generation": line.generation,
            "actor": line.decision.actor,
            "reason": line.decision.reason,
            "is_forced": line.decision.forced,
            "failed": [gate.name for gate in line.decision.gates if not gate.passed],
            "line": line.sha256,  # so that this log holds the other one in place
        }
        decisions.append(connection, Kind.ADAPTER, line.version or _BASE, told, line.at)


def _open(settings: Settings) -> Registry:
    if not settings.adapters_folder.is_dir():
        require_database(settings)  # or the data folder is misspelt
    return Registry(settings.adapters_folder, lambda: datetime.now(UTC))


def _flat(manifest: Manifest) -> dict[str, str]:
    return dict(_leaves("", manifest.model_dump(mode="json")))


def _leaves(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(f"{name}.{key}" if name else key, below)
    else:
        yield name, ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _told(line: Line) -> str:
    decision, forced = line.decision, ", forced" if line.decision.forced else ""
    subject = f"{line.action} {_called(line.version)} in {line.domain} by {decision.actor}{forced}"
    moved = f"{_called(line.before)} -> {_called(line.after)}"
    reason = f": {decision.reason}" if decision.reason else ""
    return f"{line.generation}  {line.at:%Y-%m-%d %H:%M} UTC  {subject} ({moved}){reason}"


def _called(version: str) -> str:
    return version or _BASE


def _text(said: str) -> Text:
    return Text("".join(one if one.isprintable() else "?" for one in said))


def _say(said: str) -> None:
    _print(_text(said))


def _print(thing: Table | Text) -> None:
    Console(soft_wrap=True, highlight=False).print(thing)
