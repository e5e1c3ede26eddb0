"""What the doctor found: one thing that was looked at, and what to do about it."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        seen: What is there; never a token.
        remedy: What to do; empty where all is well.
    """

    name: str
    state: State
    seen: str
    remedy: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether there is nothing to do."""
        return self.state is State.OK


def ok(name: str, seen: str) -> Finding:
    """Say that all is well."""
    return Finding(name, State.OK, seen)


def warn(name: str, seen: str, remedy: str) -> Finding:
    """Say what the bot can run with, but should not."""
    return Finding(name, State.WARN, seen, remedy)


def fail(name: str, seen: str, remedy: str) -> Finding:
    """Say what the bot cannot run with."""
    return Finding(name, State.FAIL, seen, remedy)
