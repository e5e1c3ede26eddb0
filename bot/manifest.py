"""The Slack app as data: what it may do, what it hears, how it introduces itself.

`housevoice manifest` prints it for "Create an app from a manifest". Not validated by Slack
itself; the limits are those that a test checks. It knows the settings only through its arguments.

Source: https://docs.slack.dev/reference/app-manifest
"""

import yaml

SCOPES = (
    "app_mentions:read",
    "channels:history",  # follow-ups without a mention; reading back after a lost answer
    "channels:read",
    "chat:write",  # not chat:write.public: the bot speaks only where it was invited
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
"""What the bot token must be granted; the doctor compares."""

EVENTS = (
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
"""What Slack sends; each has a listener or is acknowledged by the catch-all."""

_PROMPTS = (
    ("Parental leave", "How many weeks of parental leave do I get?"),
    ("Meeting rooms", "How do I book a meeting room?"),
)


def manifest(command: str) -> dict[str, object]:
    """Build the manifest of the app.

    Args:
        command: The slash command, as in the settings.
    """
    return {
        "_metadata": {"major_version": 2, "minor_version": 1},
        "display_information": {
            "name": "Housevoice",
            "description": "Answers questions from our own documents, with sources",
            "background_color": "#1d4ed8",
        },
        "features": _features(command),
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True},
            "org_deploy_enabled": False,
            "socket_mode_enabled": True,
            "token_rotation_enabled": False,
        },
    }


def manifest_yaml(command: str) -> str:
    """Write the manifest as the YAML that Slack's form takes."""
    return yaml.safe_dump(manifest(command), sort_keys=False, allow_unicode=True, width=100)


def _features(command: str) -> dict[str, object]:
    return {
        "agent_view": {
            "agent_description": "Answers questions from our own documents, with linked sources.",
            "suggested_prompts": [{"title": title, "message": ask} for title, ask in _PROMPTS],
        },
        "app_home": {
            "home_tab_enabled": False,
            "messages_tab_enabled": True,
            "messages_tab_read_only_enabled": False,
        },
        "bot_user": {"display_name": "housevoice", "always_online": True},
        "slash_commands": [
            {
                "command": command,
                "description": "Look after the assistant's library",
                "usage_hint": "status | reindex [source] | export",
                "should_escape": False,
            }
        ],
    }
