"""Teams, people and user groups, with every flag that ``users.info`` shows."""

from dataclasses import dataclass

from bot.workspace.wire import JsonObject


@dataclass(frozen=True, slots=True)
class Team:
    """A workspace: the home team, or a foreign one on the other side of a shared channel."""

    id: str
    name: str
    domain: str


@dataclass(frozen=True, slots=True)
class EnterpriseUser:
    """Who a person is in a Grid organisation."""

    id: str
    enterprise_id: str
    teams: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class User:
    """A person or a bot.

    Attributes:
        name: Handle, as in ``@ana``.
        title: Job, shown on the page.
        is_restricted: A guest; with ``is_ultra_restricted`` one for a single channel.
        is_hidden: ``users.info`` answers ``user_not_visible``.
    """

    id: str
    team_id: str
    name: str
    real_name: str
    title: str = ""
    email: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_app_user: bool = False
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_invited_user: bool = False
    is_hidden: bool = False
    enterprise_user: EnterpriseUser | None = None

    def is_full_member_of(self, team_id: str) -> bool:
        """Tell whether public channels are open to this person."""
        return self.team_id == team_id and not (self.deleted or self.is_restricted)


@dataclass(frozen=True, slots=True)
class UserGroup:
    """A user group; ``date_delete`` is not 0 once it is switched off."""

    id: str
    team_id: str
    handle: str
    name: str
    users: tuple[str, ...] = ()
    date_update: int = 0
    date_delete: int = 0


_FLAGS = (
    "deleted",
    "is_bot",
    "is_app_user",
    "is_admin",
    "is_owner",
    "is_primary_owner",
    "is_restricted",
    "is_ultra_restricted",
)


def user_json(
    user: User, *, home: str, is_stranger: bool, shows_email: bool, updated: int = 0
) -> JsonObject:
    """Lay a person out as ``users.info`` and ``user_change`` do.

    Args:
        user: Whom to show.
        home: Team of the app; people of other teams show ``is_stranger`` and no e-mail.
        is_stranger: Foreign, and in no channel that the app's team shares.
        shows_email: Whether the scope ``users:read.email`` is granted.
        updated: When the person was last changed [s since 1970].
    """
    flags = {flag: getattr(user, flag) for flag in _FLAGS}
    core = {"id": user.id, "team_id": user.team_id, "name": user.name, "real_name": user.real_name}
    extra: JsonObject = {"updated": updated}
    if user.team_id != home:
        extra["is_stranger"] = is_stranger
    if user.is_invited_user:
        extra["is_invited_user"] = True
    if user.enterprise_user:
        extra["enterprise_user"] = _enterprise_json(user, user.enterprise_user)
    return core | flags | extra | {"profile": _profile(user, home=home, shows_email=shows_email)}


def _profile(user: User, *, home: str, shows_email: bool) -> JsonObject:
    profile = {
        "real_name": user.real_name,
        "display_name": user.name,
        "title": user.title,
        "team": user.team_id,
    }
    if shows_email and user.email and user.team_id == home:
        profile["email"] = user.email
    return profile


def _enterprise_json(user: User, enterprise: EnterpriseUser) -> JsonObject:
    return {
        "id": enterprise.id,
        "enterprise_id": enterprise.enterprise_id,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "teams": list(enterprise.teams),
    }


def group_json(group: UserGroup, *, shows_users: bool) -> JsonObject:
    """Lay a user group out as ``usergroups.list`` does."""
    core = {
        "id": group.id,
        "team_id": group.team_id,
        "is_usergroup": True,
        "handle": group.handle,
        "name": group.name,
        "user_count": len(group.users),
        "date_update": group.date_update,
        "date_delete": group.date_delete,
    }
    return core | ({"users": list(group.users)} if shows_users else {})
