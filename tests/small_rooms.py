"""Every small room there is, in plain words and in Slack's, and the oracle for them.

A room is a place, a fault, up to three members and who of them asks.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, combinations_with_replacement, product

from bot.audience import MembersFacts, PersonFacts, Place, PlaceFacts
from knowledge.access import EVERYONE

HOME = "T1"
Roles = frozenset[str]


def subsets(names: Iterable[str]) -> list[Roles]:
    """List every subset, the empty one first."""
    known = list(names)
    some = chain.from_iterable(combinations(known, n) for n in range(len(known) + 1))
    return [frozenset(one) for one in some]


ROLE_SETS = subsets(["eng", "hr", "ops"])
CHUNKS = subsets([EVERYONE, "eng", "hr", "ops"])
OUTSIDERS = ("guest", "single-channel guest", "stranger")
KINDS = ("member", *OUTSIDERS, "deactivated", "bot")
SHUT = ("shared", "pending", "org-shared", "shared by its envelope", "frozen", "unknown kind")
OPEN = ("dm", "group dm", "private", "public")
FAULTS_OF_A_DM = ("channel fails", "a user fails", "groups fail")
FAULTS = (*FAULTS_OF_A_DM, "page 2 fails", "list fails")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a room."""

    kind: str
    roles: Roles


PERSONS = [Person(kind, roles) for kind, roles in product(KINDS, ROLE_SETS)]
PASSER_BY = Person("member", frozenset({"eng"}))


@dataclass(frozen=True, slots=True)
class Room:
    """One small world.

    Attributes:
        asker: Place in ``members``; their number stands for somebody who is not in the room.
    """

    place: str
    members: tuple[Person, ...]
    asker: int
    fault: str = ""


def oracle(room: Room) -> frozenset[Roles]:
    """Rule 1 of the design, word by word, in terms of nothing that is tested."""
    asker = (*room.members, PASSER_BY)[room.asker]
    if room.fault or room.place in SHUT or asker.kind != "member":
        return frozenset()  # unknown is never "all"
    if room.place == "dm":
        return readable([asker.roles | {EVERYONE}])
    if not room.members or any(one.kind in OUTSIDERS for one in room.members):
        return frozenset()
    if room.place == "public":
        return readable([frozenset({EVERYONE})])
    if room.asker == len(room.members):
        return frozenset()
    return readable([one.roles | {EVERYONE} for one in room.members if one.kind == "member"])


def readable(readers: list[Roles]) -> frozenset[Roles]:
    """A chunk may be used only if every reader holds one of its roles."""
    return _readable(frozenset(readers))


@cache
def _readable(readers: frozenset[Roles]) -> frozenset[Roles]:
    return frozenset(chunk for chunk in CHUNKS if all(chunk & reader for reader in readers))


@dataclass(frozen=True, slots=True)
class Facts:
    """A room in Slack's words, as far as the faults let them through."""

    place: Place
    flags: PlaceFacts | None
    asker: PersonFacts | None
    members: MembersFacts | None


def facts_of(room: Room) -> Facts:
    """Put a room into Slack's words."""
    user, fault = f"U{room.asker}", room.fault
    everybody: list[PersonFacts | None] = [
        a_person(f"U{n}", one, fault == "groups fail")
        for n, one in enumerate((*room.members, PASSER_BY))
    ]
    asker = None if fault == "a user fails" and room.place == "dm" else everybody[room.asker]
    listed = everybody[: 1 if fault == "page 2 fails" else len(room.members)]
    if fault == "a user fails":
        listed = [*listed[:-1], None]
    members = MembersFacts(tuple(listed), is_complete=fault != "page 2 fails")
    return Facts(
        place=a_place(user, room.place == "shared by its envelope"),
        flags=None if fault == "channel fails" else the_flags(room.place, user),
        asker=asker,
        members=None if fault == "list fails" else members,
    )


@cache
def a_place(user: str, is_shared: bool) -> Place:  # noqa: FBT001 - a cached builder
    """Build where the question was asked."""
    return Place(HOME, "C1", user, is_ext_shared_channel=is_shared)


@cache
def a_person(user: str, person: Person, lacks_roles: bool) -> PersonFacts:  # noqa: FBT001 - as above
    """Build what Slack says of one person."""
    return PersonFacts(
        user,
        team_id="T2" if person.kind == "stranger" else HOME,
        deleted=person.kind == "deactivated",
        is_bot=person.kind == "bot",
        is_restricted=person.kind in {"guest", "single-channel guest"},
        is_ultra_restricted=person.kind == "single-channel guest",
        roles=None if lacks_roles else person.roles,
    )


@cache
def the_flags(place: str, user: str) -> PlaceFacts:
    """Build what Slack says of one channel."""
    if place == "dm":
        return PlaceFacts(is_im=True, user=user)
    is_closed = place in {"private", "group dm"}
    return PlaceFacts(
        is_im=False,
        is_mpim=place == "group dm",
        is_private=None if place == "unknown kind" else is_closed,
        is_channel=place != "group dm",
        is_group=place == "group dm",
        is_archived=False,
        is_frozen=place == "frozen",
        is_ext_shared=place == "shared",
        is_pending_ext_shared=place == "pending",
        is_org_shared=place == "org-shared",
    )


def rooms(place: str, sizes: Iterable[int], faults: Iterable[str] = ("",)) -> Iterator[Room]:
    """List the rooms of a kind: each group of members, each of them or a passer-by asking."""
    groups = chain.from_iterable(combinations_with_replacement(PERSONS, n) for n in sizes)
    for members, fault in product(groups, faults):
        for asker in range(len(members) + 1):
            yield Room(place, members, asker, fault)


def all_rooms() -> Iterator[Room]:
    """List the whole small scope."""
    yield from rooms("dm", [1], ["", *FAULTS_OF_A_DM])
    for place in SHUT:
        yield from rooms(place, [0, 1, 2])
    for place in OPEN[1:]:
        yield from rooms(place, [1, 2], FAULTS)
        yield from rooms(place, [0, 1, 2, 3])
