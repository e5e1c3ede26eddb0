"""The demo workspace: Larkfield, an invented maker of weather stations for farms."""

from dataclasses import replace

from bot.workspace.app import SlackApp
from bot.workspace.channels import Channel, Kind
from bot.workspace.people import Team, User, UserGroup
from bot.workspace.state import Seed

SEED_TEAM = "T0LARKFIELD"
SEED_PARTNER_TEAM = "T0ORCHARD"

SEED_BOT = "U0HOUSEVOICE"
SEED_EMPLOYEE = "U0ADA"
SEED_HR = "U0BERIT"
SEED_FINANCE = "U0CEM"
SEED_ENGINEER = "U0DINA"
SEED_MANAGER = "U0ELIF"
SEED_GUEST = "U0FINN"
SEED_OUTSIDER = "U0GRETA"
SEED_ADMIN = "U0HUGO"
SEED_DEACTIVATED = "U0IVO"

SEED_PEOPLE_TEAM = "S0PEOPLE"
SEED_FINANCE_TEAM = "S0FINANCE"
SEED_ENGINEERING = "S0ENGINEERING"
SEED_MANAGERS = "S0MANAGERS"

SEED_HELP = "C0HELP"
SEED_PEOPLE_PRIVATE = "C0PEOPLE"
SEED_ENGINEERING_CHANNEL = "C0ENGINEERING"
SEED_PARTNER_ORCHARD = "C0ORCHARD"
SEED_GUEST_CORNER = "C0GUESTS"

SEED_SCOPES = (
    "app_mentions:read",
    "channels:history",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "mpim:history",
    "mpim:read",
    "usergroups:read",
    "users:read",
)
"""What the app was granted; a test keeps it equal to the manifest."""

SEED_EVENTS = (
    "app_mention",
    "channel_archive",
    "channel_id_changed",
    "channel_rename",
    "channel_shared",
    "channel_unarchive",
    "channel_unshared",
    "member_joined_channel",
    "member_left_channel",
    "message.channels",
    "message.groups",
    "message.im",
    "message.mpim",
    "subteam_members_changed",
    "subteam_updated",
    "team_join",
    "user_change",
    "user_profile_changed",
)
"""What the app subscribed to; likewise."""

SEED_COMMANDS = ("/housevoice",)

_CREATED = 1_780_000_000
_FULL_MEMBERS = (
    SEED_EMPLOYEE,
    SEED_HR,
    SEED_FINANCE,
    SEED_ENGINEER,
    SEED_MANAGER,
    SEED_ADMIN,
)


def seed_dm(user_id: str) -> str:
    """Return the id of a person's DM with the bot."""
    return f"D{user_id.removeprefix('U')}"


def demo_seed(
    *, scopes: tuple[str, ...] = SEED_SCOPES, events: tuple[str, ...] = SEED_EVENTS
) -> Seed:
    """Build the workspace that the demo and most tests start with."""
    app = SlackApp(
        id="A0HOUSEVOICE",
        team_id=SEED_TEAM,
        bot_user_id=SEED_BOT,
        bot_id="B0HOUSEVOICE",
        scopes=scopes,
        events=events,
        commands=SEED_COMMANDS,
    )
    return Seed(
        app=app,
        teams=(
            Team(SEED_TEAM, "Larkfield", "larkfield"),
            Team(SEED_PARTNER_TEAM, "Orchard & Sons", "orchard"),
        ),
        users=_users(),
        groups=_groups(),
        channels=(*_channels(), *_dms()),
    )


def _users() -> tuple[User, ...]:
    return (
        _colleague(SEED_EMPLOYEE, "ada", "Ada Brandt", "Customer care"),
        _colleague(SEED_HR, "berit", "Berit Solheim", "People team"),
        _colleague(SEED_FINANCE, "cem", "Cem Aydin", "Finance"),
        _colleague(SEED_ENGINEER, "dina", "Dina Okafor", "Firmware engineer"),
        _colleague(SEED_MANAGER, "elif", "Elif Marchetti", "Head of field operations"),
        User(
            SEED_GUEST,
            SEED_TEAM,
            "finn",
            "Finn Castellan",
            title="Contractor, guest in one channel",
            email="finn@castellan.example",
            is_restricted=True,
            is_ultra_restricted=True,
        ),
        User(
            SEED_OUTSIDER,
            SEED_PARTNER_TEAM,
            "greta",
            "Greta Holm",
            title="Buyer at Orchard & Sons",
            email="greta@orchard.example",
        ),
        User(
            SEED_ADMIN,
            SEED_TEAM,
            "hugo",
            "Hugo Lindqvist",
            title="IT, workspace admin",
            email="hugo@larkfield.example",
            is_admin=True,
            is_owner=True,
        ),
        User(
            SEED_DEACTIVATED,
            SEED_TEAM,
            "ivo",
            "Ivo Brennan",
            title="Left the company",
            email="ivo@larkfield.example",
            deleted=True,
        ),
        User(
            SEED_BOT,
            SEED_TEAM,
            "housevoice",
            "Housevoice",
            title="Answers with sources",
            is_bot=True,
        ),
    )


def _colleague(user_id: str, name: str, real_name: str, title: str) -> User:
    email = f"{name}@larkfield.example"
    return User(user_id, SEED_TEAM, name, real_name, title=title, email=email)


def _groups() -> tuple[UserGroup, ...]:
    members = {
        SEED_PEOPLE_TEAM: ("people-team", "People team", SEED_HR),
        SEED_FINANCE_TEAM: ("finance-team", "Finance team", SEED_FINANCE),
        SEED_ENGINEERING: ("engineering", "Engineering", SEED_ENGINEER),
        SEED_MANAGERS: ("managers", "Managers", SEED_MANAGER),
    }
    return tuple(
        UserGroup(group_id, SEED_TEAM, handle, name, users=(user,), date_update=_CREATED)
        for group_id, (handle, name, user) in members.items()
    )


def _channels() -> tuple[Channel, ...]:
    helping = _channel(SEED_HELP, "help", (*_FULL_MEMBERS, SEED_BOT))
    engineering = _channel(
        SEED_ENGINEERING_CHANNEL,
        "engineering",
        (SEED_ENGINEER, SEED_MANAGER, SEED_ADMIN, SEED_BOT),
    )
    people = _channel(SEED_PEOPLE_PRIVATE, "people-private", (SEED_HR, SEED_BOT))
    partner = _channel(
        SEED_PARTNER_ORCHARD,
        "partner-orchard",
        (SEED_EMPLOYEE, SEED_MANAGER, SEED_OUTSIDER, SEED_BOT),
    )
    guests = _channel(
        SEED_GUEST_CORNER,
        "guest-corner",
        (SEED_EMPLOYEE, SEED_MANAGER, SEED_GUEST, SEED_BOT),
    )
    return (
        replace(helping, purpose="Questions about work. Mention @housevoice.", is_general=True),
        replace(engineering, purpose="Firmware, hardware and the cloud behind the stations."),
        replace(people, purpose="The people team among themselves.", kind=Kind.PRIVATE),
        replace(
            partner,
            purpose="Shared with Orchard & Sons.",
            connected_team_ids=(SEED_PARTNER_TEAM,),
        ),
        replace(guests, purpose="Where contractors meet us."),
    )


def _channel(channel_id: str, name: str, members: tuple[str, ...]) -> Channel:
    return Channel(
        id=channel_id,
        kind=Kind.PUBLIC,
        name=name,
        creator=SEED_ADMIN,
        created=_CREATED,
        members=members,
        context_team_id=SEED_TEAM,
    )


def _dms() -> tuple[Channel, ...]:
    people = (*_FULL_MEMBERS, SEED_GUEST, SEED_OUTSIDER)
    return tuple(
        Channel(
            id=seed_dm(user_id),
            kind=Kind.DM,
            created=_CREATED,
            members=(user_id, SEED_BOT),
            context_team_id=SEED_TEAM,
        )
        for user_id in people
    )
