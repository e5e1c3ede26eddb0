import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.access import EVERYONE, Audience, checked_role, predicate
from knowledge.errors import AccessError, InvalidRoleError, NoRolesError

BAD_ROLES = ["", "eng\n", "Eng", "x') OR true --", "__nobody__", "a" * 65, "-a", "é", "a b", "a'"]
NAMES = st.sampled_from(["everyone", "eng", "ops", "hr", "legal"])
ROLES = st.frozensets(NAMES, min_size=1)
ROOMS = st.lists(ROLES, min_size=1, max_size=5)


def test_each_reader_must_share_a_role_with_the_chunk() -> None:
    """Readers {eng} and {ops} may both read a chunk for {eng, ops}, without a common role."""
    audience = Audience.from_role_sets([{"eng"}, {"ops"}])

    assert audience.may_read(frozenset({"eng", "ops"}))
    assert not audience.may_read(frozenset({"eng"}))
    assert not audience.may_read(frozenset({"ops", "hr"}))


def test_nobody_reads_a_chunk_without_roles() -> None:
    """A document that no role covers is nobody's, not everybody's."""
    assert not Audience.from_role_sets([{EVERYONE, "hr"}]).may_read(frozenset())


def test_only_the_smallest_role_sets_count() -> None:
    """What suits a reader suits whoever holds the same roles and more."""
    audience = Audience.from_role_sets([{"eng"}, {"eng", "hr"}, {"ops", "hr"}, {"eng"}])

    assert audience.readers == {frozenset({"eng"}), frozenset({"ops", "hr"})}


@given(ROOMS)
def test_a_fingerprint_is_read_back(room: list[frozenset[str]]) -> None:
    """The log keeps fingerprints; each of them stands for one audience."""
    audience = Audience.from_role_sets(room)

    assert Audience.from_fingerprint(audience.fingerprint) == audience


@pytest.mark.parametrize("text", ["", "eng&", "eng||hr", "Eng", "eng&hr'"])
def test_what_is_no_fingerprint_is_nobodys(text: str) -> None:
    """The empty one of an unknown reader must not become an audience."""
    with pytest.raises(InvalidRoleError):
        Audience.from_fingerprint(text)


@pytest.mark.parametrize("readers", [[], [[]], [["eng"], []]])
def test_an_audience_with_nobody_or_with_a_reader_without_roles_cannot_be_made(
    readers: list[list[str]],
) -> None:
    """An empty audience would make "everyone may see it" vacuously true."""
    with pytest.raises(NoRolesError):
        Audience.from_role_sets(readers)
    with pytest.raises(NoRolesError):
        Audience(frozenset(map(frozenset, readers)))


@pytest.mark.parametrize("role", BAD_ROLES)
def test_a_role_that_could_not_be_quoted_safely_is_refused(role: str) -> None:
    """No value that ends up in a filter can leave its quotes."""
    with pytest.raises(InvalidRoleError):
        checked_role(role)
    with pytest.raises(InvalidRoleError) as caught:
        Audience.from_role_sets([{"eng"}, {"eng2", role}])
    assert caught.value.role == role
    assert isinstance(caught.value, AccessError)


@pytest.mark.parametrize("role", ["a", "0", "team-1_x", "a" * 64])
def test_a_plain_role_name_is_taken_as_it_is(role: str) -> None:
    """Lower case, digits, dash and underscore, up to 64 characters."""
    assert checked_role(role) == role


def test_the_predicate_has_one_clause_for_each_role_set() -> None:
    """All clauses must hold, and none is ever missing."""
    audience = Audience.from_role_sets([{"ops"}, {"hr", "eng"}])

    assert predicate(audience) == (
        "array_has_any(roles, ['eng', 'hr']) AND array_has_any(roles, ['ops'])"
    )


@settings(deadline=None)
@given(ROOMS, ROOMS)
def test_fingerprints_are_equal_exactly_for_equal_audiences(
    one: list[frozenset[str]], other: list[frozenset[str]]
) -> None:
    """A key made of it neither mixes two audiences nor splits one by order of its readers."""
    first, second = Audience.from_role_sets(one), Audience.from_role_sets(other)

    assert (first.fingerprint == second.fingerprint) == (first == second)
    assert Audience.from_role_sets(reversed(one)).fingerprint == first.fingerprint


@settings(deadline=None)
@given(ROOMS, ROLES)
def test_the_rule_is_that_of_its_plainest_words(
    room: list[frozenset[str]], chunk: frozenset[str]
) -> None:
    """Leaving out the larger sets changes no decision."""
    allowed = all(reader & chunk for reader in room)

    assert Audience.from_role_sets(room).may_read(chunk) == allowed


@settings(deadline=None)
@given(ROOMS, ROLES, ROLES)
def test_one_more_reader_never_adds_a_chunk(
    room: list[frozenset[str]], newcomer: frozenset[str], chunk: frozenset[str]
) -> None:
    """An audience that grows may read what it could before, or less."""
    before = Audience.from_role_sets(room)
    after = Audience.from_role_sets([*room, newcomer])

    assert before.may_read(chunk) or not after.may_read(chunk)


@settings(deadline=None)
@given(ROOMS, st.data())
def test_a_role_taken_from_a_reader_never_adds_a_chunk(
    room: list[frozenset[str]], data: st.DataObject
) -> None:
    """A demotion can only take away, or leave nothing that an audience could be made of."""
    chunk = data.draw(ROLES)
    lost = data.draw(NAMES)
    reduced = [room[0] - {lost}, *room[1:]]
    before = Audience.from_role_sets(room)

    if not reduced[0]:
        with pytest.raises(NoRolesError):
            Audience.from_role_sets(reduced)
    else:
        assert before.may_read(chunk) or not Audience.from_role_sets(reduced).may_read(chunk)
