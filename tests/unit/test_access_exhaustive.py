"""T1: every small room there is, against the rule in its plainest words.

A case is one chunk for one room. The oracle is in ``tests/small_rooms.py``.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import lancedb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_rooms import (
    CHUNKS,
    KINDS,
    OPEN,
    ROLE_SETS,
    Facts,
    Person,
    Roles,
    Room,
    a_person,
    all_rooms,
    facts_of,
    oracle,
    subsets,
)

from bot.audience import Doubt, MembersFacts, PlaceFacts, decide
from knowledge.access import Audience, predicate
from knowledge.errors import InvalidRoleError

Rule = Callable[[Facts], frozenset[Roles]]


def the_rule(facts: Facts) -> frozenset[Roles]:
    """Return what the code lets a room have."""
    decided = decide(facts.place, facts.flags, facts.asker, facts.members)
    return frozenset() if isinstance(decided, Doubt) else allowed(decided)


@cache
def allowed(audience: Audience) -> frozenset[Roles]:
    """Return what an audience may read."""
    return frozenset(filter(audience.may_read, CHUNKS))


def first_difference(rule: Rule) -> tuple[Room | None, int]:
    """Find a room for which a rule and the oracle differ, and count the cases up to it."""
    cases = 0
    for room in all_rooms():
        cases += len(CHUNKS)
        if rule(facts_of(room)) != oracle(room):
            return room, cases
    return None, cases


def test_no_small_room_gets_a_chunk_too_many_or_too_few() -> None:
    """Over a million cases, and the rule agrees with its plainest words in each."""
    different, cases = first_difference(the_rule)

    assert different is None
    assert cases >= 1_000_000


def common_role(facts: Facts) -> frozenset[Roles]:
    """Bad: a chunk must have a role that all readers share."""
    decided = decide(facts.place, facts.flags, facts.asker, facts.members)
    if isinstance(decided, Doubt):
        return frozenset()
    shared = frozenset.intersection(*decided.readers)
    return frozenset(chunk for chunk in CHUNKS if chunk & shared)


def any_reader(facts: Facts) -> frozenset[Roles]:
    """Bad: a chunk that one reader may see is shown to all."""
    decided = decide(facts.place, facts.flags, facts.asker, facts.members)
    if isinstance(decided, Doubt):
        return frozenset()
    return frozenset(chunk for chunk in CHUNKS if any(chunk & one for one in decided.readers))


def trusts_half_lists(facts: Facts) -> frozenset[Roles]:
    """Bad: a list that was cut off is taken as whole."""
    members = facts.members and replace(facts.members, is_complete=True)
    return the_rule(replace(facts, members=members))


def trusts_empty_lists(facts: Facts) -> frozenset[Roles]:
    """Bad: where nobody is listed, nobody objects."""
    is_empty = facts.members is not None and not facts.members.people
    asker_alone = MembersFacts((facts.asker,), is_complete=True)
    return the_rule(replace(facts, members=asker_alone) if is_empty else facts)


def trusts_unread_lists(facts: Facts) -> frozenset[Roles]:
    """Bad: a list that failed is taken as the asker alone."""
    asker_alone = MembersFacts((facts.asker,), is_complete=True)
    return the_rule(replace(facts, members=facts.members or asker_alone))


def unknown_is_private(facts: Facts) -> frozenset[Roles]:
    """Bad: a kind that is not known passes for a private channel."""
    is_unknown = facts.flags is not None and facts.flags.is_private is None
    flags = replace(facts.flags, is_private=True) if facts.flags and is_unknown else facts.flags
    return the_rule(replace(facts, flags=flags))


def skips_unread_members(facts: Facts) -> frozenset[Roles]:
    """Bad: a member who could not be read is left out."""
    people = tuple(one for one in facts.members.people if one) if facts.members else ()
    members = facts.members and replace(facts.members, people=people)
    return the_rule(replace(facts, members=members))


def trusts_guests(facts: Facts) -> frozenset[Roles]:
    """Bad: whoever is in the home team is a full member."""
    people = facts.members.people if facts.members else ()
    full = [one and replace(one, is_restricted=False, is_ultra_restricted=False) for one in people]
    members = facts.members and replace(facts.members, people=tuple(full))
    return the_rule(replace(facts, members=members))


def answers_the_asker(facts: Facts) -> frozenset[Roles]:
    """Bad: the audience is the person who asks, wherever that is."""
    dm = PlaceFacts(is_im=True, user=facts.place.user)
    is_channel = facts.flags is not None and not facts.flags.is_im
    return the_rule(replace(facts, flags=dm) if is_channel else facts)


def ignores_the_envelope(facts: Facts) -> frozenset[Roles]:
    """Bad: only the channel's own flags count."""
    return the_rule(replace(facts, place=replace(facts.place, is_ext_shared_channel=False)))


def without_groups(facts: Facts) -> frozenset[Roles]:
    """Bad: where the groups fail, everybody is taken to hold no role but everyone."""
    people = facts.members.people if facts.members else ()
    plain = [one and replace(one, roles=one.roles or frozenset()) for one in people]
    asker = facts.asker and replace(facts.asker, roles=facts.asker.roles or frozenset())
    members = facts.members and replace(facts.members, people=tuple(plain))
    return the_rule(replace(facts, asker=asker, members=members))


@pytest.mark.parametrize(
    "double",
    [
        *(common_role, any_reader, trusts_half_lists, trusts_empty_lists, trusts_unread_lists),
        *(unknown_is_private, skips_unread_members, trusts_guests, answers_the_asker),
        *(ignores_the_envelope, without_groups),
    ],
)
def test_a_known_bad_rule_is_caught(double: Rule) -> None:
    """Each way to get the rule wrong shows in some small room."""
    different, _ = first_difference(double)

    assert different is not None


def test_two_readers_need_no_role_in_common() -> None:
    """Chunk {eng, ops}, readers {eng} and {ops}: both may read it, so the room may."""
    room = Room("private", tuple(Person("member", frozenset({role})) for role in ("eng", "ops")), 0)

    assert frozenset({"eng", "ops"}) in the_rule(facts_of(room))
    assert frozenset({"eng"}) not in the_rule(facts_of(room))
    assert frozenset({"eng", "ops"}) not in common_role(facts_of(room))


people = st.builds(Person, st.sampled_from(KINDS), st.sampled_from(ROLE_SETS))
humans = st.builds(Person, st.just("member"), st.sampled_from(ROLE_SETS))


@settings(max_examples=400, deadline=None)
@given(st.sampled_from(OPEN), humans, st.lists(people, max_size=8), people, st.data())
def test_one_more_reader_or_one_role_less_never_adds_a_chunk(
    place: str, asker: Person, others: list[Person], newcomer: Person, data: st.DataObject
) -> None:
    """Access is monotone, in whatever order the members are listed."""
    members = (asker, *others)
    had = the_rule(facts_of(Room(place, members, 0)))
    joined = data.draw(st.permutations([*others, newcomer]))
    poorer = [replace(one, roles=data.draw(st.sampled_from(subsets(one.roles)))) for one in members]

    assert the_rule(facts_of(Room(place, (asker, *joined), 0))) <= had
    assert the_rule(facts_of(Room(place, tuple(poorer), 0))) <= had


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(OPEN[1:]), st.lists(humans, min_size=2, max_size=6))
def test_in_a_channel_it_does_not_matter_who_asks(place: str, members: list[Person]) -> None:
    """The chunks belong to the place, not to the person."""
    askers = range(len(members))

    assert len({the_rule(facts_of(Room(place, tuple(members), asker))) for asker in askers}) == 1


HOSTILE = "public']) OR array_has_any(roles, ['exec"


def quoted_as_it_comes(role: str) -> str:
    """Bad: a role is put into the filter without a look at it."""
    return f"array_has_any(roles, ['{role}'])"


def quoted_by_the_kernel(role: str) -> str:
    """Make an audience first, which looks at the role."""
    return predicate(Audience.from_role_sets([{role}]))


def test_a_role_that_is_a_piece_of_sql_opens_nothing(tmp_path: Path) -> None:
    """The kernel refuses it; a filter made with an f-string shows the directors' chunk."""
    rows = [{"id": role, "roles": [role]} for role in ("public", "exec", "hr")]
    table = lancedb.connect(tmp_path).create_table("chunks", rows)

    def seen(where: str) -> set[str]:
        return {row["id"] for row in table.search().where(where, prefilter=True).to_list()}

    assert seen(quoted_by_the_kernel("public")) == {"public"}
    assert "exec" in seen(quoted_as_it_comes(HOSTILE))
    with pytest.raises(InvalidRoleError):
        quoted_by_the_kernel(HOSTILE)
    with pytest.raises(InvalidRoleError):
        a_person("U1", Person("member", frozenset({HOSTILE})), False)  # noqa: FBT003 - a cached builder
