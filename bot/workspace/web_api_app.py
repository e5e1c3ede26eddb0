"""Methods about the app itself: ``auth.test`` and ``apps.connections.open``."""

from bot.workspace.arguments import Args
from bot.workspace.methods import APP_LEVEL, Method
from bot.workspace.state import Workspace
from bot.workspace.wire import JsonObject


def _auth_test(workspace: Workspace, _args: Args) -> JsonObject:
    app = workspace.app
    return {
        "url": f"{workspace.base_url}/",
        "team": workspace.home.name,
        "user": workspace.users[app.bot_user_id].name,
        "team_id": app.team_id,
        "user_id": app.bot_user_id,
        "bot_id": app.bot_id,
        "is_enterprise_install": False,
    }


def _open_connection(workspace: Workspace, _args: Args) -> JsonObject:
    host = workspace.base_url.removeprefix("http")
    return {"url": f"ws{host}/link?ticket={workspace.delivery.issue_ticket()}"}


METHODS = {
    "auth.test": Method(_auth_test),
    "apps.connections.open": Method(_open_connection, scope=APP_LEVEL, tier=3),
}
