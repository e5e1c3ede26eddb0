"""How each kind of model server is told which adapter speaks. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, TypeAdapter

ServerKind = Literal["vllm", "sglang", "llama.cpp"]


class _Card(BaseModel):
    id: str


class _Models(BaseModel):
    data: list[_Card]


class _Loaded(BaseModel):
    id: int
    path: str


_ALL_LOADED = TypeAdapter(list[_Loaded])


@dataclass(frozen=True, slots=True)
class Naming:
    """What differs between servers that are otherwise asked alike.

    ``vllm``: an adapter is a model of its own. ``sglang``: ``base:adapter``. ``llama.cpp``:
    adapters have numbers, and each lies in a file called like it, such as
    ``default-0123456789abcdef.gguf``; its cache of prompts mixes them up and is switched off.

    Attributes:
        base: What the server calls the base model.
    """

    kind: ServerKind
    base: str

    @property
    def tells(self) -> bool:
        """Whether an answer tells who spoke, as `may_say` reads it."""
        return self.kind == "vllm"

    @property
    def listing(self) -> str:
        """Where the server lists its adapters."""
        return "/lora-adapters" if self.kind == "llama.cpp" else "/v1/models"

    def listed(self, body: bytes) -> Mapping[str, int]:
        """Read which adapters a server has: its number for each name.

        Raises:
            ValidationError: If that is no list of adapters.
        """
        if self.kind == "llama.cpp":
            return {_stem(one.path): one.id for one in _ALL_LOADED.validate_json(body)}
        return {card.id: 0 for card in _Models.model_validate_json(body).data}

    def asked(self, name: str, number: int) -> Mapping[str, Any]:
        """Return what a request must say so that an adapter speaks; the empty name is the base."""
        if self.kind == "llama.cpp":  # adapters that are not named are silent
            lora = [{"id": number, "scale": 1.0}] if name else []
            return {"model": self.base, "lora": lora, "cache_prompt": False}
        if self.kind == "sglang":
            return {"model": f"{self.base}:{name}" if name else self.base}
        return {"model": name or self.base}

    def may_say(self, name: str, told: str) -> bool:
        """Tell whether an answer that names its model may be the one of an adapter.

        Source:
            vLLM names the adapter that was applied (``OpenAIServingModels.model_name``), not the
            one that was asked for; the others repeat what they were asked.
        """
        return not self.tells or told == (name or self.base)


def _stem(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2].removesuffix(".gguf")
