"""For whom a question of the command line is answered: a set of roles, or a person."""

import re
import sys

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.audience import Place
from bot.directory import SlackDirectory
from bot.errors import UserInputError
from bot.people import People
from bot.roles import RoleMap, read_roles
from bot.settings import Settings, forget_proxies
from bot.workspace.running import running_workspace
from bot.workspace.seed import demo_seed
from knowledge.access import EVERYONE, Audience, assignable_role
from knowledge.errors import AccessRulesError
from knowledge.rules import load_rules

_ANY_BASE = "https://documents.invalid"  # no link is shown here
_ID = re.compile(r"[UW][A-Z0-9]{2,}")


def with_roles(settings: Settings, listed: str) -> Audience:
    """Read ``hr,managers``: one reader, who holds them all.

    Raises:
        UserInputError: If one is not in lower case.
        AccessError: If there is none, or one is not a role name.
    """
    roles = frozenset(role.strip() for role in listed.split(",") if role.strip())
    if listed != listed.lower():
        problem = f"role names are lower case: {','.join(sorted(roles)).lower()}"
        raise UserInputError(problem)
    audience = Audience.from_role_sets([{assignable_role(role) for role in roles}])
    if further := roles - {EVERYONE}:
        _warn_of_unnamed(settings, further)
    return audience


def _warn_of_unnamed(settings: Settings, roles: frozenset[str]) -> None:
    try:
        rules = load_rules(settings.knowledge.folder / "access.yaml", base_url=_ANY_BASE)
    except AccessRulesError as error:
        _say(str(error))
        return
    if unnamed := sorted(roles - rules.role_names):
        _say(f"no rule of access.yaml names {', '.join(unnamed)}: that opens nothing")


def _say(line: str) -> None:
    sys.stderr.write(f"housevoice: {line}\n")


def for_person(settings: Settings, user: str) -> Audience | None:
    """Ask Slack who reads a direct message with a person, as the bot does for each question.

    Without tokens it is whom ``roles.yaml`` lists, else one of the sample company's people, else
    a full member without further roles, which is said.

    Returns:
        None where the bot would use nothing internal, as for a guest.

    Raises:
        UserInputError: If there is nobody of that id.
    """
    roles = read_roles(settings.knowledge.folder / "roles.yaml")
    if token := settings.slack.bot_token.get_secret_value():
        return _in_slack(WebClient(token=token, base_url=settings.slack.base_url), user, roles)
    if user not in roles.users and user in {one.id for one in demo_seed().users}:
        return _in_the_sample(user, roles)
    return _on_paper(user, roles)


def _in_the_sample(user: str, roles: RoleMap) -> Audience | None:
    forget_proxies()
    with running_workspace(demo_seed()) as workspace:
        client = WebClient(token=workspace.bot_token, base_url=workspace.api_url)
        return _in_slack(client, user, roles)


def _on_paper(user: str, roles: RoleMap) -> Audience:
    if not _ID.fullmatch(user):
        problem = f"{user} is nobody's id: ids look like U0ADA"
        raise UserInputError(problem)
    if user not in roles.users:
        _say(f"roles.yaml does not list {user}, taken for a full member with the role {EVERYONE}")
    return Audience.from_role_sets([roles.roles_of(user) | {EVERYONE}])


def _in_slack(client: WebClient, user: str, roles: RoleMap) -> Audience | None:
    team = str(client.auth_test()["team_id"])
    place = Place(team, _direct(client, user), user, is_ext_shared_channel=False)
    return People(SlackDirectory(client, team), roles).audience_of(place)


def _direct(client: WebClient, user: str) -> str:
    try:
        return str(client.conversations_open(users=[user])["channel"]["id"])
    except SlackApiError as error:
        problem = f"there is no {user} to write to ({error.response['error']}): ids look like U0ADA"
        raise UserInputError(problem) from error
