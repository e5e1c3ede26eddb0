"""The Slack app manifest, held against the limits that Slack documents."""

import re
from typing import Any

import pytest
import yaml

from bot import people
from bot.manifest import EVENTS, SCOPES, manifest, manifest_yaml


@pytest.fixture
def app() -> Any:
    """Read the manifest back from its YAML, as Slack will."""
    return yaml.safe_load(manifest_yaml("/housevoice"))


def test_the_yaml_is_the_manifest(app: Any) -> None:
    """Nothing is lost or reinterpreted on the way through YAML."""
    assert app == manifest("/housevoice")


def test_names_and_counts_are_within_limits(app: Any) -> None:
    """Slack refuses a manifest with longer names or more entries."""
    features, settings = app["features"], app["settings"]

    assert len(app["display_information"]["name"]) <= 35
    assert len(app["display_information"]["description"]) <= 140
    assert re.fullmatch(r"[a-z0-9._-]+", features["bot_user"]["display_name"])
    assert len(features["agent_view"]["suggested_prompts"]) <= 4
    assert len(features["slash_commands"]) <= 50
    assert len(app["oauth_config"]["scopes"]["bot"]) <= 255
    assert len(settings["event_subscriptions"]["bot_events"]) <= 100


def test_the_command_of_the_settings_is_declared() -> None:
    """A house that renames the command gets a manifest with that name, of at most 32 characters."""
    (command,) = manifest("/ask-us")["features"]["slash_commands"]  # type: ignore[index]  # data

    assert command["command"] == "/ask-us"
    assert len(command["command"]) <= 32
    assert {"status", "reindex", "export"} <= set(re.findall(r"\w+", command["usage_hint"]))


@pytest.mark.parametrize(
    ("event", "scope"),
    [
        ("app_mention", "app_mentions:read"),
        ("message.channels", "channels:history"),
        ("message.groups", "groups:history"),
        ("message.im", "im:history"),
        ("message.mpim", "mpim:history"),
        ("member_joined_channel", "channels:read"),
        ("channel_shared", "channels:read"),
        ("user_change", "users:read"),
        ("team_join", "users:read"),
        ("subteam_updated", "usergroups:read"),
        ("subteam_members_changed", "usergroups:read"),
        ("user_profile_changed", "users:read"),
        *((f"channel_{verb}", "channels:read") for verb in ("archive", "unarchive", "rename")),
    ],
)
def test_each_event_has_its_scope(event: str, scope: str) -> None:
    """Slack sends an event only to an app that holds the scope for it."""
    assert event in EVENTS
    assert scope in SCOPES


@pytest.mark.parametrize(
    "refused", ["chat:write.public", "users:read.email", "files:read", "assistant:write"]
)
def test_nothing_is_asked_for_that_nothing_needs(refused: str) -> None:
    """The bot cannot speak where it was not invited, and reads neither addresses nor files."""
    assert refused not in SCOPES


def test_every_change_that_is_forgotten_by_event_is_subscribed_to() -> None:
    """An archived channel or a changed profile counted for minutes: nobody told the bot."""
    handled = people.USER_EVENTS | people.MEMBER_EVENTS | people.PLACE_EVENTS

    assert handled <= set(EVENTS)
    assert "subteam_members_changed" in EVENTS


def test_it_needs_no_public_address(app: Any) -> None:
    """Socket Mode is on, and no part of the manifest names a request URL."""
    assert app["settings"]["socket_mode_enabled"] is True
    assert app["settings"]["interactivity"] == {"is_enabled": True}
    assert "request_url" not in manifest_yaml("/housevoice")
