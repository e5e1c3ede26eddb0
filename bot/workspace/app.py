"""The one app that is installed: its tokens, scopes, subscriptions and commands."""

from dataclasses import dataclass

BOT_TOKEN = "xoxb-local"  # noqa: S105 - opens nothing but a workspace on loopback
APP_TOKEN = "xapp-local"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class SlackApp:
    """What the workspace knows of the installed app.

    Attributes:
        auth_error: ``account_inactive`` or ``token_revoked``: then every call is refused.
        socket_limit: Live sockets that Slack allows.
    """

    id: str
    team_id: str
    bot_user_id: str
    bot_id: str
    scopes: tuple[str, ...]
    events: tuple[str, ...]
    commands: tuple[str, ...]
    bot_token: str = BOT_TOKEN
    app_token: str = APP_TOKEN
    auth_error: str = ""
    socket_limit: int = 10

    @property
    def mention(self) -> str:
        """How a text mentions the bot."""
        return f"<@{self.bot_user_id}>"
