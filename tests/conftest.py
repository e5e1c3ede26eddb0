"""What holds for every test."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def fresh_log() -> Iterator[None]:
    """Let no test log as the one before it was told to."""
    yield
    structlog.reset_defaults()
