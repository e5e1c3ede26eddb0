"""For whom a question of the command line is answered: a set of roles, or a person."""

from collections.abc import Iterator
from contextlib import contextmanager

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from bot.audience import Place
from bot.directory import SlackDirectory
from bot.errors import UserInputError
from bot.people import People
from bot.roles import read_roles
from bot.settings import Settings, forget_proxies
from bot.workspace.running import running_workspace
from bot.workspace.seed import demo_seed
from knowledge.access import Audience


def with_roles(listed: str) -> Audience:
    """Read ``hr,managers``: one reader, who holds them all.

    Raises:
        AccessError: If there is none, or one is not a role name.
    """
    roles = frozenset(role.strip() for role in listed.split(",") if role.strip())
    return Audience.from_role_sets([roles])


def for_person(settings: Settings, user: str) -> Audience | None:
    """Ask Slack who reads a direct message with a person, as the bot does for each question.

    Without tokens the sample company's workspace is asked.

    Returns:
        None where the bot would use nothing internal, as for a guest.

    Raises:
        UserInputError: If there is nobody of that id.
    """
    roles = read_roles(settings.knowledge.folder / "roles.yaml")
    with _slack(settings) as client:
        team = str(client.auth_test()["team_id"])
        place = Place(team, _direct(client, user), user, is_ext_shared_channel=False)
        return People(SlackDirectory(client, team), roles).audience_of(place)


@contextmanager
def _slack(settings: Settings) -> Iterator[WebClient]:
    token = settings.slack.bot_token.get_secret_value()
    if token:
        yield WebClient(token=token, base_url=settings.slack.base_url)
    else:
        forget_proxies()
        with running_workspace(demo_seed()) as workspace:
            yield WebClient(token=workspace.bot_token, base_url=workspace.api_url)


def _direct(client: WebClient, user: str) -> str:
    try:
        return str(client.conversations_open(users=[user])["channel"]["id"])
    except SlackApiError as error:
        problem = f"there is no {user} to write to ({error.response['error']}): ids look like U0ADA"
        raise UserInputError(problem) from error
