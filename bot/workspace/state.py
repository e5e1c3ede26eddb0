"""The workspace as a value that changes: who and what there is, and the ways to look it up."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from bot.workspace.app import SlackApp
from bot.workspace.channels import Channel, Kind
from bot.workspace.delivery import Delivery
from bot.workspace.faults import Faults
from bot.workspace.limits import RateLimits
from bot.workspace.messages import Ephemeral, Message
from bot.workspace.options import Options
from bot.workspace.people import Team, User, UserGroup
from bot.workspace.wire import Code, JsonObject, RefusedError


@dataclass(frozen=True, slots=True)
class Seed:
    """What a workspace starts with."""

    app: SlackApp
    teams: tuple[Team, ...]
    users: tuple[User, ...]
    groups: tuple[UserGroup, ...]
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class ApiCall:
    """One call of the Web API as the workspace saw it.

    Attributes:
        error: Slack's code, or empty when it succeeded.
        answer: What was answered, or would have been had no fault spoilt it.
    """

    method: str
    args: JsonObject
    at: float
    error: str = ""
    answer: JsonObject = field(default_factory=dict)


@dataclass(slots=True)
class Trigger:
    """What allows an app to open a modal, once and soon."""

    user: str
    at: float
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """Where an app may answer an interaction a few times."""

    user: str
    channel: str
    at: float
    thread_ts: str | None = None
    message_ts: str = ""
    uses: int = 0


@dataclass(frozen=True, slots=True)
class View:
    """A modal that one person has open.

    Attributes:
        errors: What the app found wrong with the last submission, by block; what is wrong with
            the whole of it stands under an empty name.
    """

    id: str
    user: str
    body: JsonObject
    hash: str
    errors: JsonObject = field(default_factory=dict)


def counting_ids(run: str = "") -> Callable[[str], str]:
    """Build a source of ids that are unique and readable.

    Args:
        run: Stands in each of them. Who outlives a workspace, as the bot's database does, tells
            its ids from those of the next one only by this; without it they are the same again.
    """
    counts: Counter[str] = Counter()

    def new_id(prefix: str) -> str:
        counts[prefix] += 1
        return f"{prefix}{run}{counts[prefix]:08d}"

    return new_id


class Workspace:
    """Everything there is; changed by ``posting``, ``membership``, ``visitors`` and ``web_api``.

    Args:
        seed: What it starts with.
        now: The time [s since 1970].
        new_id: Returns a fresh id with the given prefix.
        base_url: Where the page is served; permalinks and response URLs start with it.
    """

    def __init__(
        self,
        seed: Seed,
        *,
        now: Callable[[], float],
        new_id: Callable[[str], str] | None = None,
        options: Options | None = None,
        base_url: str = "http://127.0.0.1:0",
    ) -> None:
        self.now = now
        self.new_id = new_id or counting_ids()
        self.options = options or Options()
        self.base_url = base_url
        self.app = seed.app
        self.teams = {team.id: team for team in seed.teams}
        self.users = {user.id: user for user in seed.users}
        self.groups = {group.id: group for group in seed.groups}
        self.channels = {channel.id: channel for channel in seed.channels}
        self.messages: dict[str, dict[str, Message]] = defaultdict(dict)
        self.ephemerals: list[Ephemeral] = []
        self.absent: set[str] = set()
        self.swallowed: set[str] = set()
        self.views: dict[str, View] = {}
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.highlights: dict[tuple[str, str, str, str], str] = {}
        self.calls: list[ApiCall] = []
        self.faults = Faults()
        self.limits = RateLimits(now)
        self._last_ts_us = 0
        self.delivery = Delivery(
            now=now,
            new_id=self.new_id,
            options=self.options,
            app_id=seed.app.id,
            socket_limit=seed.app.socket_limit,
        )

    @property
    def home(self) -> Team:
        """The team that installed the app."""
        return self.teams[self.app.team_id]

    def next_ts(self) -> str:
        """Return the current time as Slack's ``ts``, later than every one before."""
        self._last_ts_us = max(self._last_ts_us + 1, int(self.now() * 1_000_000))
        seconds, micros = divmod(self._last_ts_us, 1_000_000)
        return f"{seconds}.{micros:06d}"

    def user(self, user_id: str) -> User:
        """Return a person.

        Raises:
            RefusedError: ``user_not_found``.
        """
        if user_id not in self.users:
            raise RefusedError(Code.USER_NOT_FOUND)
        return self.users[user_id]

    def channel(self, channel_id: str) -> Channel:
        """Return a conversation.

        Raises:
            RefusedError: ``channel_not_found``.
        """
        if channel_id not in self.channels:
            raise RefusedError(Code.CHANNEL_NOT_FOUND)
        return self.channels[channel_id]

    def message(self, channel_id: str, ts: str) -> Message:
        """Return a message.

        Raises:
            RefusedError: ``message_not_found``.
        """
        found = self.messages[channel_id].get(ts)
        if found is None or found.subtype == "tombstone":
            raise RefusedError(Code.MESSAGE_NOT_FOUND)
        return found

    def keep(self, message: Message) -> Message:
        """Store a message in the place of the one with the same ts, if any."""
        self.messages[message.channel][message.ts] = message
        return message

    def replies(self, channel_id: str, root_ts: str) -> list[Message]:
        """List the replies in a thread, oldest first, without its root."""
        there = self.messages[channel_id].values()
        return [message for message in there if message.thread_ts == root_ts]

    def may_see(self, user: User, channel: Channel) -> bool:
        """Tell whether a person can open a conversation."""
        if user.deleted:
            return False
        if user.id in channel.members:
            return True
        return channel.kind is Kind.PUBLIC and user.is_full_member_of(channel.context_team_id)

    def is_stranger(self, user: User) -> bool:
        """Tell whether a foreign person is in no channel that the home team shares."""
        is_foreign = user.team_id != self.app.team_id
        return is_foreign and not any(user.id in each.members for each in self.channels.values())

    def visible_channels(self, user: User) -> Iterator[Channel]:
        """Go through the conversations that a person can open."""
        return (each for each in self.channels.values() if self.may_see(user, each))

    def dm_of(self, *user_ids: str) -> Channel:
        """Return the DM between two people, or the group DM of several; opened if need be."""
        members = tuple(dict.fromkeys(user_ids))
        for channel in self.channels.values():
            if channel.is_direct and set(channel.members) == set(members):
                return channel
        return self._open_dm(members)

    def _open_dm(self, members: tuple[str, ...]) -> Channel:
        is_pair = len(members) <= 2  # noqa: PLR2004 - two people make a DM
        channel = Channel(
            id=self.new_id("D" if is_pair else "G"),
            kind=Kind.DM if is_pair else Kind.GROUP_DM,
            name="" if is_pair else "mpdm-" + "--".join(self.users[one].name for one in members),
            created=int(self.now()),
            members=members,
            context_team_id=self.app.team_id,
        )
        self.channels[channel.id] = channel
        return channel
