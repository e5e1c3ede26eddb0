"""A registry with two versions, for the tests that have one."""

from pathlib import Path

import pytest
from trained_adapters import opened, trained

from adapters.manifests import AdapterRef
from adapters.registry import Registry


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the registry lies."""
    return tmp_path / "data" / "adapters"


@pytest.fixture
def registry(root: Path) -> Registry:
    """An empty registry."""
    return opened(root)


@pytest.fixture
def first(registry: Registry, tmp_path: Path) -> AdapterRef:
    """A version that is registered and speaks nowhere."""
    return registry.register(tmp_path / "one", trained(tmp_path / "one"))


@pytest.fixture
def second(registry: Registry, tmp_path: Path) -> AdapterRef:
    """Another one."""
    return registry.register(tmp_path / "two", trained(tmp_path / "two", seed=2))
