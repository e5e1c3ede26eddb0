"""What Slack says of places and people, read through the Web API.

Knows neither caches nor who may read what. A call that fails, or an answer that is not what
Slack documents, becomes None, and a note of which call it was.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, TypeVar

from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from bot.audience import PersonFacts, PlaceFacts
from bot.tracing import note

MOST_MEMBERS = 2_000
"""Members of one channel that are looked at; a longer list counts as half-read."""

_MEMBERS_A_PAGE = 1_000
_PEOPLE_A_PAGE = 200
_MOST_PAGES = 100
_TRANSPORT_ERRORS = (SlackClientError, OSError, HTTPException, ValueError)
_ERROR_CODE = re.compile(r"[a-z_]{1,64}")

T = TypeVar("T")

_PLACE = TypeAdapter(PlaceFacts)
_PERSON = TypeAdapter(PersonFacts)


class _Group(BaseModel):
    id: str
    handle: str
    team_id: str | None = None
    date_delete: int = 0
    user_count: int = 0  # a number or a string of digits
    users: list[str] = Field(default_factory=list)


class _Profile(BaseModel):
    real_name: str = ""
    display_name: str = ""


class _Named(BaseModel):
    is_bot: bool = False
    name: str = ""
    real_name: str | None = None
    profile: _Profile = _Profile()

    @property
    def names(self) -> set[str]:
        written = (self.name, self.real_name or "", *self.profile.model_dump().values())
        return set() if self.is_bot else set(filter(None, written))


_GROUPS = TypeAdapter(list[_Group])
_NAMED = TypeAdapter(list[_Named])
_IDS = TypeAdapter(tuple[str, ...])


@dataclass(frozen=True, slots=True)
class SlackDirectory:
    """Asks Slack, one method per kind of question.

    Attributes:
        client: For reads only, with retry handlers; writes must not be retried like that.
        team: The home workspace.
    """

    client: WebClient
    team: str

    def place(self, channel: str) -> PlaceFacts | None:
        """Read the flags of a channel; None if they could not be read."""
        answer = self._call(self.client.conversations_info, channel=channel)
        return _understood(_PLACE, answer.get("channel")) if answer else None

    def member_ids(self, channel: str) -> tuple[str, ...] | None:
        """Read who is in a channel; None unless the list was read to its end."""
        ids: list[str] = []
        method = self.client.conversations_members
        for answer in self._pages(method, channel=channel, limit=_MEMBERS_A_PAGE):
            page = _understood(_IDS, answer.get("members")) if answer else None
            if page is None:
                return None
            ids.extend(page)
            if len(ids) > MOST_MEMBERS:
                note(method=method.__name__, slack_error="too_many_members")
                return None
        return tuple(dict.fromkeys(ids))

    def person(self, user: str) -> PersonFacts | None:
        """Read the flags of one person, without roles; None if they could not be read."""
        answer = self._call(self.client.users_info, user=user)
        facts = _person(answer.get("user")) if answer else None
        return facts if facts and facts.id == user else None

    def people(self) -> Iterator[PersonFacts]:
        """Read everybody, without roles, as far as it goes."""
        for answer in self._pages(self.client.users_list, limit=_PEOPLE_A_PAGE):
            for raw in (answer or {}).get("members") or []:
                if facts := _person(raw):
                    yield facts

    def names(self) -> frozenset[str] | None:
        """Read what people are called: in full, for display and as a handle; bots apart.

        Returns:
            None unless the list was read to its end.
        """
        found = set[str]()
        for answer in self._pages(self.client.users_list, limit=_PEOPLE_A_PAGE):
            page = _understood(_NAMED, answer.get("members")) if answer else None
            if page is None:
                return None
            found.update(name for person in page for name in person.names)
        return frozenset(found)

    def groups(self, handles: Collection[str]) -> Mapping[str, frozenset[str]] | None:
        """Read who is in the user groups with these handles.

        Returns:
            Handle to user ids; a handle that Slack does not know is not in it. None if one
            of the groups could not be read.
        """
        if not handles:
            return {}
        answer = self._call(self.client.usergroups_list, include_users=True)
        groups = _understood(_GROUPS, answer.get("usergroups")) if answer else None
        if groups is None:
            return None
        found: dict[str, frozenset[str]] = {}
        for group in groups:
            if group.handle in handles and self._is_live_and_ours(group):
                users = self._users_of(group)
                if users is None:
                    return None
                found[group.handle] = found.get(group.handle, frozenset()) | users
        return found

    def _is_live_and_ours(self, group: _Group) -> bool:
        return group.date_delete == 0 and group.team_id in {None, self.team}

    def _users_of(self, group: _Group) -> frozenset[str] | None:
        if len(group.users) >= group.user_count:
            return frozenset(group.users)
        answer = self._call(self.client.usergroups_users_list, usergroup=group.id)
        users = _understood(_IDS, answer.get("users")) if answer else None
        return None if users is None else frozenset(users)

    def _pages(
        self, method: Callable[..., SlackResponse], **arguments: Any
    ) -> Iterator[Mapping[str, Any] | None]:
        """Yield page after page; None in place of one that failed, and at a list without end."""
        cursor = ""
        for _ in range(_MOST_PAGES):
            answer = self._call(method, **arguments, **({"cursor": cursor} if cursor else {}))
            yield answer
            cursor = ((answer or {}).get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return
        yield None

    def _call(
        self, method: Callable[..., SlackResponse], **arguments: Any
    ) -> Mapping[str, Any] | None:
        try:
            data = method(**arguments).data
        except SlackApiError as error:
            note(method=method.__name__, slack_error=_code_of(error))
        except _TRANSPORT_ERRORS as error:
            note(method=method.__name__, slack_error=type(error).__name__)
        else:
            return data if isinstance(data, dict) else None
        return None


def _person(raw: object) -> PersonFacts | None:
    if not isinstance(raw, dict):
        return None
    return _understood(_PERSON, {**raw, "roles": None})  # roles are ours to give


def _understood(adapter: TypeAdapter[T], raw: object) -> T | None:
    try:
        return adapter.validate_python(raw)
    except ValidationError:
        note(slack_error="not_as_documented")
        return None


def _code_of(error: SlackApiError) -> str:
    data = error.response.data if isinstance(error.response, SlackResponse) else None
    code = str(data.get("error")) if isinstance(data, dict) else ""
    return code if _ERROR_CODE.fullmatch(code) else "no_code"
