"""The smallest schema that Block Kit needs: fields with type and length, problems with place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Pointer = tuple[str | int, ...]
"""Where something stands, as the steps of a JSON pointer."""


@dataclass(frozen=True, slots=True)
class Field:
    """What one field may hold.

    Attributes:
        least: Fewest characters.
        most: Most characters; 0 for any number.
    """

    kind: type
    least: int = 0
    most: int = 0
    is_required: bool = False


def problem(what: str, at: Pointer) -> str:
    """Name a problem and its place the way Slack does."""
    return f"{what} [json-pointer:/{'/'.join(map(str, at))}]"


def check_fields(value: Any, fields: Mapping[str, Field], at: Pointer) -> Iterator[str]:
    """Go through the problems of some fields of one object."""
    if not isinstance(value, dict):
        yield problem("must be an object", at)
        return
    for name, expected in fields.items():
        yield from _check_field(value.get(name), name, expected, at)


def _check_field(value: Any, name: str, expected: Field, at: Pointer) -> Iterator[str]:
    if value is None:
        if expected.is_required:
            yield problem(f"missing required field: {name}", at)
        return
    if not isinstance(value, expected.kind):
        yield problem(f"must provide a {expected.kind.__name__}", (*at, name))
        return
    if isinstance(value, str):
        yield from _check_length(value, expected, (*at, name))


def _check_length(value: str, expected: Field, at: Pointer) -> Iterator[str]:
    if expected.most and len(value) > expected.most:
        yield problem(f"must be less than {expected.most + 1} characters", at)
    if len(value) < expected.least:
        yield problem(f"must be more than {expected.least - 1} characters", at)


def longest(value: Any, at: Pointer, *, most: int, least: int = 1) -> Iterator[str]:
    """Go through the problems of a list that may hold only so many items."""
    if not isinstance(value, list):
        yield problem(f"missing required field: {at[-1]}", at[:-1])
    elif len(value) > most:
        yield problem(f"no more than {most} items allowed", at)
    elif len(value) < least:
        yield problem(f"no fewer than {least} items allowed", at)
