"""What changed between two moments, and how each change is undone; from the decision log. Pure.

Knows what the records of index runs, starts and rollouts say; not what any of it did to answers.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.decisions import Decision, Kind

KINDS = frozenset({Kind.INDEX, Kind.START, Kind.ROLLOUT})
"""The decisions that can change answers."""

COUNTS = ("added", "changed", "access_changed", "removed")
"""What an index run can do to documents, in the words of its record."""

_VARIABLES = {
    "base": "HOUSEVOICE_MODEL__BASE",
    "embedder": "HOUSEVOICE_KNOWLEDGE__EMBEDDER",
}
_NOT_SET = "unset"
_GOES_ON = frozenset({"started", "shared"})


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that was changed.

    Attributes:
        what: As a sentence without its full stop, like ``undo``.
    """

    at: datetime
    what: str
    undo: str


def changes(decisions: Iterable[Decision]) -> tuple[Change, ...]:
    """Tell what some decisions changed, the newest first."""
    known = [one for one in decisions if one.kind in _TELLERS]
    told = [change for one in known for change in _TELLERS[one.kind](one)]
    return tuple(sorted(told, key=lambda change: change.at, reverse=True))


def _of_index(decision: Decision) -> Iterator[Change]:
    record: Mapping[str, Any] = decision.record
    for source, counts in record["sources"].items():
        told = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in counts.items())
        versions = f"index {record['before'] or 'none'} -> {record['after']}"
        undo = f"put the documents of {source} back, then run `housevoice index --source {source}`"
        yield Change(decision.at, f"index run, source {source}: {told} ({versions})", undo)
    for source in record["problems"]:
        what = f"index run: source {source} could not be listed, so it was left as it was"
        undo = f"make it readable, then run `housevoice index --source {source}`"
        yield Change(decision.at, what, undo)
    if record["is_rebuild"]:
        what = f"index rebuilt: {record['before'] or 'none'} -> {record['after']}"
        undo = "set the earlier embedder again, then run `housevoice index --rebuild`"
        yield Change(decision.at, what, undo)


def _of_start(decision: Decision) -> Iterator[Change]:
    record: Mapping[str, Any] = decision.record
    for name, (was, now) in record["changed"].items():
        what = f"configuration {name}: {_shown(was)} -> {_shown(now)}"
        yield Change(decision.at, what, _undo_setting(name, was))


def _undo_setting(name: str, was: object) -> str:
    if name == "adapter":
        return f"put adapter {_shown(was)} in service again"
    if name == "voice":
        return f"put the voice file back that was called {_shown(was)}, and start again"
    variable = _VARIABLES.get(name, "")
    if name.startswith(("knowledge.", "model.")):
        variable = f"HOUSEVOICE_{name.upper().replace('.', '__')}"
    if variable:
        return f"set {variable}={_shown(was)} and start again"
    return f"install the earlier version of Housevoice, where {name} was {_shown(was)}"


def _of_rollout(decision: Decision) -> Iterator[Change]:
    record: Mapping[str, Any] = decision.record
    what = f"rollout {record['name']} {record['event']}"
    if record["event"] in _GOES_ON:
        tried = ", ".join(f"{name}={value}" for name, value in record.get("settings", {}).items())
        where = f"in {record['share']} % of the channels" if record["share"] else "in the shadow"
        told = f"{what}: {tried}, {where}" if tried else f"{what}: {where}"
        yield Change(decision.at, told, "`housevoice rollout stop`")
    else:
        yield Change(decision.at, what, f"`housevoice rollout start {record['name']}` again")


def _shown(value: object) -> str:
    return _NOT_SET if value is None else str(value)


_TELLERS: Mapping[Kind, Callable[[Decision], Iterator[Change]]] = {
    Kind.INDEX: _of_index,
    Kind.START: _of_start,
    Kind.ROLLOUT: _of_rollout,
}
