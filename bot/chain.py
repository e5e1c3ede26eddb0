"""A chain of records, each with the SHA-256 of the one before it: how it is made and checked.

Knows neither the database nor what a record is about. Pure.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

JSON = str | int | float | bool | None | Sequence["JSON"] | Mapping[str, "JSON"]


@dataclass(frozen=True, slots=True)
class Record:
    """One record, without its own place in the chain.

    Attributes:
        record: Canonical JSON.
    """

    number: int
    at_us: int
    kind: str
    subject: str
    record: str


@dataclass(frozen=True, slots=True)
class Link:
    """One record as it is stored.

    Attributes:
        previous: SHA-256 of the link before it; empty for the first.
        sha256: Of all the rest.
    """

    record: Record
    previous: str
    sha256: str


@dataclass(frozen=True, slots=True)
class End:
    """One end of the chain: the number and the SHA-256 of a link; 0 and empty before the first."""

    number: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Walked:
    """How far along the chain all is in order.

    Attributes:
        n: Links in order.
        first_at_us: Time of the oldest; None if there is none.
        end: The last one in order.
        broken_at: Number of the first that is not; None if all are, or if the trouble is with an
            end of the chain.
        problem: Empty if all is well.
    """

    n: int
    first_at_us: int | None
    end: End
    broken_at: int | None = None
    problem: str = ""


def canonical(record: Mapping[str, JSON]) -> str:
    """Write JSON in the one way that its hash is taken of.

    Raises:
        ValueError: If a number is infinite or none at all.
    """
    return json.dumps(record, sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(previous: str, record: Record) -> str:
    """Return what the next link will carry."""
    fields = (previous, record.number, record.at_us, record.kind, record.subject, record.record)
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def walk(links: Iterable[Link], anchor: End, head: End, wanted: str = "") -> Walked:
    """Follow a chain from what stands before its first link to its end, in the order given.

    Args:
        links: As stored.
        anchor: The last link that expired.
        head: Where the chain should end.
        wanted: Beginning of a link that must be there, the anchor included.
    """
    n, first_at_us, end = 0, None, anchor
    has_met = anchor.sha256.startswith(wanted)
    for link in links:
        if problem := _problem(link, end):
            return Walked(n, first_at_us, end, link.record.number, problem)
        first_at_us = link.record.at_us if n == 0 else first_at_us
        n, end = n + 1, End(link.record.number, link.sha256)
        has_met = has_met or link.sha256.startswith(wanted)
    if end != head:
        return Walked(n, first_at_us, end, problem=_ends_wrongly(end, head))
    return Walked(
        n, first_at_us, end, problem="" if has_met else f"no record has the head {wanted}"
    )


def _problem(link: Link, end: End) -> str:
    if link.previous != end.sha256:
        return f"record {link.record.number} does not follow from record {end.number}"
    if link.sha256 != sha256_of(link.previous, link.record):
        return f"record {link.record.number} was changed"
    return ""


def _ends_wrongly(end: End, head: End) -> str:
    if end.number == head.number:
        return f"record {end.number} is not the one that the chain should end with"
    return f"it ends with record {end.number}, and should with {head.number}"
