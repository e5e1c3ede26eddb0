"""What crosses the wire: JSON objects, and the refusals that Slack answers with."""

from enum import StrEnum, auto
from typing import Any

JsonObject = dict[str, Any]
"""A JSON object as Slack sends or receives it; its shape is Slack's affair, not ours."""


class Code(StrEnum):
    """The codes in ``error`` of a refusal; the values are the names in lower case."""

    ALREADY_REACTED = auto()
    BLOCK_MISMATCH = auto()
    CANT_DELETE_MESSAGE = auto()
    CANT_UPDATE_MESSAGE = auto()
    CHANNEL_NOT_FOUND = auto()
    COMMAND_IN_THREAD = auto()
    EXCHANGED_TRIGGER_ID = auto()
    EXPIRED_TRIGGER_ID = auto()
    EXPIRED_URL = auto()
    FOREIGN_COMMAND = auto()
    HASH_CONFLICT = auto()
    INVALID_ARGUMENTS = auto()
    INVALID_AUTH = auto()
    INVALID_BLOCKS = auto()
    INVALID_BLOCKS_FORMAT = auto()
    INVALID_CURSOR = auto()
    INVALID_LIMIT = auto()
    INVALID_METADATA_FORMAT = auto()
    INVALID_METADATA_SCHEMA = auto()
    INVALID_NAME = auto()
    INVALID_TRIGGER_ID = auto()
    INVALID_TYPES = auto()
    IS_ARCHIVED = auto()
    IS_INACTIVE = auto()
    MARKDOWN_TEXT_CONFLICT = auto()
    MESSAGE_NOT_FOUND = auto()
    METADATA_TOO_LARGE = auto()
    MISSING_SCOPE = auto()
    MSG_BLOCKS_TOO_LONG = auto()
    MSG_TOO_LONG = auto()
    NO_REACTION = auto()
    NO_SUCH_BUTTON = auto()
    NO_SUCH_SUBTEAM = auto()
    NO_TEXT = auto()
    NOT_ALLOWED_TOKEN_TYPE = auto()
    NOT_AUTHED = auto()
    NOT_FOUND = auto()
    NOT_IN_CHANNEL = auto()
    RATELIMITED = auto()
    RESTRICTED_ACTION = auto()
    THREAD_NOT_FOUND = auto()
    UNKNOWN_ACTION = auto()
    UNKNOWN_COMMAND = auto()
    UNKNOWN_METHOD = auto()
    USED_URL = auto()
    USER_DISABLED = auto()
    USER_NOT_FOUND = auto()
    USER_NOT_IN_CHANNEL = auto()
    USER_NOT_VISIBLE = auto()
    USERS_LIST_NOT_SUPPLIED = auto()
    USERS_NOT_FOUND = auto()
    VIEW_TOO_LARGE = auto()


class RefusedError(Exception):
    """The workspace refuses something, with Slack's own error code.

    Attributes:
        code: Stands in ``error`` of the answer.
        details: What else the answer carries, such as ``needed`` and ``provided``.
    """

    def __init__(self, code: str, **details: Any) -> None:
        self.code = code
        self.details = details
        super().__init__(code)

    def answer(self) -> JsonObject:
        """Lay the refusal out as Slack does."""
        return {"ok": False, "error": self.code, **self.details}


def invalid_arguments(*problems: str) -> RefusedError:
    """Build the refusal of a call whose arguments are missing or of the wrong shape."""
    messages = [f"[ERROR] {problem}" for problem in problems]
    return RefusedError(Code.INVALID_ARGUMENTS, response_metadata={"messages": messages})


def missing_field(name: str) -> RefusedError:
    """Build the refusal of a call that lacks an argument."""
    return invalid_arguments(f"missing required field: {name}")
