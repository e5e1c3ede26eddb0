"""Arguments of one call, which come as JSON values or as the strings of a form."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.workspace.wire import Code, JsonObject, RefusedError, missing_field


@dataclass(frozen=True, slots=True)
class Args:
    """Reads arguments the way Slack does: loosely typed, and refused by name."""

    values: Mapping[str, Any]

    def has(self, name: str) -> bool:
        """Tell whether an argument was given at all."""
        return self.values.get(name) is not None

    def text(self, name: str) -> str:
        """Return an argument as text; empty if it is missing."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def required(self, name: str) -> str:
        """Return an argument that must be there.

        Raises:
            RefusedError: ``missing_field`` with the name of the missing field.
        """
        if not (value := self.text(name)):
            raise missing_field(name)
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """Return a boolean, which a form spells ``1`` or ``0``."""
        if not self.has(name):
            return default
        return self.text(name).lower() in {"1", "true"}

    def limit(self, *, default: int, most: int) -> int:
        """Return ``limit``; 0 and a missing one mean the default.

        Raises:
            RefusedError: ``invalid_limit``.
        """
        text = self.text("limit") or "0"
        if not text.isdecimal() or int(text) > most:
            raise RefusedError(Code.INVALID_LIMIT)
        return int(text) or default

    def names(self, name: str) -> list[str]:
        """Return a list that a form joins by commas."""
        value = self.values.get(name)
        if isinstance(value, list):
            return [str(each) for each in value]
        return [each.strip() for each in self.text(name).split(",") if each.strip()]

    def blocks(self) -> list[Any] | None:
        """Return ``blocks``; None if there are none.

        Raises:
            RefusedError: ``invalid_blocks_format``.
        """
        value = self._decoded("blocks", Code.INVALID_BLOCKS_FORMAT)
        if value is not None and not isinstance(value, list):
            raise RefusedError(Code.INVALID_BLOCKS_FORMAT)
        return value

    def object(self, name: str, error: str) -> JsonObject | None:
        """Return a JSON object; None if it was not given.

        Raises:
            RefusedError: The given error, if it is something else.
        """
        value = self._decoded(name, error)
        if value is not None and not isinstance(value, dict):
            raise RefusedError(error)
        return value

    def _decoded(self, name: str, error: str) -> Any:
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        try:
            return json.loads(value) if value else None
        except ValueError:
            raise RefusedError(error) from None
