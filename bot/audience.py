"""Who can read a place: facts in, ``Audience`` out. The exact per-reader rule.

Knows neither how the facts were read nor what will be said. Facts are what Slack says, word
for word; None stands for what it left out or could not be asked, and is never read as "no".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any, Self

from knowledge.access import EVERYONE, Audience, checked_role


@dataclass(frozen=True, slots=True)
class Place:
    """Where a question was asked and by whom, as its envelope says.

    Attributes:
        team: The workspace that the event is for.
        sender_teams: Every team that the event names for its sender. One that differs from
            ``team``, or None in it, makes the sender a stranger.
        is_ext_shared_channel: The envelope's own flag; None where it has none.
    """

    team: str
    channel: str
    user: str
    is_ext_shared_channel: bool | None
    sender_teams: frozenset[str | None] = frozenset()

    @classmethod
    def from_envelope(cls, body: Mapping[str, Any]) -> Self:
        """Read the place out of the body of an ``event_callback``.

        Raises:
            KeyError: If it names no team, channel or user: then nobody can be answered.
        """
        event = body["event"]
        profile = event.get("user_profile")
        of_profile = profile.get("team") if isinstance(profile, dict) else None
        named = (event.get("user_team"), event.get("source_team"), of_profile)
        flag = body.get("is_ext_shared_channel")
        return cls(
            team=body["team_id"],
            channel=event["channel"],
            user=event["user"],
            is_ext_shared_channel=flag if isinstance(flag, bool) else None,
            sender_teams=frozenset(str(team) for team in named if team is not None),
        )


@dataclass(frozen=True, slots=True)
class PlaceFacts:
    """What ``conversations.info`` says of a channel.

    Attributes:
        user: The other side of a DM.
        pending_connected_team_ids, connected_team_ids, shared_team_ids: Teams that have a
            part in it; Slack leaves the lists out where there is nothing to list.
    """

    is_im: bool | None = None
    is_mpim: bool | None = None
    is_private: bool | None = None
    is_channel: bool | None = None
    is_group: bool | None = None
    is_shared: bool | None = None
    is_ext_shared: bool | None = None
    is_pending_ext_shared: bool | None = None
    is_org_shared: bool | None = None
    is_global_shared: bool | None = None
    is_archived: bool | None = None
    is_frozen: bool | None = None
    user: str | None = None
    context_team_id: str | None = None
    pending_connected_team_ids: tuple[str, ...] = ()
    connected_team_ids: tuple[str, ...] = ()
    shared_team_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What ``users.info`` says of a person, and the roles mapped to them.

    Attributes:
        roles: Beside ``everyone``; None where the groups could not be read.

    Raises:
        InvalidRoleError: If a role could not be quoted safely.
    """

    id: str
    team_id: str | None = None
    deleted: bool | None = None
    is_bot: bool | None = None
    is_restricted: bool | None = None
    is_ultra_restricted: bool | None = None
    is_stranger: bool | None = None
    is_invited_user: bool | None = None
    roles: frozenset[str] | None = None

    def __post_init__(self) -> None:
        for role in sorted(self.roles or ()):
            checked_role(role)


@dataclass(frozen=True, slots=True)
class MembersFacts:
    """Who is in a channel.

    Attributes:
        people: One entry per member; None for one whose facts could not be read.
        is_complete: Whether the list was read to its end.
    """

    people: tuple[PersonFacts | None, ...]
    is_complete: bool


class Kind(Enum):
    """Who reads a place, by what it is."""

    DM = "the one person"
    CLOSED = "its human members"
    PUBLIC = "every full member of the workspace"


class Standing(Enum):
    """What a member of a place is to us."""

    FULL = "a human with a full membership: reads"
    ABSENT = "a bot or a deactivated account: does not read"
    OUTSIDER = "a guest, a stranger, or somebody of whom too little is known"


class Doubt(StrEnum):
    """Why a reader is unknown; a code for logs, without a name in it."""

    PLACE_UNREAD = "place_unread"
    PLACE_SHARED = "place_shared"
    PLACE_INACTIVE = "place_archived_or_frozen"
    PLACE_UNKNOWN_KIND = "place_unknown_kind"
    ASKER_FOREIGN = "asker_foreign"
    ASKER_NOT_FULL = "asker_not_full_member"
    ASKER_ELSEWHERE = "asker_not_in_place"
    MEMBERS_UNREAD = "members_unread"
    MEMBERS_INCOMPLETE = "members_incomplete"
    MEMBER_OUTSIDE = "member_not_full_member"


def decide(
    place: Place,
    facts: PlaceFacts | None,
    asker: PersonFacts | None,
    members: MembersFacts | None,
) -> Audience | Doubt:
    """Say who can read a reply at a place, or why that is unknown.

    Args:
        place: Where the question was asked.
        facts: None where the call failed.
        asker: None where the call failed.
        members: None where the call failed; a DM needs none.

    Returns:
        DM: the asker. Private channel and group DM: all human members. Public channel:
        whoever holds ``everyone``, for any full member can open it later. A doubt where one
        reader is unknown or from outside: then nothing internal may be used.

    Source:
        Rule 1 of the design; proven by ``tests/unit/test_access_exhaustive.py``.
    """
    if facts is None:
        return Doubt.PLACE_UNREAD
    if found := doubt_of_place(place, facts) or _doubt_of_asker(place, facts, asker):
        return found
    if kind_of(facts) is Kind.DM and asker is not None:
        return Audience.from_role_sets([roles_of(asker)])
    if members is None:
        return Doubt.MEMBERS_UNREAD
    return _doubt_of_members(place, facts, members) or _audience_of(place, facts, members)


def _audience_of(place: Place, facts: PlaceFacts, members: MembersFacts) -> Audience:
    if kind_of(facts) is Kind.PUBLIC:
        return Audience.from_role_sets([{EVERYONE}])
    return Audience.from_role_sets(
        roles_of(one)
        for one in members.people
        if one is not None and standing(one, place.team) is Standing.FULL
    )


def doubt_of_place(place: Place, facts: PlaceFacts) -> Doubt | None:
    """Say why nothing internal may be said at a place, whoever asks and whoever is in it."""
    kind = kind_of(facts)
    if kind is None:
        return Doubt.PLACE_UNKNOWN_KIND
    if place.is_ext_shared_channel is not False or _is_shared(place, facts, kind):
        return Doubt.PLACE_SHARED
    if facts.is_frozen or facts.is_archived or (facts.is_archived is None and kind != Kind.DM):
        return Doubt.PLACE_INACTIVE
    return None


def kind_of(facts: PlaceFacts) -> Kind | None:
    """Tell the kind of a place by the flags that Slack calls decisive; None for any other.

    Source:
        https://docs.slack.dev/reference/objects/conversation-object. A DM comes without
        the flags of channels.
    """
    match (facts.is_im, facts.is_mpim, facts.is_private):
        case (True, False | None, True | None):
            return Kind.DM
        case (False, True | False, True):
            return Kind.CLOSED
        case (False, False, False) if facts.is_channel and facts.is_group is False:
            return Kind.PUBLIC
        case _:
            return None


def standing(person: PersonFacts | None, team: str) -> Standing:
    """Tell whether a member of a place reads, does not read, or is from outside.

    Slack names ``is_stranger`` and ``is_invited_user`` only where they hold, and leaves the
    guest flags out of deactivated accounts; all else must be there.
    """
    if person is None or person.team_id != team or person.is_stranger or person.is_invited_user:
        return Standing.OUTSIDER
    if person.deleted or person.is_bot:
        return Standing.ABSENT
    flags = (person.deleted, person.is_bot, person.is_restricted, person.is_ultra_restricted)
    is_known_and_full = all(flag is False for flag in flags) and person.roles is not None
    return Standing.FULL if is_known_and_full else Standing.OUTSIDER


def roles_of(person: PersonFacts) -> frozenset[str]:
    """Return the roles of a full member: the mapped ones and ``everyone``."""
    return (person.roles or frozenset()) | {EVERYONE}


def _is_shared(place: Place, facts: PlaceFacts, kind: Kind) -> bool:
    decisive = (facts.is_ext_shared, facts.is_pending_ext_shared, facts.is_org_shared)
    if any(decisive) or facts.is_shared or facts.is_global_shared:
        return True
    if kind is not Kind.DM and None in decisive:
        return True  # not said to be ours alone
    teams = {*facts.connected_team_ids, *facts.shared_team_ids, facts.context_team_id}
    return bool(facts.pending_connected_team_ids) or not teams <= {place.team, None}


def _doubt_of_asker(place: Place, facts: PlaceFacts, asker: PersonFacts | None) -> Doubt | None:
    if not place.sender_teams <= {place.team}:
        return Doubt.ASKER_FOREIGN
    if asker is None or standing(asker, place.team) is not Standing.FULL:
        return Doubt.ASKER_NOT_FULL
    is_other = kind_of(facts) is Kind.DM and facts.user != place.user
    return Doubt.ASKER_ELSEWHERE if is_other or asker.id != place.user else None


def _doubt_of_members(place: Place, facts: PlaceFacts, members: MembersFacts) -> Doubt | None:
    if any(standing(one, place.team) is Standing.OUTSIDER for one in members.people):
        return Doubt.MEMBER_OUTSIDE
    if not members.is_complete or not members.people:  # the bot is in it: never empty
        return Doubt.MEMBERS_INCOMPLETE
    is_there = any(one is not None and one.id == place.user for one in members.people)
    is_needed = kind_of(facts) is Kind.CLOSED
    return Doubt.ASKER_ELSEWHERE if is_needed and not is_there else None
