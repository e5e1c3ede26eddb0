"""The people of the demo company, as the bot knows them from a Slack that can go wrong."""

from typing import Any

from slack_sdk import WebClient

from bot.audience import Place
from bot.directory import SlackDirectory
from bot.people import People
from bot.roles import RoleMap
from bot.workspace.channels import Channel, Kind
from bot.workspace.faults import Fault
from bot.workspace.people import User
from bot.workspace.running import RunningWorkspace
from bot.workspace.seed import (
    SEED_BOT,
    SEED_ENGINEER,
    SEED_HR,
    SEED_TEAM,
)
from knowledge.access import Audience

ROLES = RoleMap(
    version=1,
    groups={"people-team": ["hr"], "managers": ["lead"], "no-such-group": ["exec"]},
    users={SEED_ENGINEER: ["eng"]},
)
EVERYONE = Audience(frozenset({frozenset({"everyone"})}))
HR = frozenset({"everyone", "hr"})
LEAD = frozenset({"everyone", "lead"})
CREW = "G0CREW"
CHANNEL_CALLS = ["conversations.info", "conversations.members", "users.info", "usergroups.list"]


class Clock:
    """Stands still until told."""

    def __init__(self) -> None:
        self.at = 1_000.0

    def __call__(self) -> float:
        """Return the time [s]."""
        return self.at


class House:
    """A workspace and the people in it, as the bot knows them."""

    def __init__(self, slack: RunningWorkspace) -> None:
        self.slack = slack
        self.clock = Clock()
        client = WebClient(slack.bot_token, slack.api_url, timeout=1, retry_handlers=[])
        self.people = People(SlackDirectory(client, SEED_TEAM), ROLES, now=self.clock)

    def calls(self, method: str = "") -> int:
        """Count the calls of one method, or of all."""
        return len(self.slack.calls_of(method) if method else self.slack.calls)

    def add_channel(self, *members: str, kind: Kind = Kind.PRIVATE) -> None:
        """Add a conversation that the bot is in."""
        there = (*members, SEED_BOT)
        with self.slack.changing() as state:
            state.channels[CREW] = Channel(CREW, kind, members=there, context_team_id=SEED_TEAM)

    def add_crowd(self, n: int) -> None:
        """Add a channel with so many more full members."""
        crowd = [User(f"U1{k:05}", SEED_TEAM, f"user{k}", f"User {k}") for k in range(n)]
        with self.slack.changing() as state:
            state.users.update({user.id: user for user in crowd})
        self.add_channel(SEED_HR, *(user.id for user in crowd))

    def order(self, method: str, **fault: Any) -> None:
        """Let calls of a method go wrong from now on."""
        self.slack.order(Fault(method, **{"times": 1_000} | fault))

    def audience(self, channel: str, user: str) -> Audience | None:
        """Ask who reads a place."""
        return self.people.audience_of(a_place(channel, user))


def a_place(channel: str, user: str) -> Place:
    """Build a place of the home team."""
    return Place(SEED_TEAM, channel, user, is_ext_shared_channel=False)
