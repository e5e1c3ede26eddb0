"""The state of the local workspace, without a server."""

from itertools import pairwise

import pytest

from bot.workspace import membership, posting, visitors
from bot.workspace.clock import Clock
from bot.workspace.messages import Ephemeral
from bot.workspace.seed import (
    SEED_ADMIN,
    SEED_BOT,
    SEED_DEACTIVATED,
    SEED_EMPLOYEE,
    SEED_FINANCE,
    SEED_GUEST,
    SEED_HELP,
    SEED_HR,
    SEED_OUTSIDER,
    SEED_PARTNER_ORCHARD,
    SEED_PARTNER_TEAM,
    SEED_TEAM,
    demo_seed,
    seed_dm,
)
from bot.workspace.state import Workspace, counting_ids
from bot.workspace.typed import typed_message
from bot.workspace.wire import RefusedError


@pytest.fixture
def clock() -> Clock:
    """A clock that stands still."""
    return Clock.standing_still()


@pytest.fixture
def workspace(clock: Clock) -> Workspace:
    """Larkfield in memory."""
    return Workspace(demo_seed(), now=clock.now)


def test_timestamps_only_ever_grow(workspace: Workspace, clock: Clock) -> None:
    """Strictly, with six decimals, also when the clock stands or goes back (13.2)."""
    stamps = [workspace.next_ts() for _ in range(3)]
    clock.advance(-60)
    stamps.append(workspace.next_ts())

    assert all(earlier < later for earlier, later in pairwise(stamps))
    assert {len(stamp.partition(".")[2]) for stamp in stamps} == {6}


def test_the_seed_holds_together(workspace: Workspace) -> None:
    """Every member, group member and team exists; the admin is one."""
    known = workspace.users.keys()
    assert all(known >= set(channel.members) for channel in workspace.channels.values())
    assert all(known >= set(group.users) for group in workspace.groups.values())
    assert {user.team_id for user in workspace.users.values()} <= workspace.teams.keys()
    assert workspace.user(SEED_ADMIN).is_admin
    assert all(SEED_BOT in channel.members for channel in workspace.channels.values())
    guest_channels = [c for c in workspace.channels.values() if SEED_GUEST in c.members]
    assert len([c for c in guest_channels if not c.is_direct]) == 1


def test_a_deactivated_person_sees_nothing(workspace: Workspace) -> None:
    """Not even what they were a member of."""
    membership.join(workspace, SEED_DEACTIVATED, SEED_HELP)

    assert list(workspace.visible_channels(workspace.user(SEED_DEACTIVATED))) == []


def test_a_deleted_root_with_replies_leaves_a_tombstone(workspace: Workspace) -> None:
    """The thread goes on; a deleted root without replies is gone."""
    root = visitors.say(workspace, SEED_EMPLOYEE, SEED_HELP, "root")
    reply = visitors.say(workspace, SEED_HR, SEED_HELP, "reply", thread_ts=root.ts)
    visitors.delete(workspace, SEED_EMPLOYEE, SEED_HELP, root.ts)

    assert workspace.messages[SEED_HELP][root.ts].subtype == "tombstone"
    assert reply.thread_ts == root.ts
    visitors.delete(workspace, SEED_HR, SEED_HELP, reply.ts)
    assert reply.ts not in workspace.messages[SEED_HELP]


def test_a_reply_to_a_reply_joins_its_thread(workspace: Workspace) -> None:
    """Threads are one level deep."""
    root = visitors.say(workspace, SEED_EMPLOYEE, SEED_HELP, "root")
    reply = visitors.say(workspace, SEED_HR, SEED_HELP, "reply", thread_ts=root.ts)
    nested = visitors.say(workspace, SEED_HR, SEED_HELP, "nested", thread_ts=reply.ts)

    assert nested.thread_ts == root.ts


def test_nobody_edits_what_others_wrote(workspace: Workspace) -> None:
    """One's own messages alone."""
    message = visitors.say(workspace, SEED_EMPLOYEE, SEED_HELP, "mine")

    with pytest.raises(RefusedError, match="cant_update_message"):
        visitors.edit(workspace, SEED_HR, SEED_HELP, message.ts, "yours")


def test_sharing_goes_through_pending(workspace: Workspace) -> None:
    """Invited, then accepted, then taken back with its people (13.5)."""
    membership.invite_team(workspace, SEED_HELP, SEED_PARTNER_TEAM)
    assert workspace.channel(SEED_HELP).pending_connected_team_ids == (SEED_PARTNER_TEAM,)
    assert not workspace.channel(SEED_HELP).is_ext_shared
    membership.share(workspace, SEED_HELP, SEED_PARTNER_TEAM)
    assert workspace.channel(SEED_HELP).is_ext_shared
    membership.unshare(workspace, SEED_PARTNER_ORCHARD, SEED_PARTNER_TEAM)
    assert SEED_OUTSIDER not in workspace.channel(SEED_PARTNER_ORCHARD).members


def test_an_absent_person_misses_an_ephemeral(workspace: Workspace) -> None:
    """Shown only if the person is there (5.1, D)."""
    workspace.absent.add(SEED_HR)
    for user in (SEED_HR, SEED_FINANCE):
        posting.whisper(workspace, Ephemeral(SEED_HELP, user, workspace.next_ts(), "psst"))

    assert [each.user for each in workspace.ephemerals] == [SEED_FINANCE]


def test_a_dm_is_found_before_it_is_opened(workspace: Workspace) -> None:
    """Two people have one DM; three have a group DM."""
    assert workspace.dm_of(SEED_BOT, SEED_HR).id == seed_dm(SEED_HR)
    new = workspace.dm_of(SEED_HR, SEED_FINANCE)
    assert workspace.dm_of(SEED_FINANCE, SEED_HR) == new
    assert workspace.dm_of(SEED_BOT, SEED_HR, SEED_FINANCE).kind == "mpim"


def test_typed_text_mentions_only_who_exists(workspace: Workspace) -> None:
    """Names become mentions, the rest is escaped and stays literal in rich text."""
    typed = "@housevoice a<b & @nobody <@U0ADA> <!channel> https://kb.example/?a=1&b=2"
    text, block = typed_message(typed, workspace.users.values())

    assert text == (
        "<@U0HOUSEVOICE> a&lt;b &amp; @nobody <@U0ADA> &lt;!channel&gt; "
        "<https://kb.example/?a=1&amp;b=2>"
    )
    kinds = [each["type"] for each in block["elements"][0]["elements"]]
    assert kinds == ["user", "text", "user", "text", "link"]


def test_two_runs_give_the_same_ids(clock: Clock) -> None:
    """Ids come from a counter that is handed in, so that failures can be repeated."""
    first, second = (Workspace(demo_seed(), now=clock.now) for _ in range(2))
    said = [visitors.say(each, SEED_HR, SEED_HELP, "hi") for each in (first, second)]

    assert said[0] == said[1]
    assert first.home.id == SEED_TEAM


def test_a_run_can_be_told_from_the_next() -> None:
    """Two runs with a part of their own share no id, of whatever kind."""
    first, second = (counting_ids(run) for run in ("A", "B"))
    kinds = ("Ev", "", "client-", "V", "envelope-", "R")

    assert {first(kind) for kind in kinds}.isdisjoint(map(second, kinds))
