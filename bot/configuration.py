"""The settings that an answer depends on, as one value with a name. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

Value = str | int | float
Change = tuple[Value | None, Value | None]
"""What a value was and what it is; None where it was not set."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What two answers must share to be comparable, but for index version and prompt.

    Attributes:
        values: By name, such as ``knowledge.floor``, in the order of the names.
    """

    values: tuple[tuple[str, Value], ...]

    @classmethod
    def from_values(cls, values: Mapping[str, Value]) -> Self:
        """Name what was set."""
        return cls(tuple(sorted(values.items())))

    @property
    def sha256(self) -> str:
        """Name of the whole, equal for equal values."""
        canonical = json.dumps(dict(self.values), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def changes_from(self, earlier: "Configuration") -> dict[str, Change]:
        """Return what differs, by name."""
        was, now = dict(earlier.values), dict(self.values)
        names = sorted(was.keys() | now.keys())
        pairs = {name: (was.get(name), now.get(name)) for name in names}
        return {name: (old, new) for name, (old, new) in pairs.items() if old != new}
