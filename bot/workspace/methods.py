"""What a Web API method is: its function, its scope, its tier, and how it is called."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.workspace.arguments import Args
from bot.workspace.state import Workspace
from bot.workspace.wire import Code, JsonObject, RefusedError

APP_LEVEL = "connections:write"
"""The scope of the app-level token; nothing else takes that token."""


@dataclass(frozen=True, slots=True)
class Method:
    """One method of the Web API.

    Attributes:
        scope: What it needs; empty where the method checks by kind of conversation, or nothing.
        tier: Of the rate limits; 0 for the special ones.
        is_read: Read methods are deaf to JSON bodies: arguments count as missing.
    """

    call: Callable[[Workspace, Args], JsonObject]
    scope: str = ""
    tier: int = 0
    is_read: bool = False


def check_scope(workspace: Workspace, scope: str) -> None:
    """Refuse a call whose scope was not granted.

    Raises:
        RefusedError: ``missing_scope`` with ``needed`` and ``provided``.
    """
    if scope != APP_LEVEL and scope not in workspace.app.scopes:
        provided = ",".join(workspace.app.scopes)
        raise RefusedError(Code.MISSING_SCOPE, needed=scope, provided=provided)
