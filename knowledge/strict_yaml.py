"""YAML that says one thing only: a key that stands twice is refused. Pure; knows no keys."""

from collections.abc import Hashable
from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice; YAML would let the last one win in silence."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002  # the signature is PyYAML's
        """Return the keys and values of one level.

        Raises:
            ValueError: If a key stands twice, or is no plain value.
        """
        seen: set[Hashable] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable) or key in seen:
                problem = f"key {key!r} stands twice or is no plain value{node.start_mark}"
                raise ValueError(problem)
            seen.add(key)
        return super().construct_mapping(node, deep)
