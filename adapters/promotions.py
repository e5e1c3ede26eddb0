"""What speaks where, what a decision changes about that, and what stands against one. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce

from adapters.decision_lines import Action, Decision, Line
from adapters.gates import GateResult
from adapters.manifests import Kind

BASE = ""
"""The version that is none: the base model without an adapter."""

NEVER_FORCED = frozenset({"audience", "integrity", "memorisation"})
"""First words of the gates that nobody overrules."""

REQUIRED: Mapping[Kind, frozenset[str]] = {
    "voice": frozenset(
        {
            *("integrity", "audience", "memorisation", "grounding", "unsupported", "citation"),
            *("refusal", "injection", "format", "style", "wins over base + prompt", "latency"),
        }
    ),
    "reader": frozenset({"integrity", "answerable", "evidence", "latency"}),
}
"""Gates that each kind must have run, each on one case at least; no force makes up for one."""

OVER_PREVIOUS = "wins over previous"
"""Required of a voice, too, where another version speaks."""


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which version speaks in a domain, and which one did before."""

    current: str = BASE
    previous: str = BASE


@dataclass(frozen=True, slots=True)
class State:
    """What speaks where.

    Attributes:
        generation: How many decisions there were; it grows by one with each.
        domains: Those that something was decided about.
    """

    generation: int = 0
    domains: Mapping[str, Pointer] = field(default_factory=dict)

    def pointer(self, domain: str) -> Pointer:
        """Return what speaks in a domain: the base where nothing was decided."""
        return self.domains.get(domain, Pointer())

    def moved(self, line: Line) -> "State":
        """Return what speaks where after a decision."""
        old = self.pointer(line.domain)
        if line.action == "taint":
            # It is not where one goes back to, either.
            kept = BASE if old.previous == line.version else old.previous
            new = replace(old, current=line.after, previous=kept)
        else:
            new = Pointer(line.after, old.current)
        return State(line.generation, {**self.domains, line.domain: new})


def speaks_after(action: Action, version: str, before: str) -> str:
    """Return what speaks in a domain after a decision about a version."""
    if action != "taint":
        return version
    return BASE if version == before else before


def state_after(lines: Iterable[Line]) -> State:
    """Return what speaks where after all that was decided."""
    return reduce(State.moved, lines, State())


def objections(decision: Decision, kind: Kind, current: str = BASE) -> Iterator[str]:
    """Say what stands against putting a version in service; nothing if nothing does.

    Args:
        decision: Who wants it, with what the gates found.
        kind: Of the version.
        current: What speaks in its domain now.
    """
    if not decision.actor:
        yield "nobody decided it"
    if decision.forced and not decision.reason.strip():
        yield "force needs a reason"
    if missing := required(kind, current) - {gate.name for gate in decision.gates}:
        yield f"{len(missing)} gates were not run: {', '.join(sorted(missing))}"
    for gate in decision.gates:
        if not (gate.passed and gate.n > 0) and not (decision.forced and may_be_forced(gate)):
            yield told(gate)


def compared_with_another(beside: str | None, current: str) -> str:
    """Say that the gates of a version ran beside something else than speaks now."""
    other, now = (one or "base" for one in (beside, current))
    return f"it was compared with {other}, not with what speaks now, {now}"


def kind_in(domain: str) -> Kind:
    """Tell what a version of a domain is; the registry holds no other ones."""
    return "reader" if domain == "reader" else "voice"


def required(kind: Kind, current: str = BASE) -> frozenset[str]:
    """Name the gates that a version must have run beside what speaks now."""
    more = {OVER_PREVIOUS} if kind == "voice" and current else set[str]()
    return REQUIRED[kind] | more


def may_be_forced(gate: GateResult) -> bool:
    """Tell whether an administrator may overrule a gate."""
    return re.split("[^a-z]", gate.name.lower(), maxsplit=1)[0] not in NEVER_FORCED


def told(gate: GateResult) -> str:
    """Say in one line what a gate found."""
    detail = f" ({gate.detail})" if gate.detail else ""
    state = "passed" if gate.passed and gate.n > 0 else "failed"
    return f"{gate.name} {state} with {gate.value:g}, limit {gate.limit:g}, n {gate.n}{detail}"
