"""Who can read a place in Slack right now: facts, remembered for a while, and the rule.

Fails closed: what cannot be read, or was read too long ago, makes the audience None. Events
make it forget at once; since events get lost, the time limits are the guarantee: 60 s for user
groups, member lists and the people of small rooms, 15 minutes for the people of larger ones,
who cannot be asked for one by one that often. Knows neither questions nor documents.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import partial
from math import inf
from threading import Lock
from time import monotonic
from typing import Any, Generic, TypeVar

from bot.audience import (
    Doubt,
    Kind,
    MembersFacts,
    PersonFacts,
    Place,
    PlaceFacts,
    Standing,
    decide,
    doubt_of_place,
    kind_of,
    standing,
)
from bot.directory import SlackDirectory
from bot.roles import RoleMap
from bot.tracing import note
from knowledge.access import Audience

PEOPLE_TTL_S = 15 * 60.0
SMALL_ROOM_TTL_S = 60.0
GROUPS_TTL_S = 60.0
PLACES_TTL_S = 5 * 60.0
MEMBERS_TTL_S = 60.0
FAILURE_TTL_S = 3.0

_MOST_SINGLE_READS = 30
"""More members than this are not asked for one by one: everybody is listed, page by page."""

K = TypeVar("K")
V = TypeVar("V")

USER_EVENTS = frozenset({"user_change", "team_join", "user_profile_changed"})
MEMBER_EVENTS = frozenset({"member_joined_channel", "member_left_channel"})
PLACE_EVENTS = frozenset(
    {
        *("channel_shared", "channel_unshared", "channel_id_changed", "channel_rename"),
        *("channel_archive", "channel_unarchive"),
    }
)
"""Types of events after which facts are read anew; the manifest subscribes to all of them."""


class People:
    """The people of one workspace and who of them can read what.

    Safe to share between threads. No lock is held while Slack is asked.

    Args:
        directory: Asks Slack.
        roles: The mapped roles.
        now: A monotonic clock [s].
    """

    def __init__(
        self,
        directory: SlackDirectory,
        roles: RoleMap,
        *,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._directory = directory
        self._roles = roles
        self._people = _Memory[str, PersonFacts](PEOPLE_TTL_S, now)
        self._places = _Memory[str, PlaceFacts](PLACES_TTL_S, now)
        self._members = _Memory[str, tuple[str, ...]](MEMBERS_TTL_S, now)
        self._groups = _Memory[str, Mapping[str, frozenset[str]]](GROUPS_TTL_S, now)

    def audience_of(self, place: Place) -> Audience | None:
        """Say who can read a reply at a place; None if one reader is unknown."""
        return self._audience(place)

    def audience_now(self, place: Place) -> Audience | None:
        """Say the same for the look right before a reply is posted; much may have changed.

        Read just now: the place, who is in it, the asker, and, unless the channel is public
        and roles count for nothing, the user groups that give roles. At most 60 s old: whether
        the others in a room of up to 30 are guests or gone. At most 15 minutes old, unless an
        event told: the same of a larger room.

        Costs a call each for the first four, and one for each other member of a small room
        that was read longer ago.
        """
        self._places.forget(place.channel)
        self._members.forget(place.channel)
        self._people.forget(place.user)
        facts = self._place(place.channel)
        if self._roles.groups and (facts is None or kind_of(facts) is not Kind.PUBLIC):
            self._groups.forget("")
        return self._audience(place)

    def is_full_member(self, user: str) -> bool:
        """Tell whether somebody is, as far as known now, a human and full member."""
        return standing(self._person(user), self._directory.team) is Standing.FULL

    def knows(self, user: str) -> bool:
        """Tell whether Slack says who somebody is and in which groups, now or a short time ago."""
        person = self._person(user)
        return person is not None and person.roles is not None

    def notice(self, event: Mapping[str, Any]) -> None:
        """Forget what an event of Slack has made untrue.

        Args:
            event: The inner event; of a type that tells nothing about people, it is ignored.
        """
        kind = str(event.get("type"))
        if kind in USER_EVENTS:
            self._people.forget(_id_in(event.get("user")))
        if kind in MEMBER_EVENTS:
            self._members.forget(_id_in(event.get("channel")))
        if kind in PLACE_EVENTS:
            for name in ("channel", "old_channel_id", "new_channel_id"):
                self._places.forget(_id_in(event.get(name)))
                self._members.forget(_id_in(event.get(name)))
        if kind.startswith("subteam_"):
            self._groups.forget("")

    def _audience(self, place: Place) -> Audience | None:
        decided = self._decide(place)
        if isinstance(decided, Audience):
            return decided
        note(reason=decided, channel=place.channel, asker=place.user)
        return None

    def _decide(self, place: Place) -> Audience | Doubt:
        if place.team != self._directory.team:
            return Doubt.ASKER_FOREIGN
        facts = self._place(place.channel)
        if facts is None:
            return Doubt.PLACE_UNREAD
        if early := doubt_of_place(place, facts):
            return early  # whoever is in it, so nobody is asked for
        asker = self._person(place.user)
        members = None if kind_of(facts) is Kind.DM else self._members_of(place.channel)
        return decide(place, facts, asker, members)

    def _members_of(self, channel: str) -> MembersFacts | None:
        ids = self._members.get(channel, partial(self._directory.member_ids, channel))
        if ids is None:
            return None
        if self._unread(ids) > _MOST_SINGLE_READS:
            self._read_everybody()
        if self._unread(ids) > _MOST_SINGLE_READS:
            return None
        ttl_s = SMALL_ROOM_TTL_S if len(ids) <= _MOST_SINGLE_READS else PEOPLE_TTL_S
        people: list[PersonFacts | None] = []
        for user in ids:
            people.append(person := self._person(user, ttl_s))
            if standing(person, self._directory.team) is Standing.OUTSIDER:
                break  # one is enough
        return MembersFacts(tuple(people), is_complete=len(people) == len(ids))

    def _unread(self, users: Iterable[str]) -> int:
        return sum(not self._people.knows(user) for user in users)

    def _read_everybody(self) -> None:
        begun = self._people.begin()
        for person in self._directory.people():
            self._people.keep(person.id, person, begun)

    def _place(self, channel: str) -> PlaceFacts | None:
        return self._places.get(channel, partial(self._directory.place, channel))

    def _person(self, user: str, ttl_s: float = PEOPLE_TTL_S) -> PersonFacts | None:
        facts = self._people.get(user, partial(self._directory.person, user), ttl_s)
        return replace(facts, roles=self._roles_of(user)) if facts else None

    def _roles_of(self, user: str) -> frozenset[str] | None:
        groups = self._groups.get("", partial(self._directory.groups, self._roles.groups.keys()))
        if groups is None:
            return None
        handles = (handle for handle, users in groups.items() if user in users)
        return self._roles.roles_of(user, handles)


class _Memory(Generic[K, V]):
    """Remembers what was read, for a while; a failure (None) for a few seconds."""

    def __init__(self, ttl_s: float, now: Callable[[], float]) -> None:
        self._ttl_s = ttl_s
        self._now = now
        self._lock = Lock()
        self._kept: dict[K, tuple[V | None, float]] = {}  # and when its read began [s]
        self._forgettings = 0
        self._forgotten: dict[K, int] = {}  # which forgetting was the last of each key

    def begin(self) -> tuple[int, float]:
        """Mark the beginning of a read: how much was forgotten by then, and the time [s]."""
        with self._lock:
            return self._forgettings, self._now()

    def get(self, key: K, read: Callable[[], V | None], ttl_s: float = inf) -> V | None:
        """Return what is remembered, or read it; a shorter time limit may be given."""
        with self._lock:
            if self._is_fresh(key, ttl_s):
                return self._kept[key][0]
        begun = self.begin()
        value = read()
        self.keep(key, value, begun)
        return value

    def knows(self, key: K) -> bool:
        """Tell whether something is remembered that has not run out."""
        with self._lock:
            return self._is_fresh(key, inf)

    def keep(self, key: K, value: V | None, begun: tuple[int, float]) -> None:
        """Remember what was read, unless its key was forgotten since the read began."""
        forgettings, started = begun
        with self._lock:
            if self._forgotten.get(key, 0) <= forgettings:
                self._kept[key] = (value, started)

    def forget(self, key: K) -> None:
        """Drop what is remembered of a key, and what is being read of it right now."""
        with self._lock:
            self._forgettings += 1
            self._forgotten[key] = self._forgettings
            self._kept.pop(key, None)

    def _is_fresh(self, key: K, ttl_s: float) -> bool:
        value, started = self._kept.get(key, (None, -inf))
        own_s = FAILURE_TTL_S if value is None else self._ttl_s
        return self._now() < started + min(own_s, ttl_s)


def _id_in(value: object) -> str:
    """Return an id that an event gives bare or inside an object."""
    inner = value.get("id") if isinstance(value, dict) else value
    return inner if isinstance(inner, str) else ""
