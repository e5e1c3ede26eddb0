"""Methods ``users.*`` and ``usergroups.*``: who people are."""

from bot.workspace.arguments import Args
from bot.workspace.events import shown_user
from bot.workspace.methods import Method
from bot.workspace.paging import page_of
from bot.workspace.people import User, group_json
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError


def _info(workspace: Workspace, args: Args) -> JsonObject:
    user = workspace.user(args.required("user"))
    if user.is_hidden:
        raise RefusedError(Code.USER_NOT_VISIBLE)
    return {"user": shown_user(workspace, user)}


def _list(workspace: Workspace, args: Args) -> JsonObject:
    users = [user for user in workspace.users.values() if _is_listed(workspace, user)]
    page, metadata = page_of(users, args, default=len(users), most=1000)
    members = [shown_user(workspace, user) for user in page]
    return {"members": members, "response_metadata": metadata}


def _is_listed(workspace: Workspace, user: User) -> bool:
    """Foreign people are listed once a shared channel brings them in."""
    return not (user.is_hidden or workspace.is_stranger(user))


def _by_email(workspace: Workspace, args: Args) -> JsonObject:
    email = args.required("email")
    for user in workspace.users.values():
        is_ours = user.team_id == workspace.app.team_id and not user.deleted
        if is_ours and user.email == email:
            return {"user": shown_user(workspace, user)}
    raise RefusedError(Code.USERS_NOT_FOUND)


def _groups(workspace: Workspace, args: Args) -> JsonObject:
    shows_users = args.flag("include_users", default=False)
    shows_disabled = args.flag("include_disabled", default=False)
    groups = [
        group_json(group, shows_users=shows_users)
        for group in workspace.groups.values()
        if shows_disabled or not group.date_delete
    ]
    return {"usergroups": groups}


def _group_users(workspace: Workspace, args: Args) -> JsonObject:
    group = workspace.groups.get(args.required("usergroup"))
    shows_disabled = args.flag("include_disabled", default=False)
    if group is None or (group.date_delete and not shows_disabled):
        raise RefusedError(Code.NO_SUCH_SUBTEAM)
    return {"users": list(group.users)}


METHODS = {
    "users.info": Method(_info, scope="users:read", tier=4, is_read=True),
    "users.list": Method(_list, scope="users:read", tier=2, is_read=True),
    "users.lookupByEmail": Method(_by_email, scope="users:read.email", tier=3, is_read=True),
    "usergroups.list": Method(_groups, scope="usergroups:read", tier=2, is_read=True),
    "usergroups.users.list": Method(_group_users, scope="usergroups:read", tier=2, is_read=True),
}
