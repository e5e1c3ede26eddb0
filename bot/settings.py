"""The whole tree of settings; the only reader of the environment.

``HOUSEVOICE_QUEUE_CAPACITY`` sets a value at the top, ``HOUSEVOICE_SLACK__BOT_TOKEN`` one in
a section. ``.env.example`` lists them all with their defaults; a test keeps it in step.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from dotenv import dotenv_values
from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError
from bot.sections import (
    BudgetSettings,
    ExportSettings,
    KnowledgeSettings,
    ModelSettings,
    MonitoringSettings,
    RetentionSettings,
    RolloutSettings,
    SlackSettings,
)

__all__ = [
    "PREFIX",
    "BudgetSettings",
    "ExportSettings",
    "KnowledgeSettings",
    "ModelSettings",
    "MonitoringSettings",
    "RetentionSettings",
    "RolloutSettings",
    "Settings",
    "SlackSettings",
    "child_environment",
    "forget_proxies",
    "overridden",
    "read_settings",
    "unknown_variables",
]

PREFIX = "HOUSEVOICE_"


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        env_file=".env",
        extra="ignore",  # other programs may keep keys in the same file
        frozen=True,
    )

    data: Path = Field(default=Path("data"), description="index and database of this bot")
    database_url: str = Field(
        default="", description="empty: SQLite in the data folder; else postgresql+psycopg://..."
    )
    queue_capacity: int = Field(default=8, ge=1, description="questions that may wait")
    log_level: str = Field(default="INFO", description="DEBUG shows more; never texts or tokens")
    slack: SlackSettings = SlackSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    model: ModelSettings = ModelSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    budget: BudgetSettings = BudgetSettings()
    retention: RetentionSettings = RetentionSettings()
    rollout: RolloutSettings = RolloutSettings()
    export: ExportSettings = ExportSettings()

    @property
    def store_url(self) -> str:
        """The database: what was set, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data / 'housevoice.db'}"

    @property
    def export_folder(self) -> Path:
        """Where data sets are written."""
        return self.data / "exports"

    @property
    def index_folder(self) -> Path:
        """Where the index lies."""
        return self.data / "index"

    @property
    def adapters_folder(self) -> Path:
        """Where adapters are registered, and what their gates found."""
        return self.data / "adapters"


def read_settings() -> Settings:
    """Read the environment and ``.env``.

    Raises:
        SettingsError: If a value cannot be used. It names the variable and never the value,
            which may be a token; hence no cause either.
    """
    try:
        return Settings()
    except ValidationError as error:
        raise SettingsError(_problems(error)) from None
    except pydantic_settings.SettingsError as error:
        problem = f'{error}; write lists as JSON, such as ["U0123"]'
        raise SettingsError(problem) from None


def overridden(settings: Settings, values: Mapping[str, str]) -> Settings:
    """Return settings with some of them changed, named like ``knowledge.floor``.

    Raises:
        SettingsError: If there is no such setting, or it cannot have that value.
    """
    tree = settings.model_dump()
    for name, value in values.items():
        *sections, last = name.split(".")
        branch: Any = tree
        for section in sections:
            branch = branch.get(section) if isinstance(branch, dict) else None
        if not isinstance(branch, dict) or last not in branch or isinstance(branch[last], dict):
            problem = f"there is no setting {name}"
            raise SettingsError(problem)
        branch[last] = value
    try:
        return type(settings).model_validate(tree)
    except ValidationError as error:
        raise SettingsError(_problems(error)) from None


def child_environment(**values: str) -> dict[str, str]:
    """Return the environment for a process of ours: this one's, with some values set."""
    return {**os.environ, **values}  # noqa: TID251 (this is the one reader)


def unknown_variables() -> tuple[str, ...]:
    """Return names with our prefix that set nothing, for they are probably misspelt."""
    given = {*os.environ, *dotenv_values(".env")}  # noqa: TID251 (this is the one reader)
    ours = {name for name in given if name.upper().startswith(PREFIX)}
    return tuple(sorted(name for name in ours if not _is_known(name.upper())))


def forget_proxies() -> None:
    """Drop the proxies of the environment, for the local workspace stands on this machine.

    Source:
        slack_sdk takes them for loopback too; it does not read ``NO_PROXY``.
    """
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        os.environ.pop(name, None)  # noqa: TID251 (this is the one place that knows it)


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{_variable(one['loc'])}: {one['msg']}" for one in error.errors())


def _variable(location: tuple[int | str, ...]) -> str:
    return PREFIX + "__".join(str(part).upper() for part in location)


def _is_known(variable: str) -> bool:
    first = variable.removeprefix(PREFIX).partition("__")[0].lower()
    return first in Settings.model_fields
