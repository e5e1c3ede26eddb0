"""``roles.yaml``: which Slack user groups and which people hold which roles.

Knows neither who is a full member nor what a role may read. Whoever may edit a mapped user
group decides who holds its roles: restrict that to administrators in Slack.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import AfterValidator, BaseModel, Field, ValidationError

from bot.errors import SettingsError
from knowledge.access import EVERYONE, assignable_role
from knowledge.errors import AccessError


def _role(name: str) -> str:
    try:
        return assignable_role(name)
    except AccessError as error:
        raise ValueError(str(error)) from error  # what pydantic reports with its place


Role = Annotated[str, AfterValidator(_role)]
Handle = Annotated[str, Field(pattern=r"^[^@\s]\S*$")]


class RoleMap(BaseModel, frozen=True, extra="forbid", strict=True):
    """The file, checked.

    Attributes:
        groups: Handle of a user group, without ``@``, to the roles of its members.
        users: User id to the roles of one person, beside those of the groups.
    """

    version: Literal[1]
    groups: Mapping[Handle, list[Role]] = Field(default_factory=dict)
    users: Mapping[str, list[Role]] = Field(default_factory=dict)

    def roles_of(self, user: str, handles: Iterable[str] = ()) -> frozenset[str]:
        """Return the mapped roles of a person who is in the groups with these handles."""
        of_groups = (self.groups.get(handle, []) for handle in handles)
        return frozenset(self.users.get(user, [])).union(*of_groups)

    @property
    def names(self) -> frozenset[str]:
        """Every role that somebody can hold, ``everyone`` included."""
        mapped = [*self.groups.values(), *self.users.values()]
        return frozenset({EVERYONE}).union(*mapped)


def read_roles(path: Path) -> RoleMap:
    """Read ``roles.yaml``.

    Raises:
        SettingsError: If it is missing or wrong; it says where and what.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        return RoleMap.model_validate(content)
    except FileNotFoundError as error:
        problem = f"{path} is missing: create it, with at least the line `version: 1`"
        raise SettingsError(problem) from error
    except ValidationError as error:
        problem = f"{path}: {_first_problem(error)}"
        raise SettingsError(problem) from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        problem = f"{path} cannot be read: {' '.join(str(error).split())}"
        raise SettingsError(problem) from error


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where}: {first['msg']}"
