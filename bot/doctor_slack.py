"""The doctor's questions to Slack: tokens, scopes, socket, user groups, admins."""

import re
from collections.abc import Callable, Iterator
from http.client import HTTPException

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.findings import Finding, fail, ok, warn
from bot.manifest import SCOPES
from bot.roles import RoleMap
from bot.settings import SlackSettings

_TIMEOUT_S = 10
_REINSTALL = "On the app's page, under Install App, install it again and copy the new token."
_REMEDIES = {
    "invalid_auth": "Copy the token from the app's page again; it belongs to nobody.",
    "not_authed": "Copy the token from the app's page again; it belongs to nobody.",
    "not_allowed_token_type": "The two tokens are swapped, or one is of another kind.",
    "account_inactive": _REINSTALL,
    "token_revoked": _REINSTALL,
    "token_expired": "Switch token rotation off for this app; it is off in our manifest.",
    "missing_scope": "Give the app all scopes of `housevoice manifest`, then install it again.",
    "ratelimited": "Wait a minute and run this again.",
}


def examine_slack(slack: SlackSettings, roles: RoleMap | None) -> Iterator[Finding]:
    """Look at everything that Slack has to grant; asks Slack, changes nothing there."""
    bot, app = slack.bot_token.get_secret_value(), slack.app_token.get_secret_value()
    if not (bot or app):
        yield warn(
            "Slack",
            "no tokens, so there is nobody to serve",
            "Create the app from `housevoice manifest`; its two tokens belong into .env.",
        )
        return
    kinds = (
        _kind("bot token", bot, "xoxb-", "OAuth & Permissions"),
        _kind("app token", app, "xapp-", "Basic Information, with the scope connections:write"),
    )
    yield from kinds
    if all(finding.is_ok for finding in kinds):
        yield from _examine_app(_client(slack, bot), _client(slack, app), roles)
    yield _admins(slack.admins)


def _examine_app(bot: WebClient, app: WebClient, roles: RoleMap | None) -> Iterator[Finding]:
    identity = _asked("Slack app", lambda: _identity(bot))
    yield identity
    if identity.is_ok:
        yield _asked("scopes", lambda: _scopes(bot))
        yield _asked("user groups", lambda: _groups(bot, roles or RoleMap(version=1)))
    yield _asked("socket", lambda: _socket(app))


def _client(slack: SlackSettings, token: str) -> WebClient:
    return WebClient(token=token, base_url=slack.base_url, timeout=_TIMEOUT_S, retry_handlers=[])


def _asked(name: str, ask: Callable[[], Finding]) -> Finding:
    try:
        return ask()
    except SlackApiError as error:
        code = str(error.response["error"])
        advice = _REMEDIES.get(code, "Look the code up among the errors of Slack's Web API.")
        return fail(name, f"Slack answers {code}", advice)
    except (OSError, HTTPException, SlackClientError) as error:
        seen = f"Slack was not reached ({type(error).__name__})"
        return fail(name, seen, "Look at the network, the proxy and HOUSEVOICE_SLACK__BASE_URL.")


def _kind(name: str, token: str, prefix: str, page: str) -> Finding:
    if token.startswith(prefix):
        return ok(name, f"begins with {prefix}")
    seen = f"does not begin with {prefix}" if token else "missing"
    return fail(name, seen, f"It stands on the app's page under {page}.")


def _identity(bot: WebClient) -> Finding:
    told = bot.auth_test()
    return ok("Slack app", f"{told['user']} in {told['team']}")


def _scopes(bot: WebClient) -> Finding:
    headers = {name.lower(): value for name, value in bot.auth_test().headers.items()}
    granted = set(re.split(r"[,\s]+", str(headers.get("x-oauth-scopes", ""))))
    missing = sorted(set(SCOPES) - granted)
    if not missing:
        return ok("scopes", f"all {len(SCOPES)} of the manifest")
    return fail("scopes", f"without {', '.join(missing)}", _REMEDIES["missing_scope"])


def _groups(bot: WebClient, roles: RoleMap) -> Finding:
    listed = bot.usergroups_list(include_disabled=False)["usergroups"]
    missing = sorted(set(roles.groups) - {group["handle"] for group in listed})
    if not missing:
        return ok("user groups", f"all {len(roles.groups)} of roles.yaml are in Slack")
    return warn(
        "user groups",
        f"not in Slack: {', '.join(missing)}",
        "Correct the handles in roles.yaml; until then nobody holds the roles of these groups.",
    )


def _socket(app: WebClient) -> Finding:
    app.apps_connections_open(app_token=str(app.token))
    return ok("socket", "Slack opens one")


def _admins(admins: tuple[str, ...]) -> Finding:
    if not admins:
        return warn(
            "admins",
            "nobody may reindex from Slack",
            'Set HOUSEVOICE_SLACK__ADMINS to user ids: ["U0123ABC"].',
        )
    strange = sorted(admin for admin in admins if not re.fullmatch(r"[UW][A-Z0-9]{2,}", admin))
    if strange:
        advice = "A user id stands in a person's Slack profile, under Copy member ID."
        return fail("admins", f"not user ids: {', '.join(strange)}", advice)
    return ok("admins", f"{len(admins)} of them")
