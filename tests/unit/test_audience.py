"""Who can read a place, one fact at a time; all of them together: test_access_exhaustive.py."""

from dataclasses import replace

import pytest

from bot.audience import Doubt, MembersFacts, PersonFacts, Place, PlaceFacts, decide
from knowledge.access import Audience
from knowledge.errors import InvalidRoleError

HOME = "T1"
ASKED = Place(HOME, "C1", "U1", is_ext_shared_channel=False, sender_teams=frozenset({HOME}))
PRIVATE = PlaceFacts(
    is_im=False,
    is_mpim=False,
    is_private=True,
    is_channel=True,
    is_group=False,
    is_shared=False,
    is_ext_shared=False,
    is_pending_ext_shared=False,
    is_org_shared=False,
    is_archived=False,
    is_frozen=False,
    context_team_id=HOME,
    shared_team_ids=(HOME,),
)
PUBLIC = replace(PRIVATE, is_private=False)
GROUP_DM = replace(PRIVATE, is_mpim=True, is_channel=False, is_group=True)
DM = PlaceFacts(is_im=True, is_org_shared=False, user="U1")


def a_person(user: str = "U1", *roles: str) -> PersonFacts:
    """Build a full member."""
    return PersonFacts(
        user,
        team_id=HOME,
        deleted=False,
        is_bot=False,
        is_restricted=False,
        is_ultra_restricted=False,
        roles=frozenset(roles),
    )


ANA, BO = a_person("U1", "eng"), a_person("U2", "ops")
THE_BOT = replace(a_person("UBOT"), is_bot=True)
ROOM = MembersFacts((ANA, BO, THE_BOT), is_complete=True)
ANA_S, BO_S = frozenset({"eng", "everyone"}), frozenset({"ops", "everyone"})


@pytest.mark.parametrize(
    ("facts", "readers"),
    [
        (DM, {ANA_S}),
        (PRIVATE, {ANA_S, BO_S}),
        (GROUP_DM, {ANA_S, BO_S}),
        (PUBLIC, {frozenset({"everyone"})}),
    ],
)
def test_each_kind_of_place_has_its_readers(
    facts: PlaceFacts, readers: set[frozenset[str]]
) -> None:
    """A DM is read by the asker, a closed place by its humans, a public one by everyone."""
    assert decide(ASKED, facts, ANA, ROOM) == Audience(frozenset(readers))


@pytest.mark.parametrize("facts", [PRIVATE, PUBLIC, GROUP_DM])
@pytest.mark.parametrize(
    "flag",
    [
        *("is_im", "is_mpim", "is_private", "is_archived"),
        *("is_ext_shared", "is_pending_ext_shared", "is_org_shared"),
    ],
)
def test_a_flag_that_slack_leaves_out_is_unknown(facts: PlaceFacts, flag: str) -> None:
    """A channel is not ours alone, or of a kind, unless Slack says so."""
    assert isinstance(decide(ASKED, replace(facts, **{flag: None}), ANA, ROOM), Doubt)


@pytest.mark.parametrize("facts", [DM, PRIVATE, PUBLIC, GROUP_DM])
@pytest.mark.parametrize(
    "change",
    [
        *({"is_ext_shared": True}, {"is_pending_ext_shared": True}, {"is_org_shared": True}),
        *({"is_shared": True}, {"is_global_shared": True}, {"is_frozen": True}),
        *({"is_archived": True}, {"context_team_id": "T2"}, {"shared_team_ids": ("T1", "T2")}),
        *({"connected_team_ids": ("T2",)}, {"pending_connected_team_ids": ("T2",)}),
        *({"is_im": None}, {"is_im": True, "is_mpim": True}),
    ],
)
def test_a_place_that_others_have_a_part_in_gets_nothing(
    facts: PlaceFacts, change: dict[str, object]
) -> None:
    """One sign of another team, or of a kind that is not known, is enough."""
    assert isinstance(decide(ASKED, replace(facts, **change), ANA, ROOM), Doubt)


@pytest.mark.parametrize("facts", [DM, PRIVATE, PUBLIC, GROUP_DM])
@pytest.mark.parametrize("flag", [True, None])
def test_the_envelope_may_object_too(facts: PlaceFacts, flag: bool | None) -> None:  # noqa: FBT001 - parametrized
    """An event from a shared channel, or one that does not say, gets nothing."""
    asked = replace(ASKED, is_ext_shared_channel=flag)

    assert decide(asked, facts, ANA, ROOM) is Doubt.PLACE_SHARED


@pytest.mark.parametrize(
    "change", [{"is_channel": None}, {"is_channel": False}, {"is_group": None}, {"is_group": True}]
)
def test_a_public_channel_is_one_that_says_so(change: dict[str, bool | None]) -> None:
    """What is neither private nor plainly a channel is of no known kind."""
    assert decide(ASKED, replace(PUBLIC, **change), ANA, ROOM) is Doubt.PLACE_UNKNOWN_KIND


def test_a_place_that_could_not_be_read_is_unknown() -> None:
    """Nothing is known of it, so nothing is said in it."""
    assert decide(ASKED, None, ANA, ROOM) is Doubt.PLACE_UNREAD


OUTSIDERS = [
    {"is_restricted": True},
    {"is_restricted": True, "is_ultra_restricted": True},
    {"is_restricted": None},
    {"is_ultra_restricted": None},
    {"is_stranger": True},
    {"is_invited_user": True},
    {"deleted": None},
    {"is_bot": None},
    {"team_id": "T2"},
    {"team_id": None},
    {"roles": None},
]


@pytest.mark.parametrize("facts", [PRIVATE, PUBLIC, GROUP_DM])
@pytest.mark.parametrize("change", OUTSIDERS)
def test_one_outsider_in_a_channel_shuts_it(facts: PlaceFacts, change: dict[str, object]) -> None:
    """A guest, a stranger, or a member of whom too little is known."""
    room = MembersFacts((ANA, replace(BO, **change)), is_complete=True)

    assert decide(ASKED, facts, ANA, room) is Doubt.MEMBER_OUTSIDE


@pytest.mark.parametrize("facts", [DM, PRIVATE, PUBLIC, GROUP_DM])
@pytest.mark.parametrize("change", [*OUTSIDERS, {"deleted": True}, {"is_bot": True}])
def test_only_a_full_human_member_is_answered(facts: PlaceFacts, change: dict[str, object]) -> None:
    """Bots and deactivated accounts do not read; they do not ask either."""
    assert decide(ASKED, facts, replace(ANA, **change), ROOM) is Doubt.ASKER_NOT_FULL


@pytest.mark.parametrize("change", [{"deleted": True}, {"is_bot": True}])
def test_who_does_not_read_does_not_narrow(change: dict[str, object]) -> None:
    """Deactivated members and bots are no readers, even without roles."""
    room = MembersFacts((ANA, replace(BO, roles=None, **change)), is_complete=True)

    assert decide(ASKED, PRIVATE, ANA, room) == Audience(frozenset({ANA_S}))


@pytest.mark.parametrize("teams", [{"T2"}, {None}, {HOME, "T2"}, {HOME, "E1"}])
def test_a_sender_of_another_team_is_a_stranger(teams: set[str | None]) -> None:
    """One team in the event that is not ours, or is not named, is enough."""
    asked = replace(ASKED, sender_teams=frozenset(teams))

    assert decide(asked, DM, ANA, None) is Doubt.ASKER_FOREIGN


def test_facts_about_somebody_else_do_not_count() -> None:
    """The asker's facts, the DM's other side and the private channel's list must agree."""
    without_ana = MembersFacts((BO, THE_BOT), is_complete=True)

    assert decide(ASKED, DM, BO, None) is Doubt.ASKER_ELSEWHERE
    assert decide(ASKED, replace(DM, user="U2"), ANA, None) is Doubt.ASKER_ELSEWHERE
    assert decide(ASKED, PRIVATE, ANA, without_ana) is Doubt.ASKER_ELSEWHERE
    assert decide(ASKED, PUBLIC, ANA, without_ana) == Audience(frozenset({frozenset({"everyone"})}))


@pytest.mark.parametrize(
    ("room", "doubt"),
    [
        (None, Doubt.MEMBERS_UNREAD),
        (MembersFacts((), is_complete=True), Doubt.MEMBERS_INCOMPLETE),
        (replace(ROOM, is_complete=False), Doubt.MEMBERS_INCOMPLETE),
        (MembersFacts((ANA, None), is_complete=True), Doubt.MEMBER_OUTSIDE),
    ],
)
@pytest.mark.parametrize("facts", [PRIVATE, PUBLIC, GROUP_DM])
def test_a_list_that_is_not_whole_is_no_list(
    facts: PlaceFacts, room: MembersFacts | None, doubt: Doubt
) -> None:
    """Unread, empty, cut off, or with a gap: an unknown reader may be among them."""
    assert decide(ASKED, facts, ANA, room) is doubt


def test_a_role_that_cannot_be_quoted_is_no_role() -> None:
    """It never gets as far as a filter."""
    with pytest.raises(InvalidRoleError):
        a_person("U1", "public']) OR array_has_any(roles, ['exec")


def an_envelope(**event: object) -> dict[str, object]:
    """Build the body of an event, as far as it tells the place."""
    inner = {"type": "app_mention", "user": "U1", "channel": "C1", "ts": "1.0"} | event
    return {"team_id": HOME, "is_ext_shared_channel": False, "event": inner}


def test_a_place_is_read_from_the_envelope() -> None:
    """Every team that the event names for its sender is kept."""
    named = {"user_team": "T2", "source_team": HOME, "user_profile": {"team": "T3"}}

    assert Place.from_envelope(an_envelope()) == replace(ASKED, sender_teams=frozenset())
    assert Place.from_envelope(an_envelope(**named)).sender_teams == {HOME, "T2", "T3"}


def test_a_team_that_is_not_a_name_is_a_stranger() -> None:
    """An odd field is no reason to stop, and none to trust."""
    odd = Place.from_envelope(an_envelope(user_team=["T1"], user_profile="T1"))

    assert decide(odd, DM, ANA, None) is Doubt.ASKER_FOREIGN


@pytest.mark.parametrize("flag", [None, "false", 0])
def test_an_envelope_that_does_not_say_is_not_ours(flag: object) -> None:
    """Only a plain false says that the channel is not shared."""
    envelope = an_envelope() | {"is_ext_shared_channel": flag}

    assert Place.from_envelope(envelope).is_ext_shared_channel is None
